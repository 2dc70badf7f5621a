"""Nodes that shift and scale: by what a training has seen, or by what they see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.layout import Value
from ascua.convert.onnx.nodes import node
from ascua.convert.onnx.nodes._broadcasting import pair
from ascua.convert.onnx.nodes.elementwise import scalar, single, times
from ascua.convert.onnx.nodes.reductions import reduced
from ascua.ops.add import Add
from ascua.ops.mean import Mean
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub

plus = partial(Add, activation="NONE")


@node("BatchNormalization")
def batch_normalization(n: Node, b: Builder) -> None:
    """MUL and ADD with a constant a channel, which become part of a convolution before them."""
    if n.get("training_mode", 0):
        n.refuse("it is in training", "Export the model for inference: `model.eval()`.")
    v = b.value(n)
    gamma, beta, mean, variance = (b.fixed(n, i, "constant").values for i in range(1, 5))
    factor = gamma / np.sqrt(variance.astype(np.float64) + n.get("epsilon", 1e-5))
    along = (-1, *(1,) * (len(v.shape) - 2))
    scale, offset = (
        Constant(c.astype(np.float32).reshape(along)) for c in (factor, beta - mean * factor)
    )
    v = times(n, b, (v, scale), f"{n.y}/scaled")
    b.known[n.y] = pair(n, b, plus, (v, offset), n.y)


@node("LayerNormalization")
def layer_normalization(n: Node, b: Builder) -> None:
    """MEAN, SUB, SQUARED_DIFFERENCE, MEAN, ADD, RSQRT and MUL, then the learnt factors."""
    if any(n.outputs[1:]):
        n.refuse("its outputs for a training have no counterpart")
    v = b.value(n)
    axis = int(n.get("axis", -1)) % len(v.shape)
    y = _normalized(n, b, v, range(axis, len(v.shape)))
    y = times(n, b, (y, b.fixed(n, 1, "scale")), f"{n.y}/scaled" if n.has(2) else n.y)
    b.known[n.y] = pair(n, b, plus, (y, b.fixed(n, 2, "bias")), n.y) if n.has(2) else y


@node("InstanceNormalization")
def instance_normalization(n: Node, b: Builder) -> None:
    """As LayerNormalization, of each channel by itself."""
    v = b.value(n)
    y = _normalized(n, b, v, range(2, len(v.shape)))
    along = (-1, *(1,) * (len(v.shape) - 2))
    scale, bias = (Constant(b.fixed(n, i, "constant").values.reshape(along)) for i in (1, 2))
    b.known[n.y] = pair(n, b, plus, (times(n, b, (y, scale), f"{n.y}/scaled"), bias), n.y)


def _normalized(n: Node, b: Builder, v: Value, axes: Sequence[int]) -> Value:
    """`v` less its mean, by its deviation, over some axes."""
    mean = reduced(b, Mean, v, axes, f"{n.y}/mean", keep=True)
    square = pair(n, b, SquaredDifference, (v, mean), f"{n.y}/squares")
    variance = reduced(b, Mean, square, axes, f"{n.y}/variance", keep=True)
    least = pair(n, b, plus, (variance, scalar(n.get("epsilon", 1e-5))), f"{n.y}/least")
    root = single(b, Rsqrt, least, f"{n.y}/rsqrt")
    less = pair(n, b, partial(Sub, activation="NONE"), (v, mean), f"{n.y}/centred")
    return times(n, b, (less, root), f"{n.y}/normal")
