"""The KPU's convolution: registers, batch normalisation, activation table and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ascua.ir import Array
from ascua.kmodel import registers as words
from ascua.kmodel.codec import FIELDS, Place, Reader, Writer
from ascua.kmodel.memory import Layout, Range
from ascua.kmodel.registers import Registers

SEGMENTS = 16
STRIDES = (1, 2, 2, 4, 4, 2, 2, 4, 1, 1)
"""Of the ten kinds of pooling."""
KERNELS = (1, 3)
LOAD_BYTES = {8: 30 << 10, 16: 60 << 10}
"""The most weights that the KPU takes at once, by their bits."""

MOVED = ("Compile it again: a file with its blocks elsewhere could not be written back.",)


@dataclass(frozen=True, eq=False)
class Norms:
    """Of each output channel: t = ((acc · mul) >> shift) + add."""

    mul: Array
    """int32 (oc,), of 24 bits."""
    add: Array
    """int32 (oc,)."""
    shift: Array
    """uint8 (oc,), of 4 bits."""


@dataclass(frozen=True, eq=False)
class Activation:
    """16 segments: clip8(round((t - start) · mul / 2^shift) + bias) from `start` on."""

    start: Array
    """int64 (16,), of 36 bits."""
    mul: Array
    """int16 (16,)."""
    shift: Array
    """uint8 (16,)."""
    bias: Array
    """uint8 (16,)."""
    unused: Array = field(default_factory=lambda: np.zeros(SEGMENTS, np.uint8))
    """uint8 (16,), of 4 bits: the compiler of V4 files leaves there what its memory held."""


@dataclass(frozen=True, eq=False)
class Conv:
    """One layer of the KPU: convolution, batch normalisation, activation, pooling.

    Weights are uint8 or uint16: (oc, ic, k, k), or (oc, 1, k, k) where it is depthwise.
    """

    registers: Registers
    norms: Norms
    activation: Activation
    weights: Array

    @property
    def depthwise(self) -> bool:
        """Whether each channel has a kernel of its own."""
        return bool(self.registers.depth_wise_layer)

    @property
    def ic(self) -> int:
        """Channels of the input."""
        return self.registers.i_ch_num + 1

    @property
    def oc(self) -> int:
        """Channels of the output."""
        return self.registers.o_ch_num + 1

    @property
    def k(self) -> int:
        """Rows and columns of the kernel: 1 or 3."""
        return KERNELS[self.registers.kernel_type]

    @property
    def pool(self) -> int:
        """The kind of pooling, from 0 (none) to 9."""
        return self.registers.pool_type

    @property
    def x(self) -> Layout:
        """The input's map."""
        return Layout(self.registers.i_row_wid + 1, self.registers.i_col_high + 1, self.ic)

    @property
    def y(self) -> Layout:
        """The output's map, behind the pooling."""
        return Layout(self.registers.o_row_wid + 1, self.registers.o_col_high + 1, self.oc)

    @property
    def source(self) -> Range:
        """Where the input lies in KPU RAM."""
        return self.x.at(self.registers.image_src_addr)

    @property
    def target(self) -> Range:
        """Where the output goes in KPU RAM."""
        return self.y.at(self.registers.image_dst_addr)

    @property
    def macs(self) -> int:
        """Products that the KPU computes, which strides do not lessen."""
        per_channel = self.k * self.k * (1 if self.depthwise else self.ic)
        return self.x.width * self.x.height * self.oc * per_channel

    @property
    def loads(self) -> int:
        """In how many parts the weights are loaded."""
        return self.registers.load_time + 1


class InV3:
    """A convolution in a V3 body: four absolute offsets, then the blocks in that order."""

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> Conv:  # noqa: ARG002
        """The convolution; each offset must lead to where the compiler puts the block."""
        offsets: list[int] = reader.values("<u4", (4,), "the offsets of the blocks").tolist()
        at = dict(zip(("layer", "weights", "bn", "act"), offsets, strict=True))
        _block(reader, "layer_off", at["layer"], 8)
        registers = words.read(reader)
        geometry(reader, registers)
        for name in ("bwsx_base_addr", "para_start_addr", "active_addr"):
            if getattr(registers, name):
                raise reader.fail(
                    f"{name} is {getattr(registers, name)}, and the chip's runtime sets it"
                )
        _block(reader, "weights_off", at["weights"], 128)
        weights = _read_weights(reader, registers, reader.weight_bits)
        _block(reader, "bn_off", at["bn"], 128)
        norms = _read_norms(reader, registers.o_ch_num + 1)
        _block(reader, "act_off", at["act"], 256)
        return Conv(registers, norms, _read_activation(reader), weights)

    def write(self, writer: Writer, field: str, value: Conv, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Its bytes."""
        begin = len(writer.data)
        writer.data += bytes(16)
        offsets = []
        zeros = {"bwsx_base_addr": 0, "para_start_addr": 0, "active_addr": 0}
        writer.gap(8)
        offsets.append(len(writer.data))
        words.write(writer, replace(value.registers, **zeros))
        writer.gap(128)
        offsets.append(len(writer.data))
        _write_weights(writer, value, writer.weight_bits)
        writer.gap(128)
        offsets.append(len(writer.data))
        _write_norms(writer, value)
        writer.gap(256)
        offsets.append(len(writer.data))
        _write_activation(writer, value.activation)
        writer.data[begin : begin + 16] = np.array(offsets, "<u4").tobytes()


class InV4:
    """A convolution in a V4 body: three registers say how many bytes to skip before a block."""

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> Conv:  # noqa: ARG002
        """The convolution; its registers come back with zeros for the bytes to skip."""
        registers = words.read(reader)
        geometry(reader, registers)
        _skip(reader, "bwsx_base_addr", registers.bwsx_base_addr)
        norms = _read_norms(reader, registers.o_ch_num + 1)
        _skip(reader, "active_addr", registers.active_addr)
        activation = _read_activation(reader)
        _skip(reader, "para_start_addr", registers.para_start_addr)
        weights = _read_weights(reader, registers, 8)
        own = replace(registers, bwsx_base_addr=0, active_addr=0, para_start_addr=0)
        return Conv(own, norms, activation, weights)

    def write(self, writer: Writer, field: str, value: Conv, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Its bytes."""
        at = len(writer.data) + words.BYTES
        norms = -at % 256
        activation = -(at + norms + 8 * value.oc) % 256
        weights = -(8 * SEGMENTS + SEGMENTS) % 256
        skips = {"bwsx_base_addr": norms, "active_addr": activation, "para_start_addr": weights}
        words.write(writer, replace(value.registers, **skips))
        writer.gap(256)
        _write_norms(writer, value)
        writer.gap(256)
        _write_activation(writer, value.activation)
        writer.gap(256)
        _write_weights(writer, value, 8)


def geometry(place: Place, registers: Registers) -> None:
    """Raise ModelError where the size of the parameters cannot be told."""
    if registers.kernel_type >= len(KERNELS):
        raise place.fail(
            f"kernel_type is {registers.kernel_type}, none of 0 (1x1), 1 (3x3)", FIELDS
        )
    if registers.depth_wise_layer and registers.i_ch_num != registers.o_ch_num:
        ic, oc = registers.i_ch_num + 1, registers.o_ch_num + 1
        raise place.fail(f"it is depthwise, from {ic} channels to {oc}", FIELDS)


def _block(reader: Reader, field: str, offset: int, alignment: int) -> None:
    """Go on to the block at `offset`, the next multiple of `alignment`."""
    at = -(-reader.at // alignment) * alignment
    if not reader.at <= offset < reader.end:
        raise reader.fail(
            f"{field} is {offset}, outside of what is left of the layer's body"
            f" ({reader.at} to {reader.end})"
        )
    if offset % alignment:
        raise reader.fail(f"{field} is {offset}, no multiple of {alignment}", FIELDS)
    if offset != at:
        raise reader.refuse(f"{field} is {offset}, and compilers put that block at {at}", MOVED)
    reader.gap(alignment, field)


def _skip(reader: Reader, field: str, skipped: int) -> None:
    """Go on to the next multiple of 256, as `field` says."""
    at, to = -(-reader.at // 256) * 256, reader.at + skipped
    if to > reader.end:
        raise reader.fail(f"{field} skips {skipped} bytes, out of the layer's body")
    if to % 256:
        raise reader.fail(f"{field} skips {skipped} bytes, to {to}, no multiple of 256", FIELDS)
    if to != at:
        raise reader.refuse(f"{field} skips to {to}, and compilers put that block at {at}", MOVED)
    reader.gap(256, field)


def _shape(registers: Registers) -> tuple[int, int, int, int]:
    k = KERNELS[registers.kernel_type]
    return registers.o_ch_num + 1, 1 if registers.depth_wise_layer else registers.i_ch_num + 1, k, k


def _read_weights(reader: Reader, registers: Registers, bits: int) -> Array:
    return reader.values(f"<u{bits // 8}", _shape(registers), "the weights")


def _write_weights(writer: Writer, conv: Conv, bits: int) -> None:
    geometry(writer, conv.registers)
    writer.values(f"<u{bits // 8}", _shape(conv.registers), "the weights", conv.weights)


def _read_norms(reader: Reader, oc: int) -> Norms:
    packed = reader.values("<u8", (oc,), "the batch normalisation")
    if (packed >> np.uint64(60)).any():
        raise reader.fail("bits 60 to 63 of a word of the batch normalisation are set")
    return Norms(
        mul=_signed(packed, 0, 24).astype(np.int32),
        add=_signed(packed, 24, 32).astype(np.int32),
        shift=(packed >> np.uint64(56)).astype(np.uint8),
    )


def _write_norms(writer: Writer, conv: Conv) -> None:
    n = conv.norms
    packed = _packed(writer, "norm_mul", n.mul, conv.oc, 24, signed=True)
    packed |= _packed(writer, "norm_add", n.add, conv.oc, 32, signed=True) << np.uint64(24)
    packed |= _packed(writer, "norm_shift", n.shift, conv.oc, 4) << np.uint64(56)
    writer.data += packed.astype("<u8").tobytes()


def _read_activation(reader: Reader) -> Activation:
    packed = reader.values("<u8", (SEGMENTS,), "the activation table")
    return Activation(
        start=_signed(packed, 24, 36),
        mul=_signed(packed, 8, 16).astype(np.int16),
        shift=packed.astype(np.uint8),
        bias=reader.values("u1", (SEGMENTS,), "result_bias"),
        unused=(packed >> np.uint64(60)).astype(np.uint8),
    )


def _write_activation(writer: Writer, a: Activation) -> None:
    packed = _packed(writer, "shift_number", a.shift, SEGMENTS, 8)
    packed |= _packed(writer, "y_mul", a.mul, SEGMENTS, 16, signed=True) << np.uint64(8)
    packed |= _packed(writer, "x_start", a.start, SEGMENTS, 36, signed=True) << np.uint64(24)
    packed |= _packed(writer, "unused", a.unused, SEGMENTS, 4) << np.uint64(60)
    writer.data += packed.astype("<u8").tobytes()
    writer.values("u1", (SEGMENTS,), "result_bias", a.bias)


def _signed(packed: Array, low: int, width: int) -> Array:
    """The signed field of `width` bits from bit `low` on."""
    return (packed << np.uint64(64 - low - width)).view("<i8") >> np.int64(64 - width)


def _packed(
    writer: Writer, field: str, values: Array, count: int, width: int, *, signed: bool = False
) -> Array:
    """`values` in the lowest `width` bits. Raises ModelError where one has no room there."""
    values = np.asarray(values)
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise writer.fail(f"{field} must be {count} integers", FIELDS)
    least, most = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    low, high = int(values.min()), int(values.max())
    if low < least or high > most:
        wrong = low if low < least else high
        raise writer.fail(f"{field} is {wrong}, not from {least} to {most}", FIELDS)
    return values.astype(np.int64).view(np.uint64) & np.uint64((1 << width) - 1)
