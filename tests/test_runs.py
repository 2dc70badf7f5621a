"""Work by pixels: each row of an image by a call of its own gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, kernels
from ascua.boards import Board
from ascua.ir import Graph
from ascua.kernels import Run
from ascua.ops.add import Add
from ascua.ops.conv2d import Conv2D
from ascua.ops.mul import Mul
from ascua.passes import prepare
from ascua.plan import Buffer, Call, Goal, Plan, View, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.ops.test_add import binary
from tests.ops.test_concatenation import concatenation
from tests.ops.test_conv2d import conv
from tests.ops.test_fully_connected import dense
from tests.ops.test_l2_normalization import normalization
from tests.ops.test_log_softmax import log_softmax
from tests.ops.test_softmax import softmax
from tests.ops.test_split import split
from tests.support import FAST, beside, featured, network, reference, samples, untold
from tests.support.examples import ALL

HOST = boards.load("host")
EVERY = featured(untold(HOST), frozenset().union(*(k.needs for k in kernels.every())))


def row(v: View, i: int) -> View:
    """Row i of an image."""
    b, size = v.buffer, v.tensor.bytes // v.tensor.shape[1]
    own = Buffer(f"{b.name} {i}", b.memory, b.offset + i * size, size, b.first, b.last, b.tensor)
    return View(own, v.tensor)


def calls(c: Call) -> Iterator[Call]:
    """A call as those of its rows."""
    y, work = c.op.outputs[0], c.kernel.work(c.op)
    tensors = (*c.op.activations, *c.op.outputs)
    images = all(len(t.shape) == 4 and t.shape[:3] == y.shape[:3] for t in tensors)
    if not isinstance(work, Run) or not images:
        yield c
        return
    for i in range(y.shape[1]):
        yield replace(
            c,
            params={**c.params, **work.params(y, 1)},
            reads=tuple(row(v, i) for v in c.reads),
            writes=tuple(row(v, i) for v in c.writes),
        )


def spread(p: Plan) -> Plan:
    """The plan with each buffer by itself: outputs of whole tensors may lie over inputs."""
    moved, at = {}, 0
    for b in p.buffers:
        if b.memory == p.arena.memory:
            moved[b] = replace(b, offset=at)
            at += -(-b.bytes // 8) * 8

    def views(several: Iterable[View]) -> tuple[View, ...]:
        return tuple(replace(v, buffer=moved.get(v.buffer, v.buffer)) for v in several)

    def call(c: Call) -> Call:
        lines, scratch = (moved[b] if b else None for b in (c.lines, c.scratch))
        places = {"reads": views(c.reads), "writes": views(c.writes)}
        return replace(c, lines=lines, scratch=scratch, **places)

    return replace(
        p,
        steps=tuple(replace(s, calls=tuple(map(call, s.calls))) for s in p.steps),
        buffers=tuple(moved.get(b, b) for b in p.buffers),
        inputs=views(p.inputs),
        outputs=views(p.outputs),
        arenas=(replace(p.arena, bytes=at), *p.arenas[1:]),
        states=tuple(
            replace(k, after=views([k.after])[0], copy=views([k.copy])[0] if k.copy else None)
            for k in p.states
        ),
    )


def by_rows(p: Plan) -> Plan:
    """The plan with a step for each row."""
    steps = [
        replace(s, name=f"step_{i}_{j}_{s.name[5:]}", calls=(c,))
        for i, s in enumerate(p.steps)
        for j, c in enumerate(calls(s.calls[0]))
    ]
    return replace(p, steps=tuple(steps))


def check(graph: Graph, goal: Goal, board: Board, folder: Path) -> set[str]:
    """Answers the kernels that rows were made by."""
    xs = samples(graph, 2)
    whole = spread(plan(graph, board, goal))
    rows = by_rows(whole)
    outcome = run(board, emit(rows, "net"), pack(xs), 2, build_dir=folder, sanitize=True)
    expected = reference(graph, xs)
    for y, e, t in zip(unpack(outcome.outputs, graph, 2), expected, graph.outputs, strict=True):
        if t.dtype == "float32":
            np.testing.assert_allclose(y, e, rtol=1e-6, err_msg=t.name)
        else:
            np.testing.assert_array_equal(y, e, t.name)
    kept = {id(c) for c in whole.calls}
    return {c.kernel.name for c in rows.calls if id(c) not in kept}


@pytest.mark.parametrize("inline", [False, True])
def test_every_example(inline: bool, tmp_path: Path) -> None:
    graph = beside({f"{n} {i}": prepare(g) for n in ALL for i, g in enumerate(ALL[n])})
    found = check(graph, replace(FAST, inline=inline), EVERY, tmp_path)
    assert len(found) > 12


def one(**fields: Any) -> Graph:
    """A pointwise convolution."""
    return conv(**{"kh": 1, "kw": 1, "ih": 4, "iw": 5, **fields})


def vectors() -> Graph:
    """A matrix times each pixel."""
    op = dense(k=6, oc=5).ops[0]
    x, y = (replace(t, shape=(1, 3, 4, t.shape[-1])) for t in (op.inputs[0], op.y))
    return network(replace(op, inputs=(x, *op.inputs[1:]), outputs=(y,), keep_num_dims=True))


ALIKE = (1, 3, 5, 6)
EACH = (1, 1, 1, 6)
PIXELS = {
    "pairs": one(ic=8, oc=6),
    "pairs, eleven columns": one(ic=8, oc=3, iw=11),
    "fewer than four columns": one(ic=8, oc=6, iw=3),
    "one channel": one(ic=1, oc=1),
    "vectors": vectors(),
    "concatenation": network(concatenation(-1, (1, 3, 4, 2), (1, 3, 4, 5))),
    "a constant a channel": network(binary(Add, ALIKE, EACH, const="b")),
    "a first constant": network(binary(Mul, EACH, ALIKE, const="a")),
    "one constant": network(binary(Mul, ALIKE, (1,), const="b")),
    "one channel, a constant": network(binary(Add, (1, 3, 5, 1), (1,), const="b")),
    "constants of their own": network(binary(Add, ALIKE, ALIKE, const="b")),
    "split": network(split((1, 3, 4, 6), 3, 2)),
    "softmax": softmax((1, 3, 4, 5)),
    "log softmax": network(log_softmax((1, 3, 4, 5))),
    "length": network(normalization((1, 3, 4, 5))),
}
MOST_CODE = frozenset({"conv2d_1x1_pairs_s8", "conv2d_compact_s8", "conv2d_s8"})


BY_FEATURES = {
    "": "conv2d_1x1_pairs_s8",
    "dsp": "conv2d_1x1_s8_dsp",
    "vectors": "conv2d_1x1_s8_vectors",
}
"""The kernel of 1x1 convolutions where a core has a feature."""


@pytest.mark.parametrize("feature", BY_FEATURES)
def test_pixels(feature: str, tmp_path: Path) -> None:
    board = featured(untold(HOST), frozenset({feature} - {""}))
    graph = beside({name: prepare(g) for name, g in PIXELS.items()})
    found = check(graph, FAST, board, tmp_path)
    others = {"concatenation_s8", "split_s8", "softmax_s8", "log_softmax_s8", "l2_normalization_s8"}
    if feature != "vectors":
        others |= {"add_broadcast_s8", "mul_broadcast_s8"}
    assert {BY_FEATURES[feature]} | others <= found
    avoid = MOST_CODE | {"conv2d_1x1_s8_vectors", "conv2d_1x1_s8_dsp"}
    found = check(graph, replace(FAST, avoid=avoid), HOST, tmp_path)
    assert "fully_connected_compact_s8" in found


def test_terms_of_rows() -> None:
    """As many as the kernel makes of each row."""
    op = prepare(one(iw=5, oc=6)).ops[0]
    kernel = next(k for k in kernels.of(Conv2D) if k.name == "conv2d_1x1_s8_dsp")
    whole, rows = kernel.terms(op), kernel.run_terms(op, 4)
    assert (whole["group"], rows["group"]) == (5, 4)
    assert (whole["single"], rows["single"]) == (0, 4)
    pair = next(k for k in kernels.of(Conv2D) if k.name == "conv2d_1x1_pairs_s8")
    whole, rows = pair.terms(op), pair.run_terms(op, 4)
    assert (whole["group"], rows["group"]) == (5, 4)
    assert (whole["alone"], rows["alone"]) == (0, 4)
