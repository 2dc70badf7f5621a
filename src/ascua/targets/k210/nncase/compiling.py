"""From a float network and calibration images to what nncase would have made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ascua.ir import Array, Graph
from ascua.ops.pad import Pad
from ascua.quantize.ranges import LEVELS, Progress
from ascua.quantize.rules import Range
from ascua.targets.k210.affines import Pixels, covering
from ascua.targets.k210.block import MOST_BYTE
from ascua.targets.k210.compiling import Quantized, reals
from ascua.targets.k210.convert import Converter, bytes_of
from ascua.targets.k210.fused import Move
from ascua.targets.k210.nncase import beta2, rc5
from ascua.targets.k210.nncase.calibrating import Seen, averaged, covered
from ascua.targets.k210.nncase.converting import Beta2, Rc5Blocks, check, unlike
from ascua.targets.k210.nncase.numbers import WITHOUT_ZERO
from ascua.targets.k210.nncase.softmax import expanded
from ascua.targets.k210.ops import Runtime
from ascua.targets.k210.sampling import sampled
from ascua.targets.k210.structure import MOST_CHANNELS, named, structured

Version = Literal["nncase-0.1.0-rc5", "nncase-0.2.0-beta2"]
VERSIONS: tuple[Version, ...] = get_args(Version)


@dataclass(frozen=True)
class Like:
    """Which nncase, and what it was asked for."""

    version: Version
    bits: int = 8
    """Of weights; of 0.1.0-rc5 also 16."""
    l2: bool = False
    """Whether 0.2.0-beta2 cuts ranges where that makes the squared error least."""

    @property
    def runtime(self) -> Runtime:
        """Of the files that it wrote."""
        return 3 if self.version == "nncase-0.1.0-rc5" else 4


def quantized_like(
    graph: Graph,
    images: Sequence[Array],
    pixels: Pixels,
    like: Like,
    progress: Progress | None = None,
) -> Quantized:
    """The float `graph` in operators of the K210 as nncase chose them, calibrated on `images`.

    They are as `quantized` takes them. Raises Unsupported for an operator that nncase had no
    numbers for.
    """
    simple, pixels, xs = reals(graph, images, pixels)
    passes = passes_of(simple, like)
    seen = (
        averaged(passes, xs, progress)
        if like.runtime == 3
        else covered(passes, xs, progress, l2=like.l2)
    )
    return Quantized(passes, chip(passes, seen, pixels, like))


def passes_of(graph: Graph, like: Like) -> Graph:
    """The float `graph` in passes of the KPU and operators of the CPU."""
    whole = expanded(graph) if like.runtime == 4 else graph
    passes = sampled(structured(whole, longest=MOST_CHANNELS), like.runtime)
    check(passes, like.version)
    return passes


def chip(passes: Graph, seen: Seen, pixels: Pixels, like: Like) -> Graph:
    """Passes and the rest with the numbers that follow from ranges."""
    image = Range(pixels.offset, pixels.offset + LEVELS * pixels.scale)
    ranges = {**covering(passes, seen.ranges), **dict.fromkeys(passes.inputs, image)}
    sources = [bytes_of(t) for t in passes.inputs]
    if like.runtime == 3:
        affines, padded = (
            {t: rc5.quantization(r).affine for t, r in found.items()}
            for found in (ranges, seen.padded)
        )
        for op in passes.ops:
            if isinstance(op, Move | Pad) and not 0 <= affines[op.y].zero <= MOST_BYTE:
                raise unlike(named(op), WITHOUT_ZERO)
        blocks = Rc5Blocks(padded, like.bits)
        return Converter(passes, sources, affines, {}, blocks, 3).graph_made()
    affines = {t: beta2.quantization(r).affine for t, r in ranges.items()}
    return Beta2(passes, sources, affines, l2=like.l2).graph_made()
