"""Constants of layers with weights: weights in blocks, and what rescales each channel."""

from __future__ import annotations

import numpy as np

from ascua import fixed
from ascua.ir import Array, Tensor
from ascua.kernels.kernel import Const, Content
from ascua.ops.channels import greatest, multipliers


def narrow(reals: list[float]) -> int:
    """1 where every channel's shift is to the right: then kernels take a shorter way."""
    return int(bool((multipliers(reals)[1] < 0).all()))


def small(x: Tensor, matrix: Array, bias: Tensor | None, reals: list[float]) -> int:
    """1 where every shift is to the right and every sum stays below 2**30 for any input.

    Then kernels call `requantize_small`. `matrix` is (channels, k), as for `requant_const`.
    """
    return int(narrow(reals) and bool((greatest(x, matrix, bias) < 2**30).all()))


def packed_weights(w: Tensor, matrix: Array) -> Const:
    """Weights (channels, k) in blocks of four channels, [k][4] each; the rest a channel a row."""
    whole = len(matrix) // 4 * 4
    blocks = matrix[:whole].reshape(-1, 4, matrix.shape[1]).transpose(0, 2, 1)
    packed = np.concatenate([blocks.reshape(-1), matrix[whole:].reshape(-1)])
    return Const("weights", packed, holds={"weights": w.bytes})


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


def requant_const(x: Tensor, matrix: Array, bias: Tensor | None, reals: list[float]) -> Const:
    """`requant_t` of each channel: bias with the input's zero point folded in, multiplier, shift.

    `matrix` is (channels, k): all weights that a channel's accumulator sums over.
    """
    multiplier, shift = multipliers(reals)
    folded = -x.q.zero_point * matrix.astype(np.int64).sum(axis=1)
    if bias is not None:
        folded = folded + bias.values.reshape(-1)
    rows = np.stack([fixed.wrap32(folded), multiplier, shift], axis=1).astype(np.int32)
    return Const("requant", rows, "requant_t", requantization(len(rows), bias))


def requantization(channels: int, bias: Tensor | None) -> dict[Content, int]:
    """What a `requant_t` a channel holds of the model: the biases, a multiplier and a shift."""
    return {"weights": 0 if bias is None else bias.bytes, "requantization": 8 * channels}


def wide_consts(bias: Tensor | None, reals: list[float], *, short: bool) -> tuple[Const, Const]:
    """What int16 layers add and rescale by: biases, and `requant_s16_t` of each channel.

    `short` states that TFLM's sums have 32 bits, and are rescaled as those of int8 layers.
    """
    multiplier, shift = multipliers(reals)
    factor, down = (multiplier, shift) if short else fixed.wide_factor(multiplier, shift)
    biases = np.zeros(len(reals), np.int64)
    if bias is not None:
        biases += bias.values.reshape(-1)
    rows = np.stack([factor, down], axis=1).astype(np.int32)
    return (
        Const("bias", biases, "int64_t", {"weights": 0 if bias is None else bias.bytes}),
        Const("requant", rows, "requant_s16_t", {"requantization": 8 * len(rows)}),
    )
