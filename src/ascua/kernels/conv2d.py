"""Kernels of CONV_2D: convolution of an image with a bank of filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from ascua.ir import Array
from ascua.kernels._bounds import bounded, bounds
from ascua.kernels._convolution import (
    LITTLE,
    clipped,
    clipped_rows,
    padded_rows,
    whole_rows,
    within,
)
from ascua.kernels._kernel import Const, Kernel, Overlap, Rows, Run, Work
from ascua.kernels._packing import (
    by_channel,
    offset,
    packed_nibbles,
    packed_weights,
    requant_const,
    short_sums,
    small,
    whole,
    wide_consts,
)
from ascua.kernels._pairs import channels, in_words, words
from ascua.kernels._vectors import TAPS, dot_weights, dotted, rescale_const, sixteens
from ascua.kernels._winograd import Winograd, WinogradLate, WinogradVectors
from ascua.ops.conv2d import Conv2D


class Conv2DS8Vectors(Kernel[Conv2D]):
    """Four channels by two pixels at a time, by sixteen taps each, from rows without padding."""

    name = "conv2d_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32
    weights = ("int8",)

    def fits(self, op: Conv2D) -> bool:
        return plain(op) and dotted(op) and not pointwise(op)

    def work(self, op: Conv2D) -> Work:
        return clipped_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {
            **taps(op),
            "vectors": sixteens(prod(op.w.shape[1:])),
            "channels": whole(op.y.shape[3], 4),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
            **clipped(op),
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        return dot_weights(op), rescale_const(op)

    def scratch(self, op: Conv2D) -> int:
        return 2 * TAPS * sixteens(prod(op.w.shape[1:]))

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        return self.run_terms(op, 1)

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:
        rows, pixels = rows_of(op, self.work(op), runs)
        t, fours, taps_ = taps(op), -(-op.y.shape[3] // 4), prod(op.w.shape[1:])
        pairs, each = rows * -(-pixels // 2), t["kh"] * t["runs"]
        edges = 0 if isinstance(self.work(op), Run) else edge_twos(op)
        # Where the runs are whole vectors, only what padding is part of is gathered.
        inner = pairs - edges if t["run"] % TAPS else 0
        near = pairs - edges - inner
        alone = rows * (pixels % 2)
        vectors = near * each * (t["run"] // TAPS) + (inner + edges) * sixteens(taps_)
        bound = " | clamped" if bounded(op.activation, op.y) else ""
        one = " | one" if sixteens(taps_) == 1 else ""
        return {
            "row": rows,
            "pair": pairs,
            f"four{bound}": pairs * fours,
            "cut": pairs * (op.y.shape[3] % 4 > 0),
            f"four's run{one}": fours * (near * each + inner + edges),
            f"four's vector{one}": fours * vectors,
            "run": (2 * inner - alone * (inner > 0)) * each,
            "byte": (2 * inner - alone * (inner > 0)) * taps_,
            "edge's run": 2 * edges * each,
            "edge's byte": 2 * edges * taps_,
        }


class Conv2D1x1S8Vectors(Conv2DS8Vectors):
    """All pixels of an image as one row."""

    name = "conv2d_1x1_s8_vectors"

    def fits(self, op: Conv2D) -> bool:
        return plain(op) and dotted(op) and pointwise(op)

    def work(self, op: Conv2D) -> Work:  # noqa: ARG002
        return Run("pixels")

    def params(self, op: Conv2D) -> Mapping[str, int]:
        fields = super().params(op)
        kept = ("oc", "vectors", "channels", "zero", "low", "high")
        pixels = op.rows.out * op.columns.out
        return {"pixels": pixels, "ic": op.x.shape[3], **{k: fields[k] for k in kept}}


class Conv2DPairsS8(Kernel[Conv2D]):
    """A channel by four pixels at a time, two of them in a word; no zeros at a channel's end."""

    name = "conv2d_pairs_s8"
    int_bits = 32
    weights = ("int8",)

    def fits(self, op: Conv2D) -> bool:
        return paired(op, op.columns.out) and not pointwise(op)

    def work(self, op: Conv2D) -> Work:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**taps(op), **outputs(op, small(op))}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        return *packed_fours(op), requant_const(op)

    def scratch(self, op: Conv2D) -> int:
        return gathered(op)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        return self.run_terms(op, 1)

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:
        rows, pixels = rows_of(op, self.work(op), runs)
        groups, alone = (rows * n for n in self.parted(pixels))
        runs, each = op.rows.kernel * taps(op)["runs"], prod(op.w.shape[1:])
        fours = int(packed_fours(op)[1].data.sum())
        many = "" if small(op) else " | large"
        return {
            "group": groups,
            "gathered run": groups * runs,
            "gathered tap": groups * each,
            f"sum{many}": groups * op.y.shape[3],
            "four taps": groups * fours,
            "alone": alone,
            "alone's run": alone * runs,
            "alone's tap": alone * each,
            f"alone's sum{many}": alone * op.y.shape[3],
            "alone's four taps": alone * fours,
        }

    def parted(self, pixels: int) -> tuple[int, int]:
        """How often four pixels of a row are made together, and how often one."""
        return fours_and_ones(pixels)


class Conv2D1x1PairsS8(Conv2DPairsS8):
    """The same for 1x1 filters, where all pixels are one row."""

    name = "conv2d_1x1_pairs_s8"

    def fits(self, op: Conv2D) -> bool:
        return paired(op, prod(op.y.shape[:3])) and pointwise(op)

    def work(self, op: Conv2D) -> Work:  # noqa: ARG002
        return Run("n")

    def overlap(self, op: Conv2D, *, rows: bool) -> Overlap:
        return by_fours(op, op.columns.out if rows else prod(op.y.shape[:3]))

    def params(self, op: Conv2D) -> Mapping[str, int]:
        fields = super().params(op)
        kept = {name: fields[name] for name in ("oc", "small", "zero", "low", "high")}
        return {"n": prod(op.y.shape[:3]), "ic": op.x.shape[3], **kept}


class Conv2DDigitsS8(Conv2DPairsS8):
    """A channel by six pixels at a time; sums of three are digits of two words, or of one."""

    name = "conv2d_digits_s8"

    def fits(self, op: Conv2D) -> bool:
        return digits(op, op.columns.out) and not pointwise(op)

    def scratch(self, op: Conv2D) -> int:
        # Words of 64 bits begin at one.
        return 2 * gathered(op) + 4

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:
        rows, pixels = rows_of(op, self.work(op), runs)
        sixes, rest, oc = rows * (pixels // 6), rows * (pixels % 6), op.y.shape[3]
        groups, windows = rows * -(-pixels // 6), op.rows.kernel * taps(op)["runs"]
        many = "" if small(op) else " | large"
        return {
            "group": groups,
            "gathered run": groups * windows,
            "gathered tap": groups * prod(op.w.shape[1:]),
            f"sum{many}": sixes * oc,
            "four taps": groups * int(packed_fours(op)[1].data.sum()),
            "rest": (groups - sixes) * oc,
            f"rest's sum{many}": rest * oc,
        }


class Conv2D1x1DigitsS8(Conv2DDigitsS8):
    """The same for 1x1 filters, where all pixels are one row."""

    name = "conv2d_1x1_digits_s8"

    def fits(self, op: Conv2D) -> bool:
        return digits(op, prod(op.y.shape[:3])) and pointwise(op)

    def work(self, op: Conv2D) -> Work:  # noqa: ARG002
        return Run("n")

    def overlap(self, op: Conv2D, *, rows: bool) -> Overlap:
        # Those of six are read before any of their outputs is written.
        pixels = op.columns.out if rows else prod(op.y.shape[:3])
        return max(0, (op.y.shape[3] - op.x.shape[3]) * pixels)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        fields = super().params(op)
        kept = {name: fields[name] for name in ("oc", "small", "zero", "low", "high")}
        return {"n": prod(op.y.shape[:3]), "ic": op.x.shape[3], **kept}


class Conv2DS8(Kernel[Conv2D]):
    """Four channels by two pixels at a time; padding comes with the rows."""

    name = "conv2d_s8"
    weights = ("int8",)

    def fits(self, op: Conv2D) -> bool:
        return plain(op)

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**taps(op), **outputs(op, small(op))}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        return packed(op), requant_const(op)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        return {**blocks(op, pixels=2, channels=4)}


class Conv2DCompactS8(Conv2DS8):
    """Little code: two channels of a pixel at a time."""

    name = "conv2d_compact_s8"

    def params(self, op: Conv2D) -> Mapping[str, int]:
        fields = super().params(op)
        return {name: n for name, n in fields.items() if name != "small"}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        weights = Const("weights", by_channel(op), holds={"weights": op.w.bytes})
        return weights, requant_const(op)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        t = taps(op)
        pixels, pairs = op.y.shape[1] * op.columns.out, -(-op.y.shape[3] // 2)
        runs = pixels * pairs * t["kh"] * t["runs"]
        # Two that are one and the same are made one where that is known.
        alone = " | alone" if op.y.shape[3] == 1 else ""
        return {
            "pixel": pixels, f"two{alone}": pixels * pairs,
            f"two's row{alone}": pixels * pairs * t["kh"],
            f"two's run{alone}": runs, f"two's tap{alone}": runs * t["run"],
        }  # fmt: skip


class Pairs(Kernel[Conv2D]):
    """Two channels by four pixels at a time, from windows that are expanded to int16 once."""

    needs = frozenset({"dsp"})
    int_bits = 32
    weights = ("int8",)

    def fits(self, op: Conv2D) -> bool:
        if not plain(op):
            return False
        # The second channel's sum lies above the first's 8 bits, and has the 24 that are left.
        rows, _ = channels(op)
        least = in_words(rows, taps(op)["run"]).min()
        return bool(least >= -128 and np.abs(rows).sum(axis=1).max() < 2**16)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {
            **taps(op),
            "words": words(op.w.size // op.w.shape[0]),
            **outputs(op, int(channels(op)[1][:, 2].min() > 0)),
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        rows, requant = channels(op)
        weights = in_words(rows, taps(op)["run"]).astype(np.int8).view(np.uint8)
        return (
            Const("weights", weights.reshape(-1), "uint8_t", {"weights": op.w.bytes}),
            replace(requant_const(op), data=requant.astype(np.int32)),
        )

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        return self.run_terms(op, 1)

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:
        t, pairs, length = taps(op), -(-op.y.shape[3] // 2), words(prod(op.w.shape[1:]))
        rows, row = rows_of(op, self.work(op), runs)
        groups, single = (rows * n for n in fours_and_ones(row))
        runs = t["kh"] * t["runs"]
        # Sums that are not small are made in plain C, and where there are such the others singly.
        large = int((channels(op)[1][::2, 2] < 0).sum())
        fast, odd = pairs - large, op.y.shape[3] % 2
        return {
            "group": groups,
            "single": single,
            "gathered run": (groups + single) * runs,
            "gathered four": (groups + single) * runs * (t["run"] // 4),
            "gathered rest": (groups + single) * runs * (t["run"] % 4),
            "gathered rests": (groups + single) * (t["run"] % 4 > 0),
            "pairs": groups * (fast if large else 1 + odd),
            "pair": groups * fast,
            "eight words": groups * fast * -(-length // 8),
            "word": groups * fast * length,
            "large pair": groups * large,
            "large word": groups * large * length,
            "single's pair": single * pairs,
            "single's word": single * pairs * length,
            "single's large pair": single * large,
            "odd": groups * odd,
            "single's odd": single * odd,
        }

    def scratch(self, op: Conv2D) -> int:
        t = taps(op)
        rest = t["kh"] * t["runs"] * (t["run"] % 4)
        return 16 * words(op.w.size // op.w.shape[0]) + 8 * words(rest)


class Conv2D1x1S8Dsp(Pairs):
    """All pixels of an image as one row."""

    name = "conv2d_1x1_s8_dsp"

    def work(self, op: Conv2D) -> Run:  # noqa: ARG002
        return Run("pixels")

    def overlap(self, op: Conv2D, *, rows: bool) -> Overlap:
        return by_fours(op, op.columns.out if rows else prod(op.y.shape[:3]))

    def fits(self, op: Conv2D) -> bool:
        return pointwise(op) and super().fits(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        pixels, (_, _, _, ic) = op.rows.out * op.columns.out, op.x.shape
        fields = super().params(op)
        kept = ("oc", "words", "small", "zero", "low", "high")
        return {"pixels": pixels, "ic": ic, **{k: fields[k] for k in kept}}


class Conv2DS8Dsp(Pairs):
    """Any filter, a row at a time; padding comes with the rows."""

    name = "conv2d_s8_dsp"

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)


class Conv2DS16(Kernel[Conv2D]):
    """Four channels of a pixel at a time; padding comes with the rows."""

    name = "conv2d_s16"
    types = ("int16",)
    weights = ("int8",)

    def fits(self, op: Conv2D) -> bool:
        return op.groups == 1

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {
            **taps(op),
            "short_sums": int(short_sums(op.bias, op.bias_dtype)),
            **bounds(op.activation, op.y),
        }

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        wide = 0 if short_sums(op.bias, op.bias_dtype) else op.y.size
        return {**blocks(op, pixels=1, channels=4), "wide": wide}

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        short = short_sums(op.bias, op.bias_dtype)
        return packed(op), *wide_consts(op, short=short)


class Conv2DS4(Conv2DS8):
    """Weights of 4 bits."""

    name = "conv2d_s4"
    weights = ("int4",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.dtype == "int4" and op.groups == 1


class Conv2DU8(Conv2DS8):
    """Weights with a zero point, which a sum over each window makes up for."""

    name = "conv2d_u8"
    weights = ("uint8",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.q.zero_point != 0 and op.groups == 1

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "offset": offset(op)}


class Conv2DGroupedS8(Conv2DS8):
    """Four channels of a group by two pixels at a time."""

    name = "conv2d_grouped_s8"

    def fits(self, op: Conv2D) -> bool:
        return op.groups > 1 and op.w.dtype == "int8" and op.w.q.zero_point == 0

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "groups": op.groups}


class Conv2DGroupedS4(Conv2DS4):
    """Weights of 4 bits."""

    name = "conv2d_grouped_s4"

    def fits(self, op: Conv2D) -> bool:
        return op.groups > 1 and op.w.dtype == "int4"

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "groups": op.groups}


class Conv2DGroupedU8(Conv2DU8):
    """Weights with a zero point."""

    name = "conv2d_grouped_u8"

    def fits(self, op: Conv2D) -> bool:
        return op.groups > 1 and op.w.q.zero_point != 0

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "groups": op.groups}


class Conv2DGroupedS16(Conv2DS16):
    """Four channels of a group at a time."""

    name = "conv2d_grouped_s16"

    def fits(self, op: Conv2D) -> bool:
        return op.groups > 1

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "groups": op.groups}


class Conv2DWinogradS8(Winograd):
    """4x4 outputs by 36 products a channel."""

    name = "conv2d_winograd_s8"


class Conv2DWinogradStride2S8(Winograd):
    """2x2 outputs by 25 products a channel."""

    name = "conv2d_winograd_stride2_s8"
    stride = 2


class Conv2DWinogradLateS8(WinogradLate):
    """4x4 outputs, eight pairs of tiles together."""

    name = "conv2d_winograd_late_s8"
    most = 8
    least = 4


class Conv2DWinogradLate4S8(Conv2DWinogradLateS8):
    """With less working memory, four pairs."""

    most = 4
    least = 2


class Conv2DWinogradLate2S8(Conv2DWinogradLateS8):
    """Two pairs."""

    most = 2
    least = 1


class Conv2DWinogradLate1S8(Conv2DWinogradLateS8):
    """Each pair by itself."""

    most = 1
    least = 0


class Conv2DWinogradStride2LateS8(WinogradLate):
    """2x2 outputs, eight pairs of tiles together."""

    name = "conv2d_winograd_stride2_late_s8"
    stride = 2
    most = 8
    least = 2


class Conv2DWinogradStride2Late2S8(Conv2DWinogradStride2LateS8):
    """With less working memory, two pairs."""

    most = 2
    least = 0


class Conv2DWinogradS8Vectors(WinogradVectors):
    """4x4 outputs, in vectors."""

    name = "conv2d_winograd_s8_vectors"


class Conv2DPairsClippedS8(Conv2DPairsS8):
    """The same from rows without padding."""

    name = "conv2d_pairs_clipped_s8"

    def work(self, op: Conv2D) -> Work:
        return clipped_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), **clipped(op)}

    def parted(self, pixels: int) -> tuple[int, int]:
        # Of one that is left the last four are made again, too.
        return -(-pixels // 4), 0

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:
        found, edges = super().run_terms(op, runs), edge(op)[0]
        runs, each = op.rows.kernel * taps(op)["runs"], prod(op.w.shape[1:])
        return {
            **found,
            "gathered run": found["gathered run"] - edges * runs,
            "gathered tap": found["gathered tap"] - edges * each,
            "edge": edges,
            "edge's run": edges * runs,
            "edge's tap": edges * each,
        }


class Conv2DClippedS8Dsp(Pairs):
    """Any filter, a row at a time, from rows without padding."""

    name = "conv2d_clipped_s8_dsp"

    def work(self, op: Conv2D) -> Rows:
        return clipped_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), **clipped(op)}

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:
        found, edges, t = super().run_terms(op, runs), sum(edge(op)), taps(op)
        runs = edges * t["kh"] * t["runs"]
        gathered = {"run": runs, "four": runs * (t["run"] // 4), "rest": runs * (t["run"] % 4)}
        return {
            **found,
            **{f"gathered {name}": found[f"gathered {name}"] - n for name, n in gathered.items()},
            "gathered rests": found["gathered rests"] - edges * (t["run"] % 4 > 0),
            **{f"edge's {name}": n for name, n in gathered.items()},
            "edge": edges,
        }


class Conv2DClippedTwosS8Dsp(Conv2DClippedS8Dsp):
    """The same with half of the working memory: two pixels at a time."""

    name = "conv2d_clipped_twos_s8_dsp"

    def scratch(self, op: Conv2D) -> int:
        return super().scratch(op) // 2

    def run_terms(self, op: Conv2D, runs: int) -> Mapping[str, float]:  # noqa: ARG002
        t, pairs, length = taps(op), op.y.shape[3] // 2, words(prod(op.w.shape[1:]))
        twos, odd, edges = op.rows.out * -(-op.columns.out // 2), op.y.shape[3] % 2, edge_twos(op)
        # Pairs of large sums are rare in them.
        large = int((channels(op)[1][::2, 2] < 0).sum())
        found: dict[str, float] = {
            "two": twos,
            "odd": twos * odd,
            "block": twos * (pairs // 2),
            "block's four words": twos * (pairs // 2) * (length // 4),
            "pair": twos * (pairs + odd),
            "pair's word": twos * (pairs // 2 * 2 * (length % 4) + (pairs % 2 + odd) * length),
            "large pair": twos * large,
        }
        for name, n in (("gathered", twos - edges), ("edge's", edges)):
            each = n * t["kh"] * t["runs"]
            found[f"{name} run"] = each
            found[f"{name} four"] = each * (t["run"] // 4)
        found["rest"] = twos * t["kh"] * t["runs"] * (t["run"] % 4)
        found["rests"] = twos * (t["run"] % 4 > 0)
        return found


def rows_of(op: Conv2D, work: Work, runs: int) -> tuple[int, int]:
    """Rows that a kernel is called for, or so many runs, and the pixels of each."""
    rows = op.y.shape[1] if isinstance(work, Rows) else runs
    return rows, prod(op.y.shape[:3]) // rows


def fours_and_ones(pixels: int) -> tuple[int, int]:
    """How often four pixels of a row are made together, and how often one.

    Of two or three left-over pixels the last four are made again, if there are four.
    """
    if pixels < 4:
        return 0, pixels
    return pixels // 4 + (pixels % 4 > 1), int(pixels % 4 == 1)


def edge(op: Conv2D) -> tuple[int, int]:
    """How often four pixels that padding is part of are made together, and how often one."""
    out = op.columns.out
    firsts = [*range(0, out - 3, 4), *([out - 4] if out > 4 and out % 4 > 1 else [])]
    singles = range(out) if out < 4 else range(out - (out % 4 == 1), out)
    whole, (first, inside) = whole_rows(op), within(op.columns)

    def beside(starts: Iterable[int], pixels: int) -> int:
        """Those that are no windows inside."""
        return sum(s < first or s + pixels > first + inside for s in starts)

    beyond = op.rows.out - whole
    return (
        beyond * len(firsts) + whole * beside(firsts, 4),
        beyond * len(singles) + whole * beside(singles, 1),
    )


def edge_twos(op: Conv2D) -> int:
    """How often two pixels that padding is part of are made together."""
    out, (first, inside) = op.columns.out, within(op.columns)
    starts = [min(ox, max(0, out - 2)) for ox in range(0, out, 2)]
    beside = sum(s < first or s + min(2, out) > first + inside for s in starts)
    return (op.rows.out - whole_rows(op)) * len(starts) + whole_rows(op) * beside


def by_fours(op: Conv2D, pixels: int) -> int:
    """How many bytes the output must begin before the input, of pixels that are made by fours.

    Those of four are read before any of their outputs is written. Where two or three are left, the
    last four are read behind all that come before these.
    """
    ic, oc, rest = op.x.shape[3], op.y.shape[3], pixels % 4
    ahead = max((oc - ic) * min(4, pixels), (oc - ic) * pixels)
    if rest > 1 and pixels > 4:
        ahead = max(ahead, (pixels - rest) * oc - (pixels - 4) * ic)
    return max(0, ahead)


def blocks(op: Conv2D, pixels: int, channels: int) -> dict[str, float]:
    """How often the parts of a kernel run that makes blocks of pixels by channels.

    Where the parameters are constants, short runs and windows of one run are unrolled, and in a row
    of an even number each pixel is known to have another beside it, in a row of one to have none.
    """
    found = taps(op)
    runs = op.rows.kernel * found["runs"]
    shape = f" of {found['run']}" if found["run"] < 4 else ""
    shape += "" if runs > 1 else " at once"
    shape += {0: "", 1: " odd"}[op.columns.out % 2] if op.columns.out > 1 else " alone"
    shape = f" |{shape}" if shape else ""
    across = op.y.shape[1] * -(-op.columns.out // pixels)
    each = op.y.shape[3] // op.groups
    many, rest = (across * op.groups * n for n in divmod(each, channels))
    return {
        "pixels": across,
        f"block{shape}": many,
        f"run{shape}": many * runs,
        f"four taps{shape}": many * runs * (found["run"] // 4),
        f"tap{shape}": many * runs * (found["run"] % 4),
        "channel": rest,
        f"channel's run{shape}": rest * runs,
        f"channel's tap{shape}": rest * runs * found["run"],
        "large": (many * channels + rest) * (op.x.dtype == "int8" and not small(op)),
    }


def taps(op: Conv2D) -> dict[str, int]:
    """The parameters by which a kernel finds the elements under its filter."""
    columns = op.columns
    # Taps that lie side by side in a row are one run.
    run = columns.kernel if columns.dilation == 1 and op.groups == 1 else 1
    return {
        "ow": columns.out,
        "oc": op.y.shape[3],
        "step": columns.stride * op.x.shape[3],
        "kh": op.rows.kernel,
        "runs": columns.kernel // run,
        "run": run * op.w.shape[3],
        "gap": columns.dilation * op.x.shape[3],
    }


def outputs(op: Conv2D, small: int) -> dict[str, int]:
    """The parameters by which a sum becomes an int8 output; `small`: by the short way."""
    return {"small": small, "zero": op.y.q.zero_point, **bounds(op.activation, op.y)}


def pointwise(op: Conv2D) -> bool:
    """Whether each pixel of the output is made of one pixel, that in its place."""
    return op.w.shape[1:3] == (1, 1) and op.stride == (1, 1)


def plain(op: Conv2D) -> bool:
    """Whether each output sums over all channels, with weights of int8 without a zero point."""
    return op.groups == 1 and op.w.dtype == "int8" and op.w.q.zero_point == 0


def paired(op: Conv2D, pixels: int) -> bool:
    """Whether kernels with two pixels in a word are worth it for `op`, with so many in a row.

    Two products of any inputs must fit a half of a word. Pixels and taps are taken by fours, one
    that is left alone is as dear as two, and `conv2d_s8` takes pixels by twos: what is wasted must
    be less than what is won.
    """
    taps, (fours, ones) = prod(op.w.shape[1:]), fours_and_ones(pixels)
    products, usual = (4 * fours + 2 * ones) * whole(taps, 4), whole(pixels, 2) * taps
    used = pixels >= 4 and taps < 2**16 and 5 * products <= 6 * usual and op.y.shape[3] > 1
    return (
        plain(op) and op.w.values.min() > -128 and used and gathered(op) <= op.x.bytes + op.y.bytes
    )


def digits(op: Conv2D, pixels: int) -> bool:
    """Whether the sums of three pixels can be digits of 21 bits, and that is worth it."""
    if not plain(op) or prod(op.w.shape[1:]) >= 2**16:
        return False
    farthest = 128 * int(np.abs(by_channel(op).astype(np.int64)).sum(axis=1).max())
    used = pixels >= 4 and 5 * whole(pixels, 6) <= 8 * pixels and op.y.shape[3] > 1
    room = max(LITTLE, op.x.bytes + op.y.bytes)
    return farthest < 2**20 and used and 2 * gathered(op) <= room


def gathered(op: Conv2D) -> int:
    """The bytes of the windows of four pixels, of which a word holds two."""
    return whole(prod(op.w.shape[1:]), 4) * 8


def packed(op: Conv2D) -> Const:
    """The weights in blocks of four channels, then one, of each group by itself."""
    pack = packed_nibbles if op.w.dtype == "int4" else packed_weights
    parts = [pack(op.w, part) for part in np.split(by_channel(op), op.groups)]
    return replace(parts[0], data=np.concatenate([part.data for part in parts]))


def packed_fours(op: Conv2D) -> tuple[Const, Const]:
    """The weights of each channel by fours, up to its last that is not 0; and how many fours."""
    matrix = by_channel(op)
    taps = matrix.shape[1]
    fours = np.pad(matrix, [(0, 0), (0, -taps % 4)]).reshape(len(matrix), -1, 4)
    ends = np.where(matrix, np.arange(taps) + 1, 0).max(axis=1)
    counts: Array = (ends + 3) // 4
    packed = fours[np.arange(fours.shape[1]) < counts[:, None]]
    return (
        Const("weights", packed, holds={"weights": min(op.w.bytes, packed.nbytes)}),
        Const("fours", counts.astype(np.uint16), "uint16_t"),
    )
