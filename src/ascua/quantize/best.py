"""Tries the options of quantisation on samples held out of the calibration, and keeps the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ascua.errors import InputError
from ascua.ir import Array, Graph, Tensor
from ascua.quantize import finish, prepared, quantize
from ascua.quantize.fidelity import Fidelity, fidelity, outputs
from ascua.quantize.floats import evaluated
from ascua.quantize.options import RANGES, Options
from ascua.quantize.ranges import Observer, Progress, observe
from ascua.quantize.rules import Range
from ascua.quantize.scores import until_scores

HELD_OUT = 4
"""One sample in this many is held out,"""

MOST_HELD_OUT = 64
"""but not more than so many."""

GAIN = 0.05
"""Decibels that a change must gain to be kept."""

SWITCHES: tuple[dict[str, Any], ...] = (
    {"weights": "mse"},
    {"bias_correction": False},
    {"adaround": True},
    {"equalize": True},
)
"""Tried in turn, each beside the best before it.

Equalisation is last: it moves error from activations to weights, where AdaRound makes it less.
"""


class Trial(NamedTuple):
    """Options, and how near they came on the samples held out."""

    options: Options
    fidelity: Fidelity
    kept: bool


class Best(NamedTuple):
    """The quantised network, and all that was tried for it; the last kept trial is its own."""

    graph: Graph
    trials: tuple[Trial, ...]

    @property
    def chosen(self) -> Trial:
        """The trial whose options were taken."""
        return [t for t in self.trials if t.kept][-1]


def quantize_best(
    graph: Graph,
    xs: Sequence[Array],
    first: Options,
    image: Range | None = None,
    progress: Progress | None = None,
) -> Best:
    """As `quantize`, by the options that come nearest to the float `graph` on held-out samples.

    From `first` on: each way to find ranges, then each switch, kept where it gains. What is
    compared is the first output, before a softmax or sigmoid at its end. The chosen options are
    then applied with all samples. Raises InputError for a single sample.
    """
    count = len(xs[0])
    if count < 2:
        raise InputError(
            "One sample is too few to hold some out.", ["Give more of them with `--data`."]
        )
    held = list(range(count))[HELD_OUT - 1 :: HELD_OUT][:MOST_HELD_OUT] or [count - 1]
    rest = [i for i in range(count) if i not in set(held)]
    bench = _Bench(graph, [x[rest] for x in xs], [x[held] for x in xs], image)
    total = len(RANGES) + len(SWITCHES) + 1
    trials: list[Trial] = []
    best: Trial | None = None
    for i in range(total - 1):
        start = best.options if best else first
        change = {"ranges": RANGES[i]} if i < len(RANGES) else SWITCHES[i - len(RANGES)]
        options = replace(start, **change)
        if best is None or options != start:  # else it was asked for from the beginning
            found = bench.fidelity(options)
            kept = best is None or found.sqnr_db > best.fidelity.sqnr_db + GAIN
            trials.append(Trial(options, found, kept=kept))
            best = trials[-1] if kept else best
        if progress:
            progress(i + 1, total)
    assert best is not None
    small = quantize(graph, xs, best.options, image)
    if progress:
        progress(total, total)
    return Best(small, tuple(trials))


class _Bench:
    """What the trials share: what was seen of activations, and the float outputs."""

    def __init__(
        self, graph: Graph, xs: Sequence[Array], held: Sequence[Array], image: Range | None
    ) -> None:
        self.graph, self.xs, self.held, self.image = graph, xs, held, image
        self.expected = evaluated(until_scores(prepared(graph, xs, Options())), held)[0]
        self.seen: dict[bool, tuple[Graph, dict[Tensor, Observer]]] = {}

    def fidelity(self, options: Options) -> Fidelity:
        """How near `options` come on the samples held out."""
        if options.equalize not in self.seen:
            real = prepared(self.graph, self.xs, options)
            self.seen[options.equalize] = real, observe(real, self.xs, histogram=True)
        real, observers = self.seen[options.equalize]
        small = finish(real, self.xs, observers, options, self.image)
        return fidelity(self.expected, outputs(until_scores(small), self.held)[0])
