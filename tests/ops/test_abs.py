"""ABS: the tests that it shares with TANH."""

from __future__ import annotations

from ascua.ops.abs import Abs
from tests.ops.test_tanh import test_every_value_equals_tflm, test_other_shapes  # noqa: F401

KIND = Abs
