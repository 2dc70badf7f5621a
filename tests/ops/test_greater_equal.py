"""GREATER_EQUAL: as LESS, with another answer."""

from __future__ import annotations

from ascua.ops.greater_equal import GreaterEqual
from tests.ops.test_less import (  # noqa: F401
    test_every_pair_of_values,
    test_refuses,
)

KIND = GreaterEqual
