"""MIRROR_PAD: frames of their own values, against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.ir import Array, Op
from ascua.ops.mirror_pad import MirrorPad
from tests.support import activation, check_everywhere, check_reference, constant, network, together

Shape = tuple[int, ...]


def mirror(shape: Shape, pads: object, *, symmetric: bool, name: str = "y", x: str = "x") -> Op:
    paddings: Array = np.array(pads, np.int32)
    y = activation(
        name, tuple(n + a + b for n, (a, b) in zip(shape, paddings, strict=True)), 0.07, -5
    )
    return MirrorPad((activation(x, shape, 0.07, -5), constant("pads", paddings)), (y,), symmetric)


@pytest.mark.parametrize("symmetric", [False, True])
def test_mirrored_edges(*, symmetric: bool) -> None:
    edge = int(symmetric)
    ops = []
    for shape, pads in (
        ((5,), [(4 + edge, 1)]), ((2, 3), [(1, 1), (2, 0)]),
        ((1, 4, 5, 3), [(0, 0), (1, 2), (2, 2), (0, 0)]), ((2, 3, 4), [(0, 1), (2, 0), (3, 3)]),
        ((1, 2, 3, 3, 2), [(0, 0), (1, 0), (0, 2), (1, 1), (0, 0)]), ((2, 2), [(0, 0), (0, 0)]),
    ):  # fmt: skip
        ops.append(mirror(shape, pads, symmetric=symmetric, name=f"y{len(ops)}", x=f"x{len(ops)}"))
        check_reference(network(ops[-1]), n=2)
    check_everywhere(together(*ops), n=2)


def test_refuses() -> None:
    def reason(shape: Shape, pads: object, y: Shape, *, symmetric: bool = False) -> str:
        paddings = constant("pads", np.array(pads, np.int32))
        return (
            MirrorPad((activation("x", shape), paddings), (activation("y", y),), symmetric).check()
            or ""
        )

    assert reason((3,), [(2, 2)], (7,)) == ""
    assert reason((3,), [(3, 3)], (9,), symmetric=True) == ""
    assert "mirrors 3 values of a dimension of 3" in reason((3,), [(3, 0)], (6,))
    assert "mirrors 4 values" in reason((3,), [(0, 4)], (7,), symmetric=True)
    assert "mirrors" in reason((3,), [(-1, 0)], (2,))
    assert "not two a dimension" in reason((3, 3), [(1, 1)], (5, 3))
    assert "instead of [4]" in reason((3,), [(1, 0)], (5,))
    assert "at most 5" in reason((1,) * 6, [(0, 0)] * 6, (1,) * 6)


def test_constants_fold() -> None:
    x = constant("x", np.arange(6, dtype=np.int8).reshape(2, 3))
    pads = constant("pads", np.array([(0, 0), (1, 0)], np.int32))
    framed = MirrorPad((x, pads), (activation("y", (2, 4)),)).constant()
    assert framed is not None
    np.testing.assert_array_equal(framed, x.values[:, [1, 0, 1, 2]])
