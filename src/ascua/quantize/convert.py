"""Float graph and ranges to integer graph: each operator in turn, by its own rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops import Weighted
from ascua.ops.gelu import Gelu
from ascua.ops.quantize import Quantize
from ascua.passes import unsigned
from ascua.quantize.islands import island
from ascua.quantize.ranges import largest
from ascua.quantize.rules import Assigned, Range, Scheme, quantized, weight_quant, weight_scales

Refine = Callable[[Op, list[Op], Callable[[Tensor], Tensor]], list[Op]]
"""Improves what was made of a float operator; it is given the quantised twin of each tensor."""


MOST_UNITS = {"int32": (-(2.0**31), 2.0**31 - 1), "int64": (-(2.0**47), 2.0**47)}
"""To what the biases are clipped."""


class Clip(NamedTuple):
    """To what weights are clipped."""

    peaks: Callable[[Array], Array] = largest
    """The magnitude of each channel of weights (channels, k): (channels,)."""
    ends: Callable[[Array], Range] = Range.of
    """Of weights (n,) that share one scale."""


UNCLIPPED = Clip()


class Converter:
    """Converts the operators of one graph, in order."""

    def __init__(self, given: Assigned, scheme: Scheme, clip: Clip = UNCLIPPED) -> None:
        self.given = given
        self.scheme = scheme
        self.clip = clip
        self.made: dict[Tensor, Tensor] = {}

    def tensor(self, t: Tensor) -> Tensor:
        """The quantised twin of an activation."""
        if t not in self.made:
            quant = self.given.quants.get(t)
            kind = t.dtype if quant is None else self.scheme.activation
            self.made[t] = replace(t, dtype=kind, quant=quant)
        return self.made[t]

    def convert(self, op: Op) -> list[Op]:
        """The quantised `op`, behind a QUANTIZE for each input that needs one.

        Raises Unsupported where it has no quantised form.
        """
        before: list[Op] = []
        inputs: list[Tensor | None] = []
        for i, t in enumerate(op.inputs):
            if t is None or t.const:
                inputs.append(t)
            elif (op, i) in self.given.copies:
                x = self.tensor(t)
                y = replace(x, name=f"{t.name}/{i}", quant=self.given.copies[op, i])
                before.append(Quantize((x,), (y,), uint8=self.scheme.uint8))
                inputs.append(y)
            else:
                inputs.append(self.tensor(t))
        outputs = tuple(self.tensor(t) for t in op.outputs)
        uint8 = self.scheme.uint8 and any(t and t.quant for t in (*inputs, *outputs))
        done = replace(op, inputs=tuple(inputs), outputs=outputs, uint8=uint8, version=None)
        if isinstance(op, Gelu) and not uint8:
            return [*before, *(island(op, done) or ())]
        done = replace(done, inputs=self.constants(op, done))
        if reason := unsigned.condition(done) or done.check():
            if not uint8 and (found := island(op, replace(done, inputs=tuple(inputs)))):
                return [*before, *found]
            raise Unsupported(
                f"{op.said} has no {self.scheme.name} form: {reason}.",
                ["`ascua ops` lists the operators; docs/ops.md says what each takes."],
            )
        return [*before, done]

    def constants(self, op: Op, done: Op) -> tuple[Tensor | None, ...]:
        """The inputs of `done`, its float constants quantised."""
        if isinstance(op, Weighted):
            return self.weights(op, done)
        return tuple(
            t if t is None or not t.const or t.dtype != "float32" else self.constant(t, done)
            for t in done.inputs
        )

    def constant(self, t: Tensor, op: Op) -> Tensor:
        """A constant operand: in the scale of the operator, or in one of its own."""
        scheme = self.scheme
        quant = op.y.quant if op.one_scale else None
        if quant is None:
            low, high = float(t.values.min()), float(t.values.max())
            if low == high == 0:
                high = 1.0
            quant = scheme.quant(Range(low, high))
        data = quantized(t.values, quant, scheme.low, scheme.high, scheme.activation)
        return replace(t, dtype=scheme.activation, quant=quant, data=data)

    def weights(self, op: Weighted, done: Op) -> tuple[Tensor | None, ...]:
        """The inputs of `done` with integer weights and biases; a scale a channel, of uint8 one."""
        bias = op.biases.astype(np.float64)
        matrix = op.matrices().reshape(op.channels, -1)
        x, y, low, high = done.x.q, done.y.q, -self.scheme.most, self.scheme.most
        if self.scheme.uint8:
            low, high = self.scheme.low, self.scheme.high
            quant = weight_quant(self.clip.ends(matrix.reshape(-1)), bias, x, y, self.scheme)
        else:
            most = bias
            if self.scheme.weight == "int4" and op.one_int4_scale:
                matrix, most = matrix.reshape(1, -1), np.abs(bias).max(keepdims=True)
            scales = weight_scales(self.clip.peaks(matrix), most, x, y, self.scheme)
            quant = Quant(scales, (0,) * len(scales), op.out_axis)
        data = quantized(op.w.values, quant, low, high, "int8")
        w = replace(op.w, dtype=self.scheme.weight, quant=quant, data=data)
        found = [w if t is op.w else t for t in done.inputs]
        if op.bias is not None:
            found[op.inputs.index(op.bias)] = self.bias(op.bias, bias, x, quant)
        elif self.scheme.uint8:  # LiteRT takes no such convolution without a bias
            zeros = Tensor(f"{op.w.name}/bias", bias.shape, "float32")
            found = [*(t for t in found if t), self.bias(zeros, bias, x, quant)]
        return tuple(found)

    def bias(self, t: Tensor, values: Array, x: Quant, w: Quant) -> Tensor:
        """Real biases (channels,) in units of the accumulator."""
        scales = tuple(float(np.float32(x.scale * s)) for s in w.scales)
        quant = Quant(scales, (0,) * len(scales))
        units = np.array([x.scale * s for s in w.scales])
        dtype = self.scheme.bias
        data = np.clip(np.rint(values / units), *MOST_UNITS[dtype]).astype(dtype)
        return replace(t, dtype=dtype, quant=quant, data=data.reshape(t.shape))


def convert(
    graph: Graph,
    given: Assigned,
    scheme: Scheme,
    clip: Clip = UNCLIPPED,
    refine: Refine | None = None,
) -> Graph:  # fmt: skip
    """The quantised `graph`; `refine` improves each operator as it is made."""
    converter = Converter(given, scheme, clip)
    ops: list[Op] = []
    for op in graph.ops:
        made = converter.convert(op)
        ops += made if refine is None else refine(op, made, converter.tensor)
    ends = {t: converter.tensor(t) for t in (*graph.inputs, *graph.outputs)}
    small = replace(graph.replaced(ends, ops), description="Ascua")
    return unsigned.as_uint8(small) if scheme.uint8 else small
