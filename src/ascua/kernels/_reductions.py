"""Kernels of operators that make one sum of many values along some axes."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ascua.fixed import quantize_multiplier
from ascua.ir import Tensor
from ascua.kernels._kernel import Kernel, Sums
from ascua.kernels._moves import merged
from ascua.ops.mean import Mean
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.sum import Sum


class MeanS8(Kernel[Mean | Sum]):
    """Sums over neighboring axes as one, four results at a time."""

    name = "mean_s8"

    def fits(self, op: Mean | Sum) -> bool:
        inside = range(op.axes[0], op.axes[-1] + 1) if op.axes else range(0)
        return all(a in op.axes or op.x.shape[a] == 1 for a in inside)

    def params(self, op: Mean | Sum) -> Mapping[str, int]:
        shape, axes = op.x.shape, op.axes
        first, last = (axes[0], axes[-1]) if axes else (0, -1)
        return {
            "outer": prod(shape[:first]),
            "n": op.count,
            "inner": prod(shape[last + 1 :]),
            "offset": -op.count * op.x.q.zero_point,
            **factor(op),
            "zero": op.y.q.zero_point,
        }

    def terms(self, op: Mean | Sum) -> Mapping[str, float]:
        fields = self.params(op)
        outer, n, inner = fields["outer"], fields["n"], fields["inner"]
        fours, ones = outer * (inner // 4), outer * (inner % 4)
        return {
            "outer": outer, "four": fours, "four's tap": fours * n,
            "one": ones, "one's tap": ones * n,
        }  # fmt: skip


class MeanS8Vectors(MeanS8):
    """Eight results at a time, summed in 16 bits: they hold the sum of 256 values."""

    name = "mean_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: Mean | Sum) -> bool:
        if not super().fits(op):
            return False
        return self.params(op)["inner"] >= 8 and op.count <= 256 and factor(op)["shift"] < 0

    def terms(self, op: Mean | Sum) -> Mapping[str, float]:
        fields = self.params(op)
        eights = fields["outer"] * -(-fields["inner"] // 8)
        return {"outer": fields["outer"], "eight": eights, "eight's tap": eights * fields["n"]}


class SumS8(Kernel[Mean | Sum]):
    """Sums over any axes, one result at a time."""

    name = "sum_s8"

    def params(self, op: Mean | Sum) -> Mapping[str, int]:
        offset = -op.count * op.x.q.zero_point
        return {**loops(op), "offset": offset, **factor(op), "zero": op.y.q.zero_point}


class MeanSumsS8(MeanS8):
    """Over the pixels of an image, a row at a time."""

    name = "mean_sums_s8"

    def fits(self, op: Mean | Sum) -> bool:
        return over_pixels(op)

    def work(self, op: Mean | Sum) -> Sums:
        return Sums(op.x.shape[1])

    def scratch(self, op: Mean | Sum) -> int:
        return 4 * op.x.shape[3]

    def params(self, op: Mean | Sum) -> Mapping[str, int]:
        _, rows, n, c = op.x.shape
        fields = super().params(op)
        kept = {name: fields[name] for name in ("offset", "multiplier", "shift", "zero")}
        return {"rows": rows, "n": n, "inner": c, **kept}

    def terms(self, op: Mean | Sum) -> Mapping[str, float]:
        return sums_terms(op.x)


class SumS16(Kernel[Mean | Sum]):
    """Sums over any axes, one result at a time."""

    name = "sum_s16"
    types = ("int16",)

    def params(self, op: Mean | Sum) -> Mapping[str, int]:
        return {**loops(op), **factor(op)}


def over_pixels(op: Mean | Sum | ReduceMax | ReduceMin) -> bool:
    """Whether it makes one value a channel of an image."""
    shape = op.x.shape
    summed = [a in op.axes or n == 1 for a, n in enumerate(shape)]
    return len(shape) == 4 and shape[0] == 1 and all(summed[:3]) and 3 not in op.axes


def sums_terms(x: Tensor) -> dict[str, float]:
    """How often the parts of a kernel run that sums the pixels of image `x`, a row at a time."""
    _, rows, n, c = x.shape
    fours, ones = rows * (c // 4), rows * (c % 4)
    return {
        "row": rows, "four": fours, "four's tap": fours * n,
        "one": ones, "one's tap": ones * n, "channel": c,
    }  # fmt: skip


def factor(op: Mean | Sum) -> dict[str, int]:
    """From the sum to the output: that of the scales and, in a mean, one over how many there are.

    TFLM divides the multiplier, with as many bits as go below 2**31 times their number, and cuts
    the rest off.
    """
    multiplier, shift = quantize_multiplier(op.x.q.scale / op.y.q.scale)
    if isinstance(op, Mean):
        bits = min(op.count.bit_length() - 1, shift + 31)
        multiplier, shift = (multiplier << bits) // op.count, shift - bits
    return {"multiplier": multiplier, "shift": shift}


def loops(op: Mean | Sum | ReduceMax | ReduceMin) -> dict[str, int]:
    """Three loops over the outputs and three over the values of each, the outermost first."""
    shape = op.x.shape
    fields: dict[str, int] = {}
    for prefix, wanted in (("y", False), ("x", True)):
        axes = [a for a in range(len(shape)) if (a in op.axes) == wanted]
        found = merged([shape[a] for a in axes], [prod(shape[a + 1 :]) for a in axes])
        found = [(1, 0)] * (3 - len(found)) + found
        fields |= {f"{prefix}n{i}": n for i, (n, _) in enumerate(found)}
        fields |= {f"{prefix}step{i}": step for i, (_, step) in enumerate(found)}
    return fields
