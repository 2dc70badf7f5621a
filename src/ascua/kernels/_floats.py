"""Kernels of float32: plain C without libm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from ascua.ir import Array, Op
from ascua.kernels._bounds import RANGES
from ascua.kernels._broadcast import Paired, operands, runs
from ascua.kernels._convolution import padded_rows
from ascua.kernels._kernel import Const, Kernel, Rows, Run
from ascua.kernels._packing import by_channel, packed_weights
from ascua.kernels._pooling import PoolKernel
from ascua.kernels._reductions import loops
from ascua.kernels._unary import Unary
from ascua.kernels.conv2d import taps
from ascua.kernels.fully_connected import vectors
from ascua.ops import Weighted
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.ceil import Ceil
from ascua.ops.conv2d import Conv2D
from ascua.ops.cos import Cos
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.div import Div
from ascua.ops.elu import Elu
from ascua.ops.exp import Exp
from ascua.ops.floor import Floor
from ascua.ops.floor_div import FloorDiv
from ascua.ops.floor_mod import FloorMod
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.log import Log
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.maximum import Maximum
from ascua.ops.mean import Mean
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.neg import Neg
from ascua.ops.prelu import Prelu
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.round import Round
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.sin import Sin
from ascua.ops.softmax import Softmax
from ascua.ops.sqrt import Sqrt
from ascua.ops.square import Square
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.ops.tanh import Tanh

FLOAT: tuple[str, ...] = ("float32",)

MOST = float(np.finfo(np.float32).max)
"""The greatest float: TFLM clamps infinities to it."""

_UNARY = (
    Abs, Ceil, Cos, Elu, Exp, Floor, HardSwish, LeakyRelu, Log, Logistic, Neg, Relu, Relu6, Round,
    Rsqrt, Sin, Sqrt, Square, Tanh,
)  # fmt: skip
UNARY = {kind: i for i, kind in enumerate(_UNARY)}
"""The functions of one value, as the C numbers them."""

_PAIR = (
    Add, Div, FloorDiv, FloorMod, Maximum, Minimum, Mul, Prelu, SquaredDifference, Sub,
)  # fmt: skip
PAIR = {kind: i for i, kind in enumerate(_PAIR)}
"""The functions of two values, as the C numbers them."""

Reductions: TypeAlias = Mean | Sum | ReduceMax | ReduceMin


class UnaryF32(
    Unary[
        Abs | Ceil | Cos | Elu | Exp | Floor | HardSwish | LeakyRelu | Log | Logistic | Neg | Relu
        | Relu6 | Round | Rsqrt | Sin | Sqrt | Square | Tanh
    ]
):  # fmt: skip
    """A function of one value."""

    name = "unary_f32"
    types = FLOAT
    int_bits = 32

    def params(self, op: Op) -> Mapping[str, int | float]:
        alpha = op.alpha if isinstance(op, LeakyRelu) else 0.0
        function = UNARY[type(op)]
        return {"n": op.y.size, "function": function, "alpha": float(np.float32(alpha))}


class PairF32(
    Paired[
        Add | Div | FloorDiv | FloorMod | Maximum | Minimum | Mul | Prelu | SquaredDifference | Sub
    ]
):  # fmt: skip
    """A function of two values."""

    name = "pair_f32"
    types = FLOAT
    int_bits = 32

    def params(self, op: Op) -> Mapping[str, int | float]:
        swapped = operands(op)[0] is not op.inputs[0]
        return {
            **runs(op), "function": PAIR[type(op)], "swapped": int(swapped), **clamps(op)
        }  # fmt: skip


class PoolF32(PoolKernel[AveragePool2D | MaxPool2D]):
    """The mean of each window, or the greatest value."""

    name = "pool2d_f32"
    types = FLOAT
    int_bits = 32

    def params(self, op: AveragePool2D | MaxPool2D) -> Mapping[str, int | float]:
        return {
            **self.window(op), "mean": int(isinstance(op, AveragePool2D)), **clamps(op)
        }  # fmt: skip


class Conv2DF32(Kernel[Conv2D]):
    """Four channels of a pixel at a time; padding comes with the rows."""

    name = "conv2d_f32"
    types = FLOAT
    int_bits = 32
    weights = FLOAT

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int | float]:
        return {**taps(op), "groups": op.groups, **clamps(op)}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        return packed(op, by_channel(op), op.groups), biases(op)


class DepthwiseConv2DF32(Kernel[DepthwiseConv2D]):
    """Any filter, one channel at a time; padding comes with the rows."""

    name = "depthwise_conv2d_f32"
    types = FLOAT
    int_bits = 32
    weights = FLOAT

    def work(self, op: DepthwiseConv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int | float]:
        return {
            "ow": op.columns.out,
            "ic": op.x.shape[3],
            "multiplier": op.multiplier,
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            "step": op.columns.stride * op.x.shape[3],
            "gap": op.columns.dilation * op.x.shape[3],
            **clamps(op),
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        return floats("weights", op.w.values), biases(op)


class FullyConnectedF32(Kernel[FullyConnected]):
    """Four outputs at a time."""

    name = "fully_connected_f32"
    types = FLOAT
    int_bits = 32
    weights = FLOAT

    def work(self, op: FullyConnected) -> Run | None:
        return vectors(op)

    def params(self, op: FullyConnected) -> Mapping[str, int | float]:
        return {"rows": op.rows, "k": op.w.shape[1], "oc": op.w.shape[0], **clamps(op)}

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return packed(op, op.w.values), biases(op)


class SoftmaxF32(Kernel[Softmax]):
    """Exponentials, kept in the output until their sum is known."""

    name = "softmax_f32"
    types = FLOAT
    int_bits = 32

    def work(self, op: Softmax) -> Run:  # noqa: ARG002
        return Run("rows")

    def params(self, op: Softmax) -> Mapping[str, int | float]:
        depth = op.x.shape[-1]
        return {"rows": op.x.size // depth, "depth": depth, "beta": float(np.float32(op.beta))}


class ReduceF32(Kernel[Mean | Sum | ReduceMax | ReduceMin]):
    """One result at a time."""

    name = "reduce_f32"
    types = FLOAT
    int_bits = 32

    def params(self, op: Reductions) -> Mapping[str, int | float]:
        factor = (
            1 / op.count if isinstance(op, Mean) else -1.0 if isinstance(op, ReduceMin) else 1.0
        )
        summed = isinstance(op, Mean | Sum)
        return {**loops(op), "sum": int(summed), "factor": float(np.float32(factor))}


def clamps(op: Op) -> dict[str, float]:
    """The parameters `low` and `high`: what a fused activation leaves."""
    low, high = RANGES[getattr(op, "activation", "NONE")]
    return {"low": max(low, -MOST), "high": min(high, MOST)}


def floats(name: str, values: Array) -> Const:
    """A constant of float32 values."""
    data = np.ascontiguousarray(values, np.float32)
    return Const(name, data.reshape(-1), "float", {"weights": data.nbytes})


def packed(op: Weighted, matrix: Array, groups: int = 1) -> Const:
    """Weights [oc][k], of each group four channels side by side, then the rest."""
    parts = [packed_weights(op.w, part).data for part in np.split(matrix, groups)]
    return floats("weights", np.concatenate(parts))


def biases(op: Weighted) -> Const:
    """One value a channel; zeros where there are none."""
    given = np.zeros(op.channels) if op.bias is None else op.bias.values
    return floats("bias", given)
