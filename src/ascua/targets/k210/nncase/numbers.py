"""What both versions of nncase quantise with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ascua.ir import Array
from ascua.targets.k210.block import MOST_BYTE, Affine, Block
from ascua.targets.k210.convolution import NORM_SHIFT, extremes, fits
from ascua.targets.k210.curves import Curve

WITHOUT_ZERO = "the range of its input is without the 0 that is around it"
"""Why a zero is no byte."""


class Quantization(NamedTuple):
    """q = real * scale + zero: the scale is in steps per unit."""

    scale: float
    zero: int

    @property
    def affine(self) -> Affine:
        """The same the other way round; of 0.1.0-rc5, its zero may be no byte."""
        return Affine(1 / self.scale, self.zero)

    @classmethod
    def of(cls, a: Affine) -> Self:
        """Of what bytes mean."""
        return cls(1 / a.scale, a.zero)


@dataclass(frozen=True, eq=False)
class Weights:
    """Quantised weights: q = real * stretch of the channel * scale + zero."""

    q: Array
    """uint8 or uint16, like the real ones."""
    stretch: Array
    """(oc,)."""
    scale: float
    zero: int


def fixed(real: Array, bits: int, most_shift: int) -> tuple[Array, Array]:
    """real = mul / 2**shift, mul of `bits` bits with the sign: mul, not rounded yet, and shift."""
    fraction, e = np.frexp(real)
    large = np.minimum(most_shift, bits - 1 - e)
    small = np.minimum(most_shift + e, bits - 1) - e
    shift = np.where(real == 0, 0, np.where(np.abs(real) > 1, large, small)).astype(np.int64)
    return np.ldexp(fraction, shift + e).astype(real.dtype), shift


def stretched(low: Array, high: Array) -> Array:
    """By how much each channel can grow: the two bounds are of its least and greatest weight.

    There is none where neither it nor the layer reaches that way.
    """
    low, high = (np.where(np.isnan(bound), np.inf, bound) for bound in (low, high))
    mixed = (low < 0) | (high < 0)
    stretch: Array = np.where(mixed, np.maximum(low, high), np.minimum(low, high))
    return stretch


def checked(block: Block, weights: Weights) -> Block:
    """`block`. Raises ValueError with the reason where it is not what its numbers were to be."""
    norms = block.norms
    if not 0 <= block.pad_value <= MOST_BYTE:
        raise ValueError(WITHOUT_ZERO)
    sums = extremes(block.weights.astype(np.int64) - block.weights_zero, block.x_zero)
    small = (weights.stretch > 0).all() and norms.shift.max() <= NORM_SHIFT and fits(norms, sums)
    if not small or not block.activation.mul.any():
        raise ValueError("its weights or its ranges are out of reach of nncase's factors")
    return block


def wide(channels: Array, like: Array) -> Array:
    """One value a channel, to multiply with weights."""
    return channels.reshape(-1, *[1] * (like.ndim - 1))


def clips(curve: Curve, y: Affine) -> bool:
    """Whether a curve does no more than to end where the bytes of its output do."""
    ends = np.array([y.low, y.high])
    near = np.abs(np.asarray(curve.function(ends)) - ends) <= y.scale / 2
    return curve.straight and bool(near.all())
