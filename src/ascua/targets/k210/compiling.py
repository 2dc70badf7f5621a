"""From a float network and calibration images to operators of the K210."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Graph
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.ops.sub import Sub
from ascua.quantize.equalize import equalize
from ascua.quantize.options import DEFAULT, Options
from ascua.quantize.ranges import Progress, observe, ranges
from ascua.quantize.simplify import simplify
from ascua.targets.k210.affines import Pixels, of_quants, of_ranges
from ascua.targets.k210.convert import Converter, bytes_of
from ascua.targets.k210.numbers import Blocks, Corrected, Exact, Plain
from ascua.targets.k210.ops import Runtime
from ascua.targets.k210.sampling import sampled
from ascua.targets.k210.structure import structured


class Quantized(NamedTuple):
    """A float network on its way to the chip."""

    passes: Graph
    """Float still, in passes of the KPU and operators of the CPU."""
    chip: Graph
    """In the K210's own operators, on bytes where it can."""


def quantized(
    graph: Graph,
    images: Sequence[Array],
    pixels: Pixels,
    runtime: Runtime,
    options: Options = DEFAULT,
    bits: int = 8,
    progress: Progress | None = None,
) -> Quantized:
    """The float `graph` in operators of the K210, calibrated on `images`.

    They are uint8 (n, h, w, c) an input, and `pixels` says what their bytes mean; weights have
    8 bits, or under V3 16.
    """
    simple, pixels, xs = reals(graph, images, pixels)
    equal = equalize(simple, xs) if options.equalize else simple
    real = sampled(structured(equal), runtime, spreads=True)
    histogram = options.ranges in ("percentile", "mse", "kl")
    seen = observe(real, xs, progress, histogram=histogram)
    affines = of_ranges(real, ranges(seen, options))
    inputs = dict.fromkeys(real.inputs, pixels)
    sources = [bytes_of(t) for t in real.inputs]
    blocks: Blocks = Plain(bits)
    if options.bias_correction:
        shaped = [x.reshape(len(x), *t.shape) for x, t in zip(images, sources, strict=True)]
        blocks = Corrected(real, xs, sources, shaped, runtime, bits)
    chip = Converter(real, sources, affines, inputs, blocks, runtime).graph_made()
    return Quantized(real, chip)


def reals(
    graph: Graph, images: Sequence[Array], pixels: Pixels
) -> tuple[Graph, Pixels, list[Array]]:
    """The simplified `graph`, what the pixels of its `images` mean to it, and these as floats."""
    simple, pixels = behind_scaling(simplify(graph), pixels)
    scale, offset = np.float32(pixels.scale), np.float32(pixels.offset)
    xs = [
        (x.astype(np.float32) * scale + offset).reshape(len(x), *t.shape)
        for x, t in zip(images, simple.inputs, strict=True)
    ]
    return simple, pixels, xs


def behind_scaling(graph: Graph, pixels: Pixels) -> tuple[Graph, Pixels]:
    """`graph` without the scaling that it begins with, and what pixels mean behind that."""
    while len(graph.inputs) == 1 and len(graph.readers[graph.inputs[0]]) == 1:
        (x,), (op,) = graph.inputs, graph.readers[graph.inputs[0]]
        if not isinstance(op, Mul | Add | Sub) or op.activation != "NONE":
            break
        constant = next((t for t in op.inputs if t and t.const), None)
        if constant is None or constant.size != 1 or (isinstance(op, Sub) and op.x is not x):
            break
        value = float(constant.values.reshape(-1)[0])
        if isinstance(op, Mul):
            if value <= 0:
                break
            pixels = Pixels(pixels.scale * value, pixels.offset * value)
        else:
            value = -value if isinstance(op, Sub) else value
            pixels = Pixels(pixels.scale, pixels.offset + value)
        rest = tuple(other for other in graph.ops if other is not op)
        graph = replace(graph, inputs=(op.y,), ops=rest)
    return graph, pixels


def quantized_already(graph: Graph, runtime: Runtime) -> Graph:
    """The int8 `graph`, or uint8 as int8, in operators of the K210: by its own scales."""
    given = sampled(structured(graph), runtime, spreads=True)
    sources = [bytes_of(t) for t in given.inputs]
    return Converter(given, sources, of_quants(given), {}, Exact(), runtime).graph_made()
