"""SELECT_V2: every way to repeat its inputs, against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Graph, Quant, Tensor
from ascua.ops.cast import Cast
from ascua.ops.select_v2 import SelectV2
from tests.support import activation, check_everywhere, check_reference, int16, network, together

Shape = tuple[int, ...]


def held(t: Tensor) -> Tensor:
    """`t` as a constant, the extremes of its type among its values."""
    rng = np.random.default_rng(len(t.name) + t.size)
    low, high = (0, 1) if t.dtype == "bool" else (np.iinfo(t.dtype).min, np.iinfo(t.dtype).max)
    values = rng.integers(low, high + 1, t.shape)
    if t.size:
        values.reshape(-1)[0] = low
    return replace(t, data=values.astype(t.dtype))


def select(
    condition: Shape, a: Shape, b: Shape, const: str = "", dtype: str = "int8", name: str = "y"
) -> SelectV2:
    """One operator; `const` names which of its inputs c, a and b are constants."""

    def value(name: str, shape: Shape) -> Tensor:
        return activation(name, shape, 0.07, -5) if dtype == "int8" else int16(name, shape)

    c = Tensor(f"c of {name}", condition, "bool")
    inputs = {"c": c, "a": value(f"a of {name}", a), "b": value(f"b of {name}", b)}
    shape = np.broadcast_shapes(condition, a, b)
    given = (held(t) if key in const else t for key, t in inputs.items())
    return SelectV2(tuple(given), (value(name, shape),))


SHAPES: list[tuple[Shape, Shape, Shape]] = [
    ((2, 3, 4), (2, 3, 4), (2, 3, 4)),
    ((), (), ()),
    ((1,), (4, 3), (4, 3)),
    ((4, 3), (), (1,)),
    ((4, 1), (4, 3), (1, 3)),
    ((3,), (2, 3), (2, 1)),
    ((1, 3), (4, 1), (4, 3)),
    ((3, 1), (1, 3), (1, 1)),
    ((1, 1, 4, 4), (1, 2, 4, 4), (1,)),
    ((1, 2, 1, 4), (1, 2, 3, 4), (1, 1, 3, 1)),
    ((2, 3, 1, 2, 3), (2, 1, 4, 1, 3), (1, 3, 4, 2, 1)),
    ((2, 1, 1, 1, 3), (2, 3, 4, 2, 3), (2,)[:0]),
]
CONSTANTS = ("", "c", "a", "b", "ca", "cb", "ab")


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_every_way_to_repeat(dtype: str) -> None:
    cases = list(product(SHAPES, CONSTANTS))
    ops = [select(*s, const, dtype, f"y{i}") for i, (s, const) in enumerate(cases)]
    for op in ops:
        check_reference(network(op), n=2)
    for part in (ops[i::3] for i in range(3)):
        check_everywhere(together(*part), n=2)


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.data())
def test_any_shapes(data: st.DataObject) -> None:
    ops = []
    for i in range(10):
        whole = data.draw(st.lists(st.integers(1, 4), max_size=5))
        found = []
        for _ in range(3):
            kept = [d if data.draw(st.booleans()) else 1 for d in whole]
            found.append(tuple(kept[data.draw(st.integers(0, len(kept))) :]))
        const = data.draw(st.sampled_from(CONSTANTS))
        ops.append(select(*found, const, data.draw(st.sampled_from(("int8", "int16"))), f"y{i}"))
    check_everywhere(together(*ops), n=2)


def masked(dtype: str = "int8") -> Graph:
    """Scores where a mask of int8 is not 0, and the least value elsewhere, as in attention."""
    mask = activation("mask", (1, 1, 4, 5), 1.0)
    op = select((1, 1, 4, 5), (1, 2, 4, 5), (), "b", dtype)
    return network(Cast((mask,), (op.condition,)), op)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_a_mask_from_a_cast(dtype: str) -> None:
    check_everywhere(masked(dtype))


def test_one_tensor_in_both_places() -> None:
    op = select((4, 1), (4, 3), (4, 3))
    c, a, _ = op.inputs
    check_everywhere(network(replace(op, inputs=(c, a, a))))


def test_constants_fold() -> None:
    folded = select((4, 1), (1, 3), (4, 3), "cab")
    made = folded.constant()
    assert made is not None
    c, a, b = (t.values for t in folded.inputs if t)
    np.testing.assert_array_equal(made, np.where(c, a, b))
    assert select((4, 1), (1, 3), (4, 3), "ca").constant() is None


def test_refuses() -> None:
    def reason(op: SelectV2, **tensors: Tensor) -> str:
        inputs = [tensors.get(key, t) for key, t in zip("cab", op.inputs, strict=True)]
        return SelectV2(tuple(inputs), (tensors.get("y", op.y),)).check() or ""

    op = select((4, 3), (4, 3), (3,))
    a, _ = op.values
    assert reason(op) == ""
    assert "'c' is int8, not bool" in reason(op, c=activation("c", (4, 3)))
    assert "'a' is int16" in reason(op, a=int16("a", (4, 3)))
    assert "rescales nothing" in reason(op, a=replace(a, quant=Quant((0.5,), (-5,))))
    assert "rescales nothing" in reason(op, y=replace(op.y, quant=Quant((0.07,), (4,))))
    assert "no quantisation" in reason(op, a=replace(a, quant=None))
    assert "do not go together" in reason(op, c=Tensor("c", (4,), "bool"))
    assert "instead of [4, 3]" in reason(op, y=replace(op.y, shape=(3, 4)))
    assert "constants" in (select((4, 3), (4, 3), (3,), "cab").check() or "")
    real = {k: Tensor(k, (4, 3), "float32") for k in "aby"}
    assert "is float32" in reason(op, **real)
    assert "at most 5" in reason(select((1,) * 6, (1,), (1,)))
