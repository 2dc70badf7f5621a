"""The layers of kmodel V3 (nncase 0.1): addresses in main memory are bytes of the workspace.

Fields named `input`, `out`, `a` and `b` are such addresses; tensors there are CHW without padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from ascua.ir import Array
from ascua.kmodel.codec import F32, I32, U32, Choice, Many, Record, Values, Word
from ascua.kmodel.conv import Conv, InV3
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import DType, Layout, Memory, Range, f32, u8

FLAGS = Annotated[int, Word("<I", 0, 1)]
"""1: the result is in main memory."""
SIZE = Annotated[int, Word("<I", 1, (1 << 32) - 1)]
PIXELS = Annotated[int, Word("<I", 1, 1 << 16)]
"""Width, height or channels."""

LAYERS: dict[int, type[LayerV3]] = {}
"""By the number of the type."""
UNKNOWN = {
    3: "GlobalMaxPool2d", 4: "QuantizedGlobalMaxPool2d", 6: "QuantizedGlobalAveragePool2d",
    10: "QuantizedAveragePool2d", 19: "QuantizedFullyConnected", 21: "QuantizedTensorflowFlatten",
}  # fmt: skip
"""Types that have a number, and no body that anybody wrote down."""


@dataclass(frozen=True, eq=False)
class LayerV3(Layer):
    """A layer of a V3 file."""

    def __init_subclass__(cls, code: int | None = None, title: str = "") -> None:
        if code is not None:
            cls.code, cls.title = code, title or cls.__name__
            LAYERS[code] = cls


class FusedActivation(IntEnum):
    """What a layer of the CPU does with its results."""

    LINEAR = 0
    RELU = 1
    RELU6 = 2


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
    a_shift: I32
    b_offset: I32
    b_mul: I32
    b_shift: I32
    out_offset: I32
    out_mul: I32
    out_shift: I32

    @property
    def reads(self) -> tuple[Range, ...]:
        return u8(self.a, self.count), u8(self.b, self.count)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (u8(self.out, self.count),)


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
        return None


@dataclass(frozen=True, eq=False)
class MaxPool2d(Pool2d, code=7):
    """The largest float of each window."""

    act: Annotated[FusedActivation, Choice(FusedActivation)]


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


@dataclass(frozen=True)
class Part:
    """A part that is copied: where it begins, and its bytes."""

    start: U32
    bytes: U32


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
