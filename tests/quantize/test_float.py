"""Float evaluation of every operator against LiteRT's float kernels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ascua import tflite
from ascua.ops import OPERATORS
from ascua.quantize.floats import run
from tests.examples import EXAMPLES
from tests.quantize.floats import floated, litert, samples

INTEGER = {"QUANTIZE", "DEQUANTIZE"}
"""Operators between floats and integers: no network that is to be quantised has them."""


@pytest.mark.train
@pytest.mark.parametrize("name", sorted(set(OPERATORS) - INTEGER))
def test_floats_are_those_of_litert(name: str) -> None:
    for graph in EXAMPLES[name]:
        real = floated(graph)
        xs = samples(real, 2)
        got = run(real, xs)
        with warnings.catch_warnings(action="ignore"):
            expected = litert(tflite.write(real), xs)
        for y, e in zip(got, expected, strict=True):
            np.testing.assert_allclose(y, e, rtol=2e-5, atol=2e-6, err_msg=name)
            assert y.dtype == e.dtype
