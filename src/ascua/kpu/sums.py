"""The sums of products of a KPU convolution, exact, by matrix products of floats.

NumPy multiplies matrices of integers without BLAS, some fifty times slower. Floats hold the same
integers: where a weight counts as w + z (z the weights' zero point, negated), every partial sum of
every order is an integer of at most 255 * sum(|w + z|). Up to 2**24 that is exact in float32. In
float64 it always is: 9216 taps of |w + z| <= 2**16 + 2**23 stay below 2**44.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.kpu.pooling import Pool

MOST_BYTE = 255
EXACT32 = 1 << 24
EXACT64 = 1 << 53
CHUNK = 1 << 19
"""Elements of the matrix of taps that are laid out at once."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Sum of x * w over the taps of each output channel, with the padding's byte outside.

    `w` is (oc, ic, k, k), or (c, 1, k, k) where each channel has its own kernel (`depthwise`); of
    float32 or float64, as `of` chose.
    """

    w: Array
    depthwise: bool
    pad: int

    @classmethod
    def of(cls, w: Array, pad: int, *, depthwise: bool) -> Sums:
        """Of integer weights `w` (int64), in the narrowest floats that are exact."""
        most = MOST_BYTE * int(np.abs(w).reshape(len(w), -1).sum(axis=1).max())
        if most > EXACT64:
            raise ValueError(f"sums up to {most} are exact in no float")
        floats = np.float32 if most <= EXACT32 else np.float64
        return cls(w.astype(floats), depthwise, pad)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The least and the largest sum of each output channel, over all bytes; int64."""
        w = self.w.astype(np.int64).reshape(len(self.w), -1)
        return MOST_BYTE * np.minimum(w, 0).sum(axis=1), MOST_BYTE * np.maximum(w, 0).sum(axis=1)

    def __call__(self, x: Array, pool: Pool) -> Array:
        """The sums (oc, pixels) for `x` uint8 (ic, h, w), at the places that `pool` looks at."""
        places = pool.places(*x.shape[1:])
        kernel = self.w.shape[2]
        if kernel == 1:
            taps = x[:, places[0], places[1]].reshape(len(x), -1).astype(self.w.dtype)
            w = self.w[:, :, 0, 0]
            product: Array = w * taps if self.depthwise else w @ taps
            return product
        c, h, w_ = x.shape
        padded = np.full((c, h + 2, w_ + 2), self.pad, self.w.dtype)
        padded[:, 1:-1, 1:-1] = x
        return self._own(padded, places) if self.depthwise else self._all(padded, places)

    def _own(self, padded: Array, places: tuple[slice, slice]) -> Array:
        """One kernel a channel, over whole padded rows, whose last two places are nobody's."""
        c, ph, pw = padded.shape
        flat = padded.reshape(c, -1)
        size = (ph - 2) * pw
        sums = np.empty((c, size), padded.dtype)
        sums[:, -2:] = 0
        inside, product = sums[:, :-2], np.empty((c, size - 2), padded.dtype)
        for tap, w in enumerate(self.w.reshape(c, 9).T[:, :, None]):
            start = tap // 3 * pw + tap % 3
            x = flat[:, start : start + size - 2]
            if tap == 0:
                np.multiply(x, w, out=inside)
            else:
                inside += np.multiply(x, w, out=product)
        rows = sums.reshape(c, ph - 2, pw)[:, :, :-2]
        return rows[:, places[0], places[1]].reshape(c, -1)

    def _all(self, padded: Array, places: tuple[slice, slice]) -> Array:
        """Every kernel over all channels: the taps as a matrix, some rows of the image at once."""
        c, ph, pw = padded.shape
        rows, columns = range(ph - 2)[places[0]], range(pw - 2)[places[1]]
        oh, ow, s = len(rows), len(columns), columns.step
        most = max(1, CHUNK // (9 * c * ow))
        w = self.w.reshape(len(self.w), -1)
        sums = np.empty((len(w), oh * ow), padded.dtype)
        for first in range(0, oh, most):
            n = min(most, oh - first)
            taps = np.empty((c, 3, 3, n, ow), padded.dtype)
            y = rows[first]
            for ky in range(3):
                for kx in range(3):
                    x = columns.start + kx
                    taps[:, ky, kx] = padded[
                        :,
                        y + ky : y + ky + (n - 1) * s + 1 : s,
                        x : x + (ow - 1) * s + 1 : s,
                    ]
            sums[:, first * ow : (first + n) * ow] = w @ taps.reshape(c * 9, n * ow)
        return sums
