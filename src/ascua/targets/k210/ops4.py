"""Operators of the CPU that V4's runtime alone has: bytes with integer factors, and floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ascua.ir import Array
from ascua.kmodel.v4 import BinaryOp, ReduceOp
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.block import MOST_BYTE
from ascua.targets.k210.ops import F32, ChipOp, exponential


class Factor(NamedTuple):
    """An integer times mul / 2**shift, halves up."""

    mul: int
    shift: int

    def of(self, v: Array) -> Array:
        """The products of int64 `v`."""
        scaled: Array = (v * self.mul + (1 << self.shift >> 1)) >> self.shift
        return scaled


ONE = Factor(1, 0)


class Scaling(NamedTuple):
    """A byte's `offset` is added before its factor, that of an output behind it."""

    offset: int
    factor: Factor = ONE


@dataclass(frozen=True, eq=False)
class Matmul(ChipOp):
    """y = x W + B: a vector of bytes times a matrix of bytes (inputs, outputs)."""

    weights: Array
    bias: Array
    """int32 (outputs,), in the units of the products."""
    x_offset: int
    w_offset: int
    scaling: Scaling

    def eval(self, *xs: Array) -> Array:
        x = planes(xs[0]).astype(np.int64) + self.x_offset
        total = x @ (self.weights.astype(np.int64) + self.w_offset) + self.bias
        return self.shaped(clipped(self.scaling.factor.of(total) + self.scaling.offset))

    def macs(self) -> int:
        return self.weights.size


@dataclass(frozen=True, eq=False)
class Binary(ChipOp):
    """A function of two tensors of bytes, the second of one value or as many."""

    function: BinaryOp
    a: Scaling
    b: Scaling
    out: Scaling
    byte: int | None = None
    """The second one, where no tensor has it."""

    def eval(self, *xs: Array) -> Array:
        second = (xs * 2)[1] if self.byte is None else np.array(self.byte)
        a = self.a.factor.of(xs[0].astype(np.int64) + self.a.offset)
        b = self.b.factor.of(second.astype(np.int64) + self.b.offset)
        y = FUNCTIONS[self.function](a, b)
        return self.shaped(clipped(self.out.factor.of(y) + self.out.offset))


@dataclass(frozen=True, eq=False)
class Reduce(ChipOp):
    """One float of all: the greatest, or the sum, term by term."""

    function: ReduceOp

    def eval(self, *xs: Array) -> Array:
        x = planes(xs[0])
        if self.function is ReduceOp.MAX:
            return self.shaped(x.max(axis=1))
        total = np.zeros(len(x), F32)
        for column in x.T:
            total += column
        return self.shaped(total)


@dataclass(frozen=True, eq=False)
class Exp(ChipOp):
    """e**x of each float."""

    def eval(self, *xs: Array) -> Array:
        return exponential(xs[0])


def quotients(a: Array, b: Array) -> Array:
    """(a + b / 2) / b of integers that are not below zero; by 0 it is -1, as the chip divides."""
    wide = np.broadcast_to(b, a.shape)
    found: Array = np.where(wide == 0, -1, (a + wide // 2) // np.maximum(wide, 1))
    return found


FUNCTIONS: Mapping[BinaryOp, Callable[[Array, Array], Array]] = {
    BinaryOp.ADD: np.add, BinaryOp.SUB: np.subtract, BinaryOp.MUL: np.multiply,
    BinaryOp.DIV: quotients,
}  # fmt: skip


def clipped(y: Array) -> Array:
    """Whole numbers as bytes."""
    near: Array = np.clip(y, 0, MOST_BYTE).astype(np.uint8)
    return near
