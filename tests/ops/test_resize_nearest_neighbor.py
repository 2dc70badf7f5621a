"""RESIZE_NEAREST_NEIGHBOR; tests that it shares with RESIZE_BILINEAR are there."""

from __future__ import annotations

from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from tests.ops.test_resize_bilinear import (  # noqa: F401
    ALIGNED,
    CASES,
    CENTERED,
    resize,
    test_all_small_sizes,
    test_equals_tflm,
)
from tests.support import check_everywhere, together
from tests.support.wide import widened

KIND = ResizeNearestNeighbor


def test_nearest_with_both_modes() -> None:
    both = {**ALIGNED, **CENTERED}
    ops = [
        resize(ResizeNearestNeighbor, size, to, **both, name=f"{size} {to}")
        for size, to in (((3, 4), (6, 8)), ((5, 5), (3, 2)), ((1, 2), (4, 1)))
    ]
    check_everywhere(together(*ops))


def test_a_place_just_below_a_half_is_rounded_down() -> None:
    """41 times a part of 82, in single precision, is 0.49999997."""
    both = {**ALIGNED, **CENTERED}
    ops = [
        resize(ResizeNearestNeighbor, size, to, **mode, name=f"{size} {to}")
        for size, to, mode in (((2, 3), (83, 83), ALIGNED), ((2, 2), (42, 84), both))
    ]
    check_everywhere(together(*ops))


def test_nearest_int16() -> None:
    ops = [resize(ResizeNearestNeighbor, **f, name=case) for case, f in CASES.items()]
    check_everywhere(widened(together(*ops)))
