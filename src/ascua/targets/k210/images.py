"""Operators of the K210's CPU that put pixels elsewhere, or make one of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.ops import F32, ChipOp


@dataclass(frozen=True, eq=False)
class Concat(ChipOp):
    """Channels of several maps, one after the other."""

    def eval(self, *xs: Array) -> Array:
        found = iter(xs)
        return np.concatenate([next(found) for _ in self.inputs], axis=-1)


@dataclass(frozen=True, eq=False)
class MaxPool(ChipOp):
    """The largest of each window inside the image, by the CPU: of bytes in V3, of floats in V4."""

    window: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]

    def eval(self, *xs: Array) -> Array:
        least = 0 if self.x.dtype == "uint8" else float(np.finfo(F32).min)
        return self.shaped(windowed(self, xs[0], least, np.maximum))


@dataclass(frozen=True, eq=False)
class AveragePool(ChipOp):
    """The mean of each window's floats inside the image, by the CPU."""

    window: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]

    def eval(self, *xs: Array) -> Array:
        total = windowed(self, xs[0], 0.0, np.add)
        count = windowed(self, np.ones((1, *self.x.shape), F32), 0.0, np.add)
        return self.shaped(total / count)


@dataclass(frozen=True, eq=False)
class Slice(ChipOp):
    """Pixels from `begin` on, one in `stride`: rows and columns, by the CPU.

    V3's runtime has no such layer; a largest byte of one by one begins at the first pixel alone.
    """

    begin: tuple[int, int]
    stride: tuple[int, int]

    def eval(self, *xs: Array) -> Array:
        _, h, w, _ = self.y.shape
        (y, x), (sy, sx) = self.begin, self.stride
        return self.shaped(
            xs[0][:, :, y : y + (h - 1) * sy + 1 : sy, x : x + (w - 1) * sx + 1 : sx]
        )


@dataclass(frozen=True, eq=False)
class Pad(ChipOp):
    """Rows, columns and channels of one byte around a map, by the CPU; V4 alone has it."""

    pads: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    byte: int

    def eval(self, *xs: Array) -> Array:
        return np.pad(xs[0], [(0, 0), (0, 0), *self.pads], constant_values=self.byte)


@dataclass(frozen=True, eq=False)
class Resize(ChipOp):
    """The pixel at or before each place, as both runtimes find it.

    Nobody wrote down how they round where corners are to lie on corners, and so none does here.
    """

    def places(self) -> tuple[Array, Array]:
        """The row and the column of the input that each of the output takes."""

        def found(size: int, out: int) -> Array:
            step = F32(size) / F32(out)
            places = np.floor(np.arange(out, dtype=F32) * step).astype(np.int64)
            nearest: Array = np.minimum(places, size - 1)
            return nearest

        rows, columns = (found(self.x.shape[a], self.y.shape[a]) for a in (1, 2))
        return rows, columns

    def eval(self, *xs: Array) -> Array:
        rows, columns = self.places()
        return self.shaped(xs[0][:, :, rows[:, None], columns])


@dataclass(frozen=True, eq=False)
class Part(ChipOp):
    """Some of the bytes of a map or a vector, where they lie: no layer is needed."""

    begin: int

    def eval(self, *xs: Array) -> Array:
        return self.shaped(planes(xs[0])[:, self.begin : self.begin + self.y.size])


@dataclass(frozen=True, eq=False)
class Flatten(ChipOp):
    """Channels last, where a file's vectors have them; floats."""

    def eval(self, *xs: Array) -> Array:
        return self.shaped(xs[0])


def windowed(
    op: MaxPool | AveragePool, x: Array, first: float, step: Callable[[Array, Array], Array]
) -> Array:
    """Each window of `x`, its elements in order through `step`, from `first` on."""
    (_, h, w, c), (_, oh, ow, _) = op.x.shape, op.y.shape
    x = x.reshape(-1, h, w, c)
    y = np.full((len(x), oh, ow, c), first, x.dtype)
    for ky in range(op.window[0]):
        rows = _met(h, oh, ky - op.before[0], op.stride[0])
        for kx in range(op.window[1]):
            columns = _met(w, ow, kx - op.before[1], op.stride[1])
            into = np.s_[:, rows[0][:, None], columns[0]]
            y[into] = step(y[into], x[:, rows[1][:, None], columns[1]])
    return y


def _met(size: int, out: int, offset: int, stride: int) -> tuple[Array, Array]:
    """Of an axis: the outputs whose tap at `offset` meets an element, and those elements."""
    outputs = np.arange(out)
    places = outputs * stride + offset
    inside = (places >= 0) & (places < size)
    return outputs[inside], places[inside]
