"""LOGICAL_OR: as LOGICAL_AND, with another answer."""

from __future__ import annotations

from ascua.ops.logical_or import LogicalOr
from tests.ops.test_logical_and import (  # noqa: F401
    test_every_pair_of_truths,
    test_every_way_to_repeat,
    test_refuses,
)

KIND = LogicalOr
