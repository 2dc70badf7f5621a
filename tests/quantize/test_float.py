"""Float evaluation of every operator against LiteRT's float kernels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ascua import tflite
from ascua.ops import OPERATORS
from ascua.ops.conv2d import Conv2D
from ascua.quantize import quantize
from ascua.quantize.floats import evaluated
from tests.quantize.test_convert import constant, tensor
from tests.support import check_reference, network
from tests.support.examples import EXAMPLES
from tests.support.floats import INTEGER, floated, litert, samples


@pytest.mark.train
@pytest.mark.parametrize("name", sorted(set(OPERATORS) - INTEGER))
def test_floats_are_those_of_litert(name: str) -> None:
    for graph in EXAMPLES[name]:
        real = floated(graph)
        xs = samples(real, 2)
        got = evaluated(real, xs)
        with warnings.catch_warnings(action="ignore"):
            expected = litert(tflite.write(real), xs)
        for y, e in zip(got, expected, strict=True):
            np.testing.assert_allclose(y, e, rtol=2e-5, atol=2e-6, err_msg=name)
            assert y.dtype == e.dtype


@pytest.mark.train
def test_a_convolution_in_groups() -> None:
    rng = np.random.default_rng(4)
    x, y = tensor("x", 1, 9, 8, 6), tensor("y", 1, 5, 4, 8)
    w, b = constant("w", rng.normal(size=(8, 3, 3, 3))), constant("b", rng.normal(size=8))
    graph = network(Conv2D((x, w, b), (y,), (2, 2), (1, 1), "SAME", "RELU"))
    xs = [rng.normal(size=(4, 1, 9, 8, 6)).astype(np.float32)]
    with warnings.catch_warnings(action="ignore"):
        (expected,) = litert(tflite.write(graph), xs)
    np.testing.assert_allclose(evaluated(graph, xs)[0], expected, rtol=2e-5, atol=2e-5)
    small = quantize(graph, xs)
    assert [op.check() for op in small.ops] == [None]
    check_reference(small)
