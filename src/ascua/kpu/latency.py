"""How long a kmodel takes on the chip: an estimate, by a law for the KPU and published timings.

Each constant says where it comes from: measured by somebody, fitted to such measurements, or
guessed. `published` has what was published, and the estimate for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch

from ascua.kmodel import Conv, Kmodel, Layer, Layout, Memory, Port, v3, v4

NOMINAL_HZ = 400_000_000
"""Of CPU and KPU alike, at which the CPU's costs were measured."""


@dataclass(frozen=True)
class Cost:
    """A constant of the estimate, and where it comes from."""

    value: float
    unit: str
    source: str


FIT = "fitted to Sipeed's table of 3x3 layers and to the layers of nncase's issue 77"
OVERHEAD = Cost(0.07, "of the lines of a pair of channels", FIT)
LEAST_OVERHEAD = Cost(2, "cycles for a pair of channels", FIT)
WEIGHTS = Cost(2.9, "bytes of weights a cycle", "Sipeed's table: its layers of 4x4 and 16x4")
DEPTHWISE = Cost(2, "cycles a line", "fitted to the depthwise layers of nncase's issue 77")
START = Cost(12e-6, "seconds a layer", "fitted to the depthwise layers of nncase's issue 77")
DMA = Cost(328e-6 / 230_400, "seconds a byte", "measured, nncase: an upload of 230,400 bytes")
UPLOAD = Cost(20.4e-3 / 1_228_800, "seconds a byte", "measured, nncase: kpu_upload by the CPU")
COPY = Cost(26.5e-3 / 1_228_800, "seconds a byte", "measured, nncase: KPU RAM to main memory")
FRAME = Cost(
    6e-3, "seconds a frame", "Sipeed's 24.05 and 8.45 frames a second against 37 and 111 ms"
)
"""Camera and display, which an estimate of a network does not have."""

STRIDED = Cost(100e-9, "seconds a product", "Sipeed: 768,000 products by columns in 74 to 80 ms")
DEQUANTIZE = Cost(9.36e-3 / 1_228_800, "seconds an element", "measured, nncase: dequantize")
REQUANTIZE = Cost(58.7e-3 / 1_228_800, "seconds an element", "measured, nncase: quantized_binary")
PRODUCT = Cost(20e-9, "seconds a product", "guessed: 8 cycles, in order of memory")
FUNCTION = Cost(250e-9, "seconds an element", "guessed: 100 cycles of the C library")
ELEMENT = Cost(10e-9, "seconds an element", "guessed: as dequantize, and what others read besides")

ERROR = (-0.19, 0.15)
"""The least and the greatest error of an estimate of all that was published, as a share of it.

`tests/test_kpu_latency.py` computes them.
"""


@dataclass(frozen=True)
class Clocks:
    """Of the two processors, in Hz."""

    cpu: float = NOMINAL_HZ
    kpu: float = NOMINAL_HZ


@dataclass(frozen=True)
class Seconds:
    """What a layer takes: of the KPU, of the CPU, and of bytes between memories."""

    kpu: float = 0.0
    cpu: float = 0.0
    transfer: float = 0.0

    @property
    def total(self) -> float:
        """All of it: one waits for the other."""
        return self.kpu + self.cpu + self.transfer

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.kpu + other.kpu, self.cpu + other.cpu, self.transfer + other.transfer)


@dataclass(frozen=True)
class Latency:
    """Of one inference: the input's way into memory, then each layer."""

    input: Seconds
    layers: tuple[Seconds, ...]

    @property
    def total(self) -> Seconds:
        """The sum of all."""
        return sum(self.layers, self.input)


def latency(model: Kmodel, clocks: Clocks) -> Latency:
    """The estimate for one inference of `model`."""
    arrived = sum((_input(model, port, clocks) for port in model.inputs), Seconds())
    return Latency(arrived, tuple(layer_seconds(layer, clocks) for layer in model.layers))


def _by_cpu(cost: Cost, count: float, clocks: Clocks) -> float:
    """Seconds of a cost that was measured at the nominal clock."""
    return cost.value * count * NOMINAL_HZ / clocks.cpu


def _input(model: Kmodel, port: Port, clocks: Clocks) -> Seconds:
    """An image goes to KPU RAM by DMA where its rows are whole lines, in V3; else by the CPU."""
    size = math.prod(port.shape)
    if port.range.memory is Memory.KPU:
        if model.version == 3 and port.shape[3] % 64 == 0:
            return Seconds(transfer=DMA.value * size)
        return Seconds(transfer=_by_cpu(UPLOAD, size, clocks))
    return Seconds()


def convolution(x: Layout, oc: int, weight_bytes: int, *, depthwise: bool, hz: float) -> float:
    """Seconds of the KPU for a layer on the map `x`.

    A pair of an input and an output channel takes a cycle a line, 1x1 and 3x3 alike, and some
    more; the weights come no faster than `WEIGHTS`.
    """
    lines = x.channel_lines / x.groups
    if depthwise:
        cycles = x.channels * lines * DEPTHWISE.value
    else:
        more = max(LEAST_OVERHEAD.value, OVERHEAD.value * lines)
        cycles = x.channels * oc * (lines + more)
    return max(cycles, weight_bytes / WEIGHTS.value) / hz + START.value


def _conv(conv: Conv, clocks: Clocks) -> float:
    size = conv.weights.nbytes
    return convolution(conv.x, conv.oc, size, depthwise=conv.depthwise, hz=clocks.kpu)


@singledispatch
def layer_seconds(layer: Layer, clocks: Clocks) -> Seconds:
    """The estimate for one layer; this is for those of the CPU without a cost of their own."""
    return _elements(layer, ELEMENT, clocks)


def _elements(layer: Layer, cost: Cost, clocks: Clocks) -> Seconds:
    """By the elements of the largest range that it reads or writes."""
    count = max(r.count for r in (*layer.reads, *layer.writes))
    return Seconds(cpu=_by_cpu(cost, count, clocks))


def _window(layer: Layer, taps: int, clocks: Clocks) -> Seconds:
    """By what every element of the output looks at."""
    return Seconds(cpu=_by_cpu(ELEMENT, layer.writes[0].count * taps, clocks))


@layer_seconds.register
def _(layer: v3.Pool2d, clocks: Clocks) -> Seconds:
    return _window(layer, layer.kernel_width * layer.kernel_height, clocks)


@layer_seconds.register
def _(layer: v4.ReduceWindow2d, clocks: Clocks) -> Seconds:
    return _window(layer, layer.kh * layer.kw, clocks)


@layer_seconds.register
def _(layer: v3.K210Conv, clocks: Clocks) -> Seconds:
    copied = sum(r.bytes for r in layer.writes[1:])
    return Seconds(kpu=_conv(layer.conv, clocks), transfer=DMA.value * copied)


@layer_seconds.register
def _(layer: v4.KpuConv2d, clocks: Clocks) -> Seconds:
    copied = _by_cpu(COPY, layer.main_out.bytes, clocks)
    return Seconds(kpu=_conv(layer.conv, clocks), transfer=copied)


@layer_seconds.register
def _(layer: v3.K210Upload | v4.KpuUpload | v3.K210AddPadding, clocks: Clocks) -> Seconds:
    return Seconds(transfer=_by_cpu(UPLOAD, layer.reads[0].bytes, clocks))


@layer_seconds.register
def _(layer: v3.Dequantize | v3.ChannelwiseDequantize | v4.Dequantize, clocks: Clocks) -> Seconds:
    return _elements(layer, DEQUANTIZE, clocks)


@layer_seconds.register
def _(layer: v3.QuantizedAdd | v4.QuantizedBinary, clocks: Clocks) -> Seconds:
    return _elements(layer, REQUANTIZE, clocks)


@layer_seconds.register
def _(
    layer: v3.Softmax | v3.Logistic | v4.Softmax | v4.Unary | v4.NnilUnaryMethod, clocks: Clocks
) -> Seconds:
    return _elements(layer, FUNCTION, clocks)


@layer_seconds.register
def _(layer: v4.Matmul | v4.QuantizedMatmul, clocks: Clocks) -> Seconds:
    products = layer.a_rows * layer.a_cols * layer.b_cols
    return Seconds(cpu=_by_cpu(STRIDED, products, clocks))


@layer_seconds.register
def _(layer: v3.FullyConnected, clocks: Clocks) -> Seconds:
    return Seconds(cpu=_by_cpu(PRODUCT, layer.weights.size, clocks))


@layer_seconds.register
def _(layer: v4.Conv2d | v4.QuantizedConv2d, clocks: Clocks) -> Seconds:
    products = layer.out.count * math.prod(layer.weights.shape[1:])
    return Seconds(cpu=_by_cpu(PRODUCT, products, clocks))


@layer_seconds.register
def _(layer: v4.Conv2dTranspose, clocks: Clocks) -> Seconds:
    products = layer.input.count * layer.weights.size // layer.shape[1]
    return Seconds(cpu=_by_cpu(PRODUCT, products, clocks))
