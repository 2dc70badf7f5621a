"""Writes kmodel files of both versions, for tests: registers, parameter blocks, layers, headers.

Nothing is allocated twice: main memory grows with each tensor, and whoever places maps in KPU RAM
says where.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
Field = int | float | bytes
CONST, MAIN, KPU = range(3)
FLOAT, BYTE = range(2)
STRIDES = (1, 2, 2, 4, 4, 2, 2, 4, 1, 1)
"""By pool code."""

REGISTERS = {
    "int_en": (0, 0, 1), "depth_wise_layer": (0, 3, 1),
    "image_src_addr": (1, 0, 15), "image_dst_addr": (1, 32, 15),
    "i_ch_num": (2, 0, 10), "o_ch_num": (2, 32, 10), "o_ch_num_coef": (2, 48, 10),
    "i_row_wid": (3, 0, 10), "i_col_high": (3, 10, 9),
    "o_row_wid": (3, 32, 10), "o_col_high": (3, 42, 9),
    "kernel_type": (4, 0, 3), "pool_type": (4, 4, 4), "load_para": (4, 10, 1),
    "dma_burst_size": (4, 16, 8), "pad_value": (4, 24, 8), "bwsx_base_addr": (4, 32, 32),
    "load_coor": (5, 0, 1), "load_time": (5, 1, 6), "para_size": (5, 15, 17),
    "para_start_addr": (5, 32, 32),
    "channel_switch_addr": (7, 0, 15), "row_switch_addr": (7, 16, 4),
    "coef_group": (7, 28, 3), "load_act": (7, 31, 1), "active_addr": (7, 32, 32),
    "wb_channel_switch_addr": (8, 0, 15), "wb_row_switch_addr": (8, 16, 4),
    "wb_group": (8, 20, 3),
    "shr_w": (9, 0, 4), "shr_x": (9, 4, 4), "arg_w": (9, 8, -24), "arg_x": (9, 32, -24),
    "arg_add": (10, 0, -40),
    "send_data_out": (11, 0, 1), "channel_byte_num": (11, 16, 16), "dma_total_byte": (11, 32, 32),
}  # fmt: skip
"""Word, lowest bit, bits (negative: signed)."""


def packed(value: int, bits: int) -> int:
    """`value` in that many bits (negative: signed)."""
    low, high = (-(1 << -bits - 1), 1 << -bits - 1) if bits < 0 else (0, 1 << bits)
    assert low <= value < high, (value, bits)
    return value & ((1 << abs(bits)) - 1)


def groups(w: int) -> int:
    """Channels that share a line, in maps of this width."""
    return 4 if w <= 16 else 2 if w <= 32 else 1


def row_length(w: int) -> int:
    """Lines a row."""
    return -(-w // 64)


def lines(c: int, h: int, w: int) -> int:
    """Lines of KPU RAM that a map takes."""
    return row_length(w) * h * -(-c // groups(w))


@dataclass(frozen=True)
class Conv:
    """A layer of the KPU, but for where its maps lie."""

    ic: int
    oc: int
    h: int
    w: int
    kernel: int
    depthwise: bool
    pool: int
    pad: int
    x: tuple[int, int]
    """arg_x and shr_x."""
    weight: tuple[int, int]
    """arg_w and shr_w."""
    add: int
    """arg_add."""
    weights: Array
    """(oc, taps)"""
    norms: tuple[tuple[int, int, int], ...]
    """Of each output channel: mul, add, shift."""
    segments: tuple[tuple[int, int, int, int], ...]
    """Sixteen: x_start, mul, shift, bias."""
    wide: bool = False
    """Weights have 16 bits."""

    @property
    def oh(self) -> int:
        """Height of the output."""
        return self.h // STRIDES[self.pool]

    @property
    def ow(self) -> int:
        """Width of the output."""
        return self.w // STRIDES[self.pool]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the output: channels, height, width."""
        return (self.oc, self.oh, self.ow)

    @property
    def per_load(self) -> int:
        """Output channels whose weights are loaded at once."""
        one = self.weights.shape[1] * (2 if self.wide else 1)
        return self.oc if self.depthwise else min(self.oc, (61440 if self.wide else 30720) // one)

    def registers(self, src: int, dst: int, **more: int) -> bytes:
        """The twelve words, with maps at those lines."""
        per_load, size = self.per_load, self.weights.shape[1] * (2 if self.wide else 1)
        values = {
            "depth_wise_layer": int(self.depthwise),
            "image_src_addr": src, "image_dst_addr": dst,
            "i_ch_num": self.ic - 1, "o_ch_num": self.oc - 1, "o_ch_num_coef": per_load - 1,
            "i_row_wid": self.w - 1, "i_col_high": self.h - 1,
            "o_row_wid": self.ow - 1, "o_col_high": self.oh - 1,
            "kernel_type": self.kernel // 2, "pool_type": self.pool, "load_para": 1,
            "dma_burst_size": 15, "pad_value": self.pad,
            "load_coor": 1, "load_time": -(-self.oc // per_load) - 1, "para_size": size * per_load,
            "channel_switch_addr": row_length(self.w) * self.h,
            "row_switch_addr": row_length(self.w), "coef_group": groups(self.w), "load_act": 1,
            "wb_channel_switch_addr": row_length(self.ow) * self.oh,
            "wb_row_switch_addr": row_length(self.ow), "wb_group": groups(self.ow),
            "shr_w": self.weight[1], "shr_x": self.x[1], "arg_w": self.weight[0],
            "arg_x": self.x[0], "arg_add": self.add,
            "channel_byte_num": self.oh * self.ow - 1,
            "dma_total_byte": self.oh * self.ow * self.oc - 1,
        } | more  # fmt: skip
        words = [0] * 12
        for name, value in values.items():
            word, low, bits = REGISTERS[name]
            words[word] |= packed(value, bits) << low
        return struct.pack("<12Q", *words)

    @property
    def weight_block(self) -> bytes:
        """Weights as the KPU loads them."""
        return self.weights.astype("<u2" if self.wide else "u1").tobytes()

    @property
    def norm_block(self) -> bytes:
        """Eight bytes an output channel."""
        return b"".join(
            struct.pack("<Q", packed(mul, -24) | packed(add, -32) << 24 | packed(shift, 4) << 56)
            for mul, add, shift in self.norms
        )

    @property
    def activation_block(self) -> bytes:
        """Sixteen segments, then their biases."""
        return b"".join(
            struct.pack("<Q", packed(shift, 8) | packed(mul, -16) << 8 | packed(start, -36) << 24)
            for start, mul, shift, _ in self.segments
        ) + bytes(bias for *_, bias in self.segments)


def fields(values: Sequence[Field]) -> bytes:
    """Whole numbers and floats of four bytes, and bytes as they are."""
    return b"".join(
        v if isinstance(v, bytes) else struct.pack("<f", v) if isinstance(v, float)
        else struct.pack("<i" if v < 0 else "<I", v)
        for v in values
    )  # fmt: skip


def aligned(data: bytes, at: int, step: int) -> bytes:
    """`data`, which starts at byte `at` of the file, with zeros up to a multiple of `step`."""
    return data + bytes(-(at + len(data)) % step)


@dataclass
class _File:
    """What both versions share: bodies that know where they start, and a main memory."""

    layers: list[tuple[int, Callable[[int], bytes]]] = field(default_factory=list)
    main: int = 0

    def place(self, size: int) -> int:
        """Bytes of main memory that nobody else gets."""
        start, self.main = self.main, self.main + -(-size // 8) * 8
        return start

    def add(self, kind: int, *values: Field) -> None:
        """A layer of those fields."""
        self.layers.append((kind, lambda at: aligned(fields(values), at, 8)))

    def _bodies(self, at: int) -> tuple[bytes, bytes]:
        """Headers and bodies, the first at byte `at`."""
        headers, bodies = b"", b""
        for kind, body in self.layers:
            data = body(at + len(bodies))
            headers += fields((kind, len(data)))
            bodies += data
        return headers, bodies


@dataclass
class V3(_File):
    """A file of version 3."""

    wide: bool = False
    outputs: list[tuple[int, int]] = field(default_factory=list)
    lowest: int = 32768

    def conv(self, conv: Conv, src: int, dst: int, main_out: int | None = None) -> None:
        """A layer of the KPU, between those lines; its map goes to `main_out` too."""
        assert conv.wide == self.wide
        self.lowest = min(self.lowest, src, dst)

        def body(at: int) -> bytes:
            data, starts = bytes(24), []
            for step, block in ((8, conv.registers(src, dst)), (128, conv.weight_block),
                                (128, conv.norm_block), (256, conv.activation_block)):  # fmt: skip
                data = aligned(data, at, step)
                starts.append(at + len(data))
                data += block
            head = (main_out is not None, main_out or 0, *starts)
            return aligned(fields([int(v) for v in head]) + data[24:], at, 8)

        self.layers.append((10240, body))

    def output(self, start: int, floats: int) -> None:
        """That many floats of main memory are an output."""
        self.outputs.append((start, 4 * floats))

    @property
    def data(self) -> bytes:
        """The file."""
        at = 28 + 8 * len(self.outputs) + 8 * len(self.layers)
        headers, bodies = self._bodies(at)
        head = (3, int(not self.wide), 0, len(self.layers), self.lowest % 32768, self.main,
                len(self.outputs))  # fmt: skip
        return fields(head) + fields(sum(self.outputs, ())) + headers + bodies


@dataclass(frozen=True)
class Range:
    """A tensor of version 4; `shape` is no part of the file's record."""

    memory: int
    dtype: int
    start: int
    shape: tuple[int, ...]
    size: int

    @property
    def data(self) -> bytes:
        """As it stands in a file."""
        return fields((self.memory, self.dtype, self.start, self.size))


@dataclass
class V4(_File):
    """A file of version 4."""

    inputs: list[Range] = field(default_factory=list)
    outputs: list[Range] = field(default_factory=list)
    constants: bytes = b""

    def tensor(self, dtype: int, *shape: int) -> Range:
        """A new tensor in main memory."""
        size = int(np.prod(shape)) * (1 if dtype else 4)
        return Range(MAIN, dtype, self.place(size), shape, size)

    def constant(self, values: npt.NDArray[np.generic]) -> Range:
        """A constant of float32 or uint8."""
        start, data = len(self.constants), values.tobytes()
        self.constants += aligned(data, 0, 8)
        dtype = BYTE if values.dtype == np.uint8 else FLOAT
        return Range(CONST, dtype, start, values.shape, len(data))

    def map(self, line: int, c: int, h: int, w: int) -> Range:
        """A map in KPU RAM."""
        return Range(KPU, BYTE, 64 * line, (1, c, h, w), 64 * lines(c, h, w))

    def conv(self, conv: Conv, src: int, dst: int, main_out: Range | None = None) -> None:
        """A layer of the KPU, between those lines; its map goes to `main_out` too."""
        assert not conv.wide

        def body(at: int) -> bytes:
            head = (main_out.data if main_out else bytes(16)) + fields((1, 0))
            skips, data = [], b""
            for block in (conv.norm_block, conv.activation_block, conv.weight_block):
                skips.append(-(at + 120 + len(data)) % 256)
                data += bytes(skips[-1]) + block
            registers = conv.registers(
                src, dst, bwsx_base_addr=skips[0], active_addr=skips[1], para_start_addr=skips[2],
                send_data_out=int(main_out is not None),
            )  # fmt: skip
            return aligned(head + registers + data, at, 8)

        self.layers.append((0x2002, body))

    @property
    def data(self) -> bytes:
        """The file."""
        ranges = [r.data for r in self.inputs]
        shapes = [fields(r.shape) for r in self.inputs]
        ends = [r.data for r in self.outputs]
        head = (0x4B4D444C, 4, 0, 1, len(self.constants), self.main, len(self.layers),
                len(self.inputs), len(self.outputs), 0)  # fmt: skip
        before = fields(head) + b"".join(ranges + shapes + ends) + self.constants
        headers, bodies = self._bodies(len(before) + 8 * len(self.layers))
        return before + headers + bodies
