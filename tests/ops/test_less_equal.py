"""LESS_EQUAL: as LESS, with another answer."""

from __future__ import annotations

from ascua.ops.less_equal import LessEqual
from tests.ops.test_less import (  # noqa: F401
    test_every_pair_of_values,
    test_refuses,
)

KIND = LessEqual
