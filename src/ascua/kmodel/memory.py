"""The memories of the chip, ranges in them, and how a feature map lies in the KPU's lines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import numpy as np

from ascua.ir import Array
from ascua.kmodel.codec import U32, Choice

LINE = 64
"""Bytes of a line of KPU RAM, which its addresses count."""
KPU_LINES = 32_768
KPU_BYTES = KPU_LINES * LINE


class Memory(IntEnum):
    """Where a range lies: constants of the file, the workspace in main memory, KPU RAM."""

    CONST = 0
    MAIN = 1
    KPU = 2


class DType(IntEnum):
    """The type of a range's elements."""

    F32 = 0
    U8 = 1

    @property
    def bytes(self) -> int:
        """Of one element."""
        return 4 if self is DType.F32 else 1


@dataclass(frozen=True, slots=True)
class Range:
    """`bytes` bytes from byte `start` of a memory; in KPU RAM, whole lines."""

    memory: Annotated[Memory, Choice(Memory)]
    dtype: Annotated[DType, Choice(DType)]
    start: U32
    bytes: U32

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.bytes

    @property
    def count(self) -> int:
        """Of whole elements."""
        return self.bytes // self.dtype.bytes


def f32(start: int, count: int) -> Range:
    """`count` floats in main memory."""
    return Range(Memory.MAIN, DType.F32, start, 4 * count)


def u8(start: int, count: int) -> Range:
    """`count` bytes in main memory."""
    return Range(Memory.MAIN, DType.U8, start, count)


@dataclass(frozen=True)
class Layout:
    """How a feature map of uint8 lies in KPU RAM.

    Byte of (c, y, x) from its first line: (c // groups) · row_lines · height · 64
    + (c % groups) · pitch + y · row_lines · 64 + x.
    """

    width: int
    height: int
    channels: int

    @property
    def groups(self) -> int:
        """Channels that share a line."""
        return 4 if self.width <= 16 else 2 if self.width <= 32 else 1

    @property
    def row_lines(self) -> int:
        """Lines of one row."""
        return -(-self.width // LINE)

    @property
    def pitch(self) -> int:
        """Bytes between the channels that share a line."""
        return LINE // self.groups

    @property
    def channel_lines(self) -> int:
        """Lines of a group of channels."""
        return self.row_lines * self.height

    @property
    def lines(self) -> int:
        """Of the whole map."""
        return self.channel_lines * -(-self.channels // self.groups)

    @property
    def masks(self) -> Array:
        """uint64 (lines,): of each line, the bytes that hold pixels, the first in bit 0.

        What is past the width of a row, or of channels that are not there, is never defined.
        """
        pixels = [(1 << min(self.width - i * LINE, LINE)) - 1 for i in range(self.row_lines)]
        whole, last = (
            [sum(m << self.pitch * c for c in range(count)) for m in pixels]
            for count in (self.groups, (self.channels - 1) % self.groups + 1)
        )
        masks = np.empty((self.lines // self.channel_lines, self.height, self.row_lines), np.uint64)
        masks[:] = np.array(whole, np.uint64)
        masks[-1] = np.array(last, np.uint64)
        return masks.reshape(-1)

    def at(self, line: int) -> Map:
        """Such a map that begins at `line`."""
        return Map(Memory.KPU, DType.U8, line * LINE, self.lines * LINE, self)


@dataclass(frozen=True, slots=True)
class Map(Range):
    """A feature map in KPU RAM: the range of its lines, and how it lies there."""

    layout: Layout
