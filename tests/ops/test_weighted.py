"""Operators with weights: what their matrices and patches compute, and the axes of channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ascua.ir import Tensor
from ascua.ops import OPERATORS, Weighted
from ascua.ops.conv2d import Conv2D
from ascua.ops.fully_connected import FullyConnected
from tests.ops.test_depthwise_conv2d import depthwise
from tests.quantize.test_convert import constant, tensor
from tests.support.examples import ALL, EXAMPLES
from tests.support.floats import floated

LINEAR: dict[str, Any] = {"activation": "NONE"}


def grouped() -> Conv2D:
    """Two groups of three input channels and two output channels each."""
    rng = np.random.default_rng(4)
    w = constant("w", rng.normal(0, 1, (4, 3, 2, 3)))
    x, y = tensor("x", 1, 5, 6, 6), tensor("y", 1, 3, 6, 4)
    return Conv2D((x, w, constant("b", rng.normal(0, 1, 4))), (y,), (2, 1), (1, 1), "SAME", "RELU")


EVERY = {
    f"{name}_{i}": op
    for name, graphs in EXAMPLES.items()
    if issubclass(OPERATORS[name], Weighted)
    for i, op in enumerate(op for g in graphs for op in floated(g).ops)
    if isinstance(op, Weighted)
}
EVERY["DEPTHWISE_CONV_2D_multiplied"] = floated(depthwise(multiplier=2)).ops[0]
EVERY["CONV_2D_grouped"] = grouped()
"""Of float32."""


def test_the_operators_with_weights() -> None:
    names = {name for name, kind in OPERATORS.items() if issubclass(kind, Weighted)}
    assert names == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
    for name in names:
        ops = [op for graph in ALL[name] for op in graph.ops]
        assert all(isinstance(op, Weighted) == (op.tflite in names) for op in ops)


@pytest.mark.parametrize("name", EVERY)
def test_matrices_times_patches_are_what_it_computes(name: str) -> None:
    op = replace(EVERY[name], **LINEAR)
    x = np.random.default_rng(1).normal(0, 1, (3, *op.x.shape)).astype(np.float32)
    matrices = op.matrices()
    assert matrices.shape == (op.groups, op.channels // op.groups, op.w.size // op.channels)
    np.testing.assert_array_equal(op.from_matrices(matrices), op.w.values)
    sums = op.patches(x) @ matrices.swapaxes(1, 2)
    y = np.concatenate(list(sums), axis=1) + op.biases
    np.testing.assert_allclose(y.reshape(3, *op.y.shape), op.eval_float(x), rtol=1e-4, atol=1e-5)
    products = op.gathered(x[:1]).size * op.channels // op.groups
    assert op.tflite == "TRANSPOSE_CONV" or op.macs() == products


@pytest.mark.parametrize("name", EVERY)
def test_each_output_is_a_slice_of_the_out_axis(name: str) -> None:
    """Without some filters, those outputs are gone, and nothing else is changed."""
    op = EVERY[name]
    x = np.random.default_rng(1).normal(0, 1, (2, *op.x.shape)).astype(np.float32)
    factors = np.random.default_rng(2).choice([0.0, 1.0, 2.0], op.channels)
    scaled = op.with_weights(op.w.values * op.along_outputs(factors), op.biases * factors)
    linear = replace(op, **LINEAR), replace(scaled, **LINEAR)
    y, z = (o.eval_float(x) for o in linear)
    np.testing.assert_allclose(z, y * factors, rtol=1e-5, atol=1e-5)
    assert op.y.shape[-1] == op.channels


@pytest.mark.parametrize("name", EVERY)
def test_each_input_channel_is_a_slice_of_the_in_axis(name: str) -> None:
    """Without the first one of each group, it is as if that input were zero."""
    op = EVERY[name]
    depth = op.w.shape[op.in_axis]
    assert op.groups * depth == op.x.shape[-1] or isinstance(op, FullyConnected)
    x = np.random.default_rng(1).normal(0, 1, (2, *op.x.shape)).astype(np.float32)
    weights = op.w.values.copy()
    np.moveaxis(weights, op.in_axis, 0)[0] = 0
    zeroed = x.reshape(2, -1, op.groups, depth).copy()
    zeroed[..., 0] = 0
    np.testing.assert_allclose(
        op.with_weights(weights).eval_float(x), op.eval_float(zeroed.reshape(x.shape)), atol=1e-5
    )


@pytest.mark.parametrize("name", EVERY)
def test_other_weights_and_a_bias_where_there_was_none(name: str) -> None:
    op = EVERY[name]
    (at,) = op.optional
    bare = replace(op, inputs=op.inputs[:at])
    assert bare.bias is None
    assert not bare.biases.any()
    double = bare.with_weights(2 * op.w.values.astype(np.float64))
    assert double.bias is None
    assert double.w.values.dtype == np.float32
    np.testing.assert_array_equal(double.w.values, 2 * op.w.values)
    full = bare.with_weights(op.w.values, op.biases.astype(np.float64))
    assert full.bias is not None
    assert (full.bias.dtype, full.bias.name) == ("float32", f"{op.w.name}/bias")
    x = np.random.default_rng(1).normal(0, 1, (2, *op.x.shape)).astype(np.float32)
    np.testing.assert_array_equal(full.eval_float(x), op.eval_float(x))


def test_integers_keep_their_types() -> None:
    for graph in EXAMPLES["CONV_2D"]:
        op = graph.ops[0]
        assert isinstance(op, Weighted)
        assert isinstance(op.bias, Tensor)
        less = op.with_weights(op.w.values // 2.0, op.biases - 1.0)
        assert isinstance(less.bias, Tensor)
        assert less.check() is None
        for old, new in ((op.w, less.w), (op.bias, less.bias)):
            assert (new.dtype, new.values.dtype, new.quant) == (
                old.dtype,
                old.values.dtype,
                old.quant,
            )
