"""DEPTH_TO_SPACE and SPACE_TO_DEPTH: blocks of pixels, against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.space_to_depth import SpaceToDepth
from tests.support import activation, check_everywhere, together

KIND = DepthToSpace


def blocks(kind: type[Op], n: int, h: int, w: int, c: int, batch: int = 1, name: str = "y") -> Op:
    """Between h by w pixels of n * n * c channels and n * h by n * w pixels of c channels."""
    deep, wide = (batch, h, w, n * n * c), (batch, n * h, n * w, c)
    shapes = (deep, wide) if kind is DepthToSpace else (wide, deep)
    x, y = (activation(t, s, 0.07, -5) for t, s in zip(("x", name), shapes, strict=True))
    return kind((x,), (y,), n)  # type: ignore[call-arg]


KINDS: tuple[type[Op], ...] = (DepthToSpace, SpaceToDepth)


def test_equals_tflm(kind: type[Op]) -> None:
    cases = [
        (2, 3, 4, 3, 1), (2, 1, 1, 1, 1), (3, 2, 1, 2, 1), (1, 3, 2, 5, 1), (2, 2, 3, 1, 3),
        (4, 1, 2, 4, 2),
    ]  # fmt: skip
    ops = [blocks(kind, *case, name=f"{case}") for case in cases]
    check_everywhere(together(*ops))


size = st.integers(1, 4)


@settings(max_examples=3)
@given(st.lists(st.tuples(size, size, size, size, st.integers(1, 2)), min_size=6, max_size=6))
def test_any_blocks(cases: list[tuple[int, int, int, int, int]]) -> None:
    ops = [blocks(k, *c, name=f"{k.tflite} {i}") for k in KINDS for i, c in enumerate(cases)]
    check_everywhere(together(*ops), n=2)


def test_one_undoes_the_other() -> None:
    x = np.arange(2 * 4 * 6 * 3, dtype=np.int8).reshape(2, 1, 4, 6, 3)
    deep = blocks(SpaceToDepth, 2, 2, 3, 3).eval(x)
    assert isinstance(deep, np.ndarray)
    np.testing.assert_array_equal(blocks(DepthToSpace, 2, 2, 3, 3).eval(deep), x)


def test_refuses() -> None:
    def reason(kind: type[Op], x: tuple[int, ...], y: tuple[int, ...], n: int = 2) -> str:
        op = kind((activation("x", x),), (activation("y", y),), n)  # type: ignore[call-arg]
        return op.check() or ""

    assert "do not divide 6 channels" in reason(DepthToSpace, (1, 2, 2, 6), (1, 4, 4, 1))
    assert "instead of [1, 4, 4, 1]" in reason(DepthToSpace, (1, 2, 2, 4), (1, 4, 4, 2))
    assert "do not divide an image of 3 by 2" in reason(SpaceToDepth, (1, 3, 2, 1), (1, 1, 1, 4))
    assert "instead of [1, 1, 1, 4]" in reason(SpaceToDepth, (1, 2, 2, 1), (1, 1, 4))
    assert "blocks of 0 by 0" in reason(SpaceToDepth, (1, 2, 2, 1), (1, 1, 1, 4), 0)
    assert "4" in reason(DepthToSpace, (2, 2, 4), (4, 4, 1))
