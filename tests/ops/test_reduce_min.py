"""REDUCE_MIN: the tests that it shares with REDUCE_MAX."""

from __future__ import annotations

from ascua.ops.reduce_min import ReduceMin
from tests.ops.test_reduce_max import test_equals_tflm, test_refuses  # noqa: F401

KIND = ReduceMin
