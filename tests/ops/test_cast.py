"""CAST: every pair of types, against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Array, Graph, Quant, Tensor
from ascua.ops.abs import Abs
from ascua.ops.cast import Cast
from ascua.passes import prepare
from tests.support import activation, check_everywhere, check_reference, network, together

TYPES = Cast.types
ODD = np.array(
    [0.0, -0.0, 0.4, -0.6, 1.9, -1.9, 1e-45, np.nan, -np.nan, np.inf, -np.inf, 1e10, -1e10, 127.9,
     128.0, -128.9, -129.0, 32767.9, 32768.0, -32768.5, -32769.0, 2147483520.0, 2147483648.0,
     -2147483648.0, -2147483904.0, 4294967296.0, 16777217.0, 300.7, -300.7],
    np.float32,
)  # fmt: skip
"""What is at the ends of some type, or no number."""
WHOLE = np.array(
    [0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65536, 16777217,
     33554433, -33554433, 2**31 - 1, 2**31 - 65, -(2**31), -(2**31) + 1],
    np.int64,
)  # fmt: skip


def tensor(name: str, shape: tuple[int, ...], dtype: str) -> Tensor:
    """One as files have it, quantised where its type is for quantised values."""
    if dtype == "int8":
        return activation(name, shape, 0.05, -3)
    return (
        activation(name, shape, 0.01, 0, dtype) if dtype == "int16" else Tensor(name, shape, dtype)
    )


def cast(x: str, y: str, shape: tuple[int, ...] = (1, 3, 4), name: str = "y") -> Cast:
    """One operator between two types."""
    return Cast((tensor(f"x {x}", shape, x),), (tensor(name, shape, y),))


def every(x: str, shape: tuple[int, ...] = (1, 3, 4)) -> Graph:
    """From one type to each."""
    ops = [cast(x, y, shape, f"y {y}") for y in TYPES]
    return together(*(replace(op, inputs=ops[0].inputs) for op in ops))


def values(dtype: str) -> Array:
    """Those of a type that may go wrong."""
    if dtype == "float32":
        return ODD
    return np.arange(2).astype(bool) if dtype == "bool" else WHOLE.astype(dtype)


def chain(*types: str, shape: tuple[int, ...] = (1, 3, 4)) -> Graph:
    """From one type to the next."""
    ops = [cast(types[0], types[1], shape, "1")]
    for i, dtype in enumerate(types[2:], 2):
        ops.append(Cast((ops[-1].y,), (tensor(str(i), shape, dtype),)))
    return network(*ops)


@pytest.mark.parametrize("x", TYPES)
def test_every_pair_of_types(x: str) -> None:
    odd = values(x)
    check_everywhere(every(x, odd.shape), xs=[odd[None]])
    check_everywhere(every(x, (2, 3, 5)), n=3)


@pytest.mark.parametrize("shape", [(), (1,), (2, 1, 3, 1, 2), (2,) * 7], ids=str)
def test_any_shape(shape: tuple[int, ...]) -> None:
    for x, y in product(TYPES, repeat=2):
        check_reference(network(cast(x, y, shape)), n=2)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_any_float(some: list[float]) -> None:
    x = np.array([some], np.float32)
    check_reference(every("float32", x.shape[1:]), xs=[x])


def test_a_scale_counts_for_nothing() -> None:
    fine, bare = tensor("x", (1, 4), "int8"), Tensor("x", (1, 4), "int8")
    for x, y in product((fine, bare), (replace(fine, quant=Quant((0.5,), (9,))), bare)):
        op = Cast((x,), (replace(y, name="y"),))
        last = Cast((op.y,), (Tensor("last", x.shape, "int32"),))
        check_reference(network(op, last), n=2)


def test_the_same_bytes_need_no_code() -> None:
    views = {(x, y) for x, y in product(TYPES, repeat=2) if cast(x, y).view}
    assert views == {("bool", "int8"), *((t, t) for t in TYPES)}
    truth = cast("bool", "int8")
    magnitude = Abs((truth.y,), (activation("magnitude", truth.y.shape, 0.05, -3),))
    check_everywhere(network(truth, magnitude))
    check_everywhere(chain("int32", "bool", "int8", "int8", "int16"))


def test_constants_fold() -> None:
    for x, y in product(TYPES, repeat=2):
        held = values(x)
        op = cast(x, y, held.shape)
        known = replace(op.x, data=held)
        folded = Cast((known,), op.outputs).constant()
        assert folded is not None
        assert folded.dtype == y
        np.testing.assert_array_equal(folded, op.eval(held[None])[0])
    known = replace(tensor("k", (1, 4), "int32"), data=np.array([[-300, 0, 5, 127]], np.int32))
    made = Cast((known,), (tensor("c", (1, 4), "int8"),))
    other = cast("int8", "int32", (1, 4))
    ready = prepare(Graph("folds", (other.x,), (other.y,), (made, other)))
    assert ready.ops == (other,)


def test_refuses() -> None:
    def reason(x: Tensor, y: Tensor) -> str:
        return Cast((x,), (y,)).check() or ""

    x, y = tensor("x", (1, 4), "int8"), Tensor("y", (1, 4), "int32")
    assert reason(x, y) == ""
    assert "'y' is int64" in reason(x, replace(y, dtype="int64"))
    assert "'u' is uint8" in reason(Tensor("u", (1, 4), "uint8"), y)
    assert "instead of [1, 4]" in reason(x, replace(y, shape=(4,)))
    assert "is a constant" in reason(replace(x, data=np.zeros((1, 4), np.int8)), y)
    assert "is empty" in reason(replace(x, shape=(1, 0)), replace(y, shape=(1, 0)))
