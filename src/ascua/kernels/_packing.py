"""Constants of layers with weights: weights in blocks, and what rescales each channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ascua import fixed
from ascua.ir import Array, Tensor, limits
from ascua.kernels._kernel import Const, Content
from ascua.ops import Weighted
from ascua.ops.fully_connected import FullyConnected

INT32 = 2
"""The number of int32 in .tflite files."""


def whole(n: int, size: int) -> int:
    """The elements of n in whole groups of a size."""
    return -(-n // size) * size


def by_channel(op: Weighted) -> Array:
    """The weights as they are stored, (channels, k): all that a channel's sum is made of."""
    rows = np.moveaxis(op.w.values, op.out_axis, 0)
    return np.ascontiguousarray(rows.reshape(len(rows), -1))


def offset(op: Weighted) -> int:
    """What kernels add to each weight."""
    return -op.w.q.zero_point


def rescaling(op: Weighted) -> Array:
    """Multiplier and shift (channels, 2) from each channel's sum to the output.

    Scales are multiplied in double precision, as TFLM does it. LiteRT's uint8 convolutions do it
    in single, and for all channels alike.
    """
    if op.uint8 and not isinstance(op, FullyConnected):
        units = [float(np.float32(op.x.q.scale) * np.float32(op.w.q.scale))]
    else:
        units = [op.x.q.scale * scale for scale in op.w.q.scales]
    pairs = [fixed.quantize_multiplier(unit / op.y.q.scale) for unit in units]
    return np.array(pairs if op.w.q.per_channel else pairs * op.y.shape[-1], np.int64)


def biases(op: Weighted) -> Array:
    """The bias of each channel (channels,) int64; 0 where there is none."""
    none = np.zeros(op.y.shape[-1], np.int64)
    return none if op.bias is None else none + op.bias.values.reshape(-1)


def requantized(op: Weighted) -> tuple[Array, Array]:
    """What `biases` and `rescaling` say, but of channels without weights, whose output is constant.

    They get small numbers that give the same output: what is trained away has any bias and scale.
    """
    sums, factors = biases(op), rescaling(op)
    idle = ~(by_channel(op).astype(np.int64) + offset(op)).any(axis=1)
    once = op.uint8 and isinstance(op, FullyConnected)
    rescale = fixed.multiply_rounded_once if once else fixed.multiply_by_quantized_multiplier
    outputs = rescale(fixed.wrap32(sums[idle]), *factors[idle].T)
    low, high = limits("int8")
    zero = op.y.q.zero_point
    sums[idle] = 4 * np.clip(outputs, low - zero, high - zero)
    factors[idle] = 2**30, -1  # a quarter
    return sums, factors


def small(op: Weighted) -> int:
    """1 where every shift is to the right and every sum stays below 2**30 for any input.

    Then kernels call `requantize_small`.
    """
    low, high = limits(op.x.dtype)
    farthest = max(high - op.x.q.zero_point, op.x.q.zero_point - low)
    weights = np.abs(by_channel(op).astype(np.int64) + offset(op))
    bias, factors = requantized(op)
    sums = farthest * weights.sum(axis=1) + np.abs(bias)
    return int(factors[:, 1].max() < 0 and sums.max() < 2**30)


def small_shifts(op: Weighted) -> bool:
    """Whether each shift is small enough that zero points can be added before it.

    With `small`, that is what kernels call `requantize_twice` for.
    """
    return bool(requantized(op)[1][:, 1].min() >= -22)


def short_sums(bias: Tensor | None, bias_dtype: int) -> bool:
    """Whether TFLM sums an int16 layer in 32 bits: a bias of int32 says so, or would."""
    return bias_dtype == INT32 if bias is None else bias.dtype == "int32"


def packed_weights(w: Tensor, matrix: Array, sizes: Sequence[int] = (4,)) -> Const:
    """Weights (channels, k) in blocks of so many channels, [k][size] each, the largest first.

    Each size takes what it can of what is left; the rest is a channel a row.
    """
    blocks = []
    for size in (*sizes, 1):
        whole = len(matrix) // size * size
        block = matrix[:whole].reshape(-1, size, matrix.shape[1])
        blocks.append(block.transpose(0, 2, 1).reshape(-1))
        matrix = matrix[whole:]
    return Const("weights", np.concatenate(blocks), holds={"weights": w.bytes})


def packed_nibbles(w: Tensor, matrix: Array) -> Const:
    """int4 weights (channels, k), two a byte, the first in its lower bits.

    They lie in blocks of four channels, [k][4] each; then the rest, a channel a row, filled up to
    two bytes.
    """
    bits = matrix.view(np.uint8) & 15
    whole = len(bits) // 4 * 4
    blocks = bits[:whole].reshape(-1, 4, bits.shape[1]).transpose(0, 2, 1)
    rest = np.pad(bits[whole:], [(0, 0), (0, -bits.shape[1] % 4)])
    pairs = np.concatenate([blocks.reshape(-1, 2), rest.reshape(-1, 2)])
    return Const("weights", pairs[:, 0] | pairs[:, 1] << 4, "uint8_t", {"weights": w.bytes})


def folded(op: Weighted) -> Array:
    """The bias of each channel (channels,) int32 that makes up for the input's zero point.

    Then kernels multiply inputs as they are.
    """
    sums, _ = requantized(op)
    shares = (by_channel(op).astype(np.int64) + offset(op)).sum(axis=1)
    return fixed.wrap32(sums - op.x.q.zero_point * shares)


def requant_const(op: Weighted, *, fold: bool = True) -> Const:
    """`requant_t` of each channel: bias, perhaps `folded`, multiplier, shift."""
    sums, factors = requantized(op)
    sums = folded(op) if fold else fixed.wrap32(sums)
    rows = np.column_stack([sums, factors]).astype(np.int32)
    held: dict[Content, int] = {
        "weights": 0 if op.bias is None else op.bias.bytes,
        "requantization": 8 * len(rows),
    }
    return Const("requant", rows, "requant_t", held)


def next_factor(op: Weighted) -> int:
    """How many factors of `requant_consts` there are from one channel to the next: 1 or 0."""
    _, factors = requantized(op)
    return int((factors != factors[0]).any())


def requant_consts(op: Weighted) -> tuple[Const, Const]:
    """The `folded` bias of each channel, and its `factor_t`: one where all are the same."""
    _, factors = requantized(op)
    factors = factors[: None if next_factor(op) else 1].astype(np.int32)
    held = 0 if op.bias is None else op.bias.bytes
    return (
        Const("bias", folded(op).astype(np.int32), "int32_t", {"weights": held}),
        Const("factors", factors, "factor_t", {"requantization": 8 * len(factors)}),
    )


def wide_consts(op: Weighted, *, short: bool = False) -> tuple[Const, Const]:
    """What int16 layers add and rescale by: biases, and `requant_s16_t` of each channel.

    `short` states that TFLM's sums have 32 bits, and are rescaled as those of int8 layers.
    """
    factors = rescaling(op)
    if not short:
        factors = np.column_stack(fixed.wide_factor(factors[:, 0], factors[:, 1]))
    held = 0 if op.bias is None else op.bias.bytes
    requantization: dict[Content, int] = {"requantization": 8 * len(factors)}
    return (
        Const("bias", biases(op), "int64_t", {"weights": held}),
        Const("requant", factors.astype(np.int32), "requant_s16_t", requantization),
    )
