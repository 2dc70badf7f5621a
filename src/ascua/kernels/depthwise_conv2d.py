"""Kernels of DEPTHWISE_CONV_2D: convolution of each channel of an image with its own filters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ascua.geometry import Axis
from ascua.ir import Array
from ascua.kernels._bounds import bounds
from ascua.kernels._convolution import (
    LITTLE,
    clipped,
    clipped_rows,
    padded_rows,
    whole_rows,
    within,
)
from ascua.kernels._kernel import Const, Kernel, Overlap, Rows
from ascua.kernels._packing import (
    by_channel,
    offset,
    requant_const,
    small,
    small_shifts,
    whole,
    wide_consts,
)
from ascua.kernels._vectors import dotted
from ascua.ops.depthwise_conv2d import DepthwiseConv2D

SIXTEEN = 16
"""Channels of a vector."""

MOST_ROWS = 8
"""Rows of a filter whose places the kernel for rows without padding has room for."""

ENOUGH = 16
"""Outputs of a channel that pay for a plane of it."""


class Filters(Kernel[DepthwiseConv2D]):
    """What the kernels of int8 activations share; padding comes with the rows."""

    def work(self, op: DepthwiseConv2D) -> Rows:
        return padded_rows(op)

    def common(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        """The last fields of the parameters of all of them."""
        fields = {
            "step": op.columns.stride * op.x.shape[3],
            "gap": op.columns.dilation * op.x.shape[3],
            "small": small(op),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }
        return fields if op.w.q.zero_point == 0 else {**fields, "offset": offset(op)}


class DepthwiseConv2DS8Vectors(Filters):
    """Any filter, sixteen channels at a time; of stride 1 a row of pixels is one run of them."""

    name = "depthwise_conv2d_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32
    weights = ("int8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        plain = op.w.dtype == "int8" and op.w.q.zero_point == 0
        return plain and op.multiplier == 1 and dotted(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        c, adjacent = op.x.shape[3], op.columns.stride == 1
        return {
            "runs": 1 if adjacent else op.columns.out,
            "run": c * op.columns.out if adjacent else c,
            "c": c,
            "next": SIXTEEN % c if c < SIXTEEN else SIXTEEN,
            "last": -SIXTEEN % c,
            "pitch": len(self.lanes(op)),
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            "step": op.columns.stride * c,
            "gap": op.columns.dilation * c,
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def lanes(self, op: DepthwiseConv2D) -> Array:
        """The channels whose constants vectors read, from any at which one begins."""
        c = op.x.shape[3]
        aligned = math.gcd(c, SIXTEEN) if op.columns.stride == 1 else min(c, SIXTEEN)
        return np.arange(c - aligned + SIXTEEN) % c

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        lanes, rescale = self.lanes(op), requant_const(op)
        return (
            Const("weights", by_channel(op)[lanes].T.copy(), holds={"weights": op.w.bytes}),
            Const("rescale", rescale.data[lanes].T.copy(), "int32_t", rescale.holds),
        )

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        p = self.params(op)
        runs, vectors = op.y.shape[1] * p["runs"], -(-p["run"] // SIXTEEN)
        taps = p["kh"] * p["kw"]
        few = " | few" if p["run"] < SIXTEEN else ""
        return {
            "row": op.y.shape[1],
            "run": runs,
            f"vector{few}": runs * vectors,
            f"tap{few}": runs * vectors * taps,
        }


class DepthwiseConv2DRowsS8Vectors(DepthwiseConv2DS8Vectors):
    """From rows without padding; the output may lie where a row of the input does."""

    name = "depthwise_conv2d_rows_s8_vectors"

    def fits(self, op: DepthwiseConv2D) -> bool:
        return super().fits(op) and op.rows.kernel <= MOST_ROWS

    def work(self, op: DepthwiseConv2D) -> Rows:
        return clipped_rows(op)

    def overlap(self, op: DepthwiseConv2D, *, rows: bool) -> Overlap:  # noqa: ARG002
        # Sixteen channels are read before any of them is written, each in the place of its own.
        return "exact" if rows else None

    def scratch(self, op: DepthwiseConv2D) -> int:
        columns = op.columns
        pixels = columns.before + columns.size + max(0, columns.after)
        return op.rows.kernel * SIXTEEN * pixels

    def lanes(self, op: DepthwiseConv2D) -> Array:
        c = op.x.shape[3]
        return np.arange(whole(c, SIXTEEN)) % c

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        columns = op.columns
        return {
            "ow": columns.out,
            "iw": columns.size,
            "c": op.x.shape[3],
            "left": columns.before,
            "right": max(0, columns.after),
            "pitch": len(self.lanes(op)),
            "kh": op.rows.kernel,
            "kw": columns.kernel,
            "sx": columns.stride,
            "dx": columns.dilation,
            "fill": op.x.q.zero_point,
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        _, oh, ow, c = op.y.shape
        blocks, met = -(-c // SIXTEEN), met_rows(op.rows)
        taps = op.rows.kernel * op.columns.kernel
        return {
            "block": oh * blocks,
            "line": oh * blocks * op.rows.kernel,
            "pixel of a line": blocks * met * op.columns.size,
            "vector": oh * ow * blocks,
            "tap": oh * ow * blocks * taps,
        }


class DepthwiseConv2D3x3S8(Filters):
    """3x3 filters, one a channel, two pixels at a time, all taps unrolled."""

    name = "depthwise_conv2d_3x3_s8"
    weights = ("int8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.dtype == "int8" and op.w.q.zero_point == 0 and unrolled(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {"ow": op.columns.out, "c": op.x.shape[3], **self.common(op)}

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        weights = Const("weights", by_channel(op), holds={"weights": op.w.bytes})
        return weights, requant_const(op)

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        _, oh, ow, c = op.y.shape
        near = "near" if op.columns.stride == op.columns.dilation else "far"
        large = "" if small(op) else " | large"
        return {
            "pixels": oh * (ow // 2),
            f"two | {near}{large}": oh * (ow // 2) * c,
            "pixel": oh * (ow % 2),
            f"one{large}": oh * (ow % 2) * c,
        }


class DepthwiseConv2D3x3S8Dsp(DepthwiseConv2D3x3S8):
    """3x3 filters, one a channel, on a plane of 16 bits: what is beside each other is one word."""

    name = "depthwise_conv2d_3x3_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32

    def fits(self, op: DepthwiseConv2D) -> bool:
        stride, dilation = op.columns.stride, op.columns.dilation
        words = dilation == 1 and stride <= 2
        pays = op.rows.out * op.columns.out >= ENOUGH
        if not (super().fits(op) and words and pays and small(op) and small_shifts(op)):
            return False
        return self.scratch(op) <= max(LITTLE, op.x.bytes // 3)

    def work(self, op: DepthwiseConv2D) -> None:  # type: ignore[override]  # noqa: ARG002
        return None

    def scratch(self, op: DepthwiseConv2D) -> int:
        return 2 * plane(op).size

    def overlap(self, op: DepthwiseConv2D, *, rows: bool) -> Overlap:  # noqa: ARG002
        # A channel is read before any of its outputs is written, each in the place of its own.
        return "exact"

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        _, oh, ow, c = op.y.shape
        stride = op.columns.stride
        return {
            "channel": c,
            "plane's row": c * op.x.shape[1],
            "plane": op.x.size,
            "row": c * oh,
            f"two of stride {stride}": c * oh * (ow // 2),
            f"one of stride {stride}": c * oh * (ow % 2),
        }

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        rows, columns = op.rows, op.columns
        high, pitch = plane(op)
        return {
            "ih": min(rows.size, high - rows.before),
            "iw": columns.size,
            "c": op.x.shape[3],
            "oh": rows.out,
            "ow": columns.out,
            "size": high * pitch,
            "pitch": pitch,
            "first": rows.before * pitch + columns.before,
            "down": rows.stride * pitch,
            "next": columns.stride,
            "gap": rows.dilation * pitch,
            "fill": op.x.q.zero_point,
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }


class DepthwiseConv2D3x3RowsS8Dsp(DepthwiseConv2D3x3S8):
    """The same of one row of the output, which may lie where a row of the input does."""

    name = "depthwise_conv2d_3x3_rows_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32

    def overlap(self, op: DepthwiseConv2D, *, rows: bool) -> Overlap:  # noqa: ARG002
        # A channel is read before any of its outputs is written, each in the place of its own.
        return "exact" if rows else None

    def fits(self, op: DepthwiseConv2D) -> bool:
        stride, dilation = op.columns.stride, op.columns.dilation
        words = dilation == 1 and stride <= 2
        return super().fits(op) and words and bool(small(op)) and small_shifts(op)

    def work(self, op: DepthwiseConv2D) -> Rows:
        return clipped_rows(op)

    def scratch(self, op: DepthwiseConv2D) -> int:
        return 2 * 3 * plane(op).pitch

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        _, oh, ow, c = op.y.shape
        stride, met = op.columns.stride, met_rows(op.rows)
        return {
            "plane": oh * 3 * plane(op).pitch,
            "channel": oh * c,
            "channel's row": c * met,
            "channel's value": c * met * op.columns.size,
            f"two of stride {stride}": c * oh * (ow // 2),
            f"one of stride {stride}": c * oh * (ow % 2),
        }

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        columns = op.columns
        return {
            "iw": columns.size,
            "c": op.x.shape[3],
            "ow": columns.out,
            "pitch": plane(op).pitch,
            "left": columns.before,
            "next": columns.stride,
            "fill": op.x.q.zero_point,
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }


class DepthwiseConv2D3x3RowsFoursS8Dsp(DepthwiseConv2D3x3RowsS8Dsp):
    """The same, four channels at a time: they are read as words, and their taps lie ready."""

    name = "depthwise_conv2d_3x3_rows_fours_s8_dsp"

    def fits(self, op: DepthwiseConv2D) -> bool:
        return super().fits(op) and op.x.shape[3] >= 4

    def scratch(self, op: DepthwiseConv2D) -> int:
        return 4 * super().scratch(op)

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        rows = by_channel(op).reshape(-1, 3, 3)[:, :, [0, 1, 1, 2]]
        weights = Const("weights", np.ascontiguousarray(rows), holds={"weights": op.w.bytes})
        return weights, requant_const(op)

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        _, oh, ow, c = op.y.shape
        stride, met, fours = op.columns.stride, met_rows(op.rows), -(-c // 4)
        pairs = plane(op).pitch // 2
        return {
            "four": oh * fours,
            "four's pair": fours * met * pairs,
            "four's pair beyond": fours * (3 * oh - met) * pairs,
            "channel": oh * c,
            f"two of stride {stride}": c * oh * (ow // 2),
            f"one of stride {stride}": c * oh * (ow % 2),
        }

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        fields = dict(super().params(op))
        pairs = fields.pop("pitch") // 2
        return {"iw": fields.pop("iw"), "c": fields.pop("c"), "ow": fields.pop("ow"),
                "pairs": pairs, **fields}  # fmt: skip


class DepthwiseConv2DS8(Filters):
    """Any filter, four channels at a time."""

    name = "depthwise_conv2d_s8"
    weights = ("int8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.dtype == "int8" and op.w.q.zero_point == 0

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        ic, oc = op.x.shape[3], op.y.shape[3]
        # Without a multiplier all channels are one run; else those of one input channel are.
        single = op.multiplier == 1
        return {
            "ow": op.columns.out,
            "oc": oc,
            "groups": 1 if single else ic,
            "n": oc if single else op.multiplier,
            "next": int(single),
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            **self.common(op),
        }

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        fields = self.params(op)
        n, groups = fields["n"], op.y.shape[1] * op.y.shape[2] * fields["groups"]
        return {
            "pixel": op.y.shape[1] * op.y.shape[2],
            "group": groups,
            **lanes(op, "four", groups * (n // 4)),
            **lanes(op, "two", groups * (n % 4 // 2)),
            **lanes(op, "one", groups * (n % 2)),
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        return Const("weights", op.w.values, holds={"weights": op.w.bytes}), requant_const(op)


class DepthwiseConv2DCompactS8(DepthwiseConv2DS8):
    """Any filter in little code, a channel at a time."""

    name = "depthwise_conv2d_compact_s8"

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        common = self.common(op)
        return {
            "ow": op.columns.out,
            "ic": op.x.shape[3],
            "multiplier": op.multiplier,
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            **{name: n for name, n in common.items() if name != "small"},
        }

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        pixels = op.y.shape[1] * op.y.shape[2]
        return {"pixel": pixels, "channel": pixels * op.x.shape[3], **lanes(op, "one", op.y.size)}


class DepthwiseConv2D3x3ClippedS8(DepthwiseConv2D3x3S8):
    """3x3 filters, one a channel, from rows without padding."""

    name = "depthwise_conv2d_3x3_clipped_s8"

    def overlap(self, op: DepthwiseConv2D, *, rows: bool) -> Overlap:
        return behind(op, pixels=2) if rows else None

    def work(self, op: DepthwiseConv2D) -> Rows:
        return clipped_rows(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {**super().params(op), **clipped(op)}

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        c, inside, whole = op.x.shape[3], clipped(op)["inside"], within(op.rows)[1]
        levels = missing_one(op.rows) if inside else 0
        sides = missing_one(op.columns)
        edges = op.rows.out * op.columns.out - (whole + levels) * inside - whole * sides
        near = "near" if op.columns.stride == op.columns.dilation else "far"
        large = "" if small(op) else " | large"
        return {
            "inner row": whole * (inside > 0),
            "pixels": whole * (inside // 2),
            f"two | {near}{large}": whole * (inside // 2) * c,
            "pixel": whole * (inside % 2),
            f"one{large}": whole * (inside % 2) * c,
            "level": levels,
            "level's pixel": levels * inside,
            f"level's one{large}": levels * inside * c,
            "side": whole * sides,
            f"side's one{large}": whole * sides * c,
            "edge": edges,
            f"edge's one{large}": edges * c,
        }


class DepthwiseConv2DClippedS8(DepthwiseConv2DS8):
    """Any filter, from rows without padding."""

    name = "depthwise_conv2d_clipped_s8"

    def overlap(self, op: DepthwiseConv2D, *, rows: bool) -> Overlap:
        return behind(op, pixels=1) if rows and op.multiplier == 1 else None

    def work(self, op: DepthwiseConv2D) -> Rows:
        return clipped_rows(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {**super().params(op), **clipped(op)}

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        fields = self.params(op)
        n, inside = fields["n"], whole_rows(op) * fields["inside"]
        groups, edges = inside * fields["groups"], edge(op)
        fours, ones = (edges * fields["groups"] * k for k in divmod(n, 4))
        taps = op.rows.kernel * op.columns.kernel
        return {
            "row's row": op.y.shape[1] * op.rows.kernel,
            "pixel": inside,
            "group": groups,
            **lanes(op, "four", groups * (n // 4)),
            **lanes(op, "two", groups * (n % 4 // 2)),
            **lanes(op, "one", groups * (n % 2)),
            "edge": edges,
            "edge's group": edges * fields["groups"],
            "edge's four": fours,
            "edge's four's tap": fours * taps,
            "edge's one": ones,
            "edge's one's tap": ones * taps,
            "edge, large sums": 0 if small(op) else 4 * fours + ones,
        }


class DepthwiseConv2DS4(Filters):
    """Any filter of 4 bits, two channels at a time: each byte has a weight of both."""

    name = "depthwise_conv2d_s4"
    weights = ("int4",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.dtype == "int4"

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {
            "ow": op.columns.out,
            "oc": op.y.shape[3],
            "multiplier": op.multiplier,
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            **self.common(op),
        }

    def terms(self, op: DepthwiseConv2D) -> Mapping[str, float]:
        _, oh, ow, oc = op.y.shape
        return {
            "pixel": oh * ow,
            **lanes(op, "two", oh * ow * (oc // 2)),
            **lanes(op, "one", oh * ow * (oc % 2)),
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        bits = by_channel(op).view(np.uint8) & 15
        bits = np.pad(bits, [(0, len(bits) % 2), (0, 0)])
        packed = bits[::2] | (bits[1::2] << 4)
        return Const("weights", packed, "uint8_t", {"weights": op.w.bytes}), requant_const(op)


class DepthwiseConv2D3x3U8(DepthwiseConv2D3x3S8):
    """3x3 filters, their weights with a zero point."""

    name = "depthwise_conv2d_3x3_u8"
    weights = ("uint8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.q.zero_point != 0 and unrolled(op)


class DepthwiseConv2DU8(DepthwiseConv2DS8):
    """Any filter, its weights with a zero point."""

    name = "depthwise_conv2d_u8"
    weights = ("uint8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.q.zero_point != 0


class DepthwiseConv2DS16(Kernel[DepthwiseConv2D]):
    """Any filter, one channel at a time; padding comes with the rows."""

    name = "depthwise_conv2d_s16"
    types = ("int16",)
    weights = ("int8",)

    def work(self, op: DepthwiseConv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {
            "ow": op.columns.out,
            "ic": op.x.shape[3],
            "multiplier": op.multiplier,
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            "step": op.columns.stride * op.x.shape[3],
            "gap": op.columns.dilation * op.x.shape[3],
            **bounds(op.activation, op.y),
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        weights = Const("weights", op.w.values, holds={"weights": op.w.bytes})
        return (weights, *wide_consts(op))


def lanes(op: DepthwiseConv2D, name: str, n: float) -> dict[str, float]:
    """How often parts run where `n` groups of a channel or several are made, each tap in a loop.

    Short rows are unrolled where the parameters are constants, and channels of one input share it.
    """
    kh, kw = op.rows.kernel, op.columns.kernel
    one = " of the only one" if op.x.shape[3] == 1 else " of one"
    shape = (f" of {kw}" if kw < 4 else "") + (one if op.multiplier > 1 else "")
    shape = f" |{shape}" if shape else ""
    large = 0 if small(op) else n
    return {
        f"{name}{shape}": n, f"{name}'s row{shape}": n * kh, f"{name}'s tap{shape}": n * kh * kw,
        f"{name}, large sums": large,
    }  # fmt: skip


def met_rows(rows: Axis) -> int:
    """The rows of input under the windows of each row of the output, in all."""
    starts = (i * rows.stride - rows.before for i in range(rows.out))
    return sum(0 <= s + k * rows.dilation < rows.size for s in starts for k in range(rows.kernel))


def edge(op: DepthwiseConv2D) -> int:
    """The pixels of the output that padding is part of."""
    return op.rows.out * op.columns.out - whole_rows(op) * within(op.columns)[1]


def missing_one(axis: Axis) -> int:
    """The windows of three taps of which the first or the last one is padding, and no other."""
    starts = [i * axis.stride - axis.before for i in range(axis.out)]
    there = [[0 <= s + k * axis.dilation < axis.size for k in range(3)] for s in starts]
    return sum(t in ([True, True, False], [False, True, True]) for t in there)


class Plane(NamedTuple):
    """A channel of an image with its padding: rows, and elements from one to the next."""

    rows: int
    pitch: int

    @property
    def size(self) -> int:
        """Elements of the plane."""
        return self.rows * self.pitch


def plane(op: DepthwiseConv2D) -> Plane:
    """What windows of four columns are read of, two at a time where they are neighbours."""
    rows, columns = op.rows, op.columns
    read = (columns.out - 1) * columns.stride + 4
    pitch = max(columns.before + columns.size, read)
    return Plane((rows.out - 1) * rows.stride + rows.span, pitch + pitch % 2)


def unrolled(op: DepthwiseConv2D) -> bool:
    """Whether the kernels for 3x3 filters can run `op`."""
    return op.multiplier == 1 and op.w.shape[1:3] == (3, 3)


def behind(op: DepthwiseConv2D, pixels: int) -> int:
    """How many bytes an output row must begin before an input row that it lies over.

    So many pixels are made at a time, from left to right, all channels of what is under their
    windows one after the other.
    """
    columns = op.columns
    firsts = (max(0, ox * columns.stride - columns.before) for ox in range(columns.out))
    ahead = max(ox + pixels - 1 - first for ox, first in enumerate(firsts))
    return max(0, ahead) * op.x.shape[3]
