"""Operators of V4 that compute each element by itself, or reduce many to one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from ascua.kmodel.codec import BOUND, COUNT, F32, I32, SHAPE, SHIFT, Choice, Rest
from ascua.kmodel.memory import DType, Range
from ascua.kmodel.v4.layer import Four, FromOne, FromTwo, LayerV4, misfit

TABLE = 256
"""Entries of a table that is indexed by bytes."""


class BinaryOp(IntEnum):
    """A function of two values."""

    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3
    MIN = 4
    MAX = 5


class UnaryOp(IntEnum):
    """A function of one value."""

    ABS = 0
    CEIL = 1
    COS = 2
    EXP = 3
    FLOOR = 4
    LOG = 5
    NEG = 6
    RSQRT = 7
    SIN = 8
    SQUARE = 9


class ReduceOp(IntEnum):
    """How many values become one."""

    MEAN = 0
    MIN = 1
    MAX = 2
    SUM = 3


def not_broadcast(a: Four, b: Four, out: Four) -> str | None:
    """None, or why two shapes do not broadcast to a third."""
    if all(y == max(p, q) and {p, q} <= {1, y} for p, q, y in zip(a, b, out, strict=True)):
        return None
    return f"the shapes {a} and {b} do not broadcast to {out}"


@dataclass(frozen=True, eq=False)
class Binary(FromTwo, code=0x00, title="binary"):
    """A function of two tensors of floats, broadcast, then clamped."""

    in_place: ClassVar[bool] = True
    op: Annotated[BinaryOp, Choice(BinaryOp)]
    a_shape: SHAPE
    b_shape: SHAPE
    out_shape: SHAPE
    act_min: BOUND
    act_max: BOUND

    def malformed(self) -> str | None:
        shapes = self.a_shape, self.b_shape, self.out_shape
        return not_broadcast(*shapes) or self.sized(DType.F32, *shapes)


@dataclass(frozen=True, eq=False)
class QuantizedBinary(FromTwo, code=0x11, title="quantized_binary"):
    """The same of bytes, each tensor with a scale of its own."""

    in_place: ClassVar[bool] = True
    op: Annotated[BinaryOp, Choice(BinaryOp)]
    a_shape: SHAPE
    b_shape: SHAPE
    out_shape: SHAPE
    a_offset: I32
    a_mul: I32
    a_shift: SHIFT
    b_offset: I32
    b_mul: I32
    b_shift: SHIFT
    out_offset: I32
    out_mul: I32
    out_shift: SHIFT

    def malformed(self) -> str | None:
        shapes = self.a_shape, self.b_shape, self.out_shape
        return not_broadcast(*shapes) or self.sized(DType.U8, *shapes)


@dataclass(frozen=True, eq=False)
class Unary(FromOne, code=0x0E, title="unary"):
    """A function of each float."""

    in_place: ClassVar[bool] = True
    op: Annotated[UnaryOp, Choice(UnaryOp)]

    def malformed(self) -> str | None:
        return self.alike(DType.F32, DType.F32)


@dataclass(frozen=True, eq=False)
class NnilUnaryMethod(FromOne, code=0x14, title="nnil_unary_method"):
    """A function of each float, as a program for a small stack machine."""

    in_place: ClassVar[bool] = True
    program: Annotated[bytes, Rest()]
    """To the end of the body, its padding included."""

    def malformed(self) -> str | None:
        return self.alike(DType.F32, DType.F32)

    def check(self) -> str | None:
        return "the instructions of its program are not known"


@dataclass(frozen=True, eq=False)
class TableLookup1d(LayerV4, code=0x12, title="table_lookup1d"):
    """Each byte, through a table."""

    in_place: ClassVar[bool] = True
    input: Range
    table: Range
    out: Range

    @property
    def reads(self) -> tuple[Range, ...]:
        return self.input, self.table

    @property
    def writes(self) -> tuple[Range, ...]:
        return (self.out,)

    def malformed(self) -> str | None:
        count = (self.input.count,)
        return (
            misfit("its input", self.input, DType.U8, count)
            or misfit("its table", self.table, DType.U8, (TABLE,))
            or misfit("its output", self.out, DType.U8, count)
        )


@dataclass(frozen=True, eq=False)
class Dequantize(FromOne, code=0x03, title="dequantize"):
    """y = (q - zero_point) / scale: `scale` is levels per unit."""

    zero_point: I32
    scale: F32

    def malformed(self) -> str | None:
        return "scale is 0" if not self.scale else self.alike(DType.U8, DType.F32)


@dataclass(frozen=True, eq=False)
class Quantize(FromOne, code=0x06, title="quantize"):
    """q = clip8(round(x · scale + zero_point))."""

    zero_point: I32
    scale: F32

    def malformed(self) -> str | None:
        return self.alike(DType.F32, DType.U8)


@dataclass(frozen=True, eq=False)
class Reduce(FromOne, code=0x07, title="reduce"):
    """Values along axes become one, from `init` on."""

    op: Annotated[ReduceOp, Choice(ReduceOp)]
    shape: SHAPE
    out_shape: SHAPE
    init: BOUND

    def malformed(self) -> str | None:
        if not all(y in (1, x) for x, y in zip(self.shape, self.out_shape, strict=True)):
            return f"{self.shape} does not reduce to {self.out_shape}"
        return self.sized(DType.F32, DType.F32, self.shape, self.out_shape)


@dataclass(frozen=True, eq=False)
class Softmax(FromOne, code=0x0B, title="softmax"):
    """Exponentials of beta times the values, divided by their sum."""

    in_place: ClassVar[bool] = True
    inner: COUNT
    outer: COUNT
    beta: F32

    def malformed(self) -> str | None:
        shape = self.outer, self.inner
        return self.sized(DType.F32, DType.F32, shape, shape)
