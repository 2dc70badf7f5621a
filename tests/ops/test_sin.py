"""SIN: the tests that it shares with NEG."""

from __future__ import annotations

from ascua.ops.sin import Sin
from tests.ops.test_neg import (  # noqa: F401
    test_every_int8_value_equals_tflm,
    test_int16_values_equal_tflm,
    test_refuses_integers,
)

KIND = Sin
