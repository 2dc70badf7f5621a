"""The KPU's pools, of bytes behind the activation table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ascua.ir import Array


@dataclass(frozen=True)
class Pool:
    """One pool: `stride`, and what it makes of an image (c, h, w).

    Where it only keeps one byte of each window, `kept` says which: (row, column). Then nobody needs
    the others.
    """

    stride: int
    apply: Callable[[Array], Array]
    kept: tuple[int, int] | None = None

    def size(self, h: int, w: int) -> tuple[int, int]:
        """Rows and columns of the result for an image of `h` rows and `w` columns."""
        return h // self.stride, w // self.stride

    def computed(self, h: int, w: int) -> tuple[int, int]:
        """Rows and columns that are computed of such an image."""
        return (h, w) if self.kept is None else self.size(h, w)

    def places(self, h: int, w: int) -> tuple[slice, slice]:
        """Which rows and columns these are."""
        if self.kept is None:
            return slice(0, h), slice(0, w)
        (oh, ow), s, (y, x) = self.size(h, w), self.stride, self.kept
        return slice(y, y + (oh - 1) * s + 1, s), slice(x, x + (ow - 1) * s + 1, s)


def _windows(x: Array, size: int) -> Array:
    """The windows of an image (c, h, w), side by side: (c, oh, size, ow, size)."""
    c, h, w = x.shape
    oh, ow = h // size, w // size
    return x[:, : oh * size, : ow * size].reshape(c, oh, size, ow, size)


def _largest(size: int) -> Pool:
    return Pool(size, lambda x: _windows(x, size).max(axis=(2, 4)))


def _mean(size: int) -> Pool:
    """The sum of a window, divided without its rest."""

    def apply(x: Array) -> Array:
        total: Array = _windows(x, size).sum(axis=(2, 4), dtype=np.uint16)
        return (total // (size * size)).astype(np.uint8)

    return Pool(size, apply)


def _kept(stride: int, row: int, column: int) -> Pool:
    """One byte of each window; `apply` gets an image of those alone."""
    return Pool(stride, lambda x: x, (row, column))


def _overlapping(x: Array) -> Array:
    """The bytes at the four places of a 2 x 2 window of stride 1, the last row and column twice."""
    p = np.pad(x, [(0, 0), (0, 1), (0, 1)], mode="edge")
    return np.stack([p[:, :-1, :-1], p[:, :-1, 1:], p[:, 1:, :-1], p[:, 1:, 1:]])


def _overlapping_mean(x: Array) -> Array:
    total: Array = _overlapping(x).sum(axis=0, dtype=np.uint16)
    return (total // 4).astype(np.uint8)


def _overlapping_largest(x: Array) -> Array:
    """A byte that stands twice changes no maximum: so what is outside of the image is left out."""
    largest: Array = _overlapping(x).max(axis=0)
    return largest


POOLS = {
    0: Pool(1, lambda x: x),
    1: _largest(2),
    2: _mean(2),
    3: _largest(4),
    4: _mean(4),
    5: _kept(2, 0, 0),
    6: _kept(2, 0, 1),
    7: _kept(4, 0, 0),
    8: Pool(1, _overlapping_mean),
    9: Pool(1, _overlapping_largest),
}
"""Every pool by its code in the registers."""
