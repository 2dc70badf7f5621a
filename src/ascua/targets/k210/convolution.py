"""One convolution as a block of the KPU, with all the precision that its fields allow.

The sum of (x - zero) * (w - zero) is exact. Batch normalisation makes of it, for each channel,

    t = ((sum * mul) >> shift) + add  ~  2**post * (scale * sum + bias) / step

with one `post` a layer, and the table goes on from t. Fields limit `post` from above, so that no
input whatsoever makes any of them overflow. Within that, rounded factors cost less the greater it
is, and rounded slopes of the table the less it is: the `post` of least error is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ascua.fixed import quantize_multiplier
from ascua.ir import Array
from ascua.kmodel import Norms
from ascua.targets.k210.block import MOST_BYTE, Affine, Block
from ascua.targets.k210.curves import GRID, MOST_SHIFT, T_BITS, Curve, Fit, Table, fit
from ascua.targets.k210.pieces import ROUNDED

MUL_BITS = 24
ADD_BITS = 32
NORM_SHIFT = 15
"""The largest of batch normalisation."""
POSTS = range(4, MOST_SHIFT + 1)
"""Of t, the bits below a step of the output."""
MOST_MUL = (1 << (MUL_BITS - 1)) - 1
USUAL = 14
"""The post that is tried first."""
MUL_ENOUGH = 12
"""Bits of the factors of 16-bit weights. Weights have the rest of what a post leaves for both."""
SPREAD = 2 * 74 / np.sqrt(12)
"""Of a product with a rounded weight: two deviations of both, of evenly distributed bytes."""
ENOUGH = 2.0**-6
"""Steps of the output by which errors may differ."""
ZEROS = {8: 128, 16: 32768}
"""The weight that stands for 0, by the bits of weights."""


def convolution(
    weights: Array,
    bias: Array,
    x: Affine,
    y: Affine,
    curve: Curve,
    *,
    depthwise: bool = False,
    pool: int = 0,
    bits: int = 8,
) -> Block:
    """Of real weights (oc, ic, k, k), or (c, 1, k, k), and real bias (oc,).

    Each channel's weights have a scale of their own, that its greatest weight just fits. Channels
    whose weights are all 0 give their bias.
    """
    real, bias = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
    zero = ZEROS[bits]
    peaks = np.maximum(real.max(axis=(1, 2, 3)) / (zero - 1), real.min(axis=(1, 2, 3)) / -zero)
    peaks = np.where(peaks < np.finfo(np.float32).tiny, 0, peaks)

    def layer(post: int) -> _Layer:
        least = np.ldexp(y.scale / x.scale, MUL_ENOUGH - NORM_SHIFT - post) if bits == 16 else 0.0
        scales = np.where(peaks > 0, np.maximum(peaks, least), 0)
        steps = real / np.where(scales > 0, scales, 1)[:, None, None, None]
        w = np.where(scales > 0, np.rint(steps).T, 0).T.astype(np.int64)
        taps = real[0].size if bits == 16 else 0
        w = np.clip(w, -zero, zero - 1) + zero
        return _Layer(w, zero, x.scale * scales, bias, x, y, SPREAD * np.sqrt(taps))

    if bits == 16:
        return _block(layer, curve, np.uint16, depthwise=depthwise, pool=pool)
    only = layer(USUAL)
    return _block(lambda _: only, curve, np.uint8, depthwise=depthwise, pool=pool)


def exact(
    weights: Array,
    scales: Array,
    bias: Array,
    x: Affine,
    y: Affine,
    curve: Curve,
    *,
    zero: int = 128,
    depthwise: bool = False,
    pool: int = 0,
    twice: bool = True,
) -> Block:
    """Of the integers of a quantised layer, none of which changes.

    Weights are int8 (oc, ic, k, k) or (c, 1, k, k), of which 128 is added, or uint8 with their
    `zero`; `scales` (oc,), or (1,) for all; `bias` int32 (oc,) counts in x.scale * scales.
    Activations are bytes: of int8, `x.zero` and `y.zero` are 128 more than the file says.

    TFLite's kernels scale sums by 31 bits and round `twice`, but that of uint8 fully connected
    layers: first to a fraction of 2**shift, half up, then to integers, half away from zero. Of
    what is not below zero, that is to round once half of such a fraction more. So in random layers
    whose output is not below zero, one byte of 50,000 differs, and in others two or three of
    1,000; by 1.
    """
    w = weights.astype(np.int64) + (128 if weights.dtype == np.int8 else 0)
    scales = np.broadcast_to(np.asarray(scales, np.float64), len(w))
    factors = x.scale * scales
    layer = _Layer(w, zero, factors, bias * factors, x, y)
    low, high = layer.reach()
    ends = np.linspace(float(low.min()), float(high.max()), GRID)
    if twice and (y.zero == 0 or (curve.steps(ends, y) >= y.zero).all()):
        shifts = np.array([quantize_multiplier(f)[1] for f in (factors / y.scale).tolist()])
        more = np.where(shifts < 0, np.ldexp(y.scale, shifts - 1), 0)
        layer = replace(layer, bias=layer.bias + more)
    return _block(lambda _: layer, curve, np.uint8, depthwise=depthwise, pool=pool)


def _block(
    layers: Callable[[int], _Layer], curve: Curve, dtype: type, *, depthwise: bool, pool: int
) -> Block:
    """The block of the least error, of the layers that there are for each post."""
    low, high = layers(USUAL).reach()
    pieces = fit(curve, layers(USUAL).y, float(low.min()), float(high.max()))
    found: tuple[float, _Layer, Norms, Table] | None = None
    for post in sorted(POSTS, key=lambda p: abs(p - USUAL)):
        layer = layers(post)
        norms, lost = layer.norms(post, pieces)
        if not fits(norms, layer.sums()):
            continue
        table = pieces.table(post)
        error = table.error + pieces.slope * lost
        if found is None or error < found[0] - ENOUGH:
            found = error, layer, norms, table
        if error < ROUNDED + ENOUGH:
            break
    assert found is not None, "bounded factors and biases fit with the least post"
    _, layer, norms, table = found
    x, k = layer.x.zero, layer.w.shape[2]
    return Block(
        layer.w.astype(dtype), norms, table.activation, pad_value=x,
        arg_x=-layer.zero, arg_w=-x, arg_add=k * k * layer.zero * x,
        pool=pool, depthwise=depthwise, error=table.error,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Layer:
    """Integer weights w - zero, of which `factors` (oc,) make real products; `bias` (oc,) real."""

    w: Array
    zero: int
    factors: Array
    bias: Array
    x: Affine
    y: Affine
    spread: float = 0.0
    """Of sums, by what another post might give of the weights."""

    def sums(self) -> tuple[Array, Array]:
        """The least and the greatest sum of each channel, over all inputs; the padding's is 0."""
        return extremes(self.w - self.zero, self.x.zero)

    def reach(self) -> tuple[Array, Array]:
        """The least and the greatest place of each channel, in steps of the output."""
        low, high = self.sums()
        step = self.y.scale
        return (low * self.factors + self.bias) / step, (high * self.factors + self.bias) / step

    def bounded(self) -> tuple[Array, Array]:
        """Factors and biases in steps of the output, so that the least post fits them.

        A channel that reaches millions of times further than its output does is taken down as a
        whole, by a power of two: where it saturates, it still does.
        """
        low, high = self.reach()
        factors, bias = self.factors / self.y.scale, self.bias / self.y.scale
        ends = np.maximum(np.abs(low), np.abs(high)) * 2.0 ** (POSTS[0] + 2 - T_BITS)
        excess = np.maximum(ends, np.abs(bias) * 2.0 ** (POSTS[0] + 2 - ADD_BITS))
        excess = np.maximum(excess, factors * 2.0 ** (POSTS[0] + 2 - MUL_BITS))
        down = np.maximum(np.frexp(excess)[1], 0)
        return np.ldexp(factors, -down), np.ldexp(bias, -down)

    def norms(self, post: int, pieces: Fit) -> tuple[Norms, float]:
        """Batch normalisation, and how wrong t may be where the curve changes, in output steps."""
        sign = -1 if pieces.mirrored else 1
        factors, bias = (sign * v for v in self.bounded())
        norms = _norms(factors, bias, post)
        size = np.abs(factors)
        wrong = np.abs(np.ldexp(norms.mul, -norms.shift.astype(np.int64) - post) - factors)
        part = np.divide(wrong, size, out=np.zeros_like(size), where=size > 0)
        room = max(abs(pieces.low), abs(pieces.high)) + np.abs(bias)
        most = np.maximum(*(np.abs(v) for v in self.sums()))
        rounded = np.minimum(wrong * most, part * room) + size * self.spread
        return norms, float(rounded.max()) + 1.5 * 2.0**-post


def _norms(factors: Array, bias: Array, post: int) -> Norms:
    """The nearest to 2**post * (factors * sum + bias), as far as there are shifts for it."""
    shift = np.clip(MUL_BITS - 1 - np.frexp(factors)[1] - post, 0, NORM_SHIFT)
    mul = np.rint(np.ldexp(factors, post + shift)).astype(np.int64)
    over = (np.abs(mul) > MOST_MUL) & (shift > 0)  # rounded up to a power of two
    shift = shift - over
    mul = np.rint(np.ldexp(factors, post + shift)).astype(np.int64)
    return Norms(mul, np.rint(np.ldexp(bias, post)).astype(np.int64), shift.astype(np.uint8))


def extremes(w: Array, x_zero: int) -> tuple[Array, Array]:
    """The least and the greatest sum of each channel of weights w - zero, over all inputs."""
    w = w.reshape(len(w), -1)
    up, down = np.maximum(w, 0).sum(axis=1), np.minimum(w, 0).sum(axis=1)
    least, most = -x_zero, MOST_BYTE - x_zero
    return most * down + least * up, most * up + least * down


def fits(norms: Norms, sums: tuple[Array, Array]) -> bool:
    """Whether every field, and t for every sum between those of `sums`, has room.

    Sums have 38 bits and sign at most (9216 products of 8 and 16 bits), so products with mul have
    61: nothing leaves the 64 bits of what is computed here, or by the vendor's emulators.
    """
    t = [((end * norms.mul) >> norms.shift) + norms.add for end in sums]
    low, high = min(int(v.min()) for v in t), max(int(v.max()) for v in t)
    half, most_add = 1 << (T_BITS - 1), (1 << (ADD_BITS - 1)) - 1
    return bool(
        -half <= low
        and high < half
        and np.abs(norms.add).max() <= most_add
        and np.abs(norms.mul).max() <= MOST_MUL
    )
