"""One layer of the KPU on images: convolution, batch normalisation, activation table, pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Conv, Norms, Registers
from ascua.kpu.activation import CHUNK, Line, exact, line, wide
from ascua.kpu.pooling import POOLS, Pool
from ascua.kpu.rounding import Rounding
from ascua.kpu.sums import Sums


@dataclass(frozen=True, eq=False)
class Convolution:
    """Everything of a layer that no image changes.

    The activations' zero point term, (arg_x * Sx) >> shr_x, is in the weights of `sums`; where
    that would lose bits it is not, and `ones` gives Sx: of one channel for all, or of each its own.
    `constant` is the rest, ((arg_w * Sw) >> shr_w) + arg_add * channels of a kernel.

    The registers bound all that: |arg_x * Sx| < 2**45, |arg_w * Sw| < 2**53, |arg_add * G| < 2**50,
    so the sums stay below 2**54. Their product with a norm_mul of 24 bits may leave 64.
    """

    sums: Sums
    ones: Sums | None
    constant: Array
    registers: Registers
    norms: Norms
    table: Activation
    line: Line | None
    pool: Pool
    rounding: Rounding

    @classmethod
    def of(cls, conv: Conv, rounding: Rounding) -> Convolution:
        """Prepare a layer."""
        r, w, own = conv.registers, conv.weights.astype(np.int64), conv.depthwise
        norms, table = wide(conv.norms), wide(conv.activation)
        constant = ((r.arg_w * w.sum(axis=(1, 2, 3))) >> r.shr_w) + r.arg_add * w.shape[1]
        if r.arg_x & ((1 << r.shr_x) - 1):
            ones = Sums.of(np.ones_like(w if own else w[:1]), r.pad_value, depthwise=own)
            sums, straight = Sums.of(w, r.pad_value, depthwise=own), None
        else:
            ones = None
            sums = Sums.of(w + (r.arg_x >> r.shr_x), r.pad_value, depthwise=own)
            straight = line(sums.bounds, constant, norms, table, rounding)
        pool = POOLS[conv.pool]
        return cls(sums, ones, constant, r, norms, table, straight, pool, rounding)

    def __call__(self, x: Array) -> Array:
        """The layer's map uint8 (oc, oh, ow) of `x` uint8 (ic, h, w)."""
        sums = self.sums(x, self.pool)
        sx = None if self.ones is None else self.ones(x, self.pool).astype(np.int64)
        y = np.empty(sums.shape, np.uint8)
        most = max(1, CHUNK // sums.shape[1])
        for first in range(0, len(y), most):
            some = slice(first, first + most)
            if self.line:
                y[some] = self.line(sums[some], first)
            else:
                y[some] = self._exact(sums[some], sx, some)
        return self.pool.apply(y.reshape(len(y), *self.pool.computed(*x.shape[1:])))

    def _exact(self, sums: Array, sx: Array | None, some: slice) -> Array:
        """The bytes of some channels' sums, in integers."""
        whole = sums.astype(np.int64) + self.constant[some, None]
        if sx is not None:
            own = sx[some] if self.sums.depthwise else sx
            whole += (self.registers.arg_x * own) >> self.registers.shr_x
        n = self.norms
        norms = Norms(n.mul[some], n.add[some], n.shift[some])
        return exact(whole, norms, self.table, self.rounding)
