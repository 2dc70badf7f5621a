"""Layers of V3 that concern the KPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ascua.kmodel import consistency
from ascua.kmodel.codec import U32
from ascua.kmodel.conv import Conv, InV3
from ascua.kmodel.memory import Layout, Range, u8
from ascua.kmodel.v3.layer import FLAGS, PIXELS, SIZE, LayerV3


@dataclass(frozen=True, eq=False)
class K210Conv(LayerV3, code=10240):
    """A convolution by the KPU; with flags 1, the output is copied to main memory too."""

    flags: FLAGS
    main_out: U32
    conv: Annotated[Conv, InV3()]

    @property
    def reads(self) -> tuple[Range, ...]:
        return (self.conv.source,)

    @property
    def writes(self) -> tuple[Range, ...]:
        y = self.conv.y
        copied = u8(self.main_out, y.width * y.height * y.channels)
        return (self.conv.target, copied) if self.flags else (self.conv.target,)

    def malformed(self) -> str | None:
        return consistency.malformed(self.conv, to_main=bool(self.flags))

    def check(self) -> str | None:
        return consistency.unknown(self.conv)


@dataclass(frozen=True, eq=False)
class K210AddPadding(LayerV3, code=10241):
    """Bytes become the pixels (0, 0) of maps of 4x4; the others keep what KPU RAM held."""

    flags: FLAGS
    input: U32
    kpu_out: U32
    """A line."""
    channels: SIZE

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, self.channels),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (Layout(4, 4, self.channels).at(self.kpu_out),)


@dataclass(frozen=True, eq=False)
class K210RemovePadding(LayerV3, code=10242):
    """Of maps of 4x4 in main memory, the pixels (0, 0)."""

    flags: FLAGS
    input: U32
    out: U32
    channels: SIZE

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, 16 * self.channels),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (u8(self.out, self.channels),)


@dataclass(frozen=True, eq=False)
class K210Upload(LayerV3, code=10243):
    """A map of bytes goes from main memory to KPU RAM."""

    flags: FLAGS
    input: U32
    kpu_out: U32
    """A line."""
    width: PIXELS
    height: PIXELS
    channels: PIXELS

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, self.width * self.height * self.channels),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (Layout(self.width, self.height, self.channels).at(self.kpu_out),)
