"""MUL: the tests that it shares with ADD."""

from __future__ import annotations

from ascua.ops.mul import Mul
from tests.ops.test_add import (  # noqa: F401
    test_both_inputs_the_same_tensor,
    test_broadcasting,
    test_equal_shapes,
    test_extreme_scales,
    test_int16,
    test_kernel_on_every_pair,
    test_refuses,
)

KIND = Mul
