"""The operators of kmodel V4 (nncase 0.2): tensors are ranges of memory, shapes are NCHW."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, ClassVar, TypeAlias

from ascua.ir import Array
from ascua.kmodel.codec import (
    BOUND,
    COUNT,
    F32,
    I32,
    PADS,
    U32,
    Choice,
    Many,
    Record,
    Rest,
    Values,
    Word,
)
from ascua.kmodel.conv import Conv, InV4
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import DType, Range

Four: TypeAlias = tuple[int, int, int, int]
SHAPE = Annotated[Four, Many(Word("<i", 1, (1 << 31) - 1), 4)]
INDICES = Annotated[Four, Many(Word("<i", -(1 << 31), (1 << 31) - 1), 4)]
SHIFT = Annotated[int, Word("<i", 0, 63)]

LAYERS: dict[int, type[LayerV4]] = {}
"""By the number of the operator."""
UNKNOWN = {code: f"operator {code:#x} of the CPU target" for code in range(0x1001, 0x1006)}


@dataclass(frozen=True, eq=False)
class LayerV4(Layer):
    """An operator of a V4 file."""

    def __init_subclass__(cls, code: int | None = None, title: str = "") -> None:
        if code is not None:
            cls.code, cls.title = code, title
            LAYERS[code] = cls


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


class ResizeMode(IntEnum):
    """How pixels between pixels are found."""

    BILINEAR = 0
    NEAREST = 1


@dataclass(frozen=True, eq=False)
class FromOne(LayerV4):
    """An operator from one range to another."""

    input: Range
    out: Range

    @property
    def reads(self) -> tuple[Range, ...]:
        return (self.input,)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (self.out,)


@dataclass(frozen=True, eq=False)
class FromTwo(LayerV4):
    """An operator from two ranges to another."""

    a: Range
    b: Range
    out: Range

    @property
    def reads(self) -> tuple[Range, ...]:
        return self.a, self.b

    @property
    def writes(self) -> tuple[Range, ...]:
        return (self.out,)


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


@dataclass(frozen=True, eq=False)
class Concat(LayerV4, code=0x01, title="concat"):
    """Parts side by side: of each, `dims` runs of `inner` bytes, `outer` times."""

    out: Range
    inner: U32
    outer: U32
    parts: Annotated[tuple[Range, ...], Many(Record(Range))]
    dims: Annotated[tuple[int, ...], Many(Word("<i", 1, (1 << 31) - 1), "parts")]

    @property
    def reads(self) -> tuple[Range, ...]:
        return self.parts

    @property
    def writes(self) -> tuple[Range, ...]:
        return (self.out,)


def per_group(seen: Mapping[str, Any]) -> int:
    """Input channels of a group."""
    return int(seen["shape"][1]) // int(seen["groups"])


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


@dataclass(frozen=True, eq=False)
class QuantizedConv2d(FromOne, code=0x0F, title="quantized_conv2d"):
    """A convolution of bytes by the CPU."""

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
    weights: Annotated[Array, Values("<f4", lambda f: f["out_shape"][1], per_group, "kh", "kw")]
    bias: Annotated[Array, Values("<f4", lambda f: f["out_shape"][1])]


@dataclass(frozen=True, eq=False)
class Dequantize(FromOne, code=0x03, title="dequantize"):
    """y = (q - zero_point) / scale: `scale` is levels per unit."""

    zero_point: I32
    scale: F32


@dataclass(frozen=True, eq=False)
class Quantize(FromOne, code=0x06, title="quantize"):
    """q = clip8(round(x · scale + zero_point))."""

    zero_point: I32
    scale: F32


@dataclass(frozen=True, eq=False)
class Matmul(FromTwo, code=0x04, title="matmul"):
    """The product of two matrices of floats."""

    a_rows: COUNT
    a_cols: COUNT
    b_cols: COUNT
    act_min: BOUND
    act_max: BOUND
    bias: Annotated[Array, Values("<f4", "b_cols")]


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


@dataclass(frozen=True, eq=False)
class Pad(FromOne, code=0x05, title="pad"):
    """The tensor between values."""

    shape: SHAPE
    pads: Annotated[tuple[tuple[int, int], ...], Many(Many(Word("<i", -(1 << 16), 1 << 16), 2), 4)]
    """Before and after, of each axis; a negative one crops."""
    dtype: Annotated[DType, Choice(DType)]
    value: U32
    """The four bytes of the value."""


@dataclass(frozen=True, eq=False)
class Reduce(FromOne, code=0x07, title="reduce"):
    """Values along axes become one."""

    op: Annotated[ReduceOp, Choice(ReduceOp)]
    shape: SHAPE
    out_shape: SHAPE
    init: BOUND


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


@dataclass(frozen=True, eq=False)
class MemoryCopy(FromOne, code=0x09, title="memory_copy"):
    """The same bytes."""

    in_place: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class ResizeImage(FromOne, code=0x0A, title="resize_image"):
    """An image of another size."""

    shape: SHAPE
    oh: COUNT
    ow: COUNT
    mode: Annotated[ResizeMode, Choice(ResizeMode)]
    align_corners: Annotated[int, Word("B", 0, 1)]
    unused: Annotated[tuple[int, ...], Many(Word("B", 0, 255), 3)]
    """What the compiler's memory held."""


@dataclass(frozen=True, eq=False)
class Softmax(FromOne, code=0x0B, title="softmax"):
    """Exponentials of beta times the values, divided by their sum."""

    in_place: ClassVar[bool] = True
    inner: COUNT
    outer: COUNT
    beta: F32


@dataclass(frozen=True, eq=False)
class Transpose(FromOne, code=0x0C, title="transpose"):
    """The axes in another order."""

    shape: SHAPE
    perm: Annotated[Four, Many(Word("<i", 0, 3), 4)]


@dataclass(frozen=True, eq=False)
class StridedSlice(FromOne, code=0x0D, title="strided_slice"):
    """Some of the values."""

    shape: SHAPE
    begin: INDICES
    end: INDICES
    strides: INDICES
    begin_mask: I32
    end_mask: I32
    ellipsis_mask: I32
    new_axis_mask: I32
    shrink_axis_mask: I32


@dataclass(frozen=True, eq=False)
class Unary(FromOne, code=0x0E, title="unary"):
    """A function of each float."""

    in_place: ClassVar[bool] = True
    op: Annotated[UnaryOp, Choice(UnaryOp)]


@dataclass(frozen=True, eq=False)
class NnilUnaryMethod(FromOne, code=0x14, title="nnil_unary_method"):
    """A function of each float, as a program for a small stack machine."""

    in_place: ClassVar[bool] = True
    program: Annotated[bytes, Rest()]


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


@dataclass(frozen=True, eq=False)
class KpuUpload(FromOne, code=0x2001, title="kpu_upload"):
    """A map of bytes goes from main memory to KPU RAM."""

    shape: SHAPE


@dataclass(frozen=True, eq=False)
class KpuConv2d(LayerV4, code=0x2002, title="kpu_conv2d"):
    """A convolution by the KPU; the output is copied to `main_out` too, if that has bytes."""

    main_out: Range
    batches: I32
    reserved: I32
    conv: Annotated[Conv, InV4()]

    @property
    def reads(self) -> tuple[Range, ...]:
        return (self.conv.source,)

    @property
    def writes(self) -> tuple[Range, ...]:
        target = self.conv.target
        return (target, self.main_out) if self.main_out.bytes else (target,)
