"""REDUCE_MAX and REDUCE_MIN: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from tests.support import activation, check_everywhere, constant, together

KIND = ReduceMax

OPS = (ReduceMax, ReduceMin)
Kind = type[ReduceMax] | type[ReduceMin]


def extreme(
    kind: Kind, shape: tuple[int, ...] = (1, 5, 6, 7), axes: tuple[int, ...] = (1, 2),
    keep: bool = False, y: tuple[float, int] = (0.05, -3), scalar: bool = False, name: str = "y",
) -> ReduceMax | ReduceMin:  # fmt: skip
    """One operator; `scalar` writes its one axis without dimensions."""
    reduced = {a % len(shape) for a in axes}
    kept = [1 if i in reduced else d for i, d in enumerate(shape) if keep or i not in reduced]
    named = np.array(axes[0] if scalar else axes, np.int32)
    return kind(
        (activation("x", shape, 0.05, -3), constant("axes", named)),
        (activation(name, tuple(kept), *y),),
        keep,
    )


CASES: dict[str, dict[str, object]] = {
    "plain": {},
    "keep dims": {"keep": True},
    "negative axes, repeated": {"axes": (-3, -2, 1)},
    "a scalar": {"axes": (2,), "scalar": True},
    "channels": {"axes": (3,)},
    "everything": {"axes": (0, 1, 2, 3), "keep": True},
    "rows and channels": {"axes": (1, 3)},
    "every other axis": {"shape": (2, 3, 4, 2, 3, 2), "axes": (0, 2, 4)},
    "the other three": {"shape": (2, 3, 4, 2, 3, 2), "axes": (1, 3, 5), "keep": True},
    "one pixel": {"shape": (1, 1, 1, 6)},
    "a vector": {"shape": (300,), "axes": (0,)},
}


def test_equals_tflm(kind: Kind) -> None:
    ops = [
        extreme(kind, name=f"{kind.__name__} {case}", **f)  # type: ignore[arg-type]
        for case, f in CASES.items()
    ]
    check_everywhere(together(*ops))


def test_one_value_of_all() -> None:
    """A single extreme wherever it stands, the others next to it."""
    x = np.full((12, 12, 1), 126, np.int8)
    x[np.arange(12), np.arange(12), 0] = 127
    y = np.where(x == 127, -128, -127).astype(np.int8)
    ops = [extreme(kind, (12, 1), (0,), name=kind.__name__) for kind in OPS]
    check_everywhere(together(*ops), xs=[x, y])


reductions = st.tuples(
    st.sampled_from(OPS),
    st.lists(st.integers(1, 5), min_size=1, max_size=6).map(tuple),
    st.lists(st.integers(-1, 5), min_size=1, max_size=4), st.booleans(),
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(reductions, min_size=10, max_size=10))
def test_any_axes(several: list[tuple[Kind, tuple[int, ...], list[int], bool]]) -> None:
    ops = [
        extreme(kind, shape, tuple(min(a, len(shape) - 1) for a in axes), keep, name=str(i))
        for i, (kind, shape, axes, keep) in enumerate(several)
    ]
    check_everywhere(together(*ops))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"y": (0.06, -3)}, "rescales nothing"),
        ({"y": (0.05, 3)}, "rescales nothing"),
        ({"axes": (4,)}, "do not exist"),
        ({"shape": (1,) * 7}, "at most 6"),
        ({"shape": (1, 0, 3)}, "is empty"),
    ],
    ids=str,
)
def test_refuses(kind: Kind, case: dict[str, object], reason: str) -> None:
    assert reason in (extreme(kind, **case).check() or "")  # type: ignore[arg-type]


def test_refuses_computed_axes() -> None:
    x = activation("x", (1, 5))
    assert "axes" in (ReduceMax((x, x), (activation("y", (1,)),), False).check() or "")
