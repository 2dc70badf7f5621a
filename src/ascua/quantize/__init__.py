"""Post-training quantisation: a float Graph and calibration data to an integer Graph."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from ascua.errors import Unsupported, brief
from ascua.ir import Array, Graph, Quant, Tensor
from ascua.quantize.adaround import AdaRound
from ascua.quantize.bias import correct
from ascua.quantize.convert import UNCLIPPED, Clip, convert
from ascua.quantize.equalize import equalize
from ascua.quantize.floats import REMEDY
from ascua.quantize.front import Front
from ascua.quantize.options import DEFAULT, Options
from ascua.quantize.ranges import Observer, Progress, observe, ranges, weight_peaks, weight_range
from ascua.quantize.refine import BothSides, Improve
from ascua.quantize.rules import SCHEMES, Range, assigned
from ascua.quantize.scores import scores
from ascua.quantize.simplify import folded, simplify

__all__ = ["Options", "Range", "check_float", "finish", "observe", "prepared", "quantize"]

log = logging.getLogger(__name__)

NAMED = 4
"""Activations that never change, in warnings."""


def check_float(graph: Graph, where: str) -> None:
    """Raise ModelError unless `graph`, of the file `where`, is a float network that computes."""
    for t in graph.inputs:
        if t.dtype in ("bool", "int32", "int64"):
            raise Unsupported(
                f"{where}: its input '{t.name}' is {t.dtype}: only float32 can be quantised.",
                ["Leave this input out, or make it a constant."],
            )
        if t.dtype != "float32":
            raise Unsupported(
                f"{where}: its input '{t.name}' is {t.dtype}: it is quantised already.",
                ["Give the float model that it was made of; `ascua validate` takes this one."],
            )
    folded(graph, where)


def quantize(
    graph: Graph,
    xs: Sequence[Array],
    options: Options = DEFAULT,
    image: Range | None = None,
    progress: Progress | None = None,
) -> Graph:
    """The quantised twin of the float `graph`, calibrated on `xs`, float32 (n, *shape) an input.

    `image` is what the least and the greatest pixel of the first input stand for; without it the
    input's range is that of the data. Raises InputError (NaN), Unsupported, ModelError.
    """
    real = prepared(graph, xs, options)
    histogram = options.ranges in ("percentile", "mse", "kl")
    seen = observe(real, xs, progress, histogram=histogram)
    _warn_of_constants(real, seen)
    return finish(real, xs, seen, options, image, progress)


def _warn_of_constants(graph: Graph, seen: Mapping[Tensor, Observer]) -> None:
    """Name the activations that take one value alone, the first of many."""
    still = [t for t in graph.tensors() if (o := seen.get(t)) and o.low == o.high]
    if len(still) > NAMED:
        log.warning("warning: %d tensors never change on the calibration data:", len(still))
    for t in still[:NAMED]:
        if o := seen.get(t):
            where = "the data" if t in graph.inputs else "the data and the layer, which may be dead"
            log.warning(
                "warning: '%s' is %g for all calibration data: its scale fits nothing else. Check"
                " %s.", brief(t.name), o.low, where,
            )  # fmt: skip


def prepared(graph: Graph, xs: Sequence[Array], options: Options) -> Graph:
    """The float graph that is quantised: simplified, and equalised where that is wanted."""
    real = simplify(graph)
    if not real.ops:
        raise Unsupported(f"{graph.name}: it has no operators that do anything.", REMEDY)
    return equalize(real, xs) if options.equalize else real


def finish(
    real: Graph,
    xs: Sequence[Array],
    observers: dict[Tensor, Observer],
    options: Options,
    image: Range | None = None,
    progress: Progress | None = None,
) -> Graph:
    """As `quantize`, of a prepared graph and what was seen of its activations.

    What decides is never clipped: two classes at the end of the range would look alike.
    """
    scheme = SCHEMES[options.scheme]
    front = Front.of(real) if image is None and scheme.activation == "int8" else None
    if front is None or scheme.uint8:
        pinned = {} if image is None else {real.inputs[0]: scheme.quant(image)}
        return _converted(real, xs, observers, options, pinned, progress)
    inner, given = front.rest(real), [front.applied(xs[0])]
    small = _converted(inner, given, observers, options, {}, progress)
    seen = observers[front.x]
    return front.before(small, Range(seen.low, seen.high))


def _converted(
    real: Graph, xs: Sequence[Array], observers: dict[Tensor, Observer], options: Options,
    pinned: Mapping[Tensor, Quant], progress: Progress | None,
) -> Graph:  # fmt: skip
    scheme = SCHEMES[options.scheme]
    whole = set(scores(real))
    given = assigned(real, ranges(observers, options, whole), pinned, scheme)
    least = Clip(partial(weight_peaks, most=scheme.most), weight_range)
    clip = least if options.weights == "mse" else UNCLIPPED
    improve: list[Improve] = []
    if options.adaround:
        improve.append(AdaRound())
    if options.bias_correction:
        improve.append(correct)
    refine = BothSides(real, xs, improve, progress) if improve else None
    return convert(real, given, scheme, clip, refine)
