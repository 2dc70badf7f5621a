"""Kernels whose sums are digits of words: what TFLM gives, up to the bounds of a digit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import boards, kernels
from ascua.ir import Array, Graph, Op
from ascua.kernels import Kernel
from ascua.ops.conv2d import Conv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.ops import test_conv2d, test_fully_connected
from tests.ops.test_conv2d import conv
from tests.ops.test_fully_connected import dense
from tests.support import (
    activation,
    check_everywhere,
    collected,
    constant,
    network,
    reference,
    samples,
    untimed,
    untold,
)
from tests.support.tools import require_board

NAMES = ("conv2d_digits_s8", "conv2d_1x1_digits_s8", "fully_connected_digits_s8")
BOARDS = ("mps2-an385-m0", "mps2-an385", "riscv32-virt", "riscv64-virt")
"""With assembly of Cortex-M0 and M3, with words of 32 bits and of 64."""

CONVOLUTIONS: dict[str, dict[str, Any]] = {
    **test_conv2d.CASES,
    **{f"{n} columns": {"iw": n, "ih": 3, "oc": 1 + n % 5} for n in range(4, 20)},
    **{f"1x1, {n} pixels": {"kh": 1, "kw": 1, "ih": 1, "iw": n, "ic": n} for n in range(4, 20)},
    "1x1, by rows": {"kh": 1, "kw": 1, "ih": 5, "iw": 5, "ic": 16, "oc": 64},
}
LAYERS: dict[str, dict[str, Any]] = {
    **test_fully_connected.CASES,
    **{f"{oc} outputs": {"oc": oc, "k": 3 * oc} for oc in range(1, 26)},
}


def goal(name: str, *, inline: bool = True) -> Goal:
    """Of the kernels of its operators, one alone."""
    kinds = next(k.ops for k in kernels.every() if k.name == name)
    others = {k.name for kind in kinds for k in kernels.of(kind)} - {name}
    return Goal(kind="speed", inline=inline, avoid=frozenset(others), seconds=0.0)


def named(name: str) -> Kernel[Any]:
    """The kernel of that name."""
    return next(k for k in kernels.every() if k.name == name)


def fitting(name: str) -> dict[str, Graph]:
    """The cases that it runs."""
    if named(name).ops == (Conv2D,):
        graphs = {case: conv(**fields) for case, fields in CONVOLUTIONS.items()}
    else:
        graphs = {case: dense(**fields) for case, fields in LAYERS.items()}
    return {case: g for case, g in graphs.items() if named(name).fits(g.ops[0])}


@pytest.mark.parametrize(
    "inline", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["shared", "inline"]
)
@pytest.mark.parametrize("name", NAMES)
def test_equals_tflm(name: str, inline: bool) -> None:
    graphs = fitting(name)
    assert len(graphs) >= 12
    check_everywhere(collected(graphs), goal=goal(name, inline=inline))


@pytest.mark.emulator
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", NAMES)
def test_equals_on_boards(name: str, board: str, tmp_path: Path) -> None:
    graphs = {**fitting(name), **{f"bound {i}": g for i, g in enumerate(extremes(name))}}
    check_on(board, name, graphs, None, tmp_path)


def check_on(
    board_name: str, name: str, graphs: dict[str, Graph], xs: list[Array] | None, folder: Path
) -> None:
    """The kernel gives the reference's outputs on the board."""
    board = untold(untimed(boards.load(board_name)))
    require_board(board)
    graph = prepare(collected(graphs))
    xs = xs or samples(graph, 3)
    made = plan(graph, board, goal(name))
    assert {c.kernel.name for c in made.calls} == {name}
    done = run(board, emit(made, "net"), pack(xs), len(xs[0]), build_dir=folder)
    answers = zip(unpack(done.outputs, graph, len(xs[0])), reference(graph, xs), strict=True)
    for (y, e), t in zip(answers, graph.outputs, strict=True):
        np.testing.assert_array_equal(y, e, t.name)


def layer(name: str, weights: Array) -> Op:
    """An operator that the kernel is for, of weights (outputs, taps), all of whose sums show."""
    oc, taps = weights.shape
    scales = [1e-3]
    if named(name).ops == (FullyConnected,):
        x, w = activation("x", (1, taps), 0.05, 0), constant("w", weights, scales)
        y = activation("y", (1, oc), 4.0, 0)
        return FullyConnected((x, w), (y,), False, "NONE")
    side = 1 if "1x1" in name else 2
    ic = taps // side**2
    w = constant("w", weights.reshape(oc, side, side, ic), scales)
    x = activation("x", (1, side, 41 + side, ic), 0.05, 0)
    y = activation("y", (1, 1, 42, oc), 0.5, 0)
    return Conv2D((x, w), (y,), (1, 1), (1, 1), "VALID", "NONE")


def bound(name: str) -> int:
    """What the absolute weights of an output have to stay below."""
    return 2**16 if named(name).ops == (FullyConnected,) else 2**13


def extremes(name: str) -> list[Graph]:
    """Layers of sums that are as far as they may be, of weights of one sign or of several."""
    most, rng = bound(name) - 1, np.random.default_rng(3)
    taps = 4 * -(-most // (4 * 126))
    found = []
    for signs in (np.ones(taps), -np.ones(taps), rng.choice((-1, 1), taps)):
        weights = np.zeros((4, taps), np.int64)
        weights[:] = most // taps
        weights[:, : most % taps] += 1
        assert np.abs(weights).sum(axis=1).max() == most
        weights *= np.stack([signs, -signs, signs, np.roll(signs, 1)]).astype(np.int64)
        found.append(network(layer(name, weights.astype(np.int8))))
    return found


@pytest.mark.parametrize("board", ["host", *BOARDS])
@pytest.mark.parametrize("name", NAMES)
def test_sums_next_to_the_bound(name: str, board: str, tmp_path: Path) -> None:
    """Where every input is at that end which makes the sums large."""
    graphs = {str(i): g for i, g in enumerate(extremes(name))}
    assert all(named(name).fits(g.ops[0]) for g in graphs.values())
    xs = []
    for g in graphs.values():
        op = g.ops[0]
        kind = np.broadcast_to(op.w.values[0].reshape(-1)[-op.x.shape[-1] :], op.x.shape)  # type: ignore[attr-defined]
        ends = [np.where(kind > 0, *pair) for pair in ((127, -128), (-128, 127))]
        xs.append(np.stack([*ends, np.full(op.x.shape, -128), np.full(op.x.shape, 127)]))
    check_on(board, name, graphs, [x.astype(np.int8) for x in xs], tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_sums_beyond_the_bound_are_refused(name: str) -> None:
    op = extremes(name)[0].ops[0]
    assert isinstance(op, Conv2D | FullyConnected)
    w = op.w.values.copy()
    w.reshape(4, -1)[2, -1] += 1 if w.reshape(4, -1)[2, -1] > 0 else -1
    more = replace(op, inputs=(op.x, replace(op.w, data=w), *op.inputs[2:]))
    assert named(name).fits(op)
    assert not named(name).fits(more)


@settings(deadline=None, derandomize=True, max_examples=8)
@given(st.lists(test_conv2d.shapes, min_size=12, max_size=12))
def test_any_convolution(several: list[dict[str, Any]]) -> None:
    for name in NAMES[:2]:
        graphs = {str(i): conv(**{**f, "iw": f["iw"] + 3}) for i, f in enumerate(several)}
        graphs = {i: g for i, g in graphs.items() if g.ops[0].check() is None}
        graphs = {i: g for i, g in graphs.items() if named(name).fits(g.ops[0])}
        if graphs:
            check_everywhere(collected(graphs), goal=goal(name))


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(test_fully_connected.layers, min_size=12, max_size=12))
def test_any_layer(several: list[dict[str, Any]]) -> None:
    graphs = {str(i): dense(**f) for i, f in enumerate(several)}
    graphs = {i: g for i, g in graphs.items() if g.ops[0].check() is None}
    graphs = {i: g for i, g in graphs.items() if named(NAMES[2]).fits(g.ops[0])}
    if graphs:
        check_everywhere(collected(graphs), goal=goal(NAMES[2]))
