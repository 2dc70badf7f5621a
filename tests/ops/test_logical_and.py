"""LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT, against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Op, Tensor
from ascua.ops.logical_and import LogicalAnd
from ascua.ops.logical_not import LogicalNot
from ascua.ops.logical_or import LogicalOr
from tests.ops.test_select_v2 import held
from tests.support import activation, check_everywhere, network, together
from tests.support.pairs import BROADCASTS, Shape

KIND = LogicalAnd


def logical(kind: type[Op], *shapes: Shape, const: str = "", name: str = "y") -> Op:
    """One operator; `const` names which of its inputs a and b is a constant."""
    given = (Tensor(f"{key} of {name}", s, "bool") for key, s in zip("ab", shapes, strict=False))
    inputs = tuple(held(t) if t.name[0] in const else t for t in given)
    return kind(inputs, (Tensor(name, np.broadcast_shapes(*shapes), "bool"),))


def test_every_pair_of_truths(kind: type[Op]) -> None:
    op = logical(kind, (4,), (4,))
    xs = [np.array([[0, 0, 1, 1]], bool), np.array([[0, 1, 0, 1]], bool)]
    check_everywhere(network(op), xs=xs)


def test_every_way_to_repeat(kind: type[Op]) -> None:
    ops = [
        logical(kind, a, b, const=c, name=f"y{i}")
        for i, (a, b, const) in enumerate(BROADCASTS)
        for c in (const,)
    ]
    ops += [logical(kind, (2, 3), (3,), const=c, name=f"const {c}") for c in "ab"]
    check_everywhere(together(*ops))


def test_a_chain_of_truths() -> None:
    either = logical(LogicalOr, (1, 4, 5), (5,))
    neither = LogicalNot((either.y,), (Tensor("neither", (1, 4, 5), "bool"),))
    both = LogicalAnd((neither.y, either.inputs[0]), (Tensor("both", (1, 4, 5), "bool"),))
    check_everywhere(network(either, neither, both))


def test_refuses(kind: type[Op]) -> None:
    op = logical(kind, (4, 3), (3,))
    a, b = op.inputs
    assert op.check() is None
    assert a is not None
    assert b is not None

    def reason(**changed: object) -> str:
        return replace(op, **changed).check() or ""  # type: ignore[arg-type]

    assert "is int8, not bool" in reason(inputs=(a, activation("b", (3,))))
    assert "is int8, not bool" in reason(outputs=(activation("y", (4, 3)),))
    assert "do not go together" in reason(inputs=(a, replace(b, shape=(4,))))
    assert "is a constant" in reason(inputs=(held(a), held(b)))
    assert "at most 6" in (logical(kind, (1,) * 7, (1,)).check() or "")
