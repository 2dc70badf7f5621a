"""Operators of V4 that concern the KPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ascua.kmodel import consistency
from ascua.kmodel.codec import I32, SHAPE
from ascua.kmodel.conv import Conv, InV4
from ascua.kmodel.memory import LINE, DType, Layout, Memory, Range
from ascua.kmodel.v4.layer import FromOne, LayerV4, misfit


@dataclass(frozen=True, eq=False)
class KpuUpload(FromOne, code=0x2001, title="kpu_upload"):
    """A map of bytes goes from main memory to KPU RAM."""

    shape: SHAPE

    @property
    def writes(self) -> tuple[Range, ...]:
        _, c, h, w = self.shape
        return (Layout(w, h, c).at(self.out.start // LINE),)

    def malformed(self) -> str | None:
        n, c, h, w = self.shape
        wanted = Layout(w, h, c).lines * LINE
        if n > 1:
            return f"it uploads {n} images, and KPU RAM takes one"
        if self.out.memory is not Memory.KPU or self.out.bytes != wanted or self.out.start % LINE:
            return f"its output is not the {wanted} bytes of KPU RAM that {c}x{h}x{w} takes"
        return misfit("its input", self.input, DType.U8, self.shape)


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

    def malformed(self) -> str | None:
        copied = bool(self.main_out.bytes)
        if self.conv.registers.send_data_out != copied:
            return (
                f"send_data_out is {int(not copied)}, and main_out has {self.main_out.bytes} bytes"
            )
        y = self.conv.y
        shape = y.channels, y.height, y.width
        return consistency.malformed(self.conv, to_main=copied) or (
            misfit("main_out", self.main_out, DType.U8, shape) if copied else None
        )

    def check(self) -> str | None:
        if self.batches != 1:
            return f"it takes {self.batches} images at once"
        return consistency.unknown(self.conv)
