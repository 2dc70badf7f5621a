"""What V4's runtime computes on the CPU for each element, for vectors and for matrices.

With `how.fused` it is what it computes on the chip, where quantize and dequantize have code of
their own; else on a PC.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ascua.ir import Array
from ascua.kmodel import v4
from ascua.kpu import floats
from ascua.kpu.arithmetic import Arithmetic, Compute, compute
from ascua.kpu.floats import F32
from ascua.kpu.rounding import clip8, scaled32


def divided(a: Array, b: Array) -> Array:
    """(a + b / 2) / b in C's integers; a division by 0 gives -1, as the chip's instruction does."""
    divisor = np.where(b == 0, 1, b)
    dividend = a + np.sign(b) * (np.abs(b) // 2)
    sign = np.sign(dividend) * np.sign(divisor)
    return np.where(b == 0, -1, np.abs(dividend) // np.abs(divisor) * sign)


FLOATS: dict[v4.BinaryOp, Callable[[Array, Array], Array]] = {
    v4.BinaryOp.ADD: np.add,
    v4.BinaryOp.SUB: np.subtract,
    v4.BinaryOp.MUL: np.multiply,
    v4.BinaryOp.DIV: np.divide,
    v4.BinaryOp.MIN: np.minimum,
    v4.BinaryOp.MAX: np.maximum,
}
INTEGERS = {**FLOATS, v4.BinaryOp.DIV: divided}


@compute.register
def _(layer: v4.Binary, how: Arithmetic) -> Compute:  # noqa: ARG001
    p, f = layer, FLOATS[layer.op]
    return lambda a, b: floats.clamped(
        f(a.reshape(p.a_shape), b.reshape(p.b_shape)), p.act_min, p.act_max
    )


@compute.register
def _(layer: v4.QuantizedBinary, how: Arithmetic) -> Compute:  # noqa: ARG001
    p, f = layer, INTEGERS[layer.op]

    def binary(a: Array, b: Array) -> Array:
        x = scaled32(a.astype(np.int64) + p.a_offset, p.a_mul, p.a_shift).reshape(p.a_shape)
        y = scaled32(b.astype(np.int64) + p.b_offset, p.b_mul, p.b_shift).reshape(p.b_shape)
        return clip8(scaled32(f(x, y), p.out_mul, p.out_shift) + p.out_offset)

    return binary


UNARY: dict[v4.UnaryOp, Callable[[Array], Array]] = {
    v4.UnaryOp.ABS: np.abs,
    v4.UnaryOp.CEIL: np.ceil,
    v4.UnaryOp.COS: floats.rounded(np.cos),
    v4.UnaryOp.EXP: floats.exp,
    v4.UnaryOp.FLOOR: np.floor,
    v4.UnaryOp.LOG: floats.rounded(np.log),
    v4.UnaryOp.NEG: np.negative,
    v4.UnaryOp.RSQRT: lambda x: F32(1) / np.sqrt(x),
    v4.UnaryOp.SIN: floats.rounded(np.sin),
    v4.UnaryOp.SQUARE: np.square,
}


@compute.register
def _(layer: v4.Unary, how: Arithmetic) -> Compute:  # noqa: ARG001
    return UNARY[layer.op]


@compute.register
def _(layer: v4.TableLookup1d, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x, table: table[x]


@compute.register
def _(layer: v4.Dequantize, how: Arithmetic) -> Compute:
    levels, inverse = np.arange(256), F32(1) / F32(layer.scale)
    if how.fused:
        zero = F32(-layer.zero_point) / F32(layer.scale)
        table = how.madd(levels.astype(F32), inverse, zero)
    else:
        table = (levels - layer.zero_point).astype(F32) * inverse
    return lambda q: table[q]


@compute.register
def _(layer: v4.Quantize, how: Arithmetic) -> Compute:
    scale, zero = F32(layer.scale), F32(layer.zero_point)

    def quantize(x: Array) -> Array:
        y = how.madd(x, scale, zero)
        q = floats.away(y)
        if how.fused:  # pairs are rounded by an instruction, half to even; what is left, in C
            pairs = len(q) // 2 * 2
            q[:pairs] = np.rint(y[:pairs])
        return floats.byte(q)

    return quantize


@compute.register
def _(layer: v4.Reduce, how: Arithmetic) -> Compute:  # noqa: ARG001
    axes = [i for i in range(4) if layer.out_shape[i] == 1]
    kept = [i for i in range(4) if i not in axes]
    outputs = math.prod(layer.out_shape)
    share = F32(outputs) / F32(math.prod(layer.shape))
    init = F32(layer.init)

    def reduce(x: Array) -> Array:
        terms = x.reshape(layer.shape).transpose(*kept, *axes).reshape(outputs, -1)
        y: Array
        match layer.op:
            case v4.ReduceOp.MIN:
                y = np.minimum(terms.min(axis=1), init)
            case v4.ReduceOp.MAX:
                y = np.maximum(terms.max(axis=1), init)
            case v4.ReduceOp.SUM:
                y = floats.total(init, terms)
            case v4.ReduceOp.MEAN:
                y = floats.total(init, terms) * share
        return y

    return reduce


@compute.register
def _(layer: v4.Softmax, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: floats.softmax(x.reshape(layer.outer, -1), least=-np.inf, beta=layer.beta)


@compute.register
def _(layer: v4.Matmul, how: Arithmetic) -> Compute:
    def matmul(a: Array, b: Array) -> Array:
        a, b = a.reshape(layer.a_rows, -1), b.reshape(-1, layer.b_cols)
        y: Array = np.broadcast_to(layer.bias.astype(F32), (layer.a_rows, layer.b_cols))
        for i in range(layer.a_cols):
            y = how.madd(a[:, i, None], b[i], y)
        return floats.clamped(y, layer.act_min, layer.act_max)

    return matmul


@compute.register
def _(layer: v4.QuantizedMatmul, how: Arithmetic) -> Compute:  # noqa: ARG001
    p, bias = layer, layer.bias.astype(np.int64)

    def matmul(a: Array, b: Array) -> Array:
        left = a.astype(np.int64).reshape(p.a_rows, -1) + p.a_offset
        right = b.astype(np.int64).reshape(-1, p.b_cols) + p.b_offset
        products: Array = left @ right
        return clip8(scaled32(products + bias, p.mul, p.shift) + p.out_offset)

    return matmul
