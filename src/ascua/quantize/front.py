"""What a network does to its values first: to each channel a factor and an offset of its own.

As a normalisation does. In steps of one scale, channels of unlike ranges would lose the smaller
ones; so the values are read in steps as fine as the network wants them, and one depthwise
convolution of a tap, with a scale a channel, makes int8 of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops.add import Add
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.mul import Mul
from ascua.ops.quantize import Quantize
from ascua.ops.reshape import Reshape
from ascua.ops.sub import Sub
from ascua.quantize.rules import SCHEMES, Range, Scheme
from ascua.quantize.simplify import by_channel

COARSER = 2
"""Steps of the normalised values that one of the values read may be, in the smallest channel."""


@dataclass(frozen=True, eq=False)
class Front:
    """y = factor x + offset."""

    x: Tensor
    """The input of the network, (1, ..., channels)."""
    y: Tensor
    """What the rest of the network takes, of the same shape."""
    ops: tuple[Op, ...]
    factor: Array
    """(channels,)."""
    offset: Array
    """(channels,)."""

    @classmethod
    def of(cls, graph: Graph) -> Front | None:
        """The one of the float `graph`, which has one input of one to three dimensions."""
        if len(graph.inputs) != 1:
            return None
        x = y = graph.inputs[0]
        if not 2 <= len(x.shape) <= 4 or x.shape[0] != 1 or x.dtype != "float32":
            return None
        factor, offset = np.ones(x.shape[-1]), np.zeros(x.shape[-1])
        ops: list[Op] = []
        while len(graph.readers[y]) == 1 and y not in graph.outputs:
            op = graph.readers[y][0]
            if (step := _step(op, y)) is None:
                break
            factor, offset = factor * step[0], offset * step[0] + step[1]
            y = op.y
            ops.append(op)
        if not ops or y in graph.outputs:
            return None
        return cls(x, y, tuple(ops), factor, offset)

    def rest(self, graph: Graph) -> Graph:
        """The `graph` behind it."""
        ops = [op for op in graph.ops if op not in self.ops]
        return graph.replaced({self.x: self.y}, ops)

    def applied(self, x: Array) -> Array:
        """Samples (n, 1, ..., channels) as the rest takes them."""
        return np.asarray(x * self.factor + self.offset, np.float32)

    def before(self, rest: Graph, seen: Range) -> Graph:
        """The int8 `rest` with this before it; `seen` is what the network is given.

        Its input is int8 where a step of that is fine enough for each channel, else int16.
        """
        y = rest.inputs[0]
        fine = self._reading(seen, SCHEMES["int8"], y.q)
        if fine is not None:
            x, ops = fine, self._ops(fine, y)
        else:
            wide = SCHEMES["int16x8"]
            x = replace(self.x, dtype="int16", quant=wide.quant(seen))
            ends = Range(*(y.q.scale * (end - y.q.zero_point) for end in (-128, 127)))
            middle = replace(y, name=f"{y.name}/int16", dtype="int16", quant=wide.quant(ends))
            ops = [*self._ops(x, middle), Quantize((middle,), (y,))]
        return rest.replaced({y: x}, [*ops, *rest.ops])

    def _reading(self, seen: Range, scheme: Scheme, wanted: Quant) -> Tensor | None:
        """The input in steps of int8; None where they are too coarse for a channel."""
        quant = scheme.quant(seen)
        coarse = quant.scale * np.abs(self.factor).max() > COARSER * wanted.scale
        return None if coarse else replace(self.x, dtype="int8", quant=quant)

    def _ops(self, x: Tensor, y: Tensor) -> list[Op]:
        """From the integers `x` to the integers `y`."""
        image = (1,) * (4 - len(x.shape)) + x.shape
        flat = replace(y, name=f"{y.name}/channels", shape=image)
        read = replace(x, name=f"{x.name}/channels", shape=image)
        done = self._depthwise(read, flat)
        if image == x.shape:
            return [done.on({read: x, flat: y})]
        return [_reshape(x, read), done, _reshape(flat, y)]

    def _depthwise(self, x: Tensor, y: Tensor) -> Op:
        """One tap: weights of 127 or -127, whose scale is the factor's."""
        dtype, channels = SCHEMES["int16x8" if x.dtype == "int16" else "int8"].bias, x.shape[3]
        least = y.q.scale / x.q.scale * 2.0**-20  # a factor of 0 has a scale too
        scales = np.maximum(np.abs(self.factor), least).astype(np.float32) / np.float32(127)
        data = np.where(self.factor < 0, -127, 127) * (self.factor != 0)
        quant = Quant(tuple(scales.tolist()), (0,) * channels, 3)
        w = Tensor("normalization/factor", (1, 1, 1, channels), "int8", quant,
                   data.astype(np.int8).reshape(1, 1, 1, channels))  # fmt: skip
        units = x.q.scale * scales.astype(np.float64)
        bias = Tensor(
            "normalization/offset", (channels,), dtype,
            Quant(tuple(units.astype(np.float32).tolist()), (0,) * channels),
            np.rint(self.offset / units).astype(dtype),
        )  # fmt: skip
        return DepthwiseConv2D((x, w, bias), (y,), (1, 1), (1, 1), "VALID", "NONE", 1)


def _step(op: Op, x: Tensor) -> tuple[Array, Array] | None:
    """The factor and the offset of `op`, which reads `x`; None where it is no such operator."""
    found = by_channel(op, x)
    if found is None or not isinstance(op, Mul | Add | Sub) or op.activation != "NONE":
        return None
    values = found.astype(np.float64)
    if isinstance(op, Mul):
        return values, np.zeros(len(values))
    return np.ones(len(values)), values if isinstance(op, Add) else -values


def _reshape(x: Tensor, y: Tensor) -> Op:
    shape = np.array(y.shape, np.int32)
    return Reshape((x, Tensor(f"{y.name}/shape", shape.shape, "int32", None, shape)), (y,), y.shape)
