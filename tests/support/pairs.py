"""What the tests of operators on pairs of values share."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from ascua.ir import Array, Op, Tensor
from tests.support import activation

Shape = tuple[int, ...]
PAIRS = (1, 65536)

BROADCASTS: list[tuple[Shape, Shape, str]] = [
    ((1, 2, 3, 4), (1, 2, 3, 1), ""),
    ((1, 2, 3, 4), (1, 2, 1, 4), ""),
    ((1, 2, 3, 4), (1, 1, 3, 4), ""),
    ((2, 2, 3, 4), (1, 2, 3, 4), ""),
    ((1, 1, 1, 4), (1, 3, 2, 4), ""),
    ((1, 2, 3, 1), (1, 2, 3, 4), ""),
    ((2, 1, 3, 1), (1, 2, 1, 4), ""),
    ((1, 2, 3, 19), (1, 1, 1, 19), ""),
    ((1, 2, 3, 17), (17,), "b"),
    ((1, 2, 3, 33), (1, 2, 1, 1), ""),
    ((1, 2, 3, 1), (1, 1, 3, 18), ""),
    ((1, 2, 3, 4), (4,), "b"),
    ((1, 2, 3, 4), (), "b"),
    ((), (1, 2, 3, 4), "a"),
    ((1,), (1, 2, 3, 4), ""),
    ((2, 3, 1), (1, 2, 3, 4), "a"),
    ((2, 1, 2, 1, 2), (1, 3, 1, 2, 1), ""),
    ((2, 1, 2, 1, 2, 3), (2, 1, 2, 2, 1, 3), ""),
    ((2, 1, 2, 1, 2, 1), (1, 2, 1, 3, 1, 2), ""),
]


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


def every_pair() -> list[Array]:
    """All 65,536 pairs of values, as one sample of two inputs."""
    pairs = np.array(list(itertools.product(range(-128, 128), repeat=2)), np.int8)
    return [pairs[:, i].reshape(1, *PAIRS).copy() for i in (0, 1)]


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """Two shapes that go together, of up to five dimensions."""
    whole = draw(st.lists(st.integers(1, 4), max_size=5))
    whole[-1:] = [draw(st.sampled_from([n, 8, 17])) for n in whole[-1:]]
    found = []
    for _ in range(2):
        kept = [d if draw(st.booleans()) else 1 for d in whole]
        found.append(tuple(kept[draw(st.integers(0, len(kept))) :]))
    return found[0], found[1]
