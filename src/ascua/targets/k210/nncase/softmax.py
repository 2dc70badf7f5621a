"""SOFTMAX as 0.2.0-beta2 took it apart, before it found ranges: of each step it has one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops.mul import Mul
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.softmax import Softmax
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.targets.k210.fused import Own


class Exp(Own):
    """y = e**x."""

    tflite = "EXP"

    def eval_float(self, *xs: Array) -> Array:
        y: Array = np.exp(xs[0])
        return y


class Div(Own):
    """y = a / b."""

    tflite = "DIV"

    def eval_float(self, *xs: Array) -> Array:
        y: Array = xs[0] / xs[1]
        return y


def expanded(graph: Graph) -> Graph:
    """`graph` with e**((x - max) * beta) / sum in place of each SOFTMAX of a vector."""
    ops = [
        step
        for op in graph.ops
        for step in (steps(op) if isinstance(op, Softmax) and op.x.size == op.x.shape[-1] else [op])
    ]
    return replace(graph, ops=tuple(ops))


def steps(op: Softmax) -> list[Op]:
    """The operators of one."""
    x, y = op.x, op.y

    def made(name: str, *, single: bool = False) -> Tensor:
        shape = (*x.shape[:-1], 1) if single else x.shape
        return Tensor(f"{y.name}/{name}", shape, "float32")

    def constant(name: str, values: Array) -> Tensor:
        return Tensor(f"{y.name}/{name}", values.shape, values.dtype.name, None, values)

    axis = constant("axis", np.array([len(x.shape) - 1], np.int32))
    beta = constant("beta", np.array([op.beta], np.float32))
    most, total = made("max", single=True), made("sum", single=True)
    less, times, power = made("less"), made("times"), made("exp")
    return [
        ReduceMax((x, axis), (most,), keep_dims=True),
        Sub((x, most), (less,), "NONE"),
        Mul((less, beta), (times,), "NONE"),
        Exp((times,), (power,)),
        Sum((power, axis), (total,), keep_dims=True),
        Div((power, total), (y,)),
    ]
