"""BATCH_MATMUL: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.boards import load
from ascua.ir import Tensor
from ascua.ops.batch_matmul import BatchMatMul
from ascua.passes import prepare
from ascua.plan import plan
from tests.support import activation, check_everywhere, check_reference, network, together
from tests.support.wide import widened

Shape = tuple[int, ...]


def product(
    a: Shape = (1, 4, 6), b: Shape = (1, 6, 5), adj_x: bool = False, adj_y: bool = False,
    scales: tuple[float, float, float] = (0.05, 0.031, 0.07),
    zeros: tuple[int, int, int] = (-3, 5, 11), const: str = "", y: Shape | None = None,
    name: str = "y",
) -> BatchMatMul:  # fmt: skip
    """One operator; `const` names which of its inputs are constants."""
    inputs = []
    for i, (t_name, s) in enumerate((("a", a), ("b", b))):
        t = activation(t_name, s, scales[i], zeros[i])
        if t_name in const:
            data = np.random.default_rng(3).integers(-128, 128, s).astype(np.int8)
            t = Tensor(t_name, s, "int8", t.quant, data)
        inputs.append(t)
    if y is None:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
        y = (*batch, a[-1 if adj_x else -2], b[-2 if adj_y else -1])
    out = activation(name, y, scales[2], zeros[2])
    return BatchMatMul(tuple(inputs), (out,), adj_x, adj_y)


def swapped(s: Shape, swap: bool) -> Shape:
    """`s` with its last two dimensions in the other order."""
    return (*s[:-2], s[-1], s[-2]) if swap else s


SHAPES: list[tuple[Shape, Shape]] = [
    ((1, 4, 6), (1, 6, 5)),
    ((4, 6), (6, 5)),
    ((3, 4, 6), (3, 6, 5)),
    ((3, 4, 6), (1, 6, 5)),
    ((1, 4, 6), (3, 6, 5)),
    ((3, 4, 6), (6, 5)),
    ((4, 6), (3, 6, 5)),
    ((2, 3, 4, 6), (2, 1, 6, 5)),
    ((2, 1, 4, 6), (1, 3, 6, 5)),
    ((1, 3, 4, 6), (2, 1, 6, 5)),
    ((2, 3, 4, 6), (3, 6, 5)),
    ((3, 4, 6), (2, 3, 6, 5)),
    ((2, 3, 4, 6), (1, 6, 5)),
    ((2, 1, 3, 4, 6), (1, 2, 1, 6, 5)),
    ((2, 2, 3, 2, 6), (2, 2, 3, 6, 3)),
    ((1, 1, 6), (1, 6, 1)),
    ((1, 4, 1), (1, 1, 5)),
]


@pytest.mark.parametrize("adj_x", [False, True])
@pytest.mark.parametrize("adj_y", [False, True])
def test_shapes(adj_x: bool, adj_y: bool) -> None:
    ops = [
        product(swapped(a, adj_x), swapped(b, adj_y), adj_x, adj_y, const=c, name=f"{a} {b} {c}")
        for i, (a, b) in enumerate(SHAPES)
        for c in (("", "b", "a")[i % 3],)
    ]
    check_everywhere(together(*ops))


@pytest.mark.parametrize("const", ["", "a", "b"])
def test_constants_on_either_side(const: str) -> None:
    ops = [
        product(swapped((2, 4, 6), x), swapped((2, 6, 5), y), x, y, const=const, name=f"{x} {y}")
        for x in (False, True)
        for y in (False, True)
    ]
    check_everywhere(together(*ops))


EDGES: dict[str, dict[str, Any]] = {
    "zero points -128": {"zeros": (-128, -128, -128)},
    "zero points 127": {"zeros": (127, 127, 127)},
    "symmetric": {"zeros": (0, 0, 0)},
    "a coarse output": {"scales": (0.05, 0.03, 1e3)},
    "no bits left": {"scales": (1e-6, 1e-6, 1.0)},
    "shift to the left": {"scales": (1.0, 1.0, 0.01)},
    "ties": {"scales": (1.0, 0.5, 1.0), "zeros": (0, 0, 0)},
    "a long sum": {"a": (1, 2, 3000), "b": (1, 3000, 2), "scales": (0.05, 0.03, 5.0)},
}


def test_edges() -> None:
    check_everywhere(together(*(product(**f, name=case) for case, f in EDGES.items())), n=6)


def test_a_tensor_with_itself() -> None:
    x = activation("x", (2, 5, 5), 0.05, -3)
    check_everywhere(network(BatchMatMul((x, x), (activation("y", (2, 5, 5), 0.2, 3),))))


scale = st.floats(-4, 1).map(lambda e: 10**e)
zero = st.integers(-128, 127)


@st.composite
def products(draw: st.DrawFn) -> dict[str, Any]:
    """Shapes that go together, of up to five dimensions."""
    batch = draw(st.lists(st.integers(1, 3), max_size=3))
    m, k, n = (draw(st.integers(1, 7)) for _ in range(3))
    sides = []
    for matrix in ((m, k), (k, n)):
        kept = [d if draw(st.booleans()) else 1 for d in batch]
        sides.append((*kept[draw(st.integers(0, len(kept))) :], *matrix))
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    return {
        "a": swapped(sides[0], adj_x), "b": swapped(sides[1], adj_y),
        "adj_x": adj_x, "adj_y": adj_y,
        "scales": draw(st.tuples(scale, scale, scale)), "zeros": draw(st.tuples(zero, zero, zero)),
        "const": draw(st.sampled_from(["", "a", "b"])),
    }  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=150)
@given(products())
def test_any_reference(fields: dict[str, Any]) -> None:
    op = product(**fields)
    if op.check() is None:
        check_reference(network(op))


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(products(), min_size=10, max_size=10))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    ops = [product(**fields, name=str(i)) for i, fields in enumerate(several)]
    check_everywhere(together(*(op for op in ops if op.check() is None)))


@pytest.mark.parametrize(("const", "weights"), [("", 0), ("b", 30), ("a", 24)])
def test_macs_and_weights(const: str, weights: int) -> None:
    planned = plan(prepare(network(product(const=const))), load("host"))
    assert planned.macs == 4 * 6 * 5
    assert planned.weights_bytes == weights


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"const": "ab"}, "'a' is a constant"),
        ({"b": (1, 7, 5)}, "do not go together"),
        ({"a": (3, 4, 6), "b": (2, 6, 5), "y": (3, 4, 5)}, "do not go together"),
        ({"y": (1, 5, 4)}, "instead of [1, 4, 5]"),
        ({"a": (6,), "y": (5,)}, "1 dimensions"),
        ({"a": (1, 1, 1, 1, 4, 6)}, "6 dimensions"),
        ({"scales": (1.0, 1.0, 1e-6)}, "is too fine"),
        ({"a": (1, 1, 40000), "b": (1, 40000, 1)}, "at most 32768"),
    ],
    ids=str,
)
def test_refuses(case: dict[str, Any], reason: str) -> None:
    assert reason in (product(**case).check() or "")


def test_int16() -> None:
    cases = [(a, b, const, adj) for a, b in SHAPES[:9] for const, adj in (("", False), ("b", True))]
    cases.append(((2, 700), (700, 2), "a", False))
    ops = []
    for a, b, const, adj in cases:
        op = product(a, swapped(b, adj), adj_y=adj, const=const)
        ops.append(replace(op, outputs=(replace(op.y, name=f"{a} {b} {const}"),)))
    check_everywhere(widened(together(*ops)))
