"""Convolutions by Winograd's products in integers, where that is exact; and their constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ascua import fixed
from ascua.ir import Array, limits
from ascua.kernels._bounds import bounded, bounds
from ascua.kernels._convolution import padded_rows
from ascua.kernels._kernel import Const, Kernel, Rows
from ascua.kernels._packing import by_channel, requant_const, whole
from ascua.kernels._pairs import channels
from ascua.kernels._vectors import CHANNELS, rescale_const, rescales
from ascua.ops.conv2d import Conv2D

EIGHT = 8
"""Channels in a vector of int16."""
CACHE = 2**18
"""Bytes of filters that a cache holds."""
LANES = 8
"""Sums that are made together: of four channels of two tiles."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """How outputs of 3x3 filters are made of fewer products, tile by tile."""

    side: int
    """Outputs of a tile each way."""
    window: int
    """Inputs that they are made of, each way; neighboring tiles begin STEP apart."""
    filter: Array
    """G: a filter g becomes GgG'."""
    scale: int
    """The bias goes times this into the product (1, 1)."""
    most: int
    """What a sum has to stay below."""

    @property
    def positions(self) -> int:
        """Products of a tile for each channel."""
        return len(self.filter) ** 2


STEP = 4
"""Inputs from one tile to the next."""
F4X4 = Tiles(
    4, 6, np.array([[3, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 3]]), 36, 2**25
)
"""For stride 1; a sum below 2^25 can be told from 64 times itself mod 2^32."""
F2X2 = Tiles(2, 5, np.array([[1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 1, 0], [0, 1, 0]]), 1, 2**30)
"""For stride 2; kernels double a sum."""
BY_STRIDE = {(1, 1): F4X4, (2, 2): F2X2}


class Winograd(Kernel[Conv2D]):
    """Two tiles of outputs by four channels at a time; filters are transformed in flash."""

    weights = ("int8",)
    int_bits = 32
    stride: ClassVar[int] = 1
    read: ClassVar[int] = 4
    """Channels of a pixel are read by so many, the last pixel's from behind it."""

    def fits(self, op: Conv2D) -> bool:
        return op.stride == (self.stride, self.stride) and exact(op)

    def tiles(self, op: Conv2D) -> int:  # noqa: ARG002
        """Rows of tiles that a call makes."""
        return 1

    def work(self, op: Conv2D) -> Rows:
        rows, (_, _, iw, ic), how = padded_rows(op), op.x.shape, tiles_of(op)
        beyond = -(-(-ic % self.read) // ic)
        wide = whole(op.y.shape[2], how.side) * self.stride + how.window - STEP + beyond
        return replace(
            rows,
            kh=STEP * self.tiles(op) + how.window - STEP,
            sy=STEP * self.tiles(op),
            block=how.side * self.tiles(op),
            right=max(0, wide - rows.left - iw),
        )

    def params(self, op: Conv2D) -> Mapping[str, int]:
        (_, _, ow, oc), ic = op.y.shape, op.x.shape[3]
        outputs = {"zero": op.y.q.zero_point, **bounds(op.activation, op.y)}
        return {"ow": ow, "oc": oc, "ic": ic, **self.grouping(op), **outputs}

    def grouping(self, op: Conv2D) -> Mapping[str, int]:  # noqa: ARG002
        """The parameters by which pairs of tiles are held together."""
        return {}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        filters = transformed(by_fours(op), tiles_of(op).filter)
        return Const("filters", filters, "uint32_t", {"weights": op.w.bytes}), winograd_requant(op)

    def scratch(self, op: Conv2D) -> int:
        return 4 * tiles_of(op).positions * (2 * winograd_words(op) + LANES)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        (_, oh, ow, oc), n, side = op.y.shape, winograd_words(op), tiles_of(op).side
        tiles, fours = down(op) * -(-ow // side), -(-oc // 4)
        pairs, products = down(op) * across(op), down(op) * across(op) * fours
        # Of a pair that is cut in any direction all outputs are copied.
        columns = ow // side * side if ow % (2 * side) <= side else ow // (2 * side) * (2 * side)
        return {
            "tile": tiles,
            "tile's four": tiles * n / 2,
            "pair": pairs,
            "products": products,
            "product's word": products * n,
            "product's eight words": products * -(-(n - 1) // 8),
            "tile's channel": tiles * 4 * fours,
            "cut": products - oh // side * -(-columns // (2 * side)) * (oc // 4),
            "cut output": op.y.size - oh // side * side * columns * (oc // 4 * 4),
        }


class WinogradLate(Winograd):
    """The same with int8 filters, each transformed once for some pairs of tiles."""

    most: ClassVar[int]
    """Pairs of tiles that are held together at most."""
    least: ClassVar[int] = 0
    """Where an image has no more pairs, a kernel with less working memory does as well."""

    def fits(self, op: Conv2D) -> bool:
        return super().fits(op) and down(op) * across(op) > self.least

    def tiles(self, op: Conv2D) -> int:
        return min(-(-self.most // across(op)), down(op))

    def together(self, op: Conv2D) -> int:
        """Pairs of tiles that are held together: in groups of like sizes."""
        in_call = self.tiles(op) * across(op)
        return -(-in_call // -(-in_call // self.most))

    def grouping(self, op: Conv2D) -> Mapping[str, int]:
        return {"tiles": self.tiles(op), "together": self.together(op)}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        data = packed_filters(by_fours(op))
        return Const("filters", data, "uint32_t", {"weights": op.w.bytes}), winograd_requant(op)

    def scratch(self, op: Conv2D) -> int:
        n = winograd_words(op)
        return 4 * tiles_of(op).positions * (2 * n * self.together(op) + LANES + 4 * n)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        whole_calls, rest = divmod(down(op), self.tiles(op))
        calls = [self.tiles(op)] * whole_calls + [rest] * (rest > 0)
        groups = sum(-(-n * across(op) // self.together(op)) for n in calls)
        fours = -(-op.y.shape[3] // 4)
        return {
            **super().terms(op),
            "group": groups,
            "filters": groups * fours,
            "filter's word": groups * fours * winograd_words(op),
        }


class WinogradVectors(WinogradLate):
    """Two tiles by four channels, in vectors of eight channels; filters are transformed in flash.

    Of filters that no cache holds, each is read once for some pairs of tiles.
    """

    needs = frozenset({"vectors"})
    most = 8
    read = EIGHT

    def fits(self, op: Conv2D) -> bool:
        return op.stride == (1, 1) and threes(op) and rescales(op) and below(op)

    def tiles(self, op: Conv2D) -> int:
        return super().tiles(op) if self.large(op) else 1

    def together(self, op: Conv2D) -> int:
        return super().together(op) if self.large(op) else 1

    def large(self, op: Conv2D) -> bool:
        """Whether the filters are beyond a cache."""
        return F4X4.positions * 2 * op.y.shape[3] * eights(op) * EIGHT > CACHE

    def grouping(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().grouping(op), "vectors": eights(op)}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        (_, _, _, ic), oc = op.x.shape, op.y.shape[3]
        filters = by_channel(op).astype(np.int64).reshape(oc, 3, 3, ic)
        filters = np.pad(filters, [(0, -oc % CHANNELS), (0, 0), (0, 0), (0, -ic % EIGHT)])
        found = products(filters.reshape(-1, CHANNELS, *filters.shape[1:]), F4X4.filter)
        # Two and two channels: [positions][oc / 4][2][2][ic / 8][8].
        lanes = found.reshape(F4X4.positions, -1, 2, CHANNELS // 2, eights(op), EIGHT)
        data = np.ascontiguousarray(lanes.transpose(1, 0, 2, 4, 3, 5), dtype=np.int16)
        return Const("filters", data, "int16_t", {"weights": op.w.bytes}), rescale_const(op)

    def scratch(self, op: Conv2D) -> int:
        image = 2 * EIGHT * 2 * eights(op)
        return F4X4.positions * (image * self.together(op) + 4 * 2 * CHANNELS)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        (_, oh, ow, oc), n, side = op.y.shape, eights(op), F4X4.side
        tiles, fours = down(op) * -(-ow // side), -(-oc // CHANNELS)
        found = down(op) * across(op) * fours
        inner = oh // side * (ow // side) * (oc // CHANNELS)
        return {
            "tile": tiles,
            "tile's eight": tiles * n,
            "products": found,
            "product's eight": found * n,
            "tile's four": tiles * fours,
            "cut": tiles * fours - inner,
            "clamped": op.y.size * bounded(op.activation, op.y),
        }


def threes(op: Conv2D) -> bool:
    """Whether it has 3x3 filters of int8, of all channels."""
    plain = op.groups == 1 and op.w.dtype == "int8" and op.w.q.zero_point == 0
    return plain and op.dilation == (1, 1) and op.w.shape[1:3] == (3, 3)


def eights(op: Conv2D) -> int:
    """Vectors of eight channels of the input."""
    return whole(op.x.shape[3], EIGHT) // EIGHT


def below(op: Conv2D) -> bool:
    """Whether sums of products can be told from 64 times themselves, for any input."""
    sums = np.abs(by_channel(op).astype(np.int64)).sum(axis=1)
    return bool(sums.max() * -limits("int8")[0] < F4X4.most)


def tiles_of(op: Conv2D) -> Tiles:
    """How the outputs of an `op` that is `exact` are made."""
    return BY_STRIDE[op.stride]


def down(op: Conv2D) -> int:
    """Rows of tiles in the output."""
    return -(-op.y.shape[1] // tiles_of(op).side)


def across(op: Conv2D) -> int:
    """Pairs of tiles in such a row."""
    return -(-op.y.shape[2] // (2 * tiles_of(op).side))


def exact(op: Conv2D) -> bool:
    """Whether it is a 3x3 filter whose sums stay small for any input, shifted as kernels do it."""
    if not threes(op) or op.stride not in BY_STRIDE:
        return False
    rows, requant = channels(op)
    rows = filled(rows, 2)
    products = np.stack([rows * end for end in limits("int8")])
    sums = requant[:, 0] + np.stack([end.sum(axis=1) for end in (products.min(0), products.max(0))])
    return bool((requant[:, 2] > 0).all() and np.abs(sums).max() < tiles_of(op).most)


def winograd_words(op: Conv2D) -> int:
    """Pairs of channels of the input, filled up to an even number."""
    return whole(op.x.shape[3], 4) // 2


def filled(rows: Array, size: int) -> Array:
    """Rows (n, taps) with zeros behind them, up to whole groups of a size."""
    return np.pad(rows, [(0, -len(rows) % size), (0, 0)])


def by_fours(op: Conv2D) -> Array:
    """The weights as (channels / 4, 4, 3, 3, channels of the input), filled up to fours."""
    rows, _ = channels(op)
    oc, ic = op.y.shape[3], op.x.shape[3]
    filters = rows[:oc].reshape(oc, 3, 3, ic)
    filters = np.pad(filters, [(0, -oc % 4), (0, 0), (0, 0), (0, -ic % 4)])
    return filters.reshape(-1, 4, *filters.shape[1:])


def winograd_requant(op: Conv2D) -> Const:
    """`requant_t` of each channel, filled up to fours; the bias is `scale` times what it is."""
    rows, requant = channels(op)
    # Kernels take inputs as numbers from 0 up, 128 more than they are.
    requant[:, 0] = tiles_of(op).scale * (requant[:, 0] - 128 * filled(rows, 2).sum(axis=1))
    none = np.tile([0, 0, 1], (-len(requant) % 4, 1))
    requant = np.concatenate([requant, none])
    return replace(requant_const(op), data=fixed.wrap32(requant).astype(np.int32))


def packed_filters(filters: Array) -> Array:
    """Filters (n, 4, 3, 3, ic) as uint32 of four channels each, (n, ic / 4, 4, 3, 3)."""
    n, ic = len(filters), filters.shape[-1]
    fours = filters.reshape(n, 4, 3, 3, ic // 4, 4).transpose(0, 4, 1, 2, 3, 5)
    return np.ascontiguousarray(fours, dtype=np.int8).view("<u4")[..., 0]


def transformed(filters: Array, g: Array) -> Array:
    """GgG' of filters (n, 4, 3, 3, ic), as uint32 (n, positions, ic / 2, 4): pairs of int16.

    Positions go down columns. Of four channels 0 and 2 make the first word, 1 and 3 the second.
    """
    n, ic, positions = len(filters), filters.shape[-1], len(g) ** 2
    found = products(filters, g)
    words = found.reshape(positions, n, 4, ic // 4, 2, 2)  # channel = 4 q + 2 half + word
    lanes = words.transpose(1, 0, 3, 5, 2, 4)
    packed = np.ascontiguousarray(lanes, dtype="<i2")
    return packed.view("<u4").reshape(n, positions, ic // 2, 4)


def products(filters: Array, g: Array) -> Array:
    """GgG' of filters (n, 4, 3, 3, ic): [columns][rows][n][4][ic]."""
    # Exact in float64, and by far quicker.
    g = g.astype(np.float64)
    return np.tensordot(g, np.tensordot(g, filters, (1, 2)), (1, 3))
