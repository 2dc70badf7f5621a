"""SQUARED_DIFFERENCE: the tests that it shares with SUB."""

from __future__ import annotations

from ascua.ops.squared_difference import SquaredDifference
from tests.ops.test_sub import (  # noqa: F401
    test_both_inputs_the_same_tensor,
    test_extreme_scales_of_every_pair,
    test_int16,
    test_refuses,
    test_shapes,
)

KIND = SquaredDifference
