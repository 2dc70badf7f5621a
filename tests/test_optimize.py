"""Passes that make networks smaller change no bit of any output; their oracle is tflite-micro."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite
from ascua.boards import load as load_board
from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op, State, Tensor
from ascua.ops import Weighted
from ascua.ops.concatenation import Concatenation
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mean import Mean
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from ascua.ops.split import Split, SplitV
from ascua.ops.transpose import Transpose
from ascua.passes import Optimized, cutting, duplicates, names, optimize, prepare, ranges, views
from ascua.passes import channels as channels_pass
from ascua.passes.optimizing import weights as count
from ascua.passes.unsigned import is_uint8
from tests.fuzz import idle, oracle
from tests.fuzz.networks import joined
from tests.support import activation, constant, generated_c, litert, network, reference
from tests.support.command import MODELS
from tests.support.idle_nets import (
    FullyConnected,
    added,
    channels,
    conv,
    dense,
    depthwise,
    differing,
    equal,
    flat,
    image,
    small_file,
    smaller,
    weights,
)
from tests.support.states import with_states
from tests.support.tools import require_board
from tests.support.wide import widened

LOW = -(10**6)
"""A bias that makes a channel the least value for every input."""
HIGH = 10**6

FILES = sorted(MODELS.rglob("*.tflite"))
GOALS = {"vww": (29_600, 3_743_000, 70_000), "mlperf_ic_resnet_large_int8": (433_286, None, None)}
"""Weights, MACs and bytes that the networks of these files may have at most."""


def taken(path: Path) -> Graph:
    """The network of a file, unless it is refused."""
    try:
        return prepare(tflite.load(path))
    except Unsupported as e:
        pytest.skip(e.what)


@pytest.mark.skipif(not FILES, reason="no real networks beside the repository")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_real_files(path: Path) -> None:
    graph = taken(path)
    if is_uint8(graph):
        pytest.skip("uint8 has a test of its own")
    found = optimize(graph)
    data = small_file(tflite.load(path))
    xs = idle.extremes(graph, 5, 1)
    before, after = oracle.outputs([path.read_bytes(), data], [xs, xs])
    assert not isinstance(before, str)
    assert equal(before, after)
    assert len(data) < path.stat().st_size
    most = GOALS.get(path.stem, (None, None, None))
    has = (count(found.graph), found.graph.macs(), len(data))
    assert all(m is None or n <= m for n, m in zip(has, most, strict=True)), has


@pytest.mark.train
def test_a_uint8_file_keeps_its_layers() -> None:
    path = MODELS / "mobilenet_v1_0.25_128_quant.tflite"
    if not path.exists():
        pytest.skip("no real networks beside the repository")
    original = tflite.load(path)
    assert optimize(prepare(original)).savings == ()
    data = tflite.write(names.bare(original), small=True)
    assert len(data) < path.stat().st_size
    xs = idle.extremes(original, 3, 1)
    for y, e in zip(litert(data, xs), litert(path.read_bytes(), xs), strict=True):
        np.testing.assert_array_equal(y, e)


@pytest.mark.train
def test_litert_reads_what_is_written() -> None:
    """Vectors that tables share pass its verifier."""
    graph = example()
    xs = idle.extremes(graph, 6, 1)
    for y, e in zip(litert(small_file(graph), xs), litert(tflite.write(graph), xs), strict=True):
        np.testing.assert_array_equal(y, e)


# Channels, one case each: what goes, and what must stay.


def through(first: Op, *more: Op) -> Graph:
    return network(first, *more)


def example() -> Graph:
    """Three of five channels can go: a constant 0, one at the greatest, and an unread one."""
    a = conv(image(), weights(5, 3, 3, 3), [LOW, 5, HIGH, -9, 30])
    w = weights(4, 1, 1, 5, seed=5)
    w[..., 3] = 0
    return through(a, conv(a.y, w, [1, 2, 3, 4], "y", padding="VALID"))


def test_constant_and_unread_channels_go() -> None:
    found = smaller(example())
    assert channels(found, "a") == [1, 4]
    (saving,) = found.savings
    assert (saving.by, saving.layer, saving.what) == ("channels", "a", "3 of 5 channels")
    assert "2 are the same for every input" in saving.why
    assert "1 is read by nothing" in saving.why


def test_a_bias_where_there_was_none() -> None:
    a = conv(image(), weights(3, 1, 1, 3), [HIGH, 5, 5])
    y = conv(a.y, weights(2, 1, 1, 3, seed=4), None, "y")
    found = smaller(through(a, y))
    assert channels(found, "a") == [1, 2]
    last = found.graph.ops[-1]
    assert isinstance(last, Weighted)
    assert last.bias is not None
    assert last.bias.dtype == "int32"


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_constant_that_padding_cuts_off_stays(padding: str) -> None:
    """Only the zero point, 0, is what padding is."""
    a = conv(image(), weights(3, 1, 1, 3), [HIGH, LOW, 7])
    y = conv(a.y, weights(2, 3, 3, 3, seed=4), [1, 2], "y", padding=padding)  # type: ignore[arg-type]
    kept = channels(smaller(through(a, y)), "a")
    assert kept == ([0, 2] if padding == "SAME" else [2])


def test_padding_that_no_weight_meets() -> None:
    """The rows of a filter that reach beyond the image are 0: then it may go."""
    a = conv(image(), weights(2, 1, 1, 3), [HIGH, 7])
    w = weights(2, 3, 3, 2, seed=4)
    w[:, 0, :, 0] = w[:, 2, :, 0] = w[:, :, 0, 0] = w[:, :, 2, 0] = 0
    assert channels(smaller(through(a, conv(a.y, w, [1, 2], "y"))), "a") == [1]


def test_a_constant_of_the_border() -> None:
    """A depthwise filter over a constant is another constant at the border: it stays."""
    a = conv(image(), weights(2, 1, 1, 3), [HIGH, 7])
    b = depthwise(a.y, np.ones((1, 3, 3, 2)), [0, 5], "b")
    y = conv(b.y, weights(2, 1, 1, 2, seed=4), [1, 2], "y")
    known = ranges.ranges(through(a, b, y))[b.y]
    assert known.constant[..., 0].all()
    assert len(np.unique(known.low[..., 0])) > 1
    assert channels(smaller(through(a, b, y)), "a") == [0, 1]


def test_residual_branches_go_together() -> None:
    x = image()
    a = conv(x, weights(4, 1, 1, 3), [LOW, LOW, 7, HIGH])
    b = conv(a.y, weights(4, 3, 3, 4, seed=3), [LOW, 9, LOW, HIGH], "b")
    total = added(a.y, b.y)
    y = conv(total.y, weights(2, 1, 1, 4, seed=4), [1, 2], "y")
    found = smaller(through(a, b, total, y))
    # Channel 1 of a is constant and that of b is not; 3 of a is 127, and b has SAME padding.
    assert channels(found, "sum") == [1, 2, 3]


def test_a_concatenation_loses_an_input() -> None:
    x = image()
    a = conv(x, weights(2, 1, 1, 3), [LOW, LOW])
    b = conv(x, weights(2, 1, 1, 3, seed=9), [5, HIGH], "b")
    both = Concatenation((a.y, b.y), (activation("both", (1, 5, 5, 4), 0.03, -128),), 3)
    y = conv(both.y, weights(2, 1, 1, 4, seed=4), [1, 2], "y")
    found = smaller(through(a, b, both, y))
    assert channels(found, "both") == [2]
    assert channels(found, "a") == []


def test_a_split_keeps_what_is_read() -> None:
    a = conv(image(), weights(4, 1, 1, 3), [5, LOW, 6, 7])
    parts = tuple(activation(f"part{i}", (1, 5, 5, 2), 0.03, -128) for i in range(2))
    split = Split((constant("axis", np.array([3], np.int32)), a.y), parts)
    one = conv(parts[0], weights(2, 1, 1, 2, seed=4), [1, 2], "one")
    two = conv(parts[1], weights(2, 1, 1, 2, seed=6), [1, 2], "two")
    found = smaller(through(a, split, one, two, added(one.y, two.y)))
    assert channels(found, "a") == [0, 2, 3]
    assert any(isinstance(op, SplitV) for op in found.graph.ops)


def test_depth_multipliers() -> None:
    """A channel goes with all that are made of it."""
    a = conv(image(), weights(3, 1, 1, 3), [LOW, 5, 6])
    w = weights(1, 3, 3, 6, seed=7, most=4)
    b = depthwise(a.y, w, [3, 4, LOW, LOW, 8, 9], "b", 2)
    y = conv(b.y, weights(2, 1, 1, 6, seed=4), [1, 2], "y")
    found = smaller(through(a, b, y))
    assert channels(found, "a") == [2]
    assert channels(found, "b") == [4, 5]


def test_flat_layers() -> None:
    """A channel of an image is columns of a matrix; views between go too."""
    a = conv(image(), weights(3, 1, 1, 3), [HIGH, 5, LOW])
    pool = MaxPool2D((a.y,), (activation("pool", (1, 2, 2, 3), 0.03, -128),), (2, 2), (2, 2),
                     "VALID", "NONE")  # fmt: skip
    row = flat(pool.y)
    found = smaller(through(a, pool, row, dense(row.y, weights(4, 12, seed=4))))
    assert channels(found, "a") == [1]
    assert [op.kind for op in found.graph.ops] == ["conv2d", "max_pool2d", "fully_connected"]


def test_a_view_with_a_scale_of_its_own_stays() -> None:
    """TFLM copies its bytes, which mean something else behind it."""
    a = conv(image(), weights(3, 1, 1, 3), [4, 5, 6])
    row = Reshape((a.y,), (activation("row", (1, 75), 0.05, 7),), (1, 75))
    found = smaller(through(a, row, dense(row.y, weights(4, 75, seed=4))))
    assert [op.kind for op in found.graph.ops] == ["conv2d", "reshape", "fully_connected"]


def test_fewer_of_one_channel() -> None:
    """A depthwise layer of one channel makes as many of it as are read."""
    b = depthwise(image(1), weights(1, 3, 3, 4, seed=7, most=4), [3, LOW, LOW, 9], "b", 4)
    found = smaller(through(b, conv(b.y, weights(2, 3, 3, 4, seed=4), [1, 2], "y")))
    assert channels(found, "b") == [0, 3]
    first = found.graph.ops[0]
    assert isinstance(first, DepthwiseConv2D)
    assert first.multiplier == 2


def test_mean_and_rescaling() -> None:
    a = conv(image(), weights(3, 1, 1, 3), [HIGH, 5, 6])
    lower = Relu((a.y,), (activation("lower", a.y.shape, 0.05, -100),))
    axes = constant("axes", np.array([1, 2], np.int32))
    mean = Mean((lower.y, axes), (activation("mean", (1, 3), 0.05, -90),), keep_dims=False)
    found = smaller(through(a, lower, mean, dense(mean.y, weights(4, 3, seed=4))))
    assert channels(found, "mean") == [1, 2]


@pytest.mark.parametrize("rows", [[LOW, 5, LOW], [7, 7, 7]], ids=["constant", "equal"])
def test_a_flat_layer_of_one_channel_has_the_scale_of_its_bias(rows: list[int]) -> None:
    """TFLM looks at it where there is one scale, and not where there are several."""
    x = activation("x", (1, 12), 0.05, -11)
    same = rows[0] == rows[1]
    w = np.tile(weights(1, 12), (3, 1)) if same else weights(3, 12)
    scales = [1.0] * 3 if same else [1.0, 1.1, 1.2]
    bias = constant("b", np.array(rows, np.int32))
    y = activation("a", (1, 3), 0.5, -128)
    first = FullyConnected((x, constant("w", w.astype(np.int8), scales), bias), (y,), False, "RELU")
    found = smaller(network(first, dense(first.y, weights(2, 3))))
    assert channels(found, "a") == ([0] if same else [1])


def test_a_layer_that_keeps_dimensions_needs_its_view() -> None:
    """LiteRT takes the last axis for the row, and the others for those of its output."""
    first = conv(image(), weights(6, 3, 3, 3), [1, 5, 2, -9, 3, 7])
    rows = flat(first.y)
    last = dataclasses.replace(dense(rows.y, weights(2, 150)), keep_num_dims=True)
    assert len(smaller(network(first, rows, last)).graph.ops) == 3


def test_layers_that_share_weights_keep_all_channels() -> None:
    held = constant("w", weights(8, 3, 3, 3).astype(np.int8), [0.004] * 8)
    biases = constant("b", np.array([LOW, *range(7)], np.int32))
    layers = [
        dataclasses.replace(
            conv(image(name=f"x{n}"), weights(8, 3, 3, 3), list(range(8)), n), inputs=()
        )
        for n in "ab"
    ]
    a, b = (
        dataclasses.replace(op, inputs=(image(name=f"x{n}"), held, biases))
        for op, n in zip(layers, "ab", strict=True)
    )
    found = smaller(network(a, b, added(a.y, b.y)))
    assert count(found.graph) == held.size


def test_an_output_keeps_its_channels() -> None:
    a = conv(image(), weights(3, 1, 1, 3), [HIGH, 5, LOW])
    y = conv(a.y, weights(2, 1, 1, 3, seed=4), [1, 2], "y")
    graph = dataclasses.replace(through(a, y), outputs=(a.y, y.y))
    assert smaller(graph).savings == ()


def test_a_tensor_keeps_a_channel() -> None:
    """What is wholly constant stays with one, or nothing would be there to read."""
    a = conv(image(), weights(3, 1, 1, 3), [HIGH, LOW, LOW])
    found = smaller(through(a, conv(a.y, weights(2, 1, 1, 3, seed=4), [1, 2], "y")))
    assert len(channels(found, "a")) == 1


def test_a_bias_that_would_pass_32_bits() -> None:
    a = conv(image(), weights(2, 1, 1, 3), [HIGH, 5])
    for b, kept in ((2**31 - 32_000, [0, 1]), (2**30, [1])):
        y = conv(a.y, np.abs(weights(1, 1, 1, 2, seed=4)) + 60, [b], "y")
        y = dataclasses.replace(y, outputs=(dataclasses.replace(
            y.y, quant=dataclasses.replace(y.y.q, scales=(1e5,))),))  # fmt: skip
        assert channels(smaller(through(a, y)), "a") == kept


def test_equal_channels_are_one() -> None:
    w = weights(4, 3, 3, 3)
    w[2] = w[0]
    a = conv(image(), w, [5, 6, 5, 7])
    found = smaller(through(a, conv(a.y, weights(3, 3, 3, 4, seed=4), [1, 2, 3], "y")))
    assert channels(found, "a") == [0, 1, 3]
    assert [s.by for s in found.savings] == ["duplicates"]


@pytest.mark.parametrize("change", ["bias", "scale", "sum"])
def test_nearly_equal_channels_stay(change: str) -> None:
    w = weights(3, 1, 1, 3)
    w[2] = w[0]
    a = conv(image(), w, [5, 6, 6 if change == "bias" else 5])
    if change == "scale":
        scales = (0.004, 0.004, 0.0041)
        quant = dataclasses.replace(a.w.q, scales=tuple(float(np.float32(s)) for s in scales))
        a = dataclasses.replace(a, inputs=(a.x, dataclasses.replace(a.w, quant=quant), a.inputs[2]))
    read = weights(2, 1, 1, 3, seed=4)
    if change == "sum":
        read[0, 0, 0] = (100, 0, 28)
    found = smaller(through(a, conv(a.y, read, [1, 2], "y")))
    assert channels(found, "a") == [0, 1, 2]


def test_equal_channels_through_depthwise_layers_and_sums() -> None:
    w = weights(4, 1, 1, 3)
    w[3] = w[1]
    a = conv(image(), w, [5, 6, 7, 6])
    v = weights(1, 3, 3, 4, seed=7, most=9)
    v[..., 3] = v[..., 1]
    b = depthwise(a.y, v, [1, 2, 3, 2], "b")
    total = added(a.y, b.y)
    y = conv(total.y, weights(3, 1, 1, 4, seed=4), [1, 2, 3], "y")
    assert channels(smaller(through(a, b, total, y)), "b") == [0, 1, 2]


def test_int16_loses_what_is_unread() -> None:
    assert channels(smaller(widened(example())), "a") == [0, 1, 2, 4]


def test_int4_weights() -> None:
    def narrow(op: Op) -> Op:
        assert isinstance(op, Weighted)
        w = dataclasses.replace(op.w, dtype="int4", data=op.w.values >> 4)
        return dataclasses.replace(op, inputs=(op.inputs[0], w, *op.inputs[2:]))

    graph = example()
    found = smaller(dataclasses.replace(graph, ops=tuple(map(narrow, graph.ops))))
    assert channels(found, "a") == [1, 4]


def test_what_a_state_keeps_stays() -> None:
    """Its channels are another run's, whatever this one makes of them."""
    a = conv(image(), weights(4, 1, 1, 3), [LOW, 5, HIGH, 9])
    b = conv(a.y, weights(3, 1, 1, 4, seed=4), [LOW, 5, HIGH], "b")
    held = dataclasses.replace(b.y, name="held")
    total = added(b.y, held)
    y = conv(total.y, weights(2, 1, 1, 3, seed=6), [1, 2], "y")
    first = np.full(held.shape, -128, np.int8)
    graph = with_states(network(a, b, total, y), State("last", held, b.y, first))
    found = smaller(graph)
    assert channels(found, "a") == [1, 3]
    assert channels(found, "b") == [0, 1, 2]


def test_nothing_goes_of_a_network_without_idle_channels() -> None:
    graph = prepare(through(a := conv(image(), weights(3, 1, 1, 3), [5, 6, 7]),
                            conv(a.y, weights(2, 1, 1, 3, seed=4), [1, 2], "y")))  # fmt: skip
    found = optimize(graph)
    assert found.graph is graph
    assert found.savings == ()


# Random networks.


def check_random(first: int, count: int) -> int:
    """How many of the networks have something that goes, once all are found equal."""
    graphs = idle.networks(first, count)
    assert len(graphs) > 0.9 * count
    assert differing(graphs) == []
    return sum(bool(optimize(prepare(g)).savings) for g in graphs)


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_random_networks(first: int) -> None:
    assert check_random(first, 50) > 15


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(10_000, 12_000, 100))
def test_many_random_networks(first: int) -> None:
    assert check_random(first, 100) > 30


def test_generated_c_of_what_is_left() -> None:
    """Kernels take what passes make: single channels, sums of one, fewer of one channel."""
    require_board(load_board("host"))
    found = [optimize(prepare(g)) for g in idle.networks(300, 60)]
    graph = joined([f.graph for f in found if f.savings])
    xs = idle.extremes(graph, 4, 1)
    for y, e in zip(generated_c(graph, xs), reference(graph, xs), strict=True):
        np.testing.assert_array_equal(y, e)


def parts(graph: Graph, found: Optimized, xs: list[Array]) -> Iterator[tuple[Tensor, Array, Array]]:
    """Each activation of the smaller graph, its values there, and those of the file's graph."""
    before, after = (g.eval(xs, keep=True)[0] for g in (graph, found.graph))
    for t, origin in found.origins.items():
        yield t, after[t.name], origin.of(before[origin.tensor.name])


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_origins(seed: int) -> None:
    """Each tensor is what its origin says of the file's."""
    graph = prepare(idle.network(seed))
    for t, now, then in parts(graph, optimize(graph), idle.extremes(graph, 6, 3)):
        np.testing.assert_array_equal(now, then, t.name)


@pytest.mark.skipif(not FILES, reason="no real networks beside the repository")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_origins_in_real_files(path: Path) -> None:
    """Not only outputs are equal: every value that is still computed is."""
    graph = taken(path)
    for t, now, then in parts(graph, optimize(graph), idle.extremes(graph, 4, 5)):
        np.testing.assert_array_equal(now, then, t.name)


# What is said of ranges, found again by running every input, or many.


def every_input(graph: Graph) -> list[Array]:
    """All inputs of a network that has one, of two values."""
    (x,) = graph.inputs
    a = np.arange(-128, 128)
    pairs = np.stack(np.meshgrid(a, a), axis=-1).reshape(-1, *x.shape)
    return [pairs.astype(np.int8)]


def check_ranges(graph: Graph, xs: list[Array]) -> dict[str, float]:
    """How much of each range is reached, by tensor name, once none is passed."""
    values, _ = graph.eval(xs, keep=True)
    tight = {}
    for t, r in ranges.ranges(graph).items():
        low, high = values[t.name].min(axis=0), values[t.name].max(axis=0)
        assert (r.low <= low).all(), t.name
        assert (r.high >= high).all(), t.name
        tight[t.name] = float(((r.low == low) & (r.high == high)).mean())
    return tight


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_every_value_of_small_networks(seed: int) -> None:
    """Behind one layer, what is said is exactly what is reached."""
    x = activation("x", (1, 1, 2, 1), 0.05, 5)
    rng = np.random.default_rng(seed)
    a = conv(x, weights(6, 1, 2, 1, seed=seed), rng.integers(-9000, 9000, 6).tolist())
    b = depthwise(a.y, weights(1, 1, 3, 6, seed=seed + 9, most=9), [1, 2, LOW, 3, HIGH, 4], "b")
    y = conv(b.y, weights(4, 1, 2, 6, seed=seed + 5), rng.integers(-9000, 9000, 4).tolist(), "y")
    tight = check_ranges(network(a, b, added(a.y, b.y), y), every_input(network(a, b, y)))
    assert tight["a"] == 1.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_ranges_of_real_files(path: Path) -> None:
    graph = taken(path)
    for seed in range(4):
        check_ranges(graph, idle.extremes(graph, 12, seed))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ranges_of_random_networks() -> None:
    for graph in map(prepare, idle.networks(20_000, 400)):
        check_ranges(graph, idle.extremes(graph, 60, 1))


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_ranges_are_never_passed(seed: int) -> None:
    graph = prepare(idle.network(seed))
    check_ranges(graph, idle.extremes(graph, 24, 1))


# Faults: each is seen.


def rolled(t: Tensor, axis: int, at: Array, make=cutting.sliced) -> Tensor:  # type: ignore[no-untyped-def]
    return make(t, axis, (at + 1) % t.shape[axis])


def without_sums(op: Weighted, first: Array, gone: Array) -> Array:  # noqa: ARG001
    return op.w.values.astype(np.int64)


def low_alone(op: Op, inputs: list[ranges.Range], make=ranges._weighted) -> object:  # type: ignore[no-untyped-def]
    found = make(op, inputs)
    return found and [ranges.Range(r.low, np.maximum(r.low, r.high - 120)) for r in found]


def off_by_one(self: channels_pass.Read, folded: Array, bias=channels_pass.Read.bias) -> Array:  # type: ignore[no-untyped-def]
    return bias(self, folded) + 150 * folded.any()


def borderless(graph: Graph, known: ranges.Ranges, make=channels_pass.reads) -> object:  # type: ignore[no-untyped-def]
    for read in make(graph, known):
        yield read._replace(steady=np.ones_like(read.steady))


def same_weights(op: Weighted, known: object, make=duplicates._rows) -> object:  # type: ignore[no-untyped-def]
    return [(name[0], name[1], name[2]) for name in make(op, known)]


FAULTS = {
    "a wrong bias": (channels_pass.Read, "bias", off_by_one),
    "no look at borders": (channels_pass, "reads", borderless),
    "a wrong slice": (cutting, "sliced", rolled),
    "a range too narrow": (ranges, "_weighted", low_alone),
    "equal but for the bias": (duplicates, "_rows", same_weights),
    "weights that are not added up": (duplicates, "merged", without_sums),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = idle.networks(0, 40)
    if fault == "equal but for the bias":
        w = weights(3, 1, 1, 3)
        w[2] = w[0]
        a = conv(image(), w, [5, 6, 900])
        graphs = [network(a, conv(a.y, weights(2, 1, 1, 3, seed=4), [1, 2], "y"))]
    where, name, wrong = FAULTS[fault]
    monkeypatch.setattr(where, name, wrong)
    assert differing(graphs) != []


def test_a_view_that_is_none_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a transposition were one."""
    a = conv(image(), weights(3, 1, 1, 3), [5, 6, 7])
    order = constant("order", np.array([0, 3, 1, 2], np.int32))
    turned = Transpose((a.y, order), (activation("turned", (1, 3, 5, 5), 0.03, -128),))
    graph = network(a, turned, dense(turned.y, weights(4, 75, seed=4)))
    assert differing([graph]) == []
    monkeypatch.setattr(views, "Squeeze", Transpose)
    monkeypatch.setattr(Transpose, "view", True)
    assert differing([graph]) != []


def test_a_lost_zero_point_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(value: object, **fields: object) -> object:
        lost = {"zero_points": (0,)} if "min" in fields and len(value.scales) == 1 else {}  # type: ignore[attr-defined]
        return dataclasses.replace(value, **fields, **lost)  # type: ignore[type-var]

    monkeypatch.setattr(names, "replace", careless)
    assert differing([example()]) != []


def test_the_reference_agrees() -> None:
    graph = prepare(example())
    xs = idle.extremes(graph, 9, 1)
    pairs = zip(reference(graph, xs), reference(optimize(graph).graph, xs), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
