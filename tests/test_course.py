"""Steps of several operators, row by row: what they hold, counted by hand, and the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, kernels, tflite
from ascua.ir import Graph, State, Tensor
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.conv2d import Conv2D
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.relu import Relu
from ascua.passes import prepare
from ascua.plan import GOALS, Goal, Plan, goal_named, plan
from tests.fuzz import oracle
from tests.ops.test_conv2d import conv
from tests.support import (
    activation,
    beside,
    check_everywhere,
    constant,
    featured,
    generated_c,
    network,
    reference,
    samples,
)
from tests.support import oracle as tflm
from tests.support.guard import walk
from tests.support.joined_plans import Case, differing
from tests.support.row_nets import RowNet
from tests.support.states import STATEFUL
from tests.support.wide import widened

HOST, M3, M55 = (
    featured(b, b.core.features - {"vectors"})
    for b in map(boards.load, ("host", "lm3s6965evb", "mps3-an547"))
)
"""Without vectors: what is held depends on kernels' scratch."""
RAM = goal_named("ram")
ROW = 11 * 6
"""Bytes of a row of most of the inputs here."""
LINES = 236
"""Bytes of three of these rows with a pixel of padding at both ends, to the next word."""


@dataclass(frozen=True)
class Known:
    """A network, and what of its plan for the least RAM on this computer is counted by hand."""

    graph: Graph
    calls: tuple[int, ...] | None = None
    bound: int | None = None
    loss: float = 1.1
    """How much more than the bound the placement takes, at most."""


def grown(
    make: Callable[[RowNet], Tensor | None], shape: tuple[int, ...] = (1, 14, 11, 6)
) -> Graph:
    """What `make` makes of a network; its answer is one of the outputs."""
    net = RowNet(shape)
    found = make(net)
    return net.graph(*([found] if found else []))


def function(n: RowNet) -> Tensor:
    return n.relu(n.conv(n.input, 16))


def unread(n: RowNet) -> Tensor:
    n.new_input((1, 50))
    return function(n)


def residual(n: RowNet) -> Tensor:
    return n.add(n.conv(n.input, 6), n.input)


def two_residuals(n: RowNet) -> Tensor:
    x = n.conv(n.input, 8, 5)
    y = n.add(n.conv(n.conv(x, 12, 1), 8, 3), x)
    return n.maximum(n.conv(n.conv(y, 0, 7), 8, 1), y)


def shortcut(n: RowNet) -> Tensor:
    return n.add(n.conv(n.conv(n.input, 8, 3, 2), 8), n.conv(n.input, 8, 1, 2))


def concat(n: RowNet) -> Tensor:
    return n.relu(n.concat(n.conv(n.input, 4, 1), n.conv(n.input, 4, 3)))


def midst(n: RowNet) -> Tensor:
    y = n.conv(n.input, 8)
    n.conv(n.relu(y), 4, 3, 2)
    return y


def ends(n: RowNet) -> None:
    """Two outputs of different heights, both from one tensor."""
    y = n.conv(n.input, 8)
    n.conv(y, 4, 5, 3)
    n.relu(n.conv(y, 3, 1))


def view(n: RowNet) -> Tensor:
    return n.conv(n.reshape(n.conv(n.input, 8), (1, 14, 22, 4)), 4, 3, 2)


def view_of_other_rows(n: RowNet) -> Tensor:
    return n.conv(n.reshape(n.conv(n.input, 8), (1, 7, 22, 8)), 4, 3, 2)


def vector(n: RowNet) -> Tensor:
    y = n.reshape(n.dense(n.input, 400), (1, 10, 10, 4))
    return n.conv(n.conv(y, 4), 2, 3, 2)


def expanded(n: RowNet) -> Tensor:
    x = n.leaky(n.relu(n.input))
    axis = constant("axis", np.array(2, np.int32))
    y = n.append(ExpandDims((x, axis), (n.tensor((1, 14, 1, 6)),)))
    return n.conv(y, 4, (5, 1))


def whole(n: RowNet) -> Tensor:
    return n.relu(n.conv(n.turned(n.conv(n.input, 8, 3, 2)), 4, 3, 2))


def sequence(n: RowNet) -> Tensor:
    x = n.conv(n.conv(n.input, 8, (7, 1)), 8, (5, 1), (2, 1))
    return n.conv(x, 4, (3, 1), (2, 1))


def inputs(n: RowNet) -> Tensor:
    return n.relu(n.add(n.conv(n.input, 6), n.new_input((1, 14, 11, 6))))


def parts(n: RowNet) -> Tensor:
    a, b = n.split(n.conv(n.input, 8))
    return n.concat(n.conv(a, 4), n.conv(b, 0, 5))


def head(n: RowNet) -> Tensor:
    x = n.pool(n.conv(n.conv(n.input, 12), 0, 5, 2, "VALID"), 2, 2, kind=AveragePool2D)
    return n.softmax(n.dense(n.mean(x), 5))


def dilated(n: RowNet) -> Tensor:
    return n.swish(n.conv(n.conv(n.input, 8, 3, dilation=2), 0, 3, dilation=3))


def wide_strides(n: RowNet) -> Tensor:
    """Rows that nobody reads, of a convolution and of the input."""
    return n.relu(n.conv(n.conv(n.input, 12, (2, 3), 3, "VALID"), 4, 1, 3))


NETWORKS = {
    # 13 rows of the output are there, when the last of the convolution is made of its lines.
    "function": Known(grown(function), (2,), 13 * 176 + 176 + LINES),
    # Beside that, 52 bytes that nobody reads.
    "unread": Known(grown(unread), (2,), 13 * 176 + 176 + LINES + 52),
    # Rows of the sum take the place of the input's; one of the convolution, to the next word.
    "residual": Known(grown(residual), (2,), 14 * ROW + 68 + LINES),
    # The first row, of 48 bytes: all the input is there, as the other branch has not begun.
    "shortcut": Known(grown(shortcut, (1, 15, 11, 6)), (4,), 15 * ROW + 48 + LINES + 2),
    # 400 bytes are read whole; three of the rows of 40 bytes, and as many of the output.
    "vector": Known(grown(vector, (1, 10)), (3,), 400 + 3 * 48 + 3 * 40 + 3 * 10 + 2),
    "two residuals": Known(grown(two_residuals)),
    "concat": Known(grown(concat)),
    "midst": Known(grown(midst)),
    "ends": Known(grown(ends)),
    "view": Known(grown(view), (2,)),
    "view of other rows": Known(grown(view_of_other_rows)),
    "expanded": Known(grown(expanded, (1, 14, 6))),
    "whole": Known(grown(whole)),
    "sequence": Known(grown(sequence, (1, 40, 1, 6)), (3,)),
    "inputs": Known(grown(inputs)),
    "parts": Known(grown(parts), loss=1.4),
    "head": Known(grown(head)),
    "dilated": Known(grown(dilated)),
    "wide strides": Known(grown(wide_strides)),
}
TYPED = ("residual", "concat", "midst", "sequence")
"""Those that are run of int16, too."""


def planned(graph: Graph, board: boards.Board = HOST, goal: Goal = RAM) -> Plan:
    """The plan, executed."""
    found = plan(prepare(graph), board, goal)
    walk(found)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_held(name: str) -> None:
    known = NETWORKS[name]
    p = planned(known.graph)
    if known.calls is not None:
        assert tuple(len(s.calls) for s in p.steps) == known.calls
    if known.bound is not None:
        assert p.arena.bound == known.bound
    assert p.arena.bytes <= known.loss * p.arena.bound
    assert p.arena.bytes <= min(planned(known.graph, goal=g).arena.bytes for g in GOALS)


def test_a_step_by_itself_takes_rows_where_others_were() -> None:
    """A convolution of stride 2 takes two rows for each that it makes: these lie over them."""
    net = RowNet((1, 14, 11, 6))
    net.conv(net.input, 16, 3, 2)
    p = planned(net.graph(), M3, goal_named("size"))
    assert (len(p.steps), p.arena.bytes) == (1, 14 * ROW + LINES)
    assert p.arena.whole_tensors == 14 * ROW + 7 * 6 * 16


def test_the_end_of_a_chain_is_written_over_its_input() -> None:
    net = RowNet((1, 14, 11, 6))
    net.relu(net.leaky(net.swish(net.input)))
    p = planned(net.graph())
    assert p.arena.bytes == 14 * ROW
    assert p.arena.proven


def test_rows_of_a_tensor_that_nobody_reads_again_are_not_held() -> None:
    """Of a tensor of 14 rows, as many as the window has: there is no ring, and no more."""
    net = RowNet((1, 14, 11, 2))
    net.pool(net.conv(net.input, 40), 14, 14, kind=AveragePool2D)
    p = planned(net.graph())
    assert p.arena.bytes < 14 * 11 * 40 + 400
    net = RowNet((1, 14, 11, 2))
    net.conv(net.pool(net.conv(net.input, 40), 2, 2), 2)
    p = planned(net.graph())
    rows = {v.tensor.name: v.rows for c in p.calls for v in c.reads if v.rows}
    assert len(rows) == 2
    assert {len(set(places)) for places in rows.values()} <= {2, 3, 4}


def test_a_graph_without_operators() -> None:
    x = activation("x", (1, 6, 2))
    for goal in GOALS:
        p = planned(Graph("nothing", (x,), (x,), ()), goal=goal)
        assert (p.steps, p.arena.bytes) == ((), 12)


@pytest.mark.parametrize("ih", [24, 22])
def test_kernels_that_make_several_rows_take_part(ih: int) -> None:
    """The rows of a block lie together, the last block's too, where fewer are made."""
    first = conv(ih=ih, iw=11, ic=4, oc=16).ops[0]
    relu = Relu((first.y,), (activation("relu", first.y.shape, 0.4, -3),))
    last = conv(ih=ih, iw=11, ic=16, oc=4).ops[0]
    end = (replace(last.y, name="end"),)
    graph = network(first, relu, replace(last, inputs=(relu.y, *last.inputs[1:]), outputs=end))
    others = {k.name for k in kernels.of(Conv2D)} - {"conv2d_winograd_s8"}
    goal = replace(RAM, avoid=frozenset(others))
    (step,) = planned(graph, goal=goal).steps
    names = [c.kernel.name for c in step.calls]
    assert names == ["conv2d_winograd_s8", "lut_s8", "conv2d_winograd_s8"]
    check_everywhere(graph, goal=goal)


# Bytes


def cases(graphs: dict[str, Graph], several: dict[str, tuple[boards.Board, Goal]]) -> list[Case]:
    """The networks, each planned in several ways, with tflite-micro's bytes."""
    read = [tflite.read(tflite.write(g)) for g in graphs.values()]
    xs = [samples(g, 3) for g in read]
    answers = oracle.outputs([tflite.write(g) for g in graphs.values()], xs)
    found = []
    for name, graph, x, expected in zip(graphs, read, xs, answers, strict=True):
        assert not isinstance(expected, str), expected
        for way, (board, goal) in several.items():
            # Names are one's own; inputs that nobody reads stay, which `beside` keeps.
            own = prepare(beside({f"{way}/{name}": graph}))
            p = planned(replace(own, name=f"{way}/{name}"), board, goal)
            found.append(Case(p, x, expected))
    return found


@pytest.mark.parametrize("kind", [g.kind for g in GOALS])
def test_bytes_are_those_of_tflm(kind: str, tmp_path: Path) -> None:
    goal = goal_named(kind)
    graphs = {name: known.graph for name, known in NETWORKS.items()}
    graphs |= {f"{name} of int16": widened(graphs[name]) for name in TYPED}
    shared = replace(goal, inline=False)
    several = {"m3": (M3, shared)}
    if kind == "ram":
        several |= {"host": (HOST, shared), "m55": (M55, shared)}
    assert differing(cases(graphs, several), HOST, tmp_path) == []


@pytest.mark.parametrize("name", ["residual", "shortcut", "midst"])
def test_bytes_with_a_copy_of_the_kernels_each(name: str) -> None:
    check_everywhere(NETWORKS[name].graph, goal=RAM)


@pytest.mark.emulator
def test_bytes_on_a_board(tmp_path: Path) -> None:
    graphs = {name: NETWORKS[name].graph for name in ("residual", "shortcut", "concat", "parts")}
    assert differing(cases(graphs, {"m3": (M3, RAM)}), M3, tmp_path) == []


def streaming() -> Graph:
    """Two states: one is read by rows in a loop, and one is what the other was a run ago."""
    net = RowNet((1, 14, 11, 6))
    held, before = net.new_input((1, 14, 11, 6)), net.new_input((1, 14, 11, 6))
    y = net.maximum(net.add(net.conv(held, 6), net.input), before)
    net.conv(y, 4, 3, 2)
    first = np.arange(14 * ROW).reshape(held.shape).astype(np.int8)
    states = (State("held", held, y, first), State("before", before, held, first[:, ::-1].copy()))
    graph = net.graph()
    return replace(graph, inputs=(net.input,), states=states)


@pytest.mark.parametrize("kind", [g.kind for g in GOALS])
def test_states(kind: str) -> None:
    goal = goal_named(kind)
    for graph in (streaming(), *(STATEFUL.values() if kind == "ram" else ())):
        for board in (HOST, M3):
            planned(graph, board, goal)
        xs = samples(graph, 5)
        expected = tflm(tflite.write(graph), xs)
        read = tflite.read(tflite.write(graph))
        for ys in (reference(read, xs), generated_c(read, xs, goal)):
            for y, e in zip(ys, expected, strict=True):
                np.testing.assert_array_equal(y, e)
