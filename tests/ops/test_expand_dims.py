"""EXPAND_DIMS: the tests that it shares with RESHAPE."""

from __future__ import annotations

from ascua.ops.expand_dims import ExpandDims
from tests.ops.test_reshape import test_equals_tflm_without_a_step  # noqa: F401

KIND = ExpandDims
