"""What has no form in integers stays in float, between DEQUANTIZE and QUANTIZE.

tflite-micro runs it so; Ascua makes a table of what is a function of one int8 value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ascua.ir import Op, Tensor
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.dequantize import Dequantize
from ascua.ops.div import Div
from ascua.ops.exp import Exp
from ascua.ops.gelu import Gelu
from ascua.ops.mul import Mul
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.square import Square
from ascua.ops.sub import Sub
from ascua.ops.tanh import Tanh

FLOAT = "/float"
"""What is added to the name of an activation for the floats that it stands for."""

ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""erf(x) = 1 - (sum of ERF[i] t^(i + 1)) exp(-x^2) within 1.5e-7, with t = 1 / (1 + P x) for x >= 0
(Abramowitz and Stegun, 7.1.26)."""
P = 0.3275911


def island(op: Op, done: Op) -> list[Op] | None:
    """`op`, of floats, with a DEQUANTIZE and a QUANTIZE to what is quantised of `done`.

    None where it is no operator that computes each element by itself.
    """
    steps = _gelu(op) if isinstance(op, Gelu) else [op]
    if not all(o.elementwise and o.floats for o in steps):
        return None
    ends = dict(zip((*op.inputs, op.y), (*done.inputs, done.y), strict=True))
    read = list(dict.fromkeys(op.activations))
    floats = {t: replace(t, name=t.name + FLOAT) for t in (*read, op.y)}
    quantised = {t: q for t, q in ends.items() if t is not None and q is not None}
    return [
        *(Dequantize((quantised[t],), (floats[t],)) for t in read),
        *(o.on(floats) for o in steps),
        Quantize((floats[op.y],), (quantised[op.y],)),
    ]


class _Steps:
    """Float operators one after the other, their tensors called as the output of `op`."""

    def __init__(self, op: Op) -> None:
        self.op = op
        self.ops: list[Op] = []

    def add(self, made: Callable[[Tensor], Op]) -> Tensor:
        """Appends what is made for an output, and answers that."""
        y = replace(self.op.y, name=f"{self.op.y.name}/{len(self.ops)}")
        self.ops.append(made(y))
        return y

    def constant(self, value: float) -> Tensor:
        name = f"{self.op.y.name}/{len(self.ops)}/c"
        return Tensor(name, (1,), "float32", data=np.array([value], np.float32))

    def scaled(self, x: Tensor, factor: float) -> Tensor:
        return self.times(x, self.constant(factor))

    def plus(self, x: Tensor, term: float) -> Tensor:
        return self.add(lambda y: Add((x, self.constant(term)), (y,), "NONE"))

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return self.add(lambda y: Mul((a, b), (y,), "NONE"))

    def ended(self) -> list[Op]:
        """The operators, of which the last one makes the output."""
        return [*self.ops[:-1], replace(self.ops[-1], outputs=self.op.outputs)]


def _gelu(op: Gelu) -> list[Op]:
    """GELU by operators that TFLM has, within 1e-6 of it."""
    steps, x = _Steps(op), op.x
    square = steps.add(lambda y: Square((x,), (y,)))
    if op.approximate:
        inner = steps.plus(steps.scaled(square, 0.044715), 1.0)
        scaled = steps.scaled(steps.times(inner, x), math.sqrt(2 / math.pi))
        part = steps.plus(steps.add(lambda y: Tanh((scaled,), (y,))), 1.0)
        steps.times(part, steps.scaled(x, 0.5))
        return steps.ended()
    # max(x, 0) - |x| / 2 (1 - erf(|x| / sqrt(2)))
    size = steps.add(lambda y: Abs((x,), (y,)))
    below = steps.plus(steps.scaled(size, P / math.sqrt(2)), 1.0)
    t = steps.add(lambda y: Div((steps.constant(1.0), below), (y,), "NONE"))
    tail = steps.scaled(t, ERF[-1] / 2)
    for factor in ERF[-2::-1]:
        tail = steps.times(steps.plus(tail, factor / 2), t)
    halved = steps.scaled(square, -0.5)
    falling = steps.add(lambda y: Exp((halved,), (y,)))
    rest = steps.times(steps.times(tail, falling), size)
    positive = steps.add(lambda y: Relu((x,), (y,)))
    steps.add(lambda y: Sub((positive, rest), (y,), "NONE"))
    return steps.ended()
