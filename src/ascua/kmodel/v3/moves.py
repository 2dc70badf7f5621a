"""Layers of V3 that put values elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ascua.kmodel.codec import U32, Many, Record
from ascua.kmodel.memory import DType, Memory, Range, f32
from ascua.kmodel.v3.layer import FLAGS, PIXELS, SIZE, LayerV3


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is copied: where it begins, and its bytes."""

    start: U32
    bytes: SIZE


@dataclass(frozen=True, eq=False)
class Concat(LayerV3, code=16):
    """Parts, copied one after the other."""

    flags: FLAGS
    out: U32
    parts: Annotated[tuple[Part, ...], Many(Record(Part))]

    @property
    def reads(self) -> tuple[Range, ...]:
        return tuple(Range(Memory.MAIN, self.dtype, p.start, p.bytes) for p in self.parts)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (Range(Memory.MAIN, self.dtype, self.out, sum(p.bytes for p in self.parts)),)

    dtype: ClassVar[DType] = DType.F32


@dataclass(frozen=True, eq=False)
class QuantizedConcat(Concat, code=17):
    """The same, of bytes."""

    dtype: ClassVar[DType] = DType.U8


@dataclass(frozen=True, eq=False)
class TensorflowFlatten(LayerV3, code=20):
    """CHW becomes HWC."""

    flags: FLAGS
    input: U32
    out: U32
    width: PIXELS
    height: PIXELS
    channels: PIXELS

    @property
    def count(self) -> int:
        """Elements."""
        return self.width * self.height * self.channels

    @property
    def reads(self) -> tuple[Range, ...]:
        return (f32(self.input, self.count),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.count),)


@dataclass(frozen=True, eq=False)
class ResizeNearestNeighbor(LayerV3, code=22):
    """Each pixel is the nearest one."""

    dtype: ClassVar[DType] = DType.F32
    flags: FLAGS
    input: U32
    out: U32
    in_width: PIXELS
    in_height: PIXELS
    channels: PIXELS
    out_width: PIXELS
    out_height: PIXELS
    align_corners: FLAGS

    @property
    def reads(self) -> tuple[Range, ...]:
        bytes_ = self.in_width * self.in_height * self.channels * self.dtype.bytes
        return (Range(Memory.MAIN, self.dtype, self.input, bytes_),)

    @property
    def writes(self) -> tuple[Range, ...]:
        bytes_ = self.out_width * self.out_height * self.channels * self.dtype.bytes
        return (Range(Memory.MAIN, self.dtype, self.out, bytes_),)


@dataclass(frozen=True, eq=False)
class QuantizedResizeNearestNeighbor(ResizeNearestNeighbor, code=23):
    """The same, of bytes."""

    dtype: ClassVar[DType] = DType.U8
