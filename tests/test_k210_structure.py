"""Networks as passes of the KPU: equal in floats, whatever their strides, paddings and pools."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ascua.errors import Unsupported
from ascua.geometry import Padding
from ascua.ir import Graph
from ascua.ops.max_pool2d import MaxPool2D
from ascua.quantize.floats import evaluated
from ascua.quantize.simplify import simplify
from ascua.targets.k210.fused import Fused, Move, Sample
from ascua.targets.k210.sampling import sampled
from ascua.targets.k210.structure import structured
from tests.support.float_nets import NETWORKS, Net


def same(graph: Graph, runtime: int, *, spreads: bool = True) -> Graph:
    """The passes of `graph`, which compute the same."""
    real = sampled(structured(simplify(graph)), runtime, spreads=spreads)
    x = np.random.default_rng(0).uniform(-1, 1, (2, *graph.inputs[0].shape)).astype(np.float32)
    for y, wanted in zip(evaluated(real, [x]), evaluated(graph, [x]), strict=True):
        assert np.allclose(y.reshape(wanted.shape), wanted, 1e-4, 1e-4)
    return real


def kinds(graph: Graph) -> list[str]:
    """Its operators by name, passes with their pools."""
    return [f"{op.tflite}{op.pool or ''}" if isinstance(op, Fused | Move) else op.tflite
            for op in graph.ops]  # fmt: skip


@pytest.mark.parametrize("spreads", [False, True])
@pytest.mark.parametrize("runtime", [3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_stay_what_they_are(name: str, runtime: int, *, spreads: bool) -> None:
    real = same(NETWORKS[name], runtime, spreads=spreads)
    if not spreads:
        assert not any(isinstance(op, Fused) and op.kernel.depthwise and op.pool for op in real.ops)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2])
def test_strides_and_paddings(stride: int, padding: Padding) -> None:
    sizes = (8, 9, 12, 13)
    for k, h, w, own in itertools.product((1, 2, 3, (1, 3), (3, 2)), sizes, sizes, (False, True)):
        net = Net((h, w, 4))
        x = net.conv(net.input, 4, 1)
        y = net.conv(x, 0 if own else 5, k, stride, padding)
        for runtime in (3, 4):
            same(net.graph(y), runtime)


def test_stride_2_of_a_depthwise_pass_is_the_pool_behind_it() -> None:
    net = Net((16, 16, 3))
    x = net.conv(net.pad(net.conv(net.input, 8), (1, 1), (1, 1)), 0, 3, 2, "VALID")
    real = same(net.graph(net.conv(x, 12, 1)), 3)
    assert kinds(real) == ["KPU", "KPU", "KPU5"]
    assert [op.x.shape[1] for op in real.ops] == [16, 16, 16]


def strided(size: int, channels: int, oc: int) -> list[str]:
    """The passes of a depthwise convolution of stride 2 and of a convolution of 1x1 behind it."""
    net = Net((size, size, channels))
    x = net.conv(net.pad(net.input, (1, 1), (1, 1)), 0, 3, 2, "VALID")
    real = same(net.graph(net.conv(x, oc, 1)), 3)
    assert [bool(op.kernel.depthwise) for op in real.ops if isinstance(op, Fused)] == [True, False]
    return kinds(real)


def test_stride_2_of_a_depthwise_pass_is_its_own_pool_where_that_is_faster() -> None:
    assert strided(64, 8, 16) == ["KPU5", "KPU"]
    assert strided(64, 8, 4) == ["KPU", "KPU5"]  # few channels out cost little at any size
    assert strided(14, 128, 256) == ["KPU", "KPU5"]  # of small maps, so do many
    assert strided(28, 128, 256) == ["KPU5", "KPU"]
    assert strided(28, 132, 264) == ["KPU", "KPU5"]  # its weights would be too many


def test_asymmetric_padding_is_a_tap_of_the_next_pass() -> None:
    """TensorFlow's SAME at stride 2 looks at pixels one further down and to the right."""
    net = Net((16, 16, 3))
    x = net.conv(net.conv(net.input, 8), 0, 3, 2)
    real = same(net.graph(net.conv(x, 12, 1)), 3)
    assert kinds(real) == ["KPU", "KPU", "KPU5"]
    last = real.ops[-1]
    assert isinstance(last, Fused)
    assert np.flatnonzero(np.abs(last.kernel.weights).sum(axis=(0, 1)).reshape(-1)).tolist() == [8]


def test_asymmetric_padding_of_a_convolution_takes_a_pass_that_moves() -> None:
    net = Net((16, 16, 3))
    real = same(net.graph(net.conv(net.conv(net.input, 8, 3, 2), 0)), 4)
    assert kinds(real) == ["KPU", "MOVE5", "KPU"]
    move = real.ops[1]
    assert isinstance(move, Move)
    assert move.tap == (1, 1)


@pytest.mark.parametrize(
    ("k", "stride", "size", "padding", "wanted"),
    [
        (2, 2, 16, "VALID", ["KPU1"]), (2, 2, 17, "VALID", ["KPU1"]), (2, 2, 16, "SAME", ["KPU1"]),
        (4, 4, 16, "VALID", ["KPU3"]), (2, 1, 16, "SAME", ["KPU9"]),
        (3, 2, 16, "SAME", ["KPU9", "MOVE1"]), (3, 2, 17, "VALID", ["KPU9", "MOVE1"]),
        (3, 2, 17, "SAME", ["KPU", "MAX_POOL_2D"]), (2, 2, 17, "SAME", ["KPU", "MAX_POOL_2D"]),
        (3, 2, 16, "VALID", ["KPU", "MAX_POOL_2D"]), (2, 2, 6, "VALID", ["KPU", "MAX_POOL_2D"]),
    ],
)  # fmt: skip
def test_pools(k: int, stride: int, size: int, padding: Padding, wanted: list[str]) -> None:
    net = Net((size, size, 3))
    real = same(net.graph(net.pool(net.conv(net.input, 8), k, stride, padding)), 3)
    assert kinds(real) == wanted


def test_what_two_read_is_pooled_in_a_pass_of_its_own() -> None:
    net = Net((16, 16, 3))
    x = net.conv(net.input, 8)
    real = same(net.graph(net.conv(net.pool(x, 2, 2), 4), net.conv(x, 5)), 4)
    assert kinds(real).count("MOVE1") == 1


def test_an_activation_is_the_curve_of_the_pass_before_it() -> None:
    net = Net((16, 16, 3))
    real = same(net.graph(net.leaky(net.conv(net.input, 8, act="NONE"), 0.2)), 4)
    (op,) = real.ops
    assert isinstance(op, Fused)
    assert op.curve.name == "leaky_relu(0.2)"


def test_the_columns_of_a_matrix_are_in_the_order_of_the_chip() -> None:
    net = Net((5, 6, 3))
    same(net.graph(net.dense(net.flat(net.conv(net.input, 4)), 7)), 3)


def test_more_channels_than_one_pass_has() -> None:
    net = Net((4, 4, 3))
    real = same(net.graph(net.dense(net.mean(net.conv(net.input, 1280, 1)), 6, "RELU")), 3)
    assert kinds(real) == [
        "KPU", "KPU", "CONCATENATION", "MEAN", "PART", "KPU", "PART", "KPU", "ADD",
    ]  # fmt: skip


def test_samples_left_for_the_cpu() -> None:
    net = Net((9, 9, 3))
    real = same(net.graph(net.conv(net.conv(net.input, 8, 3, 2), 4)), 3)
    assert [type(op) for op in real.ops] == [Fused, Sample, Fused]
    assert not any(isinstance(op, MaxPool2D) for op in real.ops)


def refused(net: Net, y: object) -> str:
    """Why a network is refused."""
    with pytest.raises(Unsupported) as e:
        structured(simplify(net.graph(y)))  # type: ignore[arg-type]
    return str(e.value)


def test_what_the_kpu_has_not_is_refused_by_name() -> None:
    net = Net((16, 16, 4))
    assert "CONV_2D 't0': its kernel is 5x5" in refused(net, net.conv(net.input, 4, 5))
    net = Net((16, 16, 4))
    assert "its dilation is 2x2" in refused(net, net.conv(net.input, 4, 3, dilation=2))
    net = Net((16, 16, 4))
    assert "it has 2 groups" in refused(net, net.conv(net.input, 4, 3, groups=2))
    net = Net((16, 16, 4))
    assert "4 channels in and 4097 out" in refused(net, net.conv(net.input, 4097, 1))
    net = Net((4, 4, 1025))
    assert "1025 channels in and 2 out" in refused(net, net.conv(net.input, 2, 1))
    net = Net((3, 3, 4))
    assert "its input is 3 wide and 3 high" in refused(net, net.conv(net.input, 4))
    net = Net((8, 520, 1))
    assert "520 wide" in refused(net, net.conv(net.input, 4))
    net = Net((16, 16, 4))
    text = refused(net, net.conv(net.pad(net.input, (3, 3), (3, 3)), 4, 3, 1, "VALID"))
    assert "pads" in text
    assert "Things to try" in text
