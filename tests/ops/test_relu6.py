"""RELU6: the tests that it shares with RELU."""

from __future__ import annotations

from ascua.ops.relu6 import Relu6
from tests.ops.test_relu import (  # noqa: F401
    test_every_int16_value_equals_tflm,
    test_every_value_equals_tflm,
    test_other_shapes,
)

KIND = Relu6
