"""What the KPU will do in one pass, while its numbers are still those of the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.curves import Curve


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights (oc, ic, k, k), or (c, 1, k, k) where each channel has its own; k is 1 or 3."""

    weights: Array
    """float32, or the int8 of a file."""
    bias: Array
    """(oc,): real numbers, or units of the input's scale times `scales`."""
    depthwise: bool = False
    scales: Array | None = None
    """float64 (oc,): of weights of int8."""
    zero: int = 0
    """The weight of int8 that stands for 0."""

    @property
    def k(self) -> int:
        """Rows and columns."""
        k: int = self.weights.shape[2]
        return k

    @property
    def oc(self) -> int:
        """Channels of the output."""
        return len(self.weights)

    @property
    def real(self) -> Array:
        """The real weights, float32."""
        if self.scales is None:
            return self.weights
        steps = self.weights.astype(np.float64) - self.zero
        real: Array = (steps * self.scales[:, None, None, None]).astype(np.float32)
        return real

    def channels(self, some: Array) -> Kernel:
        """That of some output channels, by their numbers."""
        scales = None if self.scales is None else self.scales[some]
        return replace(self, weights=self.weights[some], bias=self.bias[some], scales=scales)

    def sums(self, images: Array) -> Array:
        """What it makes of real images (n, h, w, c), without the bias: float32 (n, h, w, oc)."""
        n, h, w, c = images.shape
        real, border = self.real, self.k // 2
        x = np.pad(images, [(0, 0), (border, border), (border, border), (0, 0)])
        total = np.zeros((n, h, w, self.oc), np.float32)
        for ky in range(self.k):
            for kx in range(self.k):
                tap = x[:, ky : ky + h, kx : kx + w]
                if self.depthwise:
                    total += tap * real[:, 0, ky, kx]
                else:
                    total += (tap.reshape(-1, c) @ real[:, :, ky, kx].T).reshape(total.shape)
        return total


@dataclass(frozen=True, eq=False)
class Own(Op):
    """An operator that no file has."""

    tflite: ClassVar[str] = ""
    types: ClassVar[tuple[str, ...]] = ("int8", "float32")

    @classmethod
    def read(cls, node: Node) -> Self:  # noqa: ARG003
        raise ValueError("no .tflite file has it")

    def malformed(self) -> str | None:
        return None

    def check(self) -> str | None:
        return None

    def eval(self, *xs: Array) -> Array:
        raise NotImplementedError(f"{self.tflite} of integers")


@dataclass(frozen=True, eq=False)
class Fused(Own):
    """A convolution of stride 1 with a border of zeros, a bias, a curve, and the KPU's pool.

    `source` is the name of the operator that it comes from, for messages.
    """

    kernel: Kernel
    curve: Curve
    pool: int
    source: str

    tflite = "KPU"

    @property
    def dense(self) -> bool:
        """Whether it takes a vector."""
        return self.x.size == self.kernel.weights.shape[1] and not self.kernel.depthwise

    def images(self, x: Array) -> Array:
        """Values (n, *shape) of the input as images."""
        if self.dense:
            return planes(x).reshape(-1, 1, 1, self.x.size)
        return x.reshape(-1, *self.x.shape[1:])

    def linear(self, x: Array) -> Array:
        """Sums with the bias, before the curve: (n, h, w, oc) of real inputs (n, *shape)."""
        sums: Array = self.kernel.sums(self.images(x)) + self.kernel.bias
        return sums

    def eval_float(self, *xs: Array) -> Array:
        y = np.asarray(self.curve.function(self.linear(xs[0])), np.float32)
        return pooled(self.pool, y).reshape(-1, *self.y.shape)

    def macs(self) -> int:
        pixels = 1 if self.dense else self.x.shape[1] * self.x.shape[2]
        return pixels * self.kernel.weights.size

    def changed(self, **fields: Any) -> Self:
        """The same but for some fields."""
        return replace(self, **fields)


@dataclass(frozen=True, eq=False)
class Sample(Own):
    """Pixels from `begin` on, one in `stride`, down and to the right."""

    begin: tuple[int, int]
    stride: tuple[int, int]

    tflite = "SAMPLE"
    any_type = True
    one_scale = True

    def eval(self, *xs: Array) -> Array:
        _, h, w, _ = self.y.shape
        (y, x), (sy, sx) = self.begin, self.stride
        rows, columns = slice(y, y + (h - 1) * sy + 1, sy), slice(x, x + (w - 1) * sx + 1, sx)
        return xs[0][:, :, rows, columns]


@dataclass(frozen=True, eq=False)
class Part(Own):
    """Some of the values of a map or a vector, in the order of the chip's memory."""

    begin: int

    tflite = "PART"
    any_type = True

    def eval(self, *xs: Array) -> Array:
        some = planes(xs[0])[:, self.begin : self.begin + self.y.size]
        return some.reshape(-1, *self.y.shape)


@dataclass(frozen=True, eq=False)
class Move(Own):
    """Pixels as they are: each is its neighbor `tap` down and to the right, then comes a pool."""

    tap: tuple[int, int]
    pool: int

    tflite = "MOVE"
    one_scale = True

    def eval_float(self, *xs: Array) -> Array:
        x = xs[0].reshape(-1, *self.x.shape[1:])
        after = [(0, 0), (0, self.tap[0]), (0, self.tap[1]), (0, 0)]
        y = np.pad(x, after)[:, self.tap[0] :, self.tap[1] :]
        return pooled(self.pool, y).reshape(-1, *self.y.shape)


def pooled(code: int, y: Array) -> Array:
    """Real maps (n, h, w, c) behind the pool of that code, in exact means."""
    n, h, w, c = y.shape
    if code in (5, 6, 7):
        stride, column = (4, 0) if code == 7 else (2, code - 5)
        kept: Array = y[:, : h // stride * stride : stride, column : w // stride * stride : stride]
        return kept
    if code == 9:
        edge = np.pad(y, [(0, 0), (0, 1), (0, 1), (0, 0)], mode="edge")
        found: Array = np.max(
            [edge[:, a : a + h, b : b + w] for a in (0, 1) for b in (0, 1)], axis=0
        )
        return found
    if code == 0:
        return y
    size = {1: 2, 3: 4}[code]
    oh, ow = h // size, w // size
    windows = y[:, : oh * size, : ow * size].reshape(n, oh, size, ow, size, c)
    largest: Array = windows.max(axis=(2, 4))
    return largest
