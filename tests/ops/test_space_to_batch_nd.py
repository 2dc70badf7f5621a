"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, and the dilated convolutions between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.reshape import Reshape
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.passes import prepare
from ascua.plan import BALANCED, Goal
from ascua.run import tflm
from tests.support import (
    SHARED,
    activation,
    check_everywhere,
    constant,
    generated_c,
    network,
    reference,
    samples,
    together,
)

Shape = tuple[int, ...]
Ends = list[tuple[int, int]]


def integers(name: str, values: Any) -> Tensor:
    return constant(name, np.array(values, np.int32))


def to_batch(shape: Shape, block: Shape, pads: Ends, name: str = "y", zero: int = 0) -> Op:
    """SPACE_TO_BATCH_ND of shape (b, spatial..., c)."""
    b, *spatial, c = shape
    parts = [(n + sum(p)) // k for n, k, p in zip(spatial, block, pads, strict=True)]
    x = activation("x", shape, 0.05, zero)
    y = activation(name, (b * int(np.prod(block)), *parts, c), 0.05, zero)
    return SpaceToBatchND((x, integers("block", block), integers("pads", pads)), (y,))


def to_space(shape: Shape, block: Shape, crops: Ends, name: str = "y") -> Op:
    """BATCH_TO_SPACE_ND of shape (b, spatial..., c)."""
    b, *spatial, c = shape
    whole = [n * k - sum(p) for n, k, p in zip(spatial, block, crops, strict=True)]
    y = activation(name, (b // int(np.prod(block)), *whole, c), 0.05, 9)
    x = activation("x", shape, 0.05, 9)
    return BatchToSpaceND((x, integers("block", block), integers("crops", crops)), (y,))


def check_in_a_fresh_process(graph: Graph, goal: Goal = BALANCED) -> None:
    """As `check_everywhere`; TFLM pads with memory that it never writes: 0 in a new process."""
    xs = samples(graph, 3)
    expected = tflm.run(tflite.write(graph), xs, len(graph.outputs))
    for ys in (reference(graph, xs), reference(prepare(graph), xs), generated_c(graph, xs, goal)):
        for y, e, t in zip(ys, expected, graph.outputs, strict=True):
            np.testing.assert_array_equal(y, e, t.name)


NONE: Ends = [(0, 0), (0, 0)]


def test_to_batch_equals_tflm() -> None:
    cases: list[tuple[Shape, Shape, Ends]] = [
        ((1, 4, 6, 3), (2, 2), NONE),
        ((2, 4, 6, 3), (2, 3), NONE),
        ((1, 4, 6, 20), (1, 2), NONE),
        ((1, 3, 2, 1), (1, 1), NONE),
        ((1, 6, 3), (3,), [(0, 0)]),
        ((2, 6, 3), (2,), [(0, 0)]),
    ]
    check_everywhere(together(*(to_batch(*case, name=str(case)) for case in cases)))


def test_padding_with_zero() -> None:
    cases: list[tuple[Shape, Shape, Ends]] = [
        ((1, 3, 5, 3), (2, 2), [(1, 0), (0, 1)]),
        ((1, 3, 5, 2), (2, 3), [(2, 3), (4, 3)]),
        ((2, 2, 2, 1), (3, 2), [(0, 1), (3, 1)]),
        ((1, 5, 3), (4,), [(2, 1)]),
    ]
    check_in_a_fresh_process(together(*(to_batch(*case, name=str(case)) for case in cases)))


small = st.integers(1, 3)


@settings(max_examples=3)
@given(st.lists(st.tuples(*[small] * 6, st.tuples(*[st.integers(0, 3)] * 4)), min_size=8,
                max_size=8))  # fmt: skip
def test_any_blocks(cases: list[tuple[int, int, int, int, int, int, tuple[int, ...]]]) -> None:
    ops = []
    for i, (b, h, w, c, by, bx, (top, down, left, right)) in enumerate(cases):
        ops.append(to_batch((b, h * by, w * bx, c), (by, bx), NONE, f"to batch {i}"))
        rows, columns = (top, down), (left, right)
        crops = [
            (min(before, n - 1), min(after, n - 1 - min(before, n - 1)))
            for n, (before, after) in ((h * by, rows), (w * bx, columns))
        ]
        ops.append(to_space((b * by * bx, h, w, c), (by, bx), crops, f"to space {i}"))
    check_everywhere(together(*ops), n=2)


def dilated(
    h: int = 7, w: int = 9, c: int = 3, k: Shape = (3, 3), d: Shape = (2, 2),
    padding: str = "VALID", zero: int = -9, depthwise: bool = False, extra: int = 0,
    shift: int = 0, name: str = "y",
) -> Graph:  # fmt: skip
    """Padding to whole blocks, VALID convolution, cropping.

    There are `extra` blocks more of padding, and `shift` pixels padded before and cropped again.
    """
    rng = np.random.default_rng(3)
    size, reach = (h, w), tuple((n - 1) * m for n, m in zip(k, d, strict=True))
    before = tuple((r // 2 if padding == "SAME" else 0) + shift for r in reach)
    out = size if padding == "SAME" else tuple(n - r for n, r in zip(size, reach, strict=True))
    # The last output pixel reads up to `end`; whole blocks hold it.
    ends = [max(n + b, o + r + shift) for n, b, o, r in zip(size, before, out, reach, strict=True)]
    blocks = [-(-e // m) + extra for e, m in zip(ends, d, strict=True)]
    pads = [(b, m * n - b - s) for b, m, n, s in zip(before, d, blocks, size, strict=True)]
    x = activation("x", (1, h, w, c), 0.05, zero)
    batch = replace(x, name="batch", shape=(d[0] * d[1], *blocks, c))
    inner = [n - m + 1 for n, m in zip(blocks, k, strict=True)]
    oc = c if depthwise else 4
    z = activation("z", (d[0] * d[1], *inner, oc), 0.4, 4)
    y = replace(z, name=name, shape=(1, *out, oc))
    crops = [(shift, n * m - o - shift) for n, m, o in zip(inner, d, out, strict=True)]
    shape = (1, *k, c) if depthwise else (oc, *k, c)
    scales = list(rng.uniform(0.002, 0.02, oc))
    weights = constant("w", rng.integers(-127, 128, shape).astype(np.int8), scales, 3 * depthwise)
    bias = constant("b", rng.integers(-3000, 3000, oc).astype(np.int32))
    given = (batch, weights, bias)
    conv: Op
    if depthwise:
        conv = DepthwiseConv2D(
            given, (z,), (1, 1), (1, 1), padding="VALID", activation="RELU", multiplier=1
        )
    else:
        conv = Conv2D(given, (z,), (1, 1), (1, 1), "VALID", "NONE")
    return network(
        SpaceToBatchND((x, integers("block", d), integers("pads", pads)), (batch,)),
        conv,
        BatchToSpaceND((z, integers("block", d), integers("crops", crops)), (y,)),
    )


def only(graph: Graph) -> Any:
    """The one operator of the prepared graph."""
    (op,) = prepare(graph).ops
    return op


DILATIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "VALID"),
    ({"h": 8, "w": 12, "d": (2, 3)}, "VALID"),
    ({"extra": 2}, "VALID"),
    ({"shift": 3}, "VALID"),
    ({"k": (1, 3), "d": (1, 4), "w": 20}, "VALID"),
    ({"padding": "SAME", "zero": 0}, "SAME"),
    ({"padding": "SAME", "zero": 0, "d": (3, 1), "k": (3, 1), "h": 10}, "SAME"),
    ({"padding": "SAME", "zero": 0, "k": (2, 4), "shift": 1}, "SAME"),
]


def test_becomes_one_convolution() -> None:
    graphs = []
    for fields, padding in DILATIONS:
        for depthwise in (False, True):
            name = f"{fields} {depthwise}"
            graphs.append(dilated(**fields, depthwise=depthwise, name=name))
            op = only(graphs[-1])
            assert (op.padding, op.dilation) == (padding, fields.get("d", (2, 2)))
            assert (op.x.name, op.y.name) == ("x", name)
    inputs, outputs, ops = (
        tuple(part for g in graphs for part in getattr(g, kind))
        for kind in ("inputs", "outputs", "ops")
    )
    check_in_a_fresh_process(Graph("all", inputs, outputs, ops), SHARED)


@settings(max_examples=30)
@given(
    st.tuples(small, small), st.tuples(small, small), st.sampled_from(["SAME", "VALID"]),
    st.integers(0, 4), st.integers(0, 1), st.booleans(), st.integers(0, 3),
)  # fmt: skip
def test_any_dilation(
    k: Shape, d: Shape, padding: str, more: int, extra: int, depthwise: bool, shift: int
) -> None:
    h, w = ((n - 1) * m + 1 + more for n, m in zip(k, d, strict=True))
    graph = dilated(h, w, 2, k, d, padding, 0, depthwise, extra, shift)
    xs = samples(graph, 2)
    expected: Array = reference(graph, xs)[0]
    np.testing.assert_array_equal(reference(prepare(graph), xs)[0], expected)
    only(graph)


@pytest.mark.parametrize("column", [False, True])
def test_one_dimension(column: bool) -> None:
    """Views between: what exporters make of a dilated Conv1D."""
    graph = dilated(h=1, w=12, k=(1, 3), d=(1, 4))
    space, conv, batch = graph.ops

    def line(t: Tensor, name: str) -> Tensor:
        return replace(t, name=name, shape=(t.shape[0], *t.shape[2:]))

    def turned(t: Tensor) -> Tensor:
        b, h, w, c = t.shape
        return replace(t, shape=(b, w, h, c)) if column else t

    x, y = line(space.x, "x"), line(batch.y, "y")
    parts, results = line(space.y, "parts"), line(conv.y, "results")
    image, z = turned(conv.x), turned(conv.y)
    weights = conv.inputs[1]
    assert weights is not None
    if column:
        weights = constant("w", weights.values.transpose(0, 2, 1, 3), list(weights.q.scales))
    pads, crops = (t.values[1:] for t in (space.inputs[2], batch.inputs[2]) if t is not None)
    flat = network(
        SpaceToBatchND((x, integers("block", [4]), integers("pads", pads)), (parts,)),
        Reshape((parts,), (image,)),
        replace(conv, inputs=(image, weights, conv.inputs[2]), outputs=(z,)),
        Reshape((z,), (results,)),
        BatchToSpaceND((results, integers("block", [4]), integers("crops", crops)), (y,)),
    )
    kinds = [op.kind for op in prepare(flat).ops]
    assert kinds == ["reshape", "conv2d", "reshape"]
    check_in_a_fresh_process(flat)


def test_stays_apart() -> None:
    """Where a part is read elsewhere, or would change: then the batch is refused."""

    def kinds(graph: Graph) -> list[str]:
        try:
            return [op.kind for op in prepare(graph).ops]
        except Unsupported as e:
            return [str(e)]

    graph = dilated(zero=0)
    space, conv, batch = graph.ops
    assert kinds(graph) == ["conv2d"]
    assert "batch of 4" in kinds(replace(graph, outputs=(conv.y, batch.y)))[0]
    strided = replace(conv, stride=(2, 2))
    assert "batch of 4" in kinds(network(space, strided, batch))[0]
    block = BatchToSpaceND((conv.y, integers("block", [4, 1]), batch.inputs[2]), batch.outputs)
    assert "SPACE" in kinds(network(space, conv, block))[0]
    other = replace(batch.y, quant=activation("", ()).quant)
    assert "batch of 4" in kinds(network(space, conv, replace(batch, outputs=(other,))))[0]
    same = dilated(padding="SAME", zero=-128)
    assert "TFLM pads with what happens to be in memory" in kinds(same)[0]


def test_refuses() -> None:
    op = to_batch((1, 4, 6, 3), (2, 2), NONE)

    def reason(block: Any = (2, 2), ends: Any = NONE, kind: type[Op] = SpaceToBatchND) -> str:
        given = to_space((4, 2, 3, 3), (2, 2), NONE) if kind is BatchToSpaceND else op
        inputs = (given.x, integers("block", block), integers("ends", ends))
        return kind(inputs, given.outputs).check() or ""

    assert reason() == reason(kind=BatchToSpaceND) == ""
    assert "no batch of 2: export the model with a fixed batch of 1" in reason((1, 2))
    assert "instead of [4, 1, 6, 3]" in reason((4, 1))
    assert "do not divide 4 by 6" in reason((3, 2))
    assert "for 2 spatial dimensions" in reason((2,))
    assert "negative" in reason((0, 2))
    assert "negative" in reason(ends=[(-1, 1), (0, 0)])
    assert "do not divide a batch of 4" in reason((3, 1), kind=BatchToSpaceND)
    assert "are left" in reason(ends=[(1, 1), (0, 0)], kind=BatchToSpaceND)
    assert "'x' has 2 dimensions" in (to_batch((1, 3), (), []).check() or "")
    padded = to_batch((1, 3, 5, 3), (2, 2), [(1, 0), (0, 1)], zero=-5)
    assert "instead of the zero point -5" in (padded.check() or "")
    computed = SpaceToBatchND((op.x, Tensor("b", (2,), "int32"), op.inputs[2]), op.outputs)
    assert "block are not constants" in (computed.check() or "")
