"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR against TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op, Tensor
from ascua.kernels.resize_bilinear import ResizeBilinearS8
from ascua.kernels.resize_nearest_neighbor import ResizeNearestNeighborS8
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from tests.support import activation, check_everywhere, check_reference, constant, network, together
from tests.support.wide import widened

KIND = ResizeBilinear

KINDS: tuple[type[Op], ...] = (ResizeNearestNeighbor, ResizeBilinear)
Size = tuple[int, int]


def resize(
    kind: type[Op], size: Size, to: Size, c: int = 3, name: str = "y", batch: int = 1, **modes: bool
) -> Op:
    """An image of `size` resized `to` another."""
    x = activation("x", (batch, *size, c), 0.05, 7)
    y = activation(name, (batch, *to, c), 0.05, 7)
    return kind((x, constant("size", np.array(to, np.int32))), (y,), **modes)


ALIGNED, CENTERED = {"align_corners": True}, {"half_pixel_centers": True}
MODES: list[dict[str, bool]] = [{}, ALIGNED, CENTERED]

CASES: dict[str, dict[str, Any]] = {
    "twice": {"size": (3, 4), "to": (6, 8)},
    "half": {"size": (6, 8), "to": (3, 4)},
    "odd": {"size": (5, 7), "to": (8, 3)},
    "the same": {"size": (3, 2), "to": (3, 2)},
    "from one pixel": {"size": (1, 1), "to": (3, 2)},
    "to one pixel": {"size": (4, 5), "to": (1, 1)},
    "to one row": {"size": (4, 5), "to": (1, 9)},
    "one channel": {"size": (3, 4), "to": (7, 9), "c": 1},
    "many channels": {"size": (2, 2), "to": (3, 5), "c": 21},
    "a batch": {"size": (2, 3), "to": (5, 4), "batch": 3},
    "thirds": {"size": (10, 7), "to": (30, 21), "c": 1},
}


def test_equals_tflm(kind: type[Op]) -> None:
    ops = [
        resize(kind, **fields, **mode, name=f"{case} {mode}")
        for case, fields in CASES.items()
        for mode in MODES
    ]
    check_everywhere(together(*ops))


@pytest.mark.parametrize("mode", [*MODES, {**ALIGNED, **CENTERED}], ids=str)
def test_kernels_find_the_places_of_eval(mode: dict[str, bool]) -> None:
    for size, to in ((a, b) for a in range(1, 30) for b in (*range(1, 30), 83, 224, 1001)):
        near = resize(ResizeNearestNeighbor, (1, size), (1, to), **mode)
        assert isinstance(near, ResizeNearestNeighbor)
        columns = ResizeNearestNeighborS8().consts(near)[1].data
        np.testing.assert_array_equal(columns, near.places()[1], f"{size} to {to}")
        mean = resize(ResizeBilinear, (1, size), (1, to), **mode)
        assert isinstance(mean, ResizeBilinear)
        fields, scale = ResizeBilinearS8().params(mean), mean.scale(2)
        assert (fields["scale_x"], fields["start_x"]) == (scale, mean.start(scale))


def test_means_of_extremes_round_away_from_zero() -> None:
    """All values that two neighbours can have, half way between them."""
    ends = np.array([-128, -127, -1, 0, 1, 126, 127], np.int8)
    x = np.array(np.meshgrid(ends, ends)).reshape(2, -1).T
    op = resize(ResizeBilinear, (1, 2), (1, 4), c=1)
    check_everywhere(network(op), xs=[x.reshape(-1, 1, 1, 2, 1)])


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_all_small_sizes(kind: type[Op], mode: dict[str, bool]) -> None:
    """Every size to every other, along one axis; both axes share their code."""
    for size in range(1, 12):
        ops = [
            resize(kind, (1, size), (1, to), c=1, name=f"{to}", **mode)
            for to in (*range(1, 24), 37, 96, 224)
        ]
        check_reference(together(*(op for op in ops if op.check() is None)), n=2)


cases = st.fixed_dictionaries(
    {
        "size": st.tuples(*[st.integers(1, 9)] * 2), "to": st.tuples(*[st.integers(1, 20)] * 2),
        "c": st.integers(1, 6), "batch": st.integers(1, 2),
    }
)  # fmt: skip


@settings(max_examples=3)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(MODES), cases), min_size=8,
                max_size=8))  # fmt: skip
def test_any_size(several: list[tuple[type[Op], dict[str, bool], dict[str, Any]]]) -> None:
    ops = [
        resize(kind, **case, **mode, name=f"y{i}") for i, (kind, mode, case) in enumerate(several)
    ]
    check_everywhere(together(*(op for op in ops if op.check() is None)), n=2)


def test_refuses() -> None:
    for kind in KINDS:
        op = resize(kind, (2, 2), (4, 4))

        def reason(size: Tensor, y: Tensor = op.y, x: Tensor = op.x, k: type[Op] = kind) -> str:
            return k((x, size), (y,)).check() or ""

        right = constant("size", np.array([4, 4], np.int32))
        assert reason(right) == ""
        assert "instead of [1, 4, 5, 3]" in reason(constant("size", np.array([4, 5], np.int32)))
        assert "new size are not constants" in reason(Tensor("size", (2,), "int32"))
        assert "new size are not constants" in reason(constant("size", np.array([4, 4])))
        assert "not one of rows and columns" in reason(constant("size", np.array([4], np.int32)))
        flat = activation("x", (2, 2, 3))
        assert "must have 4" in reason(right, x=flat)
        long = activation("long", (1, 1, 40000, 1))
        size = constant("size", np.array([1, 1], np.int32))
        assert "more than 32767" in reason(size, activation("y", (1, 1, 1, 1)), long)
    both = resize(ResizeBilinear, (2, 2), (4, 4), **ALIGNED, **CENTERED)
    assert "exclude each other" in (both.check() or "")
    # A sixth of 1024 is rounded up: 599 * 171 > 99 * 1024 + 1023.
    beyond = resize(ResizeBilinear, (1, 100), (1, 600), c=1)
    assert "TFLM reads beyond the input" in (beyond.check() or "")
    assert resize(ResizeBilinear, (1, 100), (1, 600), c=1, **CENTERED).check() is None


def test_bilinear_refuses_int16_as_tflm_does() -> None:
    op = widened(network(resize(ResizeBilinear, (2, 3), (4, 6)))).ops[0]
    assert "TFLM has no int16 kernel" in str(op.check())
