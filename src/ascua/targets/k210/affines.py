"""What the bytes of each activation mean: from ranges, or from the scales of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ascua.ir import Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.concatenation import Concatenation
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.pad import Pad
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.quantize.rules import Range
from ascua.targets.k210 import curves
from ascua.targets.k210.block import Affine
from ascua.targets.k210.fused import Fused, Move, Part, Sample
from ascua.targets.k210.structure import FUSED

ONE = (Concatenation, MaxPool2D, Move, Pad, Part, ResizeNearestNeighbor, Sample)
"""Operators whose inputs and output mean the same by the same byte."""
KNOWN: Mapping[str, tuple[float, float]] = {
    curves.RELU6.name: (0.0, 6.0), curves.RELU_N1_TO_1.name: (-1.0, 1.0),
    curves.SIGMOID.name: (0.0, 1.0), curves.TANH.name: (-1.0, 1.0),
}  # fmt: skip
"""The ranges of curves that end on both sides: no data tells them better."""
CENTER = 128
"""What int8 has less than bytes."""


@dataclass(frozen=True)
class Pixels:
    """What the bytes of an image mean: real = scale · q + offset."""

    scale: float
    offset: float

    @property
    def affine(self) -> Affine:
        """The nearest with a byte for 0."""
        return Affine(self.scale, min(255, max(0, int(-self.offset / self.scale + 0.5))))

    @property
    def rest(self) -> float:
        """What each pixel is more than `affine` says."""
        return self.offset + self.scale * self.affine.zero


def of_ranges(graph: Graph, ranges: Mapping[Tensor, Range]) -> dict[Tensor, Affine]:
    """The affine of each activation but the inputs, for float values in `ranges`."""
    best = {t: Range(*(known(graph, t) or r)) for t, r in ranges.items()}
    return {t: Affine.of(*r) for t, r in covering(graph, best).items()}


def covering(graph: Graph, ranges: Mapping[Tensor, Range]) -> dict[Tensor, Range]:
    """The range of each activation but the inputs: that of all which share an affine with it."""
    found: dict[Tensor, Range] = {}
    for group in groups(graph):
        whole = Range(min(ranges[t].low for t in group), max(ranges[t].high for t in group))
        found |= dict.fromkeys(group, whole)
    return found


def known(graph: Graph, t: Tensor) -> tuple[float, float] | None:
    """The range of what an activation function makes, where it has both ends."""
    op = graph.makers.get(t)
    curve = (
        op.curve if isinstance(op, Fused) else FUSED[op.activation] if isinstance(op, Add) else None
    )
    return KNOWN.get(curve.name) if curve else None


def of_quants(graph: Graph) -> dict[Tensor, Affine]:
    """The affine of each activation of int8 or uint8 that its file gave a scale."""
    given = (t for t in graph.tensors() if t.quant and not t.const and not t.q.per_channel)
    return {
        t: Affine(t.q.scale, t.q.zero_point + (CENTER if t.dtype == "int8" else 0)) for t in given
    }


def groups(graph: Graph) -> Iterable[list[Tensor]]:
    """Activations that share an affine; what comes in has its own."""
    found: dict[Tensor, list[Tensor]] = {
        t: [t] for op in graph.ops for t in op.outputs if t.dtype == "float32"
    }
    for op in graph.ops:
        if isinstance(op, ONE):
            join(found, op)
    return {id(group): group for group in found.values()}.values()


def join(found: dict[Tensor, list[Tensor]], op: Op) -> None:
    """Make one group of those of an operator's inputs and output."""
    whole = found[op.y]
    for t in op.activations:
        other = found.get(t)
        if other is not None and other is not whole:
            whole += other
            found |= dict.fromkeys(other, whole)
