"""Post-training quantisation: a float Graph and calibration data to an integer Graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ascua.errors import Unsupported
from ascua.ir import Array, Graph
from ascua.quantize.convert import convert
from ascua.quantize.ranges import calibrate
from ascua.quantize.rules import INT8, Range, plan
from ascua.quantize.simplify import simplify

__all__ = ["Range", "check_float", "quantize"]

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


def check_float(graph: Graph, where: str) -> None:
    """Raise Unsupported unless the inputs of `graph`, the file `where`, are float32."""
    for t in graph.inputs:
        if t.dtype != "float32":
            raise Unsupported(
                f"{where}: its input '{t.name}' is {t.dtype}: it is quantised already.",
                ["Give the float model; `ascua validate` takes a quantised one."],
            )


def quantize(
    graph: Graph,
    xs: Sequence[Array],
    image: Range | None = None,
    progress: Progress | None = None,
) -> Graph:
    """The int8 twin of the float `graph`, calibrated on `xs`, float32 (n, *shape) an input.

    `image` is what the least and the greatest pixel of the first input stand for; without it the
    input's range is that of the data. Raises InputError (NaN), Unsupported, ModelError.
    """
    real = simplify(graph)
    pinned = {} if image is None else {id(real.inputs[0]): INT8.quant(image)}
    return convert(real, plan(real, calibrate(real, xs, progress), pinned, INT8), INT8)
