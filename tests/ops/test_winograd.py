"""Winograd's products for 3x3 filters: what TFLM gives, and every sum of 32 bits, on every core."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, kernels, tflite
from ascua.artifact import Library
from ascua.ir import Array, Graph, Quant
from ascua.kernels import Kernel
from ascua.kernels._winograd import MOST, transformed
from ascua.kernels.conv2d import (
    Conv2DWinogradLate1S8,
    Conv2DWinogradLate2S8,
    Conv2DWinogradLate4S8,
    Conv2DWinogradLateS8,
    Conv2DWinogradS8,
)
from ascua.ops.conv2d import Conv2D
from ascua.ops.relu import Relu
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.ops.test_conv2d import conv
from tests.support import (
    FAST,
    activation,
    beside,
    check_everywhere,
    collected,
    constant,
    network,
    reference,
    samples,
    untold,
)
from tests.support.command import MODELS
from tests.support.tools import require_board

KERNELS = (
    Conv2DWinogradS8(), Conv2DWinogradLateS8(), Conv2DWinogradLate4S8(), Conv2DWinogradLate2S8(),
    Conv2DWinogradLate1S8(),
)  # fmt: skip
BOTH = KERNELS[::3]
IDS = [type(k).__name__ for k in KERNELS]
BOARDS = ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505")
"""Of Cortex-M3, M4, M7 and M33."""

CASES: dict[str, dict[str, Any]] = {
    "a tile": {"ih": 4, "iw": 4, "ic": 4, "oc": 4},
    "two tiles": {"ih": 4, "iw": 8, "ic": 8, "oc": 8},
    "three tiles across": {"ih": 8, "iw": 12, "ic": 4, "oc": 4},
    "one pixel": {"ih": 1, "iw": 1, "ic": 4, "oc": 4},
    "one channel": {"ih": 5, "iw": 6, "ic": 1, "oc": 1},
    "three channels": {"ih": 9, "iw": 10, "ic": 3, "oc": 6},
    "cut each way": {"ih": 13, "iw": 13, "ic": 5, "oc": 7},
    "a column": {"ih": 19, "iw": 1, "ic": 2, "oc": 3},
    "a row": {"ih": 1, "iw": 23, "ic": 6, "oc": 5},
    "not padded": {"ih": 10, "iw": 10, "ic": 4, "oc": 4, "padding": "VALID"},
    "not padded, cut": {"ih": 9, "iw": 12, "ic": 7, "oc": 4, "padding": "VALID"},
    "many channels": {"ih": 8, "iw": 8, "ic": 68, "oc": 20, "scale": 1e-3},
    "rows of many tiles": {"ih": 5, "iw": 41, "ic": 4, "oc": 4},
    "17 pairs of words": {"ih": 4, "iw": 4, "ic": 33, "oc": 4, "scale": 2e-3},
    "only above": {"ih": 6, "iw": 7, "act": "RELU6", "y_zero": -128},
    "from a zero point on": {"ih": 6, "iw": 7, "act": "RELU", "y_zero": 4},
    "in a range": {"ih": 8, "iw": 8, "act": "RELU_N1_TO_1", "y_zero": 0, "scale": 3e-3},
    "zero point at the bottom": {"ih": 6, "iw": 7, "zero": -128},
    "zero point at the top": {"ih": 6, "iw": 7, "zero": 127},
    "no bias, one scale": {"per_channel": False, "bias": None},
    "large biases": {"bias": 2**23, "scale": 1e-5},
    "some channels that do not change": {"bias": 2**24, "scale": 4e-5, "oc": 9},
}  # fmt: skip


@pytest.fixture(params=KERNELS, ids=IDS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernel[Conv2D]:
    """Each of them, as the only one for convolutions."""
    return only(request.param, monkeypatch)


def only(kernel: Kernel[Conv2D], monkeypatch: pytest.MonkeyPatch) -> Kernel[Conv2D]:
    """The planner knows `kernel` alone, and takes it for as many pairs as it is for."""
    others = kernels.of

    def of(kind: type) -> tuple[Kernel[Any], ...]:
        return (kernel,) if kind is Conv2D else others(kind)

    monkeypatch.setattr(kernels, "of", of)
    return kernel


def fitting(kernel: Kernel[Conv2D], graphs: dict[str, Graph]) -> dict[str, Graph]:
    """The networks whose convolution it runs."""
    return {key: g for key, g in graphs.items() if kernel.fits(g.ops[0])}


@pytest.mark.parametrize("inline", [False, True], ids=["shared", "inline"])
def test_equals_tflm(kernel: Kernel[Conv2D], inline: bool) -> None:
    graphs = fitting(kernel, {case: conv(**fields) for case, fields in CASES.items()})
    assert len(graphs) >= 4
    check_everywhere(collected(graphs), goal=replace(FAST, inline=inline))


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        *((k, b) for k in BOTH for b in BOARDS[:2]),
        *((k, b) for k, b in zip(BOTH, BOARDS[2:], strict=True)),
    ],
    indirect=["kernel"],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_equals_on_boards(name: str, kernel: Kernel[Conv2D], tmp_path: Path) -> None:
    board = boards.load(name)
    require_board(board)
    graphs = fitting(kernel, {case: conv(**fields) for case, fields in CASES.items()})
    graph = collected(graphs)
    ready, xs = prepare(graph), samples(graph, 2)
    made = plan(ready, untold(board), FAST)
    done = run(board, emit(made, "net"), pack(xs), 2, build_dir=tmp_path)
    answers = zip(unpack(done.outputs, ready, 2), reference(graph, xs), graph.outputs, strict=True)
    for y, e, t in answers:
        np.testing.assert_array_equal(y, e, t.name)


EXTREMES = np.array([-128, 127], np.int8)


def hard(rng: np.random.Generator, like: Conv2D | None = None) -> Graph:
    """A layer of random size with weights that go far; or `like` another."""
    ih, iw, ic, oc = (int(n) for n in rng.integers(1, (10, 18, 13, 10)))
    graph = conv(
        ih=ih, iw=iw, ic=ic, oc=oc, scale=0.01 / ic**0.5, zero=int(rng.integers(-128, 128)),
        y_zero=int(rng.integers(-128, 128)), padding=str(rng.choice(["SAME", "VALID"]))
        if min(ih, iw) > 2 else "SAME",
    )  # fmt: skip
    op = like or graph.ops[0]
    assert isinstance(op, Conv2D)
    shape = op.w.shape
    ends = rng.choice(np.array([[-128, 127], [-127, 127], [-128, -128], [127, 127]], np.int8))
    # At random, or alike along any axes.
    same = [n if rng.random() < 0.6 else 1 for n in shape]
    data = np.broadcast_to(rng.choice(ends, same), shape).astype(np.int8)
    w = replace(op.w, data=data)
    return network(replace(op, inputs=(op.x, w, *op.inputs[2:])))


def hard_samples(graph: Graph, rng: np.random.Generator) -> list[Array]:
    """All at either end, in stripes, at random ends, and where the first filter wants them."""
    found = []
    for t, op in zip(graph.inputs, graph.ops, strict=True):
        _, ih, iw, ic = t.shape
        xs = [np.full(t.shape, v, np.int8) for v in EXTREMES]
        xs.append(np.broadcast_to(rng.choice(EXTREMES, (1, 1, iw, 1)), t.shape))
        xs.append(np.broadcast_to(rng.choice(EXTREMES, (1, ih, 1, ic)), t.shape))
        xs.append(rng.choice(EXTREMES, t.shape))
        assert isinstance(op, Conv2D)
        tiled = np.tile(op.w.values[0], (-(-ih // 3), -(-iw // 3), 1))[None, :ih, :iw]
        xs += [np.where(tiled > 0, 127, -128), np.where(tiled > 0, -128, 127)]
        found.append(np.stack(xs).astype(np.int8))
    return found


def sums(graph: Graph, xs: list[Array]) -> list[Array]:
    """What the convolutions add up to (n, *shape), by int64."""
    found = []
    for op, x in zip(graph.ops, xs, strict=True):
        assert isinstance(op, Conv2D)
        (_, oh, ow, _), zero = op.y.shape, op.x.q.zero_point
        sides = [(a.before, max(0, a.after)) for a in (op.rows, op.columns)]
        v = np.pad(x[:, 0].astype(np.int64) - zero, [(0, 0), *sides, (0, 0)])
        total = np.zeros((len(x), oh, ow, op.y.shape[3]), np.int64)
        for ky in range(3):
            for kx in range(3):
                total += v[:, ky : ky + oh, kx : kx + ow] @ op.w.values[:, ky, kx].T.astype(
                    np.int64
                )
        found.append((total + (op.bias.values if op.bias else 0))[:, None])
    return found


def giving_byte(library: Library, n: int) -> Library:
    """The library with the n-th byte of each sum as the output, in place of its requantisation."""
    path = next(p for p in library.files if p.endswith("/requant_dsp.h"))
    text = library.text(path)
    changed, times = re.subn(
        r"(KERNEL int8_t requantize_twice\([^)]*\) \{).*?\n\}",
        rf"\1 (void)r, (void)low, (void)high; return (int8_t)((int32_t)twice >> {8 * n + 1}); }}",
        text,
        flags=re.S,
    )
    assert times == 1
    return replace(library, files={**library.files, path: changed.encode()})


def check_sums(graphs: list[Graph], board: str, folder: Path, seed: int) -> None:
    """On `board`, each sum of the layers is what int64 gives."""
    graph = beside({str(i): g for i, g in enumerate(graphs)})
    xs = hard_samples(graph, np.random.default_rng(seed))
    n = len(xs[0])
    target, ready = boards.load(board), prepare(graph)
    require_board(target)
    made = plan(ready, untold(target), replace(FAST, inline=False, tries=0))
    got = []
    for byte in range(4):
        library = giving_byte(emit(made, "net"), byte)
        done = run(target, library, pack(xs), n, build_dir=folder / str(byte))
        got.append(unpack(done.outputs, ready, n))
    for i, (expected, t) in enumerate(zip(sums(graph, xs), graph.outputs, strict=True)):
        parts = np.stack([ys[i] for ys in got], -1).view("<i4")[..., 0]
        assert np.abs(expected).max() < MOST
        np.testing.assert_array_equal(parts, expected, t.name)


def random_layers(n: int, seed: int) -> list[Graph]:
    """Layers that are hard, of those whose sums stay below the bound."""
    rng = np.random.default_rng(seed)
    found: list[Graph] = []
    while len(found) < n:
        graph = hard(rng)
        if KERNELS[0].fits(graph.ops[0]):
            found.append(graph)
    return found


@pytest.mark.parametrize("kernel", BOTH, ids=IDS[::3], indirect=True)
def test_every_sum_of_500_random_layers(kernel: Kernel[Conv2D], tmp_path: Path) -> None:
    layers = [g for g in random_layers(500, 7) if kernel.fits(g.ops[0])]
    for i in range(0, len(layers), 125):
        check_sums(layers[i : i + 125], "host", tmp_path / str(i), i)


@pytest.mark.parametrize("board", BOARDS[:2])
@pytest.mark.parametrize("kernel", BOTH, ids=IDS[::3], indirect=True)
def test_every_sum_on_boards(board: str, kernel: Kernel[Conv2D], tmp_path: Path) -> None:
    layers = [g for g in random_layers(30, 11) if kernel.fits(g.ops[0])]
    check_sums(layers, board, tmp_path, 3)


@pytest.mark.parametrize(
    "board", ["host", *(pytest.param(b, marks=pytest.mark.slow) for b in BOARDS[:2])]
)
@pytest.mark.parametrize("kernel", BOTH, ids=IDS[::3], indirect=True)
def test_every_sum_of_a_real_network(board: str, kernel: Kernel[Conv2D], tmp_path: Path) -> None:
    path = MODELS / "ic.tflite"
    if not path.is_file():
        pytest.skip("../shared/models is not here")
    rng = np.random.default_rng(5)
    own = [op for op in prepare(tflite.load(path)).ops if isinstance(op, Conv2D)]
    own = [op for op in own if kernel.fits(op)]
    assert len(own) >= 4
    for i, op in enumerate(own):
        harder = (hard(rng, op) for _ in range(3))
        layers = [network(op), *(g for g in harder if kernel.fits(g.ops[0]))]
        check_sums(layers, board, tmp_path / str(i), i)


def bounded(bias: int, w: int = 127) -> Conv2D:
    """A layer of one sum: 9 weights, of inputs 0 to 255 above the zero point."""
    x, y = activation("x", (1, 3, 3, 1), 0.05, -128), activation("y", (1, 1, 1, 1), 40.0)
    weights = constant("w", np.full((1, 3, 3, 1), w, np.int8), [1e-3])
    inputs = x, weights, constant("b", np.array([bias], np.int32))
    return Conv2D(inputs, (y,), (1, 1), (1, 1), "VALID", "NONE")


@pytest.mark.parametrize("kernel", KERNELS, ids=IDS)
def test_sums_that_reach_the_bound_are_refused(kernel: Kernel[Conv2D]) -> None:
    most = MOST - 1 - 9 * 127 * 255
    assert kernel.fits(bounded(most)) or kernel.most > 1  # type: ignore[attr-defined]
    assert not kernel.fits(bounded(most + 1))
    least = 1 - MOST + 9 * 128 * 255
    assert kernel.fits(bounded(least, -128)) == kernel.fits(bounded(most))
    assert not kernel.fits(bounded(least - 1, -128))


@pytest.mark.parametrize("kernel", KERNELS[::4], ids=IDS[::4], indirect=True)
def test_sums_next_to_the_bound(kernel: Kernel[Conv2D], tmp_path: Path) -> None:
    most, least = MOST - 1 - 9 * 127 * 255, 1 - MOST + 9 * 128 * 255
    layers = [network(bounded(most)), network(bounded(least, -128))]
    assert all(kernel.fits(g.ops[0]) for g in layers)
    check_sums(layers, "host", tmp_path, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"stride": (2, 2)}, {"stride": (1, 2)}, {"dilation": (2, 2)}, {"kh": 1}, {"kw": 5},
        {"scale": 30.0}, {"bias": 2**30, "scale": 3e-6},
    ],
    ids=str,
)  # fmt: skip
def test_others_are_refused(change: dict[str, Any]) -> None:
    op = conv(**{"ih": 9, "iw": 9, **change}).ops[0]
    assert not any(k.fits(op) for k in KERNELS)  # type: ignore[arg-type]


def test_the_kernels_are_for_int8_weights_without_a_zero_point() -> None:
    op = conv().ops[0]
    assert isinstance(op, Conv2D)
    shifted = replace(op.w, quant=Quant(op.w.q.scales[:1], (3,)))
    other = replace(op, inputs=(op.x, shifted, *op.inputs[2:]))
    assert KERNELS[0].fits(op)
    assert not any(k.fits(other) for k in KERNELS)


def test_transformed_filters_are_16_bits_for_any_weights() -> None:
    """The greatest of all: by the sums of each row of G, of both signs."""
    g = np.array([[3, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 3]])
    signs = np.einsum("ia,jb->ijab", g, g)
    most = 128 * np.abs(signs).sum(axis=(2, 3)).max()
    assert most == 6272
    for worst in (np.where(signs[3, 3] > 0, -128, 127), np.where(signs[4, 4] > 0, -128, 127)):
        filters = np.zeros((1, 4, 3, 3, 4), np.int64)
        filters[...] = worst[None, None, :, :, None]
        lanes = transformed(filters).view("<i2").astype(np.int64)
        expected = np.einsum("ijab,ab->ji", signs, worst)
        np.testing.assert_array_equal(np.unique(lanes), np.unique(expected))


def test_blocks_of_rows_in_one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of each value takes the four rows of a call, where the last makes four, too."""
    only(KERNELS[0], monkeypatch)
    goal = Goal(kind="speed", row_loops=True)
    for ih, calls in ((24, [2]), (25, [1, 1])):
        first = conv(ih=ih, iw=11, ic=4, oc=16).ops[0]
        after = Relu((first.y,), (activation("relu", first.y.shape, 0.4, -3),))
        graph = network(first, after)
        made = plan(prepare(graph), boards.load("host"), goal)
        assert [len(s.calls) for s in made.steps] == calls
        assert made.steps[0].block == 4
        check_everywhere(graph, goal=goal)
