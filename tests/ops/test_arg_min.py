"""ARG_MIN: the tests that it shares with ARG_MAX."""

from __future__ import annotations

from ascua.ops.arg_min import ArgMin
from tests.ops.test_arg_max import (  # noqa: F401
    test_equals_tflm,
    test_refuses,
    test_the_first_of_equal_values,
)

KIND = ArgMin
