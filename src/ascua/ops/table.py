"""What float operators between DEQUANTIZE and QUANTIZE make of one int8 value: 256 bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ascua.ir import Array, Graph, Node, Op, limits
from ascua.ops import _conditions, _elementwise
from ascua.ops.quantize import Quantize

UNREPRESENTED = 2.0**31
"""Steps from which on, and for NaN, a conversion to int32 has no result."""


@dataclass(frozen=True, eq=False)
class Table(Op):
    """y = QUANTIZE(the floats that `chain` makes of x).

    A pass makes it; no file has it. TFLM's conversion is undefined where floats are NaN or beyond
    int32: the table has what x86 makes of them, the least int32, to which it adds the zero point.
    """

    chain: Graph
    """From a vector of all int8 values, in the order of their bits, to one of float32."""

    tflite = "table"
    types = ("int8",)

    @classmethod
    def read(cls, node: Node) -> Self:  # noqa: ARG003
        raise ValueError("no file has it")

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        return self.malformed() or _conditions.quantized(self, self.x, self.y)

    @property
    def values(self) -> Array:
        """The output of each int8 value, in the order of their bits."""
        (real,) = self.chain.eval([_elementwise.INT8[None]])[0].values()
        with np.errstate(all="ignore"):
            steps = (real[0] / np.float32(self.y.q.scale)).astype(np.float64)
        there = np.abs(steps) < UNREPRESENTED
        steps = np.where(there, steps, 0)
        whole = np.trunc(steps + np.copysign(0.5, steps)).astype(np.int64)
        least = self.y.q.zero_point % 2**32 - 2**31
        y = np.where(there, whole + self.y.q.zero_point, least)
        return np.clip(y, *limits("int8")).astype(np.int8)

    def written(self) -> tuple[Op, ...]:
        known = {self.chain.inputs[0]: self.x}
        for op in self.chain.ops:
            for t in (*op.inputs, op.y):
                if t is not None and t not in known:
                    shape = t.shape if t.const else self.x.shape
                    known[t] = replace(t, name=f"{self.y.name}/{t.name}", shape=shape)
        (end,) = self.chain.outputs
        return (*(op.on(known) for op in self.chain.ops), Quantize((known[end],), (self.y,)))

    def eval(self, *xs: Array) -> Array:
        return np.take(self.values, np.ascontiguousarray(xs[0]).view(np.uint8))
