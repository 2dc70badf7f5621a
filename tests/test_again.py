"""Rows made again instead of being kept: counted by hand, and the same bytes in less memory."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.boards import Board
from ascua.errors import InputError
from ascua.ir import Graph, Tensor
from ascua.kernels import Rows
from ascua.passes import prepare
from ascua.plan import Goal, Plan, plan
from ascua.plan.again import again
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import reference, samples
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small
from tests.support.guard import walk
from tests.support.row_nets import RowNet
from tests.support.tools import require_board
from tests.support.zoo_files import int8_file

HOST, M3 = (boards.load(name) for name in ("host", "lm3s6965evb"))
FACTORS = (1.1, 1.5, 3.0)
WINDOW = Rows(kh=3, py=1)


def planned(graph: Graph, factor: float, board: Board = HOST, *, by_rows: bool = False) -> Plan:
    """The plan for the least RAM with so many times the multiply-accumulates, executed bytewise."""
    goal = Goal("ram", patch=factor, by_rows=by_rows, seconds=0.5)
    found = plan(graph, board, goal)
    walk(found)
    return found


def made_again(p: Plan) -> int:
    """How many calls make rows again."""
    return sum(c.again is not None for c in p.calls)


def checked(p: Plan, folder: Path) -> None:
    """The plan's bytes are those of the reference, of the host under sanitizers."""
    xs = samples(p.graph, 2)
    found = run(p.board, emit(p, "net"), pack(xs), 2, build_dir=folder,
                sanitize=p.board.name == "host")  # fmt: skip
    for y, e in zip(unpack(found.outputs, p.graph, 2), reference(p.graph, xs), strict=True):
        np.testing.assert_array_equal(y, e)


def block(net: RowNet, x: Tensor, wide: int, k: int = 3, stride: int = 1, oc: int = 0) -> Tensor:
    """An inverted residual, from a narrow image to a narrow one."""
    y = net.conv(net.conv(x, wide, 1, act="RELU"), 0, k, stride, act="RELU")
    y = net.conv(y, oc or x.shape[3], 1)
    return net.add(x, y) if y.shape == x.shape else y


def blocks(seed: int) -> Graph:
    """Some of them, with kernels of 3 and 5 and strides of 1 and 2."""
    rng = Random(seed)
    net = RowNet((1, rng.randint(40, 56), rng.randint(5, 9), 1), seed)
    x = net.conv(net.input, 6, rng.choice((1, 3)))
    for _ in range(rng.randint(2, 3)):
        x = block(net, x, rng.choice((24, 30)), rng.choice((3, 3, 5)), rng.choice((1, 1, 2)))
    return prepare(net.graph(net.mean(x)))


@cache
def two_blocks(k: int = 3, stride: int = 1) -> Graph:
    """The second one's expansion is held while the first one works."""
    net = RowNet((1, 48, 8, 1))
    x = block(net, net.conv(net.input, 6, 1), 32)
    return prepare(net.graph(net.mean(block(net, x, 32, k, stride))))


# -- by hand


def test_windows() -> None:
    kept = again(4, WINDOW, 4, ())
    assert kept.rows == (0, 1, 2, 3), "each once"
    assert kept.windows == ((None, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, None))
    found = again(4, WINDOW, 4, {2})
    assert found.rows == (0, 1, 2, 1, 2, 3)
    assert found.windows == ((None, 0, 1), (0, 1, 2), (3, 4, 5), (4, 5, None))
    assert found.lasts == [1, 1, 1, 2, 3, 3]
    every = again(3, Rows(kh=3, sy=2), 7, range(3))
    assert every.rows == (0, 1, 2, 2, 3, 4, 4, 5, 6)


def test_dilation() -> None:
    found = again(3, Rows(kh=2, sy=2, dy=2), 6, {1})
    assert found.rows == (0, 2, 2, 4)
    assert found.windows == ((0, 1), (2, 3), (3, None))


def test_multiply_accumulates() -> None:
    """Of each row that is made, and of no more than is allowed."""
    graph = two_blocks()
    once = planned(graph, 1.0)
    macs = 48 * 8 * (6 + 2 * 32 * (6 + 9 + 6))
    assert once.macs == macs
    assert made_again(once) == 0
    for factor in FACTORS:
        p = planned(graph, factor)
        row = 8 * 32 * 6
        more = sum(len(c.again) - 48 for c in p.calls if c.again is not None)
        assert p.macs == macs + more * row
        assert macs <= p.macs <= factor * macs
        assert p.macs == sum(s.macs for s in p.steps)


def test_less_memory_for_more() -> None:
    graph = two_blocks()
    peaks = [max(s.peak for s in planned(graph, f).steps) for f in (1.0, *FACTORS)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < peaks[0] - 8 * 32, "more than a wide row"
    assert made_again(planned(graph, 3.0)) > 0


def test_cost_is_of_what_is_executed() -> None:
    p = planned(two_blocks(), 3.0, M3)
    calls = [c for c in p.calls if c.again is not None]
    assert calls
    once = {c.op: c.cost for c in plan(p.graph, M3, Goal("ram", seconds=0.5)).calls}
    for c in calls:
        assert c.again is not None
        assert c.cost
        assert once[c.op]
        assert c.macs == c.op.macs() * len(c.again) // 48


# -- bytes


def compared(seed: int, factor: float, folder: Path, *, by_rows: bool) -> int:
    """How many calls of the network's plan make rows again; its bytes are the reference's."""
    graph = blocks(seed)
    once, p = (planned(graph, f, by_rows=by_rows) for f in (1.0, factor))
    assert p.arena.bytes <= once.arena.bytes
    assert once.macs == graph.macs()
    assert p.macs <= factor * graph.macs()
    if made_again(p):
        checked(p, folder / f"{seed}")
    return made_again(p)


@pytest.mark.parametrize(
    ("factor", "by_rows"),
    [
        pytest.param(FACTORS[0], False, marks=pytest.mark.slow),
        (FACTORS[1], True),
        pytest.param(FACTORS[2], False, marks=pytest.mark.slow),
    ],
)
def test_networks(factor: float, by_rows: bool, tmp_path: Path) -> None:
    assert sum(compared(seed, factor, tmp_path, by_rows=by_rows) for seed in range(2))


@pytest.mark.slow
@pytest.mark.parametrize("by_rows", [False, True], ids=["resident", "rows"])
def test_many_networks(by_rows: bool, tmp_path: Path) -> None:
    found = [
        compared(seed, FACTORS[seed % len(FACTORS)], tmp_path, by_rows=by_rows)
        for seed in range(100, 160)
    ]
    assert sum(map(bool, found)) > 20


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_windows_of_plans(k: int, stride: int, tmp_path: Path) -> None:
    p = planned(two_blocks(k, stride), 3.0)
    assert made_again(p)
    checked(p, tmp_path)


def test_padded_lines(tmp_path: Path) -> None:
    """Where the reader copies rows with their padding."""
    graph = two_blocks()
    avoid = frozenset(
        f"depthwise_conv2d_{kind}" for kind in ("3x3_clipped_s8", "clipped_s8", "rows_s8_vectors")
    )
    p = plan(graph, HOST, Goal("ram", patch=3.0, avoid=avoid, seconds=0.5))
    walk(p)
    assert made_again(p)
    assert any(c.under and c.lines for c in p.calls)
    checked(p, tmp_path)


@pytest.mark.emulator
def test_on_a_board(tmp_path: Path) -> None:
    require_board(M3)
    for graph, by_rows in ((two_blocks(), False), (blocks(1), True)):
        p = planned(graph, 3.0, M3, by_rows=by_rows)
        assert made_again(p)
        checked(p, tmp_path / str(by_rows))


# -- the command


def test_what_is_no_factor(tmp_path: Path) -> None:
    model = model_file(tmp_path, small())
    for text in ("0.9", "-1", "nan", "inf"):
        found = ascua("analyze", model, "--goal", "ram", "--patch", text)
        refused(found, 1, f"--patch {text}", "1 or more")
    refused(ascua("analyze", model, "--patch", "1.5"), 1, "--patch 1.5", "`--goal ram`")
    with pytest.raises(InputError):
        replace(Goal("ram", patch=2.0), kind="speed")


def test_what_is_executed_is_said(tmp_path: Path) -> None:
    model = model_file(tmp_path, two_blocks())
    again = ("-b", M3.name, "--goal", "ram", "--patch", "3", "--max-allocator-solve-secs", "1")
    found = ascua("analyze", model, *again, "--json")
    told = json.loads(found.out)
    assert told["macs"] > told["macs_model"] == two_blocks().macs()
    assert told["macs"] == sum(layer["macs"] for layer in told["layers"])
    found = ascua("analyze", model, *again)
    assert f"{told['macs']:,}" in found.out
    assert f"{told['macs_model']:,}" in found.out


@pytest.mark.slow
@pytest.mark.train
def test_mobilenet_v2(tmp_path: Path) -> None:
    """An image of 144 pixels by rows, with a tenth more multiply-accumulates."""
    path = int8_file("mobilenet_v2_0.35_144_vww", tmp_path)
    graph = prepare(tflite.read(path.read_bytes()))
    p = plan(graph, M3, Goal("ram", patch=1.1, by_rows=True))
    walk(p)
    assert max(s.peak for s in p.steps) <= 18_600
    assert p.arena.bytes <= 21_200
    assert p.macs <= 1.1 * graph.macs()
