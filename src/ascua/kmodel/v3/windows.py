"""Layers of V3 with a window, and the product with a matrix, by the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from ascua.ir import Array
from ascua.kmodel.codec import U32, Choice, Values, Word
from ascua.kmodel.memory import Range, f32, u8
from ascua.kmodel.v3.layer import FLAGS, PIXELS, SIZE, LayerV3


class FusedActivation(IntEnum):
    """What a layer of the CPU does with its results."""

    LINEAR = 0
    RELU = 1
    RELU6 = 2


@dataclass(frozen=True, eq=False)
class GlobalAveragePool2d(LayerV3, code=5):
    """The mean of each channel's `kernel_size` floats."""

    flags: FLAGS
    input: U32
    out: U32
    kernel_size: SIZE
    channels: SIZE

    @property
    def reads(self) -> tuple[Range, ...]:
        return (f32(self.input, self.kernel_size * self.channels),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.channels),)


@dataclass(frozen=True, eq=False)
class Pool2d(LayerV3):
    """Pooling by the CPU."""

    flags: FLAGS
    input: U32
    out: U32
    in_width: PIXELS
    in_height: PIXELS
    in_channels: PIXELS
    out_width: PIXELS
    out_height: PIXELS
    out_channels: PIXELS
    kernel_width: PIXELS
    kernel_height: PIXELS
    stride_width: PIXELS
    stride_height: PIXELS
    pad_width: Annotated[int, Word("<I", 0, 1 << 16)]
    pad_height: Annotated[int, Word("<I", 0, 1 << 16)]

    @property
    def in_count(self) -> int:
        """Elements of the input."""
        return self.in_width * self.in_height * self.in_channels

    @property
    def out_count(self) -> int:
        """Elements of the output."""
        return self.out_width * self.out_height * self.out_channels

    @property
    def reads(self) -> tuple[Range, ...]:
        return (f32(self.input, self.in_count),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.out_count),)

    def malformed(self) -> str | None:
        if self.in_channels != self.out_channels:
            return f"it pools {self.in_channels} channels to {self.out_channels}"
        for axis in ("width", "height"):
            size, out, kernel, stride, pad = (
                getattr(self, f"{name}_{axis}") for name in ("in", "out", "kernel", "stride", "pad")
            )
            if pad >= kernel or (out - 1) * stride - pad >= size:
                return f"some of its windows lie outside of the image: out_{axis} is {out}"
        return None


@dataclass(frozen=True, eq=False)
class MaxPool2d(Pool2d, code=7):
    """The largest float of each window."""

    act: Annotated[FusedActivation, Choice(FusedActivation)]

    def check(self) -> str | None:
        return "the runtime of V3 files does not execute it"


@dataclass(frozen=True, eq=False)
class AveragePool2d(Pool2d, code=9):
    """The mean of each window's floats that are in the image."""

    act: Annotated[FusedActivation, Choice(FusedActivation)]


@dataclass(frozen=True, eq=False)
class QuantizedMaxPool2d(Pool2d, code=8):
    """The largest byte of each window, and at least 0."""

    @property
    def reads(self) -> tuple[Range, ...]:
        return (u8(self.input, self.in_count),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (u8(self.out, self.out_count),)


@dataclass(frozen=True, eq=False)
class FullyConnected(LayerV3, code=18):
    """y = W x + B, in floats."""

    flags: FLAGS
    input: U32
    out: U32
    in_channels: SIZE
    out_channels: SIZE
    act: Annotated[FusedActivation, Choice(FusedActivation)]
    weights: Annotated[Array, Values("<f4", "out_channels", "in_channels")]
    bias: Annotated[Array, Values("<f4", "out_channels")]

    @property
    def reads(self) -> tuple[Range, ...]:
        return (f32(self.input, self.in_channels),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (f32(self.out, self.out_channels),)
