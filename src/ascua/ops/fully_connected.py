"""FULLY_CONNECTED: a matrix times each row of the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node
from ascua.ops import _activation, _conditions
from ascua.ops._channels import (
    centred,
    channel_scales,
    requantize,
    requantize_wide,
    short_bias,
    short_condition,
    wide_condition,
)
from ascua.ops._weighted import Weighted


@dataclass(frozen=True, eq=False)
class FullyConnected(Weighted):
    """y[row, o] = activation(sum over i of x[row, i] * w[o, i] + bias[o]); weights are [o][i].

    `bias_dtype` is the number of the dtype that an absent bias would have: with int16 activations,
    that decides how TFLM sums up.
    """

    keep_num_dims: bool
    activation: _activation.Activation
    weights_format: int = 0
    bias_dtype: int = 0

    tflite = "FULLY_CONNECTED"
    floats = True
    options = "FullyConnectedOptions"
    max_version = 12
    types = ("int8", "int16")
    out_axis, in_axis = 0, 1
    one_int4_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(
            node.inputs,
            node.outputs,
            keep_num_dims=bool(o["keep_num_dims"]),
            activation=_activation.read_activation(o["fused_activation_function"]),
            weights_format=o["weights_format"],
            bias_dtype=o["quantized_bias_type"],
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "keep_num_dims": self.keep_num_dims,
            "fused_activation_function": _activation.ACTIVATIONS.index(self.activation),
            "weights_format": self.weights_format,
            "quantized_bias_type": self.bias_dtype,
        }

    @property
    def groups(self) -> int:
        """One: each output sums over all that it gets."""
        return 1

    @property
    def short(self) -> bool:
        """Whether sums have 32 bits, and not the 64 of int16 activations."""
        return self.x.dtype == "int8" or short_bias(self.bias, self.bias_dtype)

    @property
    def rows(self) -> int:
        """How many vectors the input holds."""
        return prod(self.y.shape[:-1])

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2, 3) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x),
            _conditions.rank(self.w, 2),
            _conditions.filled(self.y),
            _conditions.vectors(self.y),
        )
        if reason:
            return reason
        oc, k = self.w.shape
        if reason := _conditions.weights(self.w) or _conditions.bias(self.bias, oc):
            return reason
        if self.y.shape[-1] != oc:
            return f"its output has {self.y.shape[-1]} channels and its weights {oc}"
        if self.x.size != self.rows * k:
            return f"{self.rows} rows of {k} are wanted; its input has {self.x.size} elements"
        return None

    def shapes(self) -> tuple[tuple[int, ...], ...] | None:
        w = self.inputs[1] if len(self.inputs) > 1 else None
        if w is None or len(w.shape) != 2 or 0 in w.shape or self.y.shape[-1:] != w.shape[:1]:
            return None
        oc, k = w.shape
        kept = self.keep_num_dims and self.x.shape[-1:] == (k,)
        rows = self.x.shape[:-1] if kept else (self.x.size // k,)
        return ((*rows, oc),)

    def check(self) -> str | None:
        reason = _conditions.arity(self, 2, 3) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.rank(self.x, 1, 2, 3, 4, 5),
            _conditions.rank(self.w, 2),
            _conditions.rank(self.y, 1, 2, 3, 4, 5),
            _conditions.quantized(self, self.x, self.y),
            _conditions.int8_weights(self, self.w, self.out_axis, *_conditions.narrow(self.x)),
            _activation.unsupported(self.activation),
        )
        if reason:
            return reason
        biases = ("int32",) if self.x.dtype == "int8" else ("int64", "int32")
        if reason := _conditions.bias(self.bias, self.channels, *biases):
            return reason
        if self.weights_format != 0:
            return "its weights are shuffled; only the default format is taken"
        if self.w.dtype == "int4" and self.w.q.per_channel:
            return f"its int4 weights have {len(self.w.q.scales)} scales, and TFLM takes one"
        if reason := self.malformed():
            return reason
        if self.short:
            matrix = centred(self.w)
            reason = short_condition(self.x, matrix, self.bias, self.y, self.scales())
        else:
            reason = wide_condition(self.w, self.out_axis, self.bias, self.scales())
        return reason or _conditions.bias_scale(self.x, self.w, self.bias, self.y)

    def scales(self) -> list[float]:
        """The real factor from accumulator to output of each channel."""
        return channel_scales(self.x, self.w, self.y, self.w.shape[0])

    def eval(self, *xs: Array) -> Array:
        x = xs[0].reshape(-1, self.w.shape[1]).astype(np.float64) - self.x.q.zero_point
        # Sums of products of int8 stay exact in float64.
        total = (x @ centred(self.w).T.astype(np.float64)).astype(np.int64)
        return self.finish(total, len(xs[0]))

    def finish(self, acc: Array, samples: int) -> Array:
        if self.bias is not None:
            acc = acc + self.bias.values.reshape(-1)
        low, high = _activation.bounds(self.activation, self.y)
        if self.uint8:  # LiteRT's layer is the one that rounds once.
            y = requantize(acc, self.scales(), self.y, low, high, fixed.multiply_rounded_once)
        else:
            rescale = requantize if self.short else requantize_wide
            y = rescale(acc, self.scales(), self.y, low, high)
        return y.reshape(samples, *self.y.shape)

    def eval_float(self, *xs: Array) -> Array:
        total = xs[0].reshape(-1, self.w.shape[1]) @ self.w.values.T
        if self.bias is not None:
            total = total + self.bias.values.reshape(-1)
        return _activation.clamped(total, self.activation).reshape(len(xs[0]), *self.y.shape)

    def gathered(self, x: Array) -> Array:
        """The vectors of the input: (n * rows, k)."""
        return x.reshape(-1, self.w.shape[1])
