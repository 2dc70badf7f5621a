"""Kernels for some cores give the same bytes as the plain ones that they replace."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, kernels, ops
from ascua.boards import Board
from ascua.errors import AscuaError, Unsupported
from ascua.ir import Array, Graph
from ascua.kernels._winograd import Winograd
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mul import Mul
from ascua.ops.sub import Sub
from ascua.passes import prepare
from ascua.plan import BALANCED, Goal, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.ops import test_conv2d, test_depthwise_conv2d
from tests.ops.test_add import binary
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.ops.test_mean import CASES as MEANS
from tests.ops.test_mean import mean
from tests.support import FAST, beside, collected, featured, network, reference, samples, untold
from tests.support.examples import ALL
from tests.support.pairs import BROADCASTS
from tests.support.pools import CASES as POOLS
from tests.support.pools import pool
from tests.support.tools import RUNNABLE, require_board, require_tool
from tests.support.tune import ROWS

ASSEMBLY = "__asm__"
VARIANTS = sorted(
    {
        k.name
        for k in kernels.every()
        if k.needs or ASSEMBLY in (kernels.FOLDER / f"{k.name}.h").read_text(encoding="utf-8")
    }
)
"""Kernels that are not the same on this computer and on some board."""

LAYERS = {
    "conv2d": {name: conv(**fields) for name, fields in test_conv2d.CASES.items()},
    "fully connected": {str(k): dense(k=k, oc=13) for k in range(1, 10)},
    "depthwise": {n: depthwise(**fields) for n, fields in test_depthwise_conv2d.CASES.items()},
    "average pools": {n: pool(AveragePool2D, **fields) for n, fields in POOLS.items()},
    "max pools": {n: pool(MaxPool2D, **fields) for n, fields in POOLS.items()},
    "means": {n: mean(**fields) for n, fields in MEANS.items()},
    "pairs": {
        f"{kind.__name__} {a} {b}": network(binary(kind, a, b, const=const))
        for kind in (Add, Sub, Mul)
        for a, b, const in BROADCASTS
    },
}
SAMPLES = 4
TIMED = "mps2-an385", "mps2-an385-m0", "riscv32-virt"
"""Boards whose cores have a timing, and no feature: Cortex-M3, M0, RV32."""


VECTORS = ("mps3-an547", "arm-linux")
"""Boards with vectors: Helium, and Neon."""


def replaced() -> list[tuple[str, str]]:
    """Kernels in whose place others could run something, each with a board that takes it."""
    found = []
    for name in sorted({k.name for k in kernels.every()}):
        needs = next(k.needs for k in kernels.every() if k.name == name)
        able = [
            b for b in (*map(boards.load, TIMED), *map(boards.load, RUNNABLE))
            if needs <= b.core.features and b.core.timing is not None
        ]  # fmt: skip
        graph = graph_for(name)
        for board in able[: len(TIMED)] if not needs else able[:1]:
            if any(c.kernel.name == name for c in plan(graph, board, FAST).calls):
                with contextlib.suppress(AscuaError):  # where it is the only one
                    plan(graph, board, Goal(kind="speed", avoid=frozenset({name})))
                    found.append((name, board.name))
                break
    return found


def graph_for(name: str) -> Graph:
    """All examples that some kernel of this name runs, side by side."""
    kinds = {kind for k in kernels.every() if k.name == name for kind in k.ops}
    names = [n for n in ALL if issubclass(ops.OPERATORS[n], tuple(kinds))]
    return beside({f"{n} {i}": prepare(g) for n in names for i, g in enumerate(ALL[n])})


def before(name: str) -> frozenset[str]:
    """The kernels that would be taken before one for loops over rows, tiles, or a second one."""
    every = [*kernels.every()]
    own = next(k for k in every if k.name == name)
    if own.needs and name not in ROWS and not isinstance(own, Winograd):
        return frozenset()
    first = every[: every.index(own)]
    return frozenset(k.name for k in first if {*k.ops} & {*own.ops} and k.weights == own.weights)


def outputs(board: Board, graph: Graph, goal: Goal, build: Path) -> list[Array]:
    """What a board answers to the fixed samples."""
    xs = samples(graph, SAMPLES)
    made = emit(plan(graph, board, goal), "net")
    done = run(board, made, pack(xs), SAMPLES, build_dir=build, sanitize=board.name == "host")
    return unpack(done.outputs, graph, SAMPLES)


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_bytes(name: str, tmp_path: Path) -> None:
    """On this computer, as if it had the features, and on a board that has them: of each kind."""
    needs = next(k.needs for k in kernels.every() if k.name == name)
    host = featured(boards.load("host"), needs)
    known = (untold(boards.load(n)) for n in (*TIMED, *RUNNABLE))
    having = [next(b for b in known if needs <= b.core.features)]
    if "vectors" in needs:
        having = [untold(boards.load(n)) for n in VECTORS]
    graph = graph_for(name)
    expected = reference(graph, samples(graph, SAMPLES))
    for board in (host, *having):
        require_board(board)
        with_it = Goal(kind="speed", avoid=before(name))
        without = Goal(kind="speed", avoid=before(name) | {name})
        assert any(c.kernel.name == name for c in plan(graph, board, with_it).calls)
        goals = [with_it]
        with contextlib.suppress(Unsupported):  # where it is the only one
            assert not any(c.kernel.name == name for c in plan(graph, board, without).calls)
            goals.append(without)
        for goal in goals:
            for y, e in zip(outputs(board, graph, goal, tmp_path), expected, strict=True):
                np.testing.assert_array_equal(y, e, f"{name} on {board.name}")


@pytest.mark.emulator
@pytest.mark.parametrize("name", [*TIMED[:2], *VECTORS])
@pytest.mark.parametrize("layers", LAYERS)
def test_assembly_runs_every_shape(layers: str, name: str, tmp_path: Path) -> None:
    """What the operators' own tests compare on this computer, where other code runs."""
    board, graph = untold(boards.load(name)), prepare(collected(LAYERS[layers]))
    require_board(board)
    expected = reference(graph, samples(graph, SAMPLES))
    for y, e in zip(outputs(board, graph, Goal(), tmp_path), expected, strict=True):
        np.testing.assert_array_equal(y, e)


@pytest.mark.emulator
@pytest.mark.parametrize(("name", "board_name"), replaced())
def test_what_is_chosen_takes_no_more_model_cycles(
    name: str, board_name: str, tmp_path: Path
) -> None:
    """Than what it replaces, over all examples: fewer instructions alone are no reason."""
    board, graph = boards.load(board_name), graph_for(name)
    require_board(board)
    require_tool("qemu plugin")
    totals = []
    for goal in (FAST, Goal(kind="speed", avoid=frozenset({name}))):
        xs = samples(graph, 1)
        made = emit(plan(graph, board, goal), "net")
        found = run(board, made, pack(xs), 1, build_dir=tmp_path).cycles
        assert found is not None
        totals.append(found.total.assumed)
    # Tables are estimates: what is as good as equal may be either.
    assert totals[0] <= 1.01 * totals[1], (
        f"{name}: {totals[0]:,.0f} cycles, without it {totals[1]:,.0f}"
    )


def test_those_that_need_most_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant is one class more: the board that has what it needs takes it."""
    graph, old = prepare(ALL["ADD"][0]), untold(boards.load("lm3s6965evb"))
    plain = plan(graph, old).calls[0].kernel
    needs = frozenset({"new"})
    variant = type("AddS8New", (type(plain),), {"name": "add_s8_new", "needs": needs})
    every = [*kernels.of(Add), variant()]
    monkeypatch.setattr(kernels, "of", lambda _: tuple(sorted(every, key=lambda k: -len(k.needs))))
    new = featured(old, needs)
    avoid = Goal(avoid=frozenset({"add_s8_new"}))
    used = [
        plan(graph, board, goal).calls[0].kernel.name
        for board, goal in ((new, BALANCED), (new, avoid), (old, BALANCED))
    ]
    assert used == ["add_s8_new", plain.name, plain.name]
