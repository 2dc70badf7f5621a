"""Kernels of FULLY_CONNECTED: a matrix times each row of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Self

import numpy as np

from ascua.ir import Array, Tensor
from ascua.kernels._bounds import bounds
from ascua.kernels._kernel import Const, Kernel, Run, Sums
from ascua.kernels._packing import (
    by_channel,
    next_factor,
    offset,
    packed_nibbles,
    packed_weights,
    requant_consts,
    short_sums,
    small,
    whole,
    wide_consts,
)
from ascua.kernels._vectors import dot_weights, dotted, rescale_const
from ascua.kernels.conv2d import plain, pointwise
from ascua.ops.conv2d import Conv2D
from ascua.ops.fully_connected import FullyConnected


class FullyConnectedS8Vectors(Kernel[FullyConnected]):
    """Four outputs at a time, in vectors of sixteen inputs."""

    name = "fully_connected_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32
    weights = ("int8",)

    def fits(self, op: FullyConnected) -> bool:
        return not op.uint8 and op.w.dtype == "int8" and dotted(op)

    def work(self, op: FullyConnected) -> Run | None:
        return vectors(op)

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        oc, k = op.w.shape
        return {
            "rows": op.rows,
            "k": k,
            "oc": oc,
            "channels": whole(oc, 4),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return dot_weights(op), rescale_const(op)

    def terms(self, op: FullyConnected) -> Mapping[str, float]:
        (oc, k), rows = op.w.shape, op.y.size // op.w.shape[0]
        fours = rows * -(-oc // 4)
        return {
            "vector": rows,
            "four": fours,
            "cut": rows * (oc % 4 > 0),
            "four's sixteen": fours * (k // 16),
            "rest": rows * (k % 16 > 0),
            "four's rest": fours * (k % 16 > 0),
        }


class FullyConnectedS8(Kernel[FullyConnected]):
    """Eight outputs at a time."""

    name = "fully_connected_s8"
    weights = ("int8",)

    def fits(self, op: FullyConnected) -> bool:
        return not op.uint8 and op.w.dtype == "int8"

    def work(self, op: FullyConnected) -> Run | None:
        return vectors(op)

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        return {
            "rows": op.rows,
            "k": op.w.shape[1],
            "oc": op.w.shape[0],
            "next": next_factor(op),
            "small": small(op),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return packed_weights(op.w, op.w.values, (8, 4)), *requant_consts(op)

    def terms(self, op: FullyConnected) -> Mapping[str, float]:
        oc, k = op.w.shape
        rows, large = op.y.size // oc, "" if small(op) else " | large"
        eights, four, rest = rows * (oc // 8), rows * (oc % 8 // 4), rows * (oc % 4)
        return {
            "vector": rows,
            f"eight{large}": eights,
            "eight by four": eights * (k // 4),
            "eight by one": eights * (k % 4),
            f"four{large}": four,
            "four by four": four * (k // 4),
            "four by one": four * (k % 4),
            f"one{large}": rest,
            "one by one": rest * k,
        }


class FullyConnectedDigitsS8(FullyConnectedS8):
    """Eight outputs at a time, three products for four of them: for cores that only multiply."""

    name = "fully_connected_digits_s8"
    int_bits = 32

    def fits(self, op: FullyConnected) -> bool:
        if not super().fits(op):
            return False
        # A sum has 24 bits; what fills up the last four outputs must not be much.
        few = 4 * word_fours(op.w.values).size <= op.w.bytes + max(64, op.w.bytes // 8)
        return few and 128 * int(np.abs(op.w.values.astype(np.int64)).sum(axis=1).max()) < 2**23

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        weights = Const("weights", word_fours(op.w.values), "uint32_t", {"weights": op.w.bytes})
        return weights, *requant_consts(op)

    def terms(self, op: FullyConnected) -> Mapping[str, float]:
        oc, k = op.w.shape
        rows, large = op.y.size // oc, "" if small(op) else " | large"
        eights, four = (rows * n for n in ((oc + 3) // 8, (oc + 3) % 8 // 4))
        return {
            "vector": rows,
            "input": rows * k,
            f"output{large}": rows * oc,
            "eight": eights,
            "eight by four": eights * (k // 4),
            "eight by one": eights * (k % 4),
            "four": four,
            "four by one": four * k,
        }


class FullyConnectedS8Dsp(FullyConnectedS8):
    """Four outputs at a time, the weights of two of them in each halfword."""

    name = "fully_connected_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32

    def fits(self, op: FullyConnected) -> bool:
        if not super().fits(op):
            return False
        pairs = weight_pairs(op.w.values)
        few = pairs.size * 2 <= op.w.bytes + max(64, op.w.bytes // 8)
        return few and bool(pairs.min() >= -(2**15))

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return packed_pairs(op.w, op.w.values), *requant_consts(op)

    def terms(self, op: FullyConnected) -> Mapping[str, float]:
        oc, k = op.w.shape
        rows, large = op.y.size // oc, "" if small(op) else " | large"
        fours, pairs = rows * (oc // 4), rows * -(-(oc % 4) // 2)
        parts = -(-(k & ~7) // 504) + (k % 8 > 0)
        return {
            f"output{large}": rows * oc,
            "four": fours,
            "four's part": fours * parts,
            "four by eight": fours * (k // 8),
            "four's rest": fours * ((k % 8 >= 4) + (k % 4 > 0)),
            "pair": pairs,
            "pair's part": pairs * parts,
            "pair by eight": pairs * (k // 8),
            "pair's rest": pairs * ((k % 8 >= 4) + (k % 4 > 0)),
        }


class FullyConnectedSumsS8(FullyConnectedS8):
    """A piece of the input at a time, eight outputs at a time."""

    name = "fully_connected_sums_s8"
    slices: int | None = None
    """The pieces of the input; None stands for a few."""

    def sliced(self, slices: int) -> Self:
        kernel = copy(self)
        kernel.slices = slices
        return kernel

    def pieces(self, op: FullyConnected) -> int:
        """Of the input."""
        return self.slices or next((n for n in (4, 3, 5, 7, 2) if op.w.shape[1] % n == 0), 1)

    def fits(self, op: FullyConnected) -> bool:
        return super().fits(op) and op.rows == 1 and op.w.shape[1] % self.pieces(op) == 0

    def work(self, op: FullyConnected) -> Sums:  # type: ignore[override]
        return Sums(self.pieces(op))

    def scratch(self, op: FullyConnected) -> int:
        return 4 * op.w.shape[0]

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        n = self.pieces(op)
        return {**super().params(op), "rows": n, "k": op.w.shape[1] // n}

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        parts = [packed_weights(op.w, p, (8, 4)) for p in self.parts(op)]
        return pieced(parts), *requant_consts(op)

    def parts(self, op: FullyConnected) -> Sequence[Array]:
        """The weights (outputs, k) of each piece."""
        return np.split(op.w.values, self.pieces(op), axis=1)

    def terms(self, op: FullyConnected) -> Mapping[str, float]:
        oc, k = op.w.shape
        n, large = self.pieces(op), "" if small(op) else " | large"
        eights, four, rest, k = oc // 8, oc % 8 // 4, oc % 4, k // n
        return {
            "row": n,
            f"output{large}": oc,
            "eight": n * eights,
            "eight by four": n * eights * (k // 4),
            "eight by one": n * eights * (k % 4),
            "four": n * four,
            "four by four": n * four * (k // 4),
            "four by one": n * four * (k % 4),
            "one": n * rest,
            "one by one": n * rest * k,
        }


class FullyConnectedSumsS8Dsp(FullyConnectedSumsS8):
    """A piece of the input at a time, the weights of two outputs in each halfword."""

    name = "fully_connected_sums_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32

    def fits(self, op: FullyConnected) -> bool:
        if not super().fits(op):
            return False
        pairs = [weight_pairs(part) for part in self.parts(op)]
        few = sum(p.size for p in pairs) * 2 <= op.w.bytes + max(64, op.w.bytes // 8)
        return few and all(p.min() >= -(2**15) for p in pairs)

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        return {**super().params(op), "bytes": 2 * weight_pairs(self.parts(op)[0]).size}

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        parts = [packed_pairs(op.w, part) for part in self.parts(op)]
        return pieced(parts), *requant_consts(op)

    def terms(self, op: FullyConnected) -> Mapping[str, float]:
        oc, k = op.w.shape
        n, large = self.pieces(op), "" if small(op) else " | large"
        fours, pairs, k = n * (oc // 4), n * -(-(oc % 4) // 2), k // n
        blocks, rests = -(-(k & ~7) // 504) + (k % 8 > 0), (k % 8 >= 4) + (k % 4 > 0)
        return {
            "row": n,
            f"output{large}": oc,
            "kept": (n - 1) * oc,
            "four": fours,
            "four's part": fours * blocks,
            "four by eight": fours * (k // 8),
            "four's rest": fours * rests,
            "pair": pairs,
            "pair's part": pairs * blocks,
            "pair by eight": pairs * (k // 8),
            "pair's rest": pairs * rests,
        }


class FullyConnectedCompactS8(Kernel[FullyConnected | Conv2D]):
    """Little code: two outputs at a time; of 1x1 convolutions each pixel is a vector."""

    name = "fully_connected_compact_s8"
    weights = ("int8",)

    def fits(self, op: FullyConnected | Conv2D) -> bool:
        if isinstance(op, Conv2D):
            return pointwise(op) and plain(op)
        return not op.uint8 and op.w.dtype == "int8"

    def work(self, op: FullyConnected | Conv2D) -> Run | None:
        return vectors(op)

    def params(self, op: FullyConnected | Conv2D) -> Mapping[str, int]:
        oc, k = op.w.shape[0], op.w.shape[-1]
        return {
            "rows": op.y.size // oc,
            "k": k,
            "oc": oc,
            "next": next_factor(op),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def consts(self, op: FullyConnected | Conv2D) -> tuple[Const, ...]:
        weights = Const("weights", by_channel(op), holds={"weights": op.w.bytes})
        return weights, *requant_consts(op)

    def terms(self, op: FullyConnected | Conv2D) -> Mapping[str, float]:
        oc, k = op.w.shape[0], op.w.shape[-1]
        rows = op.y.size // oc
        twos, alone = rows * -(-oc // 2), " | alone" if oc == 1 else ""
        return {"vector": rows, f"two{alone}": twos, f"two's tap{alone}": twos * k}


class FullyConnectedS16(Kernel[FullyConnected]):
    """Four outputs at a time."""

    name = "fully_connected_s16"
    types = ("int16",)
    weights = ("int8",)

    def work(self, op: FullyConnected) -> Run | None:
        return vectors(op)

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        return {
            "rows": op.rows,
            "k": op.w.shape[1],
            "oc": op.w.shape[0],
            "short_sums": int(short_sums(op.bias, op.bias_dtype)),
            **bounds(op.activation, op.y),
        }

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        short = short_sums(op.bias, op.bias_dtype)
        return packed_weights(op.w, op.w.values), *wide_consts(op, short=short)


class FullyConnectedS4(FullyConnectedS8):
    """Weights of 4 bits."""

    name = "fully_connected_s4"
    weights = ("int4",)

    def fits(self, op: FullyConnected) -> bool:
        return op.w.dtype == "int4"

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return packed_nibbles(op.w, op.w.values), *super().consts(op)[1:]


class FullyConnectedU8(FullyConnectedS8):
    """Weights with a zero point; LiteRT's rounding."""

    name = "fully_connected_u8"
    weights = ("uint8",)

    def fits(self, op: FullyConnected) -> bool:
        return op.uint8

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        fields = {k: v for k, v in super().params(op).items() if k != "small"}
        return {**fields, "offset": offset(op)}


def vectors(op: FullyConnected | Conv2D) -> Run | None:
    """The work where each vector is a pixel."""
    return Run("rows") if op.x.shape[:-1] == op.y.shape[:-1] else None


def weight_pairs(matrix: Array) -> Array:
    """Two outputs of a matrix (outputs, k) as one number, 256 times the second and the first.

    They are (pairs, groups, 4) int64: zeros make k come in fours, whose inner two change places.
    """
    outputs, k = matrix.shape
    whole = np.pad(matrix.astype(np.int64), [(0, outputs % 2), (0, -k % 4)])
    pairs = whole[::2] + 256 * whole[1::2]
    return pairs.reshape(len(pairs), -1, 4)[:, :, [0, 2, 1, 3]]


def word_fours(matrix: Array) -> Array:
    """Weights of a matrix (outputs, k), 128 more each, four outputs a word: uint32.

    Of eight outputs two words lie side by side, (k, 2); zeros fill up the last four.
    """
    outputs, k = matrix.shape
    more = np.pad(matrix, [(0, -outputs % 4), (0, 0)]).view(np.uint8) ^ 128
    fours = np.ascontiguousarray(more.reshape(-1, 4, k).transpose(0, 2, 1)).view("<u4")[..., 0]
    eights = fours[: len(fours) // 2 * 2].reshape(-1, 2, k).transpose(0, 2, 1)
    return np.concatenate([eights.reshape(-1), fours[len(fours) // 2 * 2 :].reshape(-1)])


def pieced(parts: Sequence[Const]) -> Const:
    """The packed weights of all pieces of the input, one behind the other."""
    return replace(parts[0], data=np.concatenate([part.data for part in parts]))


def packed_pairs(w: Tensor, matrix: Array) -> Const:
    """Pairs of outputs as halfwords: of four outputs two side by side, of the rest one."""
    pairs = weight_pairs(matrix).astype("<i2")
    whole = len(matrix) // 4 * 2
    blocks = pairs[:whole].reshape(-1, 2, *pairs.shape[1:]).transpose(0, 2, 1, 3)
    packed = np.concatenate([blocks.reshape(-1), pairs[whole:].reshape(-1)])
    return Const("weights", packed.view(np.uint8), "uint8_t", {"weights": w.bytes})
