"""Operators of the K210: those of the KPU on bytes, those of the CPU on bytes and floats.

Each `eval` is written from the specification of files and chip; no simulator has a part in it.
Tensors are (1, h, w, c), or (1, c) behind a mean; the chip has channels first, and a graph's
outputs too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.targets.k210.arithmetic import passed, planes
from ascua.targets.k210.block import Affine, Block

Runtime: TypeAlias = Literal[3, 4]
"""Whose arithmetic it is: that of the runtime and the emulator of a version of kmodels."""
F32 = np.float32


@dataclass(frozen=True, eq=False)
class ChipOp(Op):
    """An operator that the K210 executes under a runtime."""

    runtime: Runtime = field(kw_only=True)

    tflite: ClassVar[str] = ""
    types: ClassVar[tuple[str, ...]] = ("uint8", "float32")

    @classmethod
    def read(cls, node: Node) -> Self:  # noqa: ARG003
        raise ValueError("no .tflite file has it")

    def malformed(self) -> str | None:
        return None

    def check(self) -> str | None:
        return None

    @property
    def kind(self) -> str:
        return type(self).__name__.lower()

    def shaped(self, y: Array) -> Array:
        """`y` of n samples as (n, *output shape) in the output's type."""
        return np.ascontiguousarray(y.reshape(-1, *self.y.shape), self.y.dtype)


@dataclass(frozen=True, eq=False)
class KpuConv(ChipOp):
    """One pass of the KPU over a map: convolution, norms, activation table, pool."""

    block: Block

    def eval(self, *xs: Array) -> Array:
        images = xs[0].reshape(-1, *self.x.shape[1:])
        return self.shaped(passed(self.block, images, self.runtime))

    def macs(self) -> int:
        return self.x.size // self.x.shape[-1] * self.block.weights.size


@dataclass(frozen=True, eq=False)
class KpuDense(ChipOp):
    """A vector through the KPU, as the pixel (0, 0) of a map of 4x4: a product with a matrix."""

    block: Block

    def eval(self, *xs: Array) -> Array:
        pixels = planes(xs[0]).reshape(-1, 1, 1, self.x.size)
        return self.shaped(passed(self.block, pixels, self.runtime))

    def macs(self) -> int:
        return self.block.weights.size


@dataclass(frozen=True, eq=False)
class Scaled(ChipOp):
    """Between floats and bytes."""

    affine: Affine

    @property
    def constants(self) -> tuple[np.float32, np.float32]:
        """V3: the real value of a step and of byte 0; V4: steps in 1, the byte of 0."""
        a = self.affine
        if self.runtime == 3:
            return F32(a.scale), F32(-a.zero * a.scale)
        return F32(1 / a.scale), F32(a.zero)


@dataclass(frozen=True, eq=False)
class Quantize(Scaled):
    """Floats become bytes."""

    def eval(self, *xs: Array) -> Array:
        scale, offset = self.constants
        v3 = self.runtime == 3
        steps = (xs[0] - offset) * (F32(1) / scale) if v3 else xs[0] * scale + offset
        wide = steps.astype(np.float64)
        y: Array = np.clip(np.trunc(wide + np.copysign(0.5, wide)), 0, 255).astype(np.uint8)
        return y


@dataclass(frozen=True, eq=False)
class Dequantize(Scaled):
    """Bytes become floats."""

    def eval(self, *xs: Array) -> Array:
        scale, offset = self.constants
        if self.runtime == 3:
            return xs[0].astype(F32) * scale + offset
        return (xs[0].astype(F32) - offset) * (F32(1) / scale)


@dataclass(frozen=True)
class Sum:
    """How bytes a and b make one: ((a + a_offset) · a_mul + (b + b_offset) · b_mul) >> shift,
    rounded, and `out_offset` on top.
    """

    a_offset: int
    a_mul: int
    b_offset: int
    b_mul: int
    shift: int
    out_offset: int


@dataclass(frozen=True, eq=False)
class Add(ChipOp):
    """The sum of two tensors of bytes; in V3 no term is negative, as its runtime rounds those
    down.
    """

    sum: Sum

    def eval(self, *xs: Array) -> Array:
        a, b = (x.astype(np.int64) for x in (xs * 2)[:2])
        s = self.sum
        total = (a + s.a_offset) * s.a_mul + (b + s.b_offset) * s.b_mul
        y = ((total + (1 << s.shift >> 1)) >> s.shift) + s.out_offset
        clipped: Array = np.clip(y, 0, 255).astype(np.uint8)
        return clipped


@dataclass(frozen=True, eq=False)
class Table(ChipOp):
    """Each byte through a table of 256."""

    table: Array

    def eval(self, *xs: Array) -> Array:
        y: Array = self.table[xs[0]]
        return y


@dataclass(frozen=True, eq=False)
class Mean(ChipOp):
    """The mean of each channel, in floats, term by term."""

    def eval(self, *xs: Array) -> Array:
        pixels = xs[0].reshape(len(xs[0]), -1, self.x.shape[-1])
        total = np.zeros((len(pixels), self.x.shape[-1]), F32)
        for i in range(pixels.shape[1]):
            total += pixels[:, i]
        count = pixels.shape[1]
        return self.shaped(
            total / F32(count) if self.runtime == 3 else total * (F32(1) / F32(count))
        )


@dataclass(frozen=True, eq=False)
class Softmax(ChipOp):
    """e**x of each value, divided by their sum."""

    beta: float = 1.0

    def eval(self, *xs: Array) -> Array:
        x = xs[0].reshape(-1, self.x.shape[-1])
        least = np.finfo(F32).tiny if self.runtime == 3 else -np.inf
        most = np.maximum(x.max(axis=1, keepdims=True), F32(least))
        e = exponential((x - most) * F32(self.beta))
        total = np.zeros(len(e), F32)
        for column in e.T:
            total += column
        return self.shaped(e / total[:, None])


@dataclass(frozen=True, eq=False)
class Logistic(ChipOp):
    """1 / (1 + e**-x)."""

    def eval(self, *xs: Array) -> Array:
        y: Array = F32(1) / (F32(1) + exponential(-xs[0]))
        return y


@dataclass(frozen=True, eq=False)
class Dense(ChipOp):
    """y = W x + B in floats, clipped, by the CPU: W is (outputs, inputs), in the chip's order."""

    weights: Array
    bias: Array
    limits: tuple[float, float]

    def eval(self, *xs: Array) -> Array:
        x = planes(xs[0])
        if self.runtime == 3:
            y = np.zeros((len(x), len(self.bias)), F32)
        else:
            y = np.broadcast_to(self.bias.astype(F32), (len(x), len(self.bias)))
        for column, w in zip(x.T, self.weights.T.astype(F32), strict=True):
            y = column[:, None] * w + y
        y = y + self.bias.astype(F32) if self.runtime == 3 else y
        return self.shaped(np.clip(y, F32(self.limits[0]), F32(self.limits[1])))

    def macs(self) -> int:
        return self.weights.size


def exponential(x: Array) -> Array:
    """e**x, the nearest float32."""
    y: Array = np.exp(x.astype(np.float64)).astype(F32)
    return y
