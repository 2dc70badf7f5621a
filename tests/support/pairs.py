"""What the tests of operators on pairs of values share; those of ADD and MUL are in test_add."""

from __future__ import annotations

import numpy as np

from ascua.ir import Op, Tensor
from tests.ops.test_add import BROADCASTS, PAIRS, Shape, every_pair, shapes
from tests.support import activation

__all__ = ["BROADCASTS", "PAIRS", "Shape", "every_pair", "pair", "shapes"]


def pair(
    kind: type[Op], a: Shape, b: Shape, *options: object, y: Shape | None = None,
    scales: tuple[float, float, float] = (0.05, 0.031, 0.07),
    zeros: tuple[int, int, int] = (-3, 5, 11), const: str = "", name: str = "y",
) -> Op:  # fmt: skip
    """One operator on inputs a and b; `const` names which of them are constants."""
    shape = np.broadcast_shapes(a, b) if y is None else y
    inputs = []
    for t_name, s, scale, zero in (("a", a, scales[0], zeros[0]), ("b", b, scales[1], zeros[1])):
        t = activation(t_name, s, scale, zero)
        if t_name in const:
            data = np.random.default_rng(3).integers(-128, 128, s).astype(np.int8)
            t = Tensor(t_name, s, "int8", t.quant, data)
        inputs.append(t)
    return kind(tuple(inputs), (activation(name, shape, scales[2], zeros[2]),), *options)
