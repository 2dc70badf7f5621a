"""The twelve 64-bit words that tell the KPU one layer, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, get_type_hints

import numpy as np

from ascua.kmodel.codec import FIELDS, Reader, Writer

WORDS = 12
BYTES = 8 * WORDS


@dataclass(frozen=True)
class Bits:
    """Where a field lies: bits `low` to `high` of a word."""

    word: int
    low: int
    high: int
    signed: bool = False

    @property
    def least(self) -> int:
        """The smallest value."""
        return -(1 << (self.high - self.low)) if self.signed else 0

    @property
    def most(self) -> int:
        """The largest value."""
        return (1 << (self.high - self.low + (not self.signed))) - 1

    @property
    def mask(self) -> int:
        """Of its bits in the word."""
        return ((1 << (self.high - self.low + 1)) - 1) << self.low

    def taken(self, word: int) -> int:
        """The field's value in `word`."""
        value = (word & self.mask) >> self.low
        return value - 2 * (self.most + 1) if self.signed and value > self.most else value


@dataclass(frozen=True, kw_only=True)
class Registers:
    """The fields as the chip takes them; sizes and counts named so are one less than they are.

    The three addresses of parameters hold 0 in V3 files, and the bytes to skip in V4 files.
    """

    int_en: Annotated[int, Bits(0, 0, 0)] = 0
    ram_flag: Annotated[int, Bits(0, 1, 1)] = 0
    full_add: Annotated[int, Bits(0, 2, 2)] = 0
    depth_wise_layer: Annotated[int, Bits(0, 3, 3)]

    image_src_addr: Annotated[int, Bits(1, 0, 14)]
    image_dst_addr: Annotated[int, Bits(1, 32, 46)]

    i_ch_num: Annotated[int, Bits(2, 0, 9)]
    o_ch_num: Annotated[int, Bits(2, 32, 41)]
    o_ch_num_coef: Annotated[int, Bits(2, 48, 57)]

    i_row_wid: Annotated[int, Bits(3, 0, 9)]
    i_col_high: Annotated[int, Bits(3, 10, 18)]
    o_row_wid: Annotated[int, Bits(3, 32, 41)]
    o_col_high: Annotated[int, Bits(3, 42, 50)]

    kernel_type: Annotated[int, Bits(4, 0, 2)]
    pad_type: Annotated[int, Bits(4, 3, 3)] = 0
    pool_type: Annotated[int, Bits(4, 4, 7)]
    first_stride: Annotated[int, Bits(4, 8, 8)] = 0
    bypass_conv: Annotated[int, Bits(4, 9, 9)] = 0
    load_para: Annotated[int, Bits(4, 10, 10)] = 1
    dma_burst_size: Annotated[int, Bits(4, 16, 23)] = 15
    pad_value: Annotated[int, Bits(4, 24, 31)]
    bwsx_base_addr: Annotated[int, Bits(4, 32, 63)] = 0

    load_coor: Annotated[int, Bits(5, 0, 0)] = 1
    load_time: Annotated[int, Bits(5, 1, 6)]
    para_size: Annotated[int, Bits(5, 15, 31)]
    para_start_addr: Annotated[int, Bits(5, 32, 63)] = 0

    coef_column_offset: Annotated[int, Bits(6, 0, 3)] = 0
    coef_row_offset: Annotated[int, Bits(6, 4, 15)] = 0

    channel_switch_addr: Annotated[int, Bits(7, 0, 14)]
    row_switch_addr: Annotated[int, Bits(7, 16, 19)]
    coef_size: Annotated[int, Bits(7, 20, 27)] = 0
    coef_group: Annotated[int, Bits(7, 28, 30)]
    load_act: Annotated[int, Bits(7, 31, 31)] = 1
    active_addr: Annotated[int, Bits(7, 32, 63)] = 0

    wb_channel_switch_addr: Annotated[int, Bits(8, 0, 14)]
    wb_row_switch_addr: Annotated[int, Bits(8, 16, 19)]
    wb_group: Annotated[int, Bits(8, 20, 22)]

    shr_w: Annotated[int, Bits(9, 0, 3)]
    shr_x: Annotated[int, Bits(9, 4, 7)]
    arg_w: Annotated[int, Bits(9, 8, 31, signed=True)]
    arg_x: Annotated[int, Bits(9, 32, 55, signed=True)]

    arg_add: Annotated[int, Bits(10, 0, 39, signed=True)]

    send_data_out: Annotated[int, Bits(11, 0, 0)] = 0
    channel_byte_num: Annotated[int, Bits(11, 16, 31)]
    dma_total_byte: Annotated[int, Bits(11, 32, 63)]


@cache
def layout() -> Mapping[str, Bits]:
    """Where each field of `Registers` lies."""
    hints = get_type_hints(Registers, include_extras=True)
    return {f.name: hints[f.name].__metadata__[0] for f in fields(Registers)}


@cache
def unnamed() -> tuple[int, ...]:
    """Of each word, the mask of the bits that belong to no field."""
    named = [0] * WORDS
    for bits in layout().values():
        named[bits.word] |= bits.mask
    return tuple(~mask & ((1 << 64) - 1) for mask in named)


def read(reader: Reader) -> Registers:
    """The fields of the next twelve words. Raises ModelError where other bits are set."""
    words: list[int] = reader.values("<u8", (WORDS,), "the registers").tolist()
    for i, (word, mask) in enumerate(zip(words, unnamed(), strict=True)):
        if word & mask:
            raise reader.fail(
                f"bits {word & mask:#x} of register word {i} are set: they mean nothing"
            )
    values: Any = {name: bits.taken(words[bits.word]) for name, bits in layout().items()}
    return Registers(**values)


def write(writer: Writer, registers: Registers) -> None:
    """Append the twelve words. Raises ModelError where a field cannot hold its value."""
    words = [0] * WORDS
    for name, bits in layout().items():
        value = getattr(registers, name)
        if not isinstance(value, int | np.integer) or not bits.least <= value <= bits.most:
            raise writer.fail(f"{name} is {value}, not from {bits.least} to {bits.most}", FIELDS)
        words[bits.word] |= int(value) << bits.low & bits.mask
    writer.data += np.array(words, "<u8").tobytes()
