"""Operators of V4 that put values elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from ascua.kmodel.codec import COUNT, I32, SHAPE, U32, Choice, Many, Record, Word
from ascua.kmodel.memory import DType, Range
from ascua.kmodel.v4.layer import Four, FromOne, LayerV4, misfit

INDICES = Annotated[Four, Many(Word("<i", -(1 << 31), (1 << 31) - 1), 4)]


class ResizeMode(IntEnum):
    """How pixels between pixels are found."""

    BILINEAR = 0
    NEAREST = 1


@dataclass(frozen=True, eq=False)
class Concat(LayerV4, code=0x01, title="concat"):
    """Parts side by side, `outer` times: of each part, its `dims` times `inner` bytes."""

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

    def malformed(self) -> str | None:
        dtype = self.out.dtype
        run = self.inner * self.outer // dtype.bytes
        for i, (part, dim) in enumerate(zip(self.parts, self.dims, strict=True)):
            reason = misfit(f"part {i}", part, dtype, (run, dim))
            if reason:
                return reason
        return misfit("its output", self.out, dtype, (run, sum(self.dims)))


@dataclass(frozen=True, eq=False)
class Pad(FromOne, code=0x05, title="pad"):
    """The tensor between values."""

    shape: SHAPE
    pads: Annotated[tuple[tuple[int, int], ...], Many(Many(Word("<i", -(1 << 16), 1 << 16), 2), 4)]
    """Before and after, of each axis; a negative one crops."""
    dtype: Annotated[DType, Choice(DType)]
    value: U32
    """The four bytes of the value; of a byte, the lowest."""

    def malformed(self) -> str | None:
        for size, (before, after) in zip(self.shape, self.pads, strict=True):
            if size + min(before, 0) + min(after, 0) <= 0:
                return f"its padding {(before, after)} leaves nothing of {size}"
        out = [n + sum(pads) for n, pads in zip(self.shape, self.pads, strict=True)]
        return self.sized(self.dtype, self.dtype, self.shape, out)


@dataclass(frozen=True, eq=False)
class MemoryCopy(FromOne, code=0x09, title="memory_copy"):
    """The same bytes."""

    in_place: ClassVar[bool] = True

    def malformed(self) -> str | None:
        return self.alike(self.input.dtype, self.input.dtype)


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

    def malformed(self) -> str | None:
        n, c, _, _ = self.shape
        dtype = self.input.dtype
        return self.sized(dtype, dtype, self.shape, (n, c, self.oh, self.ow))

    def check(self) -> str | None:
        if self.mode is ResizeMode.BILINEAR and self.input.dtype is DType.U8:
            return "how it rounds bytes between pixels is not known"
        return None


@dataclass(frozen=True, eq=False)
class Transpose(FromOne, code=0x0C, title="transpose"):
    """The axes in another order."""

    shape: SHAPE
    perm: Annotated[Four, Many(Word("<i", 0, 3), 4)]

    def malformed(self) -> str | None:
        if sorted(self.perm) != [0, 1, 2, 3]:
            return f"perm is {self.perm}, no order of four axes"
        dtype = self.input.dtype
        return self.sized(dtype, dtype, self.shape, self.shape)


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

    @property
    def slices(self) -> tuple[slice, ...]:
        """What is taken of each axis."""
        found = []
        for i, (b, e, s) in enumerate(zip(self.begin, self.end, self.strides, strict=True)):
            first = None if self.begin_mask >> i & 1 else b
            last = None if self.end_mask >> i & 1 else e
            found.append(slice(first, last, s))
        return tuple(found)

    def malformed(self) -> str | None:
        if 0 in self.strides:
            return f"strides is {self.strides}"
        if self.check():
            return None
        out = [len(range(n)[s]) for n, s in zip(self.shape, self.slices, strict=True)]
        dtype = self.input.dtype
        return self.sized(dtype, dtype, self.shape, out)

    def check(self) -> str | None:
        for field in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"):
            if getattr(self, field):
                return f"{field} is {getattr(self, field)}, and axes cannot come or go here"
        return None
