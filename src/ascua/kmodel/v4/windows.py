"""Operators of V4 with a window, and products of matrices, by the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ascua.ir import Array
from ascua.kmodel.codec import BOUND, COUNT, I32, PADS, SHAPE, SHIFT, Choice, Values
from ascua.kmodel.memory import DType
from ascua.kmodel.v4.elementwise import ReduceOp
from ascua.kmodel.v4.layer import FromOne, FromTwo


def per_group(seen: Mapping[str, Any]) -> int:
    """Input channels of a group."""
    return int(seen["shape"][1]) // int(seen["groups"])


def out_channels(seen: Mapping[str, Any]) -> int:
    """Of a transposed convolution."""
    return int(seen["out_shape"][1])


def steps(size: int, pads: tuple[int, int], kernel: int, stride: int, dilation: int) -> int:
    """Positions of a window along an axis; 0 where it does not fit."""
    free = size + sum(pads) - (kernel - 1) * dilation - 1
    return free // stride + 1 if free >= 0 else 0


@dataclass(frozen=True, eq=False)
class Conv2d(FromOne, code=0x02, title="conv2d"):
    """A convolution of floats."""

    shape: SHAPE
    groups: COUNT
    oc: COUNT
    pad_h: PADS
    pad_w: PADS
    kh: COUNT
    kw: COUNT
    sh: COUNT
    sw: COUNT
    dh: COUNT
    dw: COUNT
    act_min: BOUND
    act_max: BOUND
    weights: Annotated[Array, Values("<f4", "oc", per_group, "kh", "kw")]
    bias: Annotated[Array, Values("<f4", "oc")]

    def malformed(self) -> str | None:
        return _convolution(self, DType.F32)


@dataclass(frozen=True, eq=False)
class QuantizedConv2d(FromOne, code=0x0F, title="quantized_conv2d"):
    """A convolution of bytes."""

    shape: SHAPE
    groups: COUNT
    oc: COUNT
    pad_h: PADS
    pad_w: PADS
    kh: COUNT
    kw: COUNT
    sh: COUNT
    sw: COUNT
    dh: COUNT
    dw: COUNT
    in_offset: I32
    w_offset: I32
    mul: I32
    shift: SHIFT
    out_offset: I32
    bias: Annotated[Array, Values("<i4", "oc")]
    weights: Annotated[Array, Values("u1", "oc", per_group, "kh", "kw")]

    def malformed(self) -> str | None:
        return _convolution(self, DType.U8)


def _convolution(op: Conv2d | QuantizedConv2d, dtype: DType) -> str | None:
    n, c, h, w = op.shape
    if c % op.groups or op.oc % op.groups:
        return f"{c} and {op.oc} channels are no {op.groups} groups"
    oh = steps(h, op.pad_h, op.kh, op.sh, op.dh)
    ow = steps(w, op.pad_w, op.kw, op.sw, op.dw)
    return op.sized(dtype, dtype, op.shape, (n, op.oc, oh, ow))


@dataclass(frozen=True, eq=False)
class Conv2dTranspose(FromOne, code=0x13, title="conv2d_transpose"):
    """A transposed convolution of floats."""

    shape: SHAPE
    out_shape: SHAPE
    groups: COUNT
    pad_h: PADS
    pad_w: PADS
    kh: COUNT
    kw: COUNT
    sh: COUNT
    sw: COUNT
    dh: COUNT
    dw: COUNT
    act_min: BOUND
    act_max: BOUND
    weights: Annotated[Array, Values("<f4", out_channels, per_group, "kh", "kw")]
    bias: Annotated[Array, Values("<f4", out_channels)]

    def malformed(self) -> str | None:
        c, oc = self.shape[1], self.out_shape[1]
        if c % self.groups or oc % self.groups:
            return f"{c} and {oc} channels are no {self.groups} groups"
        return self.sized(DType.F32, DType.F32, self.shape, self.out_shape)

    def check(self) -> str | None:
        return "the order of its weights is not known"


@dataclass(frozen=True, eq=False)
class ReduceWindow2d(FromOne, code=0x08, title="reduce_window2d"):
    """Values under a window become one."""

    op: Annotated[ReduceOp, Choice(ReduceOp)]
    shape: SHAPE
    pad_h: PADS
    pad_w: PADS
    kh: COUNT
    kw: COUNT
    sh: COUNT
    sw: COUNT
    dh: COUNT
    dw: COUNT
    init: BOUND
    act_min: BOUND
    act_max: BOUND

    def malformed(self) -> str | None:
        n, c, h, w = self.shape
        rows = (self.kh - 1) * self.dh + 1
        columns = (self.kw - 1) * self.dw + 1
        if max(self.pad_h) >= rows or max(self.pad_w) >= columns:
            return "some of its windows lie outside of the image"
        oh = steps(h, self.pad_h, self.kh, self.sh, self.dh)
        ow = steps(w, self.pad_w, self.kw, self.sw, self.dw)
        return self.sized(DType.F32, DType.F32, self.shape, (n, c, oh, ow))


@dataclass(frozen=True, eq=False)
class Matmul(FromTwo, code=0x04, title="matmul"):
    """The product of two matrices of floats; b is (a_cols, b_cols)."""

    a_rows: COUNT
    a_cols: COUNT
    b_cols: COUNT
    act_min: BOUND
    act_max: BOUND
    bias: Annotated[Array, Values("<f4", "b_cols")]

    def malformed(self) -> str | None:
        return _product(self, DType.F32)


@dataclass(frozen=True, eq=False)
class QuantizedMatmul(FromTwo, code=0x10, title="quantized_matmul"):
    """The product of two matrices of bytes; b is (a_cols, b_cols)."""

    a_rows: COUNT
    a_cols: COUNT
    b_cols: COUNT
    a_offset: I32
    b_offset: I32
    mul: I32
    shift: SHIFT
    out_offset: I32
    bias: Annotated[Array, Values("<i4", "b_cols")]

    def malformed(self) -> str | None:
        return _product(self, DType.U8)


def _product(op: Matmul | QuantizedMatmul, dtype: DType) -> str | None:
    shapes = (op.a_rows, op.a_cols), (op.a_cols, op.b_cols), (op.a_rows, op.b_cols)
    return op.sized(dtype, *shapes)
