"""A network of TFLite's operators becomes passes of the KPU, and what is left for the CPU.

The numbers stay those of the network. What one pass cannot do, several do where that is exact; a
stride or a crop is a `Sample` behind a pass of stride 1 here, and `sampling` finds it a place.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import Convolution, Weighted
from ascua.ops.add import Add
from ascua.ops.concatenation import Concatenation
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.elu import Elu
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.pad import Pad, PadV2
from ascua.ops.prelu import Prelu
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.reshape import Reshape
from ascua.ops.squeeze import Squeeze
from ascua.ops.tanh import Tanh
from ascua.passes import drop_dead
from ascua.targets.k210 import curves
from ascua.targets.k210.curves import Curve
from ascua.targets.k210.fused import Fused, Kernel, Part, Sample

MOST_CHANNELS = 1024
MOST_PARTS = 4
"""Passes side by side, for more channels."""
WIDTHS, HEIGHTS = (4, 512), (4, 256)
"""The least and the most that the KPU takes."""

Pads = tuple[tuple[int, int], tuple[int, int]]

FUSED: dict[str, Curve] = {
    "NONE": curves.LINEAR, "RELU": curves.RELU, "RELU6": curves.RELU6,
    "RELU_N1_TO_1": curves.RELU_N1_TO_1, "TANH": curves.TANH,
}  # fmt: skip


def curve_of(op: Op) -> Curve | None:
    """The activation that an operator is by itself, or None."""
    match op:
        case Relu():
            return curves.RELU
        case Relu6():
            return curves.RELU6
        case LeakyRelu():
            return curves.leaky_relu(op.alpha)
        case Prelu() if op.alpha.const and op.alpha.size == 1 and op.alpha.dtype == "float32":
            return curves.leaky_relu(float(op.alpha.values.reshape(-1)[0]))
        case Logistic():
            return curves.SIGMOID
        case Tanh():
            return curves.TANH
        case HardSwish():
            return curves.HARD_SWISH
        case Elu():
            return curves.elu()
    return None


def structured(graph: Graph, longest: int = MOST_PARTS * MOST_CHANNELS) -> Graph:
    """`graph`, of float32 or of int8, as passes of the KPU and operators of the CPU.

    Vectors of more than 1024 values, and at most the `longest`, are multiplied in parts. Raises
    Unsupported for a convolution that no passes make.
    """
    maker = Structure(graph, longest)
    for op in graph.ops:
        maker.add(op)
    ends = {t: maker.tensor(t) for t in graph.outputs}
    return drop_dead(graph.replaced(ends, maker.ops))


class Structure:
    """Takes a graph's operators in order."""

    def __init__(self, graph: Graph, longest: int) -> None:
        self.graph = graph
        self.longest = longest
        self.ops: list[Op] = []
        self.made: dict[Tensor, Tensor] = {}

    def tensor(self, t: Tensor) -> Tensor:
        """What stands in place of `t`."""
        while t in self.made:
            t = self.made[t]
        return t

    def add(self, op: Op) -> None:
        """Append what `op` becomes."""
        match op:
            case Conv2D() | DepthwiseConv2D():
                self.convolution(op)
            case FullyConnected() if self.rows(op) == 1:
                self.dense(op)
            case Reshape() | Squeeze() | ExpandDims() if self.vector(op):
                self.made[op.y] = op.x
            case _:
                self.kept(op)

    def kept(self, op: Op) -> None:
        """An operator as it is, or the curve of the pass before it."""
        curve = curve_of(op)
        x = self.tensor(op.x) if op.inputs[0] is not None else None
        before = self.maker(x) if curve and x else None
        if curve and isinstance(before, Fused) and before.curve is curves.LINEAR:
            alone = len(self.graph.readers[op.x]) == 1 and op.x not in self.graph.outputs
            if alone and not before.pool:
                self.ops[self.ops.index(before)] = before.changed(outputs=op.outputs, curve=curve)
                return
        self.ops.append(replace(op, inputs=tuple(t and self.tensor(t) for t in op.inputs)))

    def maker(self, t: Tensor) -> Op | None:
        """What makes `t` so far."""
        return next((op for op in reversed(self.ops) if t in op.outputs), None)

    def vector(self, op: Op) -> bool:
        """Whether a new shape changes the order of nothing, channels being first on the chip."""
        x, y = self.tensor(op.x).shape, op.y.shape
        if op.y in self.graph.outputs and len(x) == 4 and x[1] * x[2] > 1:
            return False
        readers = self.graph.readers[op.y]
        flat = y[-1] == op.x.size and all(isinstance(r, FullyConnected) for r in readers)
        return max(x) == op.x.size or flat

    def rows(self, op: Op) -> int:
        return op.y.size // op.y.shape[-1]

    def dense(self, op: FullyConnected) -> None:
        """A product with a matrix: of a map, its columns in the order of the chip's memory."""
        x = self.tensor(op.x)
        w = op.w.values.reshape(op.channels, -1)
        if len(x.shape) == 4 and x.shape[1] * x.shape[2] > 1:
            w = np.moveaxis(w.reshape(op.channels, *x.shape[1:]), -1, 1).reshape(op.channels, -1)
        if MOST_CHANNELS < x.size <= self.longest and op.w.quant is None:
            self.in_parts(op, x, w)
            return
        kernel = kernel_of(op, w[:, :, None, None], depthwise=False)
        self.ops.append(Fused((x,), op.outputs, kernel, FUSED[op.activation], 0, named(op)))

    def in_parts(self, op: FullyConnected, x: Tensor, w: Array) -> None:
        """Products with parts of a vector that is too long for one pass, and their sum."""
        total: Tensor | None = None
        pieces = np.array_split(w, -(-x.size // MOST_CHANNELS), axis=1)
        begin = 0
        for i, piece in enumerate(pieces):
            size, last = piece.shape[1], i == len(pieces) - 1
            some = Tensor(f"{op.name}/{i}/x", (1, size), "float32")
            y = Tensor(f"{op.name}/{i}/y", op.y.shape, "float32")
            bias = op.biases if i == 0 else np.zeros(op.channels)
            kernel = Kernel(piece[:, :, None, None].astype("f4"), bias.astype("f4"))
            self.ops.append(Part((x,), (some,), begin))
            self.ops.append(Fused((some,), (y,), kernel, curves.LINEAR, 0, named(op)))
            if total is not None:
                whole = op.y if last else replace(y, name=f"{op.name}/{i}/sum")
                self.ops.append(Add((total, y), (whole,), op.activation if last else "NONE"))
                y = whole
            total, begin = y, begin + size

    def convolution(self, op: Conv2D | DepthwiseConv2D) -> None:
        """A convolution of stride 1 by the KPU, and a sample of it where that is not all."""
        own = isinstance(op, DepthwiseConv2D)
        if reason := refused(op):
            raise Unsupported(f"{named(op)}: {reason}", HINTS)
        x, pads = self.padded(op)
        w = np.moveaxis(op.w.values, 3 if own else 0, 0)
        w = w.reshape(op.channels, *op.w.shape[1:3], -1)  # (oc, kh, kw, ic or 1)
        small = w.shape[1:3] == (1, 1)
        zero = zero_of(op.w)
        begin, kernel = (0, 0), np.moveaxis(w, 3, 1)
        if not small:
            begin = tuple(max(0, k - 2 - p[0]) for k, p in zip(w.shape[1:3], pads, strict=True))
            kernel = np.full((len(w), w.shape[3], 3, 3), zero, w.dtype)
            at = [1 - p[0] - b for p, b in zip(pads, begin, strict=True)]
            if min(at) < 0 or any(a + k > 3 for a, k in zip(at, w.shape[1:3], strict=True)):
                raise Unsupported(
                    f"{named(op)}: it pads {pads}, more than its kernel needs.", HINTS
                )
            kernel[:, :, at[0] : at[0] + w.shape[1], at[1] : at[1] + w.shape[2]] = np.moveaxis(
                w, 3, 1
            )
        depthwise = own and x.shape[3] > 1
        self.sampled(op, x, kernel_of(op, kernel, depthwise=depthwise), begin)

    def sampled(self, op: Convolution, x: Tensor, kernel: Kernel, begin: tuple[int, ...]) -> None:
        """The pass, and a sample of what it makes."""
        h, w = x.shape[1:3]
        out, stride = op.y.shape[1:3], op.stride
        last = [b + (n - 1) * s for b, n, s in zip(begin, out, stride, strict=True)]
        if last[0] >= h or last[1] >= w:
            raise Unsupported(
                f"{named(op)}: it makes {out[0]}x{out[1]} of {h}x{w}, which has fewer places.",
                HINTS,
            )
        curve = FUSED[op.activation]
        if (h, w) == tuple(out):
            self.passes(op, x, kernel, curve, op.y)
            return
        full = replace(op.y, name=f"{op.y.name}/stride_1", shape=(1, h, w, op.y.shape[3]))
        self.passes(op, x, kernel, curve, full)
        self.ops.append(Sample((full,), op.outputs, begin=(begin[0], begin[1]), stride=stride))

    def passes(self, op: Op, x: Tensor, kernel: Kernel, curve: Curve, y: Tensor) -> None:
        """One pass, or several side by side where its channels are too many for one."""
        count = -(-kernel.oc // MOST_CHANNELS)
        if count == 1:
            self.ops.append(Fused((x,), (y,), kernel, curve, 0, named(op)))
            return
        parts = []
        for i, some in enumerate(np.array_split(np.arange(kernel.oc), count)):
            part = replace(y, name=f"{y.name}/{i}", shape=(*y.shape[:3], len(some)))
            self.ops.append(Fused((x,), (part,), kernel.channels(some), curve, 0, named(op)))
            parts.append(part)
        self.ops.append(Concatenation(tuple(parts), (y,), 3, "NONE"))

    def padded(self, op: Convolution) -> tuple[Tensor, Pads]:
        """The input without the zeros that an operator puts around it, and all the padding."""
        rows, columns = op.pads()
        before = self.graph.makers.get(op.x)
        if isinstance(before, Pad) and not isinstance(before, PadV2) and len(op.x.shape) == 4:
            ends, top, left, channels = before.pads()
            if not any(ends) and not any(channels):
                rows = (rows[0] + top[0], rows[1] + top[1])
                columns = (columns[0] + left[0], columns[1] + left[1])
                return self.tensor(before.x), (rows, columns)
        return self.tensor(op.x), (rows, columns)


HINTS = (
    "The KPU has kernels of 1x1 and 3x3 at dilation 1, in one group or depthwise, for 1 to 1024"
    " channels and maps of 4x4 to 512x256.",
    "Change that layer, or choose a network made for it: the zoo's mobilenet_v1 with padding k210.",
)


def named(op: Op) -> str:
    """An operator in messages."""
    return op.said


def refused(op: Conv2D | DepthwiseConv2D) -> str | None:
    """None, or why the KPU cannot convolve so."""
    kh, kw = op.w.shape[1:3]
    ic, oc = op.x.shape[3], op.channels
    h, w = op.x.shape[1:3]
    if max(kh, kw) > 3:
        return f"its kernel is {kh}x{kw}, and the KPU has 3x3 at most."
    if max(op.dilation) > 1:
        return f"its dilation is {op.dilation[0]}x{op.dilation[1]}, and the KPU has none."
    if isinstance(op, Conv2D) and op.w.shape[3] != ic:
        return f"it has {ic // op.w.shape[3]} groups, and the KPU has one, or one a channel."
    if isinstance(op, DepthwiseConv2D) and op.multiplier > 1 and ic > 1:
        return f"its depth multiplier is {op.multiplier}, and the KPU's is 1."
    if ic > MOST_CHANNELS or oc > MOST_PARTS * MOST_CHANNELS:
        return (
            f"it has {ic} channels in and {oc} out, and the KPU takes {MOST_CHANNELS} at once, and"
            f" {MOST_PARTS} times as many out."
        )
    if h * w > 1 and not (HEIGHTS[0] <= h <= HEIGHTS[1] and WIDTHS[0] <= w <= WIDTHS[1]):
        return (
            f"its input is {w} wide and {h} high, and the KPU takes {WIDTHS[0]} to {WIDTHS[1]}"
            f" and {HEIGHTS[0]} to {HEIGHTS[1]}."
        )
    return None


def zero_of(w: Tensor) -> int:
    """The weight that stands for 0."""
    return w.quant.zero_point if w.quant else 0


def kernel_of(op: Weighted, weights: Array, *, depthwise: bool) -> Kernel:
    """The numbers of an operator, with its weights in the chip's order."""
    if op.w.quant is None:
        return Kernel(weights.astype(np.float32), op.biases.astype(np.float32), depthwise=depthwise)
    scales = np.broadcast_to(np.array(op.w.q.scales), (op.channels,))
    return Kernel(
        weights, op.biases.astype(np.int64), depthwise=depthwise, scales=scales, zero=zero_of(op.w)
    )
