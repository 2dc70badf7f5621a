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
from ascua.kernels._winograd import F2X2, F4X4, Tiles, Winograd, WinogradLate, transformed
from ascua.ops.conv2d import Conv2D
from ascua.passes import prepare
from ascua.plan import plan
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
    untimed,
    untold,
)
from tests.support.command import MODELS
from tests.support.tools import require_board

KERNELS = tuple(k for k in kernels.of(Conv2D) if isinstance(k, Winograd))
IDS = [type(k).__name__.removeprefix("Conv2D") for k in KERNELS]
ONES = tuple({k.name: k for k in KERNELS}.values())
"""A kernel a header: of those for more and fewer tiles together that for fewest."""
PLAIN = tuple(k for k in ONES if not k.needs)
"""Those that are for any core."""
BOARDS = (
    "mps2-an385", "mps2-an386", "mps2-an385-m0", "mps2-an500", "mps2-an505", "riscv32-virt",
)  # fmt: skip
"""Of Cortex-M3, M4, M0, M7 and M33, and RV32: the first three for each kernel."""
VECTORS = ("mps3-an547", "arm-linux")
"""With Helium, and with Neon."""


def boards_of(kernel: Winograd) -> tuple[str, ...]:
    """Where each kernel is tried."""
    return VECTORS if kernel.needs else BOARDS[:3]


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


def each(*found: Winograd) -> pytest.MarkDecorator:
    """A test for each of these kernels."""
    ids = [IDS[KERNELS.index(k)] for k in found]
    return pytest.mark.parametrize("kernel", found, ids=ids, indirect=True)


@pytest.fixture(params=KERNELS, ids=IDS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Winograd:
    """Each of them, as the only one for convolutions."""
    return only(request.param, monkeypatch)


def only(kernel: Winograd, monkeypatch: pytest.MonkeyPatch) -> Winograd:
    """The planner knows `kernel` alone, and takes it for as many pairs as it is for."""
    others = kernels.of

    def of(kind: type) -> tuple[Kernel[Any], ...]:
        return (kernel,) if kind is Conv2D else others(kind)

    monkeypatch.setattr(kernels, "of", of)
    return kernel


def fitting(kernel: Winograd) -> dict[str, Graph]:
    """The networks of CASES, with its stride, that it runs."""
    stride = (kernel.stride, kernel.stride)
    graphs = {case: conv(**fields, stride=stride) for case, fields in CASES.items()}
    return {key: g for key, g in graphs.items() if kernel.fits(g.ops[0])}


@pytest.mark.parametrize("inline", [False, True], ids=["shared", "inline"])
def test_equals_tflm(kernel: Winograd, inline: bool) -> None:
    graphs = fitting(kernel)
    assert len(graphs) >= 4
    check_everywhere(collected(graphs), goal=replace(FAST, inline=inline))


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        *((k, b) for k in ONES for b in boards_of(k)),
        *zip(PLAIN, (*BOARDS[3:], BOARDS[3]), strict=True),
        *((k, VECTORS[1]) for k in PLAIN),  # not Thumb, but Arm instructions
    ],
    indirect=["kernel"],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_equals_on_boards(name: str, kernel: Winograd, tmp_path: Path) -> None:
    board = untimed(boards.load(name))
    require_board(board)
    graph = collected(fitting(kernel))
    ready, xs = prepare(graph), samples(graph, 2)
    made = plan(ready, untold(board), FAST)
    done = run(board, emit(made, "net"), pack(xs), 2, build_dir=tmp_path)
    answers = zip(unpack(done.outputs, ready, 2), reference(graph, xs), graph.outputs, strict=True)
    for y, e, t in answers:
        np.testing.assert_array_equal(y, e, t.name)


EXTREMES = np.array([-128, 127], np.int8)


def hard(rng: np.random.Generator, stride: int, like: Conv2D | None = None) -> Graph:
    """A layer of random size with weights that go far; or `like` another."""
    ih, iw, ic, oc = (int(n) for n in rng.integers(1, (10, 18, 13, 10)))
    graph = conv(
        ih=ih, iw=iw, ic=ic, oc=oc, scale=0.01 / ic**0.5, zero=int(rng.integers(-128, 128)),
        y_zero=int(rng.integers(-128, 128)), padding=str(rng.choice(["SAME", "VALID"]))
        if min(ih, iw) > 2 else "SAME", stride=(stride, stride),
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
                seen = v[:, ky :: op.stride[0], kx :: op.stride[1]][:, :oh, :ow]
                total += seen @ op.w.values[:, ky, kx].T.astype(np.int64)
        found.append((total + (op.bias.values if op.bias else 0))[:, None])
    return found


INSTEAD = {
    "requant_dsp.h": (
        "int8_t requantize_twice",
        "(void)r; return (int8_t)((int32_t)twice >> 1 >> {n});",
    ),
    "vectors.h": (
        "fours_t fours_requantize",
        "(void)q, (void)zero; int32_t lanes[4]; memcpy(lanes, &v, 16);"
        "for (int i = 0; i < 4; i++) {{ lanes[i] = (int8_t)(lanes[i] >> {n}); }}"
        "memcpy(&v, lanes, 16); return v;",
    ),
}
"""By header a function that makes an output of a sum, and what gives 8 bits of it, from n on."""


def giving_byte(library: Library, n: int) -> Library:
    """The library with the n-th byte of each sum as the output, in place of its requantisation."""
    files = dict(library.files)
    for header, (function, body) in INSTEAD.items():
        for path in (p for p in library.files if p.endswith(f"/{header}")):
            changed, times = re.subn(
                rf"(KERNEL {function}\([^)]*\) \{{).*?\n\}}",
                lambda m: f"{m[1]} (void)low, (void)high; {body.format(n=8 * n)} }}",  # noqa: B023
                library.text(path),
                flags=re.S,
            )
            assert times == 1
            files[path] = changed.encode()
    assert files != dict(library.files)
    return replace(library, files=files)


def check_sums(graphs: list[Graph], board: str, folder: Path, seed: int) -> None:
    """On `board`, each sum of the layers is what int64 gives."""
    graph = beside({str(i): g for i, g in enumerate(graphs)})
    xs = hard_samples(graph, np.random.default_rng(seed))
    n = len(xs[0])
    target, ready = untimed(boards.load(board)), prepare(graph)
    require_board(target)
    made = plan(ready, untold(target), replace(FAST, inline=False, seconds=0.1))
    got = []
    for byte in range(4):
        library = giving_byte(emit(made, "net"), byte)
        done = run(target, library, pack(xs), n, build_dir=folder / str(byte))
        got.append(unpack(done.outputs, ready, n))
    for i, (expected, t) in enumerate(zip(sums(graph, xs), graph.outputs, strict=True)):
        parts = np.stack([ys[i] for ys in got], -1).view("<i4")[..., 0]
        assert np.abs(expected).max() < F2X2.most
        np.testing.assert_array_equal(parts, expected, t.name)


def random_layers(n: int, seed: int, kernel: Winograd) -> list[Graph]:
    """Layers that are hard, of those whose sums stay below the bound."""
    rng = np.random.default_rng(seed)
    found: list[Graph] = []
    while len(found) < n:
        graph = hard(rng, kernel.stride)
        if kernel.fits(graph.ops[0]):
            found.append(graph)
    return found


@each(*(k for k in ONES if not isinstance(k, WinogradLate)))
@pytest.mark.parametrize("n", [125, pytest.param(500, marks=pytest.mark.slow)])
def test_every_sum_of_random_layers(kernel: Winograd, n: int, tmp_path: Path) -> None:
    layers = random_layers(n, 7, kernel)
    for i in range(0, len(layers), 125):
        check_sums(layers[i : i + 125], "host", tmp_path / str(i), i)


@each(*(k for k in KERNELS if isinstance(k, WinogradLate)))
@pytest.mark.parametrize("n", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_every_sum_with_int8_filters(kernel: Winograd, n: int, tmp_path: Path) -> None:
    layers = random_layers(n, 8, kernel)
    for i in range(0, n, 125):
        check_sums(layers[i : i + 125], "host", tmp_path / str(i), i)


@pytest.mark.parametrize(
    ("kernel", "board"),
    [
        pytest.param(k, board, marks=[pytest.mark.slow] * (n > 0))
        for k in ONES
        for n, board in enumerate(boards_of(k))
    ],
    indirect=["kernel"],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_every_sum_on_boards(board: str, kernel: Winograd, tmp_path: Path) -> None:
    layers = random_layers(30, 11, kernel)
    check_sums(layers, board, tmp_path, 3)


@pytest.mark.parametrize(
    ("kernel", "board"),
    [
        pytest.param(k, board, marks=[pytest.mark.slow] * (board != "host" or k in PLAIN[1:]))
        for k in ONES
        for board in ("host", *boards_of(k)[:2])
    ],
    indirect=["kernel"],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_every_sum_of_a_real_network(board: str, kernel: Winograd, tmp_path: Path) -> None:
    path = MODELS / "ic.tflite"
    if not path.is_file():
        pytest.skip("../shared/models is not here")
    rng = np.random.default_rng(5)
    own = [op for op in prepare(tflite.load(path)).ops if isinstance(op, Conv2D)]
    own = [op for op in own if kernel.fits(op)]
    assert len(own) >= 2
    for i, op in enumerate(own):
        harder = (hard(rng, kernel.stride, op) for _ in range(3))
        layers = [network(op), *(g for g in harder if kernel.fits(g.ops[0]))]
        check_sums(layers, board, tmp_path / str(i), i)


def bounded(end: int, tiles: Tiles, w: int) -> Conv2D:
    """A layer of one sum, whose weights are all w, and whose farthest from 0 is `end`."""
    ic, stride = tiles.most // 2**21 - 15, 4 // tiles.side
    bias = end - 9 * ic * 255 * w
    x = activation("x", (1, 3, 3, ic), 0.05, -128)
    y = activation("y", (1, 1, 1, 1), abs(end) * 5e-5 / 200, -128 if end > 0 else 127)
    weights = constant("w", np.full((1, 3, 3, ic), w, np.int8), [1e-3])
    inputs = x, weights, constant("b", np.array([bias], np.int32))
    return Conv2D(inputs, (y,), (stride, stride), (1, 1), "VALID", "NONE")


@each(*PLAIN)
def test_sums_next_to_the_bound(kernel: Winograd, tmp_path: Path) -> None:
    """They are right there, and refused from there on."""
    tiles = F4X4 if kernel.stride == 1 else F2X2
    near = [bounded(tiles.most - 1, tiles, 127), bounded(1 - tiles.most, tiles, -128)]
    beyond = [bounded(tiles.most, tiles, 127), bounded(-tiles.most, tiles, -128)]
    assert [kernel.fits(op) for op in (*near, *beyond)] == [True, True, False, False]
    for board in ("host", BOARDS[1]):
        check_sums([network(op) for op in near], board, tmp_path / board, 1)


def alike(ic: int) -> Graph:
    """A layer whose weights are all -128."""
    graph = conv(ih=4, iw=5, ic=ic, oc=1, scale=1e-4, bias=2**30, padding="VALID")
    op = graph.ops[0]
    assert isinstance(op, Conv2D)
    w = replace(op.w, data=np.full_like(op.w.values, -128))
    return network(replace(op, inputs=(op.x, w, *op.inputs[2:])))


@each(*(k for k in ONES if k.needs))
@pytest.mark.parametrize("board", ["host", pytest.param(VECTORS[0], marks=pytest.mark.slow)])
def test_vectors_next_to_the_bound(kernel: Winograd, board: str, tmp_path: Path) -> None:
    """It is that of the products' sum, whatever the bias."""
    most = (F4X4.most - 1) // (9 * 128**2)
    assert kernel.fits(alike(most).ops[0])
    assert not kernel.fits(alike(most + 1).ops[0])
    check_sums([alike(most)], board, tmp_path, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"stride": (3, 3)}, {"stride": (1, 2)}, {"dilation": (2, 2)}, {"kh": 1}, {"kw": 5},
        {"scale": 30.0}, {"bias": 2**30, "scale": 3e-6},
    ],
    ids=str,
)  # fmt: skip
def test_others_are_refused(change: dict[str, Any]) -> None:
    op = conv(**{"ih": 9, "iw": 9, **change}).ops[0]
    assert isinstance(op, Conv2D)
    assert not any(k.fits(op) for k in KERNELS if not ("bias" in change and k.needs))


def test_the_kernels_are_for_int8_weights_without_a_zero_point() -> None:
    op = conv().ops[0]
    assert isinstance(op, Conv2D)
    shifted = replace(op.w, quant=Quant(op.w.q.scales[:1], (3,)))
    other = replace(op, inputs=(op.x, shifted, *op.inputs[2:]))
    assert any(k.fits(op) for k in KERNELS)
    assert not any(k.fits(other) for k in KERNELS)


@pytest.mark.parametrize(("tiles", "most"), [(F4X4, 6272), (F2X2, 512)], ids=["4x4", "2x2"])
def test_transformed_filters_are_16_bits_for_any_weights(tiles: Tiles, most: int) -> None:
    """The greatest of all: by the sums of each row of G, of both signs."""
    signs = np.einsum("ia,jb->ijab", tiles.filter, tiles.filter)
    assert 128 * np.abs(signs).sum(axis=(2, 3)).max() == most
    for positive in signs.reshape(-1, 3, 3):
        worst = np.where(positive > 0, -128, 127)
        filters = np.broadcast_to(worst[None, None, :, :, None], (1, 4, 3, 3, 4))
        lanes = transformed(filters, tiles.filter).view("<i2").astype(np.int64)
        expected = np.einsum("ijab,ab->ji", signs, worst)
        np.testing.assert_array_equal(lanes[0, :, 0, 0], expected.reshape(-1))
