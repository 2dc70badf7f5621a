"""Operators of a float graph as Keras computes them, batch by batch, so that they can be trained.

A tensor (1, ...) of the graph is one of (n, ...) here. Weights and biases are those of plain Keras
layers; all else is `keras.ops`, so that a model of them loads without Ascua.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ascua.ir import Array, Op, each
from ascua.ops import Convolution, Reduction, Weighted
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.batch_matmul import BatchMatMul
from ascua.ops.concatenation import Concatenation
from ascua.ops.cos import Cos
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.div import Div
from ascua.ops.elu import Elu
from ascua.ops.exp import Exp
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.gelu import Gelu
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.log import Log
from ascua.ops.log_softmax import LogSoftmax
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.maximum import Maximum
from ascua.ops.mean import Mean
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.neg import Neg
from ascua.ops.pad import Pad, PadV2
from ascua.ops.prelu import Prelu
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.sin import Sin
from ascua.ops.softmax import Softmax
from ascua.ops.sqrt import Sqrt
from ascua.ops.square import Square
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.ops.tanh import Tanh
from ascua.ops.transpose_conv import TransposeConv
from ascua.zoo import import_keras


def layer(op: Weighted, name: str) -> Any:
    """The Keras layer that has the weights of `op`, without its activation.

    Raises NotImplementedError where they are computed, and where none is known here.
    """
    if not op.w.const or (op.bias is not None and not op.bias.const):
        raise NotImplementedError
    layers = import_keras().layers
    found: Any
    if isinstance(op, FullyConnected):
        found = layers.Dense(op.channels, name=name)
        found.build((1, op.w.shape[1]))
    elif isinstance(op, Convolution):
        how: dict[str, Any] = {
            "strides": op.stride, "dilation_rate": op.dilation,
            "padding": op.padding.lower(), "name": name,
        }  # fmt: skip
        size = op.w.shape[1:3]
        if isinstance(op, DepthwiseConv2D):
            found = layers.DepthwiseConv2D(size, depth_multiplier=op.multiplier, **how)
        else:
            found = layers.Conv2D(op.channels, size, groups=op.groups, **how)
        found.build((1, *op.x.shape[1:]))
    elif isinstance(op, TransposeConv):
        found = layers.Conv2DTranspose(
            op.channels, op.w.shape[1:3], op.stride, op.padding.lower(), name=name
        )
        if tuple(found.compute_output_shape(op.x.shape)) != op.y.shape:
            raise NotImplementedError
        found.build((1, *op.x.shape[1:]))
        found.set_weights([op.w.values.transpose(1, 2, 0, 3), op.biases])
        return found
    else:
        raise NotImplementedError
    kernel = np.moveaxis(op.w.values, op.out_axis, -1)  # Keras has the output's channels last.
    found.set_weights([kernel.reshape(found.kernel.shape), op.biases])
    return found


def tflite_order(op: Weighted, kernel: Array) -> Array:
    """A Keras kernel in TFLite's order, the shape of `op.w`."""
    if isinstance(op, TransposeConv):
        return kernel.transpose(2, 0, 1, 3)
    last = np.moveaxis(op.w.values, op.out_axis, -1).shape
    return np.moveaxis(kernel.reshape(last), -1, op.out_axis)


def computed(op: Op, xs: Sequence[Any], weighted: Callable[[Any], Any] | None = None) -> list[Any]:
    """What `op` makes of the Keras tensors `xs` (n, ...), those of its inputs that are computed.

    `weighted` applies the weights and biases of a `Weighted` one. Raises NotImplementedError for an
    operator that is not known, or not in this form.
    """
    if any(t.shape[:1] != (1,) or t.dtype != "float32" for t in (*op.activations, *op.outputs)):
        raise NotImplementedError
    if isinstance(op, Weighted):
        assert weighted is not None
        x = xs[0]
        if isinstance(op, FullyConnected) and len(op.y.shape) != len(op.x.shape):
            if op.y.shape[0] * op.w.shape[1] != op.x.size:
                raise NotImplementedError
            x = _reshaped(x, (op.w.shape[1],))
        ys = [weighted(x)]
    elif isinstance(op, Concatenation):
        ys = [import_keras().ops.concatenate(_operands(op, xs), axis=op.at)]
    elif op.any_type and not isinstance(op, ReduceMax | ReduceMin):
        ys = _moved(op, xs)
    else:
        ys = [_value(op, xs)]
    kind = getattr(op, "activation", "NONE")
    return [_activated(kind, y) for y in ys]


def _value(op: Op, xs: Sequence[Any]) -> Any:
    """The output of an operator that computes and has no weights."""
    ops, x = import_keras().ops, xs[0]
    match op:
        case Add() | Sub() | Mul() | Div() | Maximum() | Minimum() | SquaredDifference():
            a, b = _operands(op, xs)
            if isinstance(op, Mul) and len(xs) == 1:
                return _scaled(x, a if b is x else b)
            name = {
                SquaredDifference: "subtract", Sub: "subtract", Add: "add", Mul: "multiply",
                Div: "divide",
            }  # fmt: skip
            y = getattr(ops, name.get(type(op), op.kind))(a, b)
            return ops.square(y) if isinstance(op, SquaredDifference) else y
        case MaxPool2D() | AveragePool2D():
            pool = ops.max_pool if isinstance(op, MaxPool2D) else ops.average_pool
            return pool(x, op.window, op.stride, op.padding.lower())
        case Reduction():
            if 0 in op.axes:
                raise NotImplementedError
            names = {Mean: "mean", Sum: "sum", ReduceMax: "max", ReduceMin: "min"}
            y = getattr(ops, names[type(op)])(x, axis=op.axes, keepdims=True) if op.axes else x
            return _reshaped(y, op.y.shape[1:])
        case Pad():
            value = float(op.inputs[2].values.reshape(-1)[0]) if isinstance(op, PadV2) else 0.0  # type: ignore[union-attr]
            return ops.pad(x, op.pads(), constant_values=value)
        case Relu() | Relu6() | Elu() | HardSwish() | Tanh() | Rsqrt() | Abs():
            return getattr(ops, op.kind)(x)
        case Neg() | Square() | Sqrt() | Log() | Exp() | Sin() | Cos():
            return getattr(ops, "negative" if isinstance(op, Neg) else op.kind)(x)
        case Gelu():
            return ops.gelu(x, approximate=op.approximate)
        case LeakyRelu():
            return ops.leaky_relu(x, op.alpha)
        case Logistic():
            return ops.sigmoid(x)
        case Softmax():
            return ops.softmax(x * op.beta if op.beta != 1 else x)
        case ResizeBilinear():
            down, across = _resizing(op, 1), _resizing(op, 2)
            return ops.einsum("pw,nhwc->nhpc", across, ops.einsum("oh,nhwc->nowc", down, x))
        case BatchMatMul() if len(xs) == 2:
            swapped = zip(_operands(op, xs), (op.adj_x, op.adj_y), strict=True)
            return ops.matmul(*(ops.swapaxes(v, -1, -2) if adj else v for v, adj in swapped))
        case LogSoftmax():
            return ops.log_softmax(x)
        case Prelu() if op.alpha.const:
            return ops.relu(x) - _scaled(ops.relu(-x), op.alpha.values)
    raise NotImplementedError


def _resizing(op: ResizeBilinear, axis: int) -> Array:
    """What each pixel along an axis is of those of the input: (out, in)."""
    n, out = op.x.shape[axis], op.y.shape[axis]
    line = replace(
        op,
        inputs=(replace(op.x, shape=(1, n, 1, 1)), op.inputs[1]),
        outputs=(replace(op.y, shape=(1, out, 1, 1)),),
    )
    every = np.eye(n, dtype=np.float32).reshape(n, 1, n, 1, 1)
    return line.eval_float(every).reshape(n, out).T


def _scaled(x: Any, by: Array) -> Any:
    """`x` (n, ...) times a constant; `keras.ops.multiply` takes its result for a sparse tensor."""
    shape = np.broadcast_shapes((1, *x.shape[1:]), by.shape)
    if shape[0] != 1 or len(shape) != len(x.shape):
        raise NotImplementedError
    if shape != (1, *x.shape[1:]):  # `Rescaling` keeps the shape
        x = import_keras().ops.add(x, np.zeros(shape, np.float32))
    return import_keras().layers.Rescaling(by)(x)


def _operands(op: Op, xs: Sequence[Any]) -> list[Any]:
    """All inputs of `op`, the computed ones from `xs`."""
    given = iter(xs)
    found = []
    for t in op.inputs:
        if t is None or (t.const and t.shape[:1] != (1,) and len(t.shape) == len(op.y.shape)):
            raise NotImplementedError
        # Shapes are aligned at their ends: behind the batch, ones are put in.
        missing = (1,) * (len(op.y.shape) - len(t.shape))
        found.append(t.values if t.const else _reshaped(next(given), (*missing, *t.shape[1:])))
    if isinstance(op, Concatenation) and any(t is not None and t.const for t in op.inputs):
        raise NotImplementedError
    return found


def _moved(op: Op, xs: Sequence[Any]) -> list[Any]:
    """The outputs of an operator that puts values into another order: found with their numbers."""
    ops = import_keras().ops
    ends = np.cumsum([0, *(t.size for t in op.activations)])
    numbers = [
        np.arange(a, b, dtype=np.int32).reshape(1, *t.shape)
        for a, b, t in zip(ends[:-1], ends[1:], op.activations, strict=True)
    ]
    flat = [_reshaped(x, (t.size,)) for x, t in zip(xs, op.activations, strict=True)]
    whole = flat[0] if len(flat) == 1 else ops.concatenate(flat, axis=1)
    found = []
    for t, places in zip(op.outputs, each(op.eval(*numbers)), strict=True):
        order = places.reshape(-1)
        same = np.array_equal(order, np.arange(ends[-1]))
        y = whole if same else ops.take(whole, order, axis=1)
        found.append(_reshaped(y, t.shape[1:]))
    return found


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` (n, ...) as (n, *shape)."""
    return x if tuple(x.shape[1:]) == shape else import_keras().ops.reshape(x, (-1, *shape))


def _activated(activation: str, y: Any) -> Any:
    ops = import_keras().ops
    match activation:
        case "NONE":
            return y
        case "RELU":
            return ops.relu(y)
        case "RELU6":
            return ops.relu6(y)
        case "RELU_N1_TO_1":
            return ops.clip(y, -1.0, 1.0)
    raise NotImplementedError
