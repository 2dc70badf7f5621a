"""float32 arithmetic in the order of the runtimes' C: sums term by term, fused or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ascua.ir import Array
from ascua.kpu.rounding import clip8

F32 = np.float32


def fma(a: Array | F32, b: Array | F32, c: Array | F32) -> Array:
    """a * b + c rounded once, for float32.

    The product is exact in float64; their sum is rounded to odd there, and so once more to
    float32 without harm (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums").
    """
    p = np.multiply(a, b, dtype=np.float64)
    c64 = np.asarray(c, np.float64)
    s = p + c64
    back = s - p
    lost = (p - (s - back)) + (c64 - back)
    bits = np.ascontiguousarray(s).view(np.int64)
    away = (lost > 0) == (s > 0)
    inexact = (lost != 0) & np.isfinite(s) & np.isfinite(lost)
    bits = bits + np.where(inexact & (bits & 1 == 0), np.where(away, 1, -1), 0)
    return bits.view(np.float64).astype(F32)


def total(start: Array | F32 | float, terms: Array) -> Array:
    """start + terms[..., 0] + terms[..., 1] + ..., one after the other: (...)."""
    first = np.broadcast_to(np.asarray(start, F32), terms.shape[:-1])[..., None]
    sums: Array = np.add.accumulate(np.concatenate([first, terms], axis=-1), axis=-1, dtype=F32)
    return sums[..., -1]


def clamped(y: Array, least: float, most: float) -> Array:
    """`y` within the bounds of a fused activation."""
    return np.minimum(np.maximum(y, F32(least)), F32(most))


def away(x: Array) -> Array:
    """x rounded to integers, halves away from zero, as `roundf` does; float64."""
    x = x.astype(np.float64)  # where x + 0.5 is exact
    whole: Array = np.trunc(x + np.copysign(0.5, x))
    return whole


def byte(x: Array) -> Array:
    """Whole numbers as bytes: what is outside of 0..255 becomes the nearest, no number 0."""
    numbers: Array = np.nan_to_num(x, nan=0.0, posinf=255, neginf=0)
    return clip8(numbers)


def exp(x: Array) -> Array:
    """e**x, the nearest float32 (of ties of float64 either); a C library's may be one beside it."""
    return np.exp(x.astype(np.float64)).astype(F32)


def softmax(x: Array, *, least: float, beta: float = 1.0) -> Array:
    """e**((x - max) * beta) over the last axis, divided by its sum; max is `least` or more."""
    most = np.maximum(x.max(axis=-1, keepdims=True), F32(least))
    e = exp((x - most) * F32(beta))
    return e / total(0.0, e)[..., None]


def taps(
    size: int, out: int, kernel: int, stride: int, before: int, dilation: int = 1
) -> list[tuple[int, slice, slice]]:
    """Of an axis under a window: the tap, the outputs that it gives to, the elements that it meets.

    What falls on padding, `before` the first element or behind the last, is left out.
    """
    found = []
    for k in range(kernel):
        offset = k * dilation - before
        first, last = max(0, -(offset // stride)), min(out, (size - 1 - offset) // stride + 1)
        if first < last:
            x = slice(first * stride + offset, (last - 1) * stride + offset + 1, stride)
            found.append((k, slice(first, last), x))
    return found


def step(size: int, out: int, *, aligned: bool) -> np.float32:
    """How far apart neighbors of `out` elements lie among `size`, corners on corners or not."""
    if aligned and out > 1:
        return F32(size - 1) / F32(out - 1)
    return F32(size) / F32(out)


def nearest(size: int, out: int, *, aligned: bool) -> Array:
    """Which of `size` elements each of `out` takes: the one at or before its place."""
    return between(size, out, aligned=aligned)[0]


def between(size: int, out: int, *, aligned: bool) -> tuple[Array, Array, Array]:
    """Of each of `out` places: the element of `size` before it, the one behind, how far it is."""
    places = np.arange(out, dtype=F32) * step(size, out, aligned=aligned)
    first: Array = np.minimum(np.floor(places).astype(np.int64), size - 1)
    return first, np.minimum(first + 1, size - 1), places - first.astype(F32)


def rounded(f: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function of the C library in float32, as the nearest value: a library's is it or beside."""
    return lambda x: f(x.astype(np.float64)).astype(F32)
