"""The numbers that nncase chose: formulas against the real files, made of a float network."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from ascua import kmodel, tflite
from ascua.ir import Array
from ascua.kmodel import Activation, Conv
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from tests.support import nncase
from tests.support.command import MODELS
from tests.support.nncase import Range

REAL = MODELS / "k210"
present = pytest.mark.skipif(not REAL.exists(), reason="../shared/models/k210 is absent")

PARTS = (
    2047, 2044, 2046, 2048, 2047, 2047, 2047, 2047, 2047, 2047, 2047, 2048, 2047, 2047, 2047, 2046,
    2047, 2046, 2047, 2047, 2047, 2046, 2047, 2045, 2046, 2045, 2047,
)  # fmt: skip
"""Of 2048, what calibration left of [0, 6] behind each convolution of the V4 file."""


class Layer(NamedTuple):
    """The float parameters of a convolution: weights (oc, ic, k, k) or (c, 1, k, k)."""

    weights: Array
    bias: Array
    depthwise: bool


@cache
def floats() -> tuple[Layer, ...]:
    """What the real mbnet25 files were compiled from: 27 convolutions and a dense layer."""
    layers = []
    for op in tflite.load(REAL / "mbnet25.tflite").ops:
        if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
            w, bias = op.inputs[1].values, op.inputs[2].values
            axes = {Conv2D: (0, 3, 1, 2), DepthwiseConv2D: (3, 0, 1, 2)}.get(type(op))
            w = w.transpose(axes) if axes else w[:, :, None, None]
            layers.append(Layer(w, bias, isinstance(op, DepthwiseConv2D)))
    return tuple(layers)


def real(version: int) -> list[Conv]:
    """The KPU's layers of a real file."""
    layers = kmodel.load(REAL / f"kmodelV{version}/mbnet25.kmodel").layers
    return [each.conv for each in layers if isinstance(getattr(each, "conv", None), Conv)]


def same_table(a: Activation, b: Activation) -> bool:
    return all((getattr(a, f) == getattr(b, f)).all() for f in ("start", "mul", "shift", "bias"))


ARGUMENTS = ("pad_value", "arg_x", "shr_x", "arg_w", "shr_w", "arg_add")


# Version 3


@present
def test_v3_layers_are_the_real_ones_byte_by_byte() -> None:
    convs, x, y = real(3), Range(0.0, 1.0), Range(0.0, 6.0)
    for layer, conv in zip(floats()[:27], convs[:27], strict=True):
        block = nncase.block3(layer.weights, layer.bias, x, y, depthwise=layer.depthwise)
        assert (block.weights == conv.weights).all()
        for field in ("mul", "add", "shift"):
            assert (getattr(block.norms, field) == getattr(conv.norms, field)).all(), field
        for field in ARGUMENTS:
            assert getattr(block, field) == getattr(conv.registers, field), field
        assert same_table(block.activation, conv.activation)
        x = y


@present
def test_v3_weights_of_the_dense_layer() -> None:
    layer, conv = floats()[27], real(3)[27]
    weights = nncase.weights3(layer.weights)
    assert (weights.q == conv.weights).all()
    assert conv.registers.arg_x == -weights.zero << conv.registers.shr_x
    assert same_table(nncase.table3(), conv.activation)


@present
def test_every_real_v3_table_is_the_one() -> None:
    tables = [
        layer.conv.activation
        for path in (REAL / "kmodelV3").iterdir()
        for layer in kmodel.load(path).layers
        if isinstance(getattr(layer, "conv", None), Conv)
    ]
    assert len(tables) == 84
    assert all(same_table(table, nncase.table3()) for table in tables)


# Version 4


@present
def test_v4_layers_are_the_real_ones_but_for_last_bits_of_batch_normalisation() -> None:
    x, differ, channels = Range(-1.0, 1.0), 0, 0
    for layer, conv, part in zip(floats()[:27], real(4), PARTS, strict=True):
        y = Range(0.0, 6.0 * part / nncase.BINS)
        block = nncase.block4(
            layer.weights, layer.bias, x, y, [(0.0, 1.0, 0.0)], depthwise=layer.depthwise
        )
        assert (block.weights == conv.weights).all()
        for field in ARGUMENTS:
            assert getattr(block, field) == getattr(conv.registers, field), field
        assert (block.norms.shift == conv.norms.shift).all()
        mul, add = block.norms.mul - conv.norms.mul, block.norms.add - conv.norms.add
        assert max(np.abs(mul).max(), np.abs(add).max()) <= 1
        differ += int(((mul != 0) | (add != 0)).sum())
        channels += len(mul)
        assert same_table(block.activation, conv.activation)
        x = y
    assert channels == 2736
    assert differ <= 98  # the order in which nncase evaluates float32 is not known


@present
def test_v4_weights_of_the_dense_layer_by_the_least_squared_error() -> None:
    weights = floats()[27].weights[:, :, 0, 0]
    whole = nncase.range4(weights)
    r = nncase.least_squares4(nncase.histogram4(weights, whole), whole)
    width = (whole.high - whole.low) / nncase.BINS
    assert [round((end - whole.low) / width) for end in r] == [192, 1977]
    scale, zero = nncase.quantization4(r)
    assert (round(scale, 3), zero) == (402.829, 164)
    constants = kmodel.load(REAL / "kmodelV4/mbnet25.kmodel").constants
    assert nncase.quantized4(weights, r).T.tobytes() == constants[8:]


# By hand


def test_fixed_point_of_both_versions() -> None:
    values = np.array([0.0, 1.0, 1 / 1024, -165.0, 3.75, 2.0**-30])
    for fixed in (nncase.fixed3, nncase.fixed4):
        mul, shift = fixed(values, 16, 20)
        assert mul.tolist() == [0, 2**14, 1024, -165 * 2**7, 3.75 * 2**13, 0]
        assert shift.tolist() == [0, 14, 20, 7, 13, 20]
    halves = np.array([0.5, 1.5, -2.5]) * 2.0**-20
    assert nncase.fixed3(halves, 16, 20)[0].tolist() == [0, 2, -2]
    assert nncase.fixed4(halves, 16, 20)[0].tolist() == [1, 2, -3]


def test_ranges_of_both_versions() -> None:
    assert nncase.range3(np.array([-101.0, 2.0, 5.0])) == Range(2.0, 5.0)
    assert nncase.range3(np.array([101.0])) == Range(-6.0, 6.0)
    assert nncase.range3(np.array([3.0, 3.0])) == Range(2.0, 4.0)
    assert nncase.quantization3(Range(2.0, 4.0)) == (127.5, -255)
    assert nncase.range4(np.float32([2.0, 5.0])) == Range(0.0, 5.0)
    assert nncase.range4(np.float32([-2.0, -2.0])) == Range(-2.0, pytest.approx(0.0, abs=1e-30))
    assert nncase.fixed_up(Range(-5e3, 5e3)) == Range(-1e3, 1e3)
    assert nncase.fixed_up(Range(0.5, 0.5)) == Range(0.0, pytest.approx(0.6))
    assert nncase.fixed_up(Range(0.5, 0.501)) == Range(0.0, pytest.approx(0.51))


def test_weights_of_one_sign_and_of_none() -> None:
    real = np.float32([[1, 2], [0.25, 0.5], [-1e-30, 0]]).reshape(3, 2, 1, 1)
    for weights in (nncase.weights3(real), nncase.weights4(real)):
        assert weights.q.dtype == np.uint8
        back = (weights.q - float(weights.zero)) / weights.scale
        back /= weights.stretch[:, None, None, None]
        assert np.abs(back - real).max() <= 0.01


def test_the_least_squared_error() -> None:
    """Against a loop over one range's parts, for the range found and for others near it."""
    values = np.random.default_rng(0).standard_t(3, 20_000).astype(np.float32)
    whole = nncase.range4(values)
    counts = nncase.histogram4(values, whole)
    assert counts.sum() == 20_000
    width = (whole.high - whole.low) / nncase.BINS

    def loss(low: int, high: int) -> float:
        total = 0.0
        for i, count in enumerate(counts):
            level = min(max(round((i - low) * 255 / (high - low)), 0), 255)
            total += count * (i - low - level * (high - low) / 255) ** 2
        return total

    r = nncase.least_squares4(counts, whole)
    low, high = (round((end - whole.low) / width) for end in r)
    assert 0 < low < high < nncase.BINS
    least = loss(low, high)
    for down, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (7, 7), (-40, 40), (-low, 2048 - high)):
        assert loss(low + down, high + up) >= least


def test_a_table_of_several_pieces() -> None:
    y = Range(-1.0, 6.0)
    table = nncase.table4([(-10.0, 0.1, -1.0), (0.0, 1.0, 0.0)], y, 1024.0)
    scale = 255 / 7
    assert table.start[:3].tolist() == [-(2**35), round(-10 * scale * 1024), 0]
    assert table.mul[:3].tolist() == [0, round(0.1 * 2**10), 2**10]
    assert table.bias[:4].tolist() == [0, 0, 36, 255]
    assert table.start[3:].tolist() == [2**35 - 17 + e for e in range(3, 16)]
