"""FLOOR_DIV, and what functions of two floats have in common."""

from __future__ import annotations

import numpy as np

from ascua import tflite
from ascua.ir import Op
from ascua.ops.floor_div import FloorDiv
from ascua.passes import prepare
from tests.ops.test_neg import (  # noqa: F401
    test_every_int8_value_equals_tflm,
    test_refuses_integers,
)
from tests.support import oracle, reference
from tests.support.islands import samples, two

KIND = FloorDiv


def test_two_values_equal_tflm(kind: type[Op]) -> None:
    graph = two(kind)
    xs = samples(graph)
    np.testing.assert_array_equal(reference(prepare(graph), xs), oracle(tflite.write(graph), xs))
