"""Bias correction: the mean error that quantisation makes in a channel is taken off its bias."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ascua.ir import Array
from ascua.ops import Weighted
from ascua.quantize import rules
from ascua.quantize.convert import MOST_UNITS
from ascua.quantize.refine import in_chunks


def correct(real: Weighted, small: Weighted, x: Array, xq: Array) -> Weighted:
    """`small` with the means, before the activation, that `real` has: `x` and `xq` are inputs."""
    weights = rules.real(small.w.values, small.w.q)
    bias = _bias(small)
    quantised = real.with_weights(weights, bias)
    return with_bias(small, bias + _means(real, x) - _means(quantised, xq))


def _means(op: Weighted, x: Array) -> Array:
    """The mean (channels,) of what `op` computes of `x`, without its activation."""
    change: dict[str, Any] = {"activation": "NONE"}
    linear = replace(op, **change)

    def sums(part: Array) -> tuple[Array]:
        y = np.asarray(linear.eval_float(part))
        return (y.reshape(len(y), -1, y.shape[-1]).mean(axis=1),)

    means: Array = in_chunks(op, [x], sums)[0].mean(axis=0, dtype=np.float64)
    return means


def _bias(small: Weighted) -> Array:
    """The real biases (channels,) of a quantised layer."""
    scales = 1.0 if small.bias is None else np.array(small.bias.q.scales)
    real: Array = small.biases * scales
    return real


def with_bias(small: Weighted, values: Array) -> Weighted:
    """The quantised `small` with other real biases (channels,), where it has a bias."""
    b = small.bias
    if b is None:
        return small
    scales = np.array([small.x.q.scale * s for s in small.w.q.scales])
    units = np.clip(np.rint(values / scales), *MOST_UNITS[b.dtype])
    return small.with_weights(small.w.values, units.reshape(b.shape))
