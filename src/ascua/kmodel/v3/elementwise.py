"""Layers of V3 that compute each element by itself, or a vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ascua.ir import Array
from ascua.kmodel.codec import F32, I32, SHIFT, U32, Values
from ascua.kmodel.memory import Range, f32, u8
from ascua.kmodel.v3.layer import FLAGS, SIZE, LayerV3


@dataclass(frozen=True, eq=False)
class Add(LayerV3, code=1):
    """out = a + b, in floats."""

    in_place: ClassVar[bool] = True
    flags: FLAGS
    a: U32
    b: U32
    out: U32
    count: SIZE

    @property
    def reads(self) -> tuple[Range, ...]:
        return f32(self.a, self.count), f32(self.b, self.count)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.count),)


@dataclass(frozen=True, eq=False)
class QuantizedAdd(LayerV3, code=2):
    """The sum of two tensors of bytes, each with a scale of its own."""

    in_place: ClassVar[bool] = True
    flags: FLAGS
    a: U32
    b: U32
    out: U32
    count: SIZE
    a_offset: I32
    a_mul: I32
    a_shift: SHIFT
    b_offset: I32
    b_mul: I32
    b_shift: SHIFT
    out_offset: I32
    out_mul: I32
    out_shift: SHIFT

    @property
    def reads(self) -> tuple[Range, ...]:
        return u8(self.a, self.count), u8(self.b, self.count)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (u8(self.out, self.count),)


@dataclass(frozen=True, eq=False)
class Quantize(LayerV3, code=11):
    """q = clip8(round((x - bias) · (1 / scale)))."""

    flags: FLAGS
    input: U32
    out: U32
    count: SIZE
    scale: F32
    bias: F32

    @property
    def reads(self) -> tuple[Range, ...]:
        return (f32(self.input, self.count),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (u8(self.out, self.count),)

    def malformed(self) -> str | None:
        return None if self.scale else "scale is 0"


@dataclass(frozen=True, eq=False)
class Dequantize(LayerV3, code=12):
    """y = q · scale + bias."""

    flags: FLAGS
    input: U32
    out: U32
    count: SIZE
    scale: F32
    bias: F32

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, self.count),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.count),)


@dataclass(frozen=True, eq=False)
class Requantize(LayerV3, code=13):
    """Each byte, through a table."""

    in_place: ClassVar[bool] = True
    flags: FLAGS
    input: U32
    out: U32
    count: SIZE
    table: Annotated[Array, Values("u1", 256)]

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, self.count),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (u8(self.out, self.count),)


@dataclass(frozen=True, eq=False)
class ChannelwiseDequantize(LayerV3, code=24):
    """y = q · scale + bias, with a pair of numbers for each channel."""

    flags: FLAGS
    input: U32
    out: U32
    channels: SIZE
    channel_size: SIZE
    scale_bias: Annotated[Array, Values("<f4", "channels", 2)]

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, self.channels * self.channel_size),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.channels * self.channel_size),)


@dataclass(frozen=True, eq=False)
class Channels(LayerV3):
    """A function of a vector of floats."""

    in_place: ClassVar[bool] = True
    flags: FLAGS
    input: U32
    out: U32
    channels: SIZE

    @property
    def reads(self) -> tuple[Range, ...]:
        return (f32(self.input, self.channels),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.channels),)


@dataclass(frozen=True, eq=False)
class L2Normalization(Channels, code=14):
    """The vector, divided by its length."""


@dataclass(frozen=True, eq=False)
class Softmax(Channels, code=15):
    """Exponentials, divided by their sum."""


@dataclass(frozen=True, eq=False)
class Logistic(Channels, code=25):
    """1 / (1 + exp(-x))."""
