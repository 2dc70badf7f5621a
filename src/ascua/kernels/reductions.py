"""Kernels of operators that make one sum of many values along some axes."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ascua.kernels.kernel import Kernel
from ascua.kernels.moves import merged
from ascua.ops import moves
from ascua.ops.reductions import Reduction, SumReduction


class MeanS8(Kernel[SumReduction]):
    """Sums over neighboring axes as one, four results at a time."""

    name = "mean_s8"

    def fits(self, op: SumReduction) -> bool:
        inside = range(op.axes[0], op.axes[-1] + 1) if op.axes else range(0)
        return all(a in op.axes or op.x.shape[a] == 1 for a in inside)

    def params(self, op: SumReduction) -> Mapping[str, int]:
        shape, axes = op.x.shape, op.axes
        first, last = (axes[0], axes[-1]) if axes else (0, -1)
        return {
            "outer": prod(shape[:first]),
            "n": op.count,
            "inner": prod(shape[last + 1 :]),
            **rescaling(op),
        }


class SumS8(Kernel[SumReduction]):
    """Sums over any axes, one result at a time."""

    name = "sum_s8"

    def params(self, op: SumReduction) -> Mapping[str, int]:
        return {**loops(op), **rescaling(op)}


class SumS16(Kernel[SumReduction]):
    """Sums over any axes, one result at a time."""

    name = "sum_s16"
    types = ("int16",)

    def params(self, op: SumReduction) -> Mapping[str, int]:
        multiplier, shift = op.factor()
        return {**loops(op), "multiplier": multiplier, "shift": shift}


def rescaling(op: SumReduction) -> dict[str, int]:
    """The parameters of a sum's way to the output."""
    multiplier, shift = op.factor()
    return {
        "offset": -op.count * op.x.q.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "zero": op.y.q.zero_point,
    }


def loops(op: Reduction) -> dict[str, int]:
    """Three loops over the outputs and three over the values of each, the outermost first."""
    shape, steps = op.x.shape, moves.strides(op.x.shape)
    fields: dict[str, int] = {}
    for prefix, wanted in (("y", False), ("x", True)):
        axes = [a for a in range(len(shape)) if (a in op.axes) == wanted]
        found = merged([shape[a] for a in axes], [steps[a] for a in axes])
        found = [(1, 0)] * (3 - len(found)) + found
        fields |= {f"{prefix}n{i}": n for i, (n, _) in enumerate(found)}
        fields |= {f"{prefix}step{i}": step for i, (_, step) in enumerate(found)}
    return fields
