"""Rankings: how much each unit of a network is worth, so that the least can go.

A ranking is one function, entered under its name: it answers a score for each unit, higher for
what is worth more. Of a layer's channels that have none, none goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError, did_you_mean
from ascua.pruning.channels import Units
from ascua.pruning.layers import rule
from ascua.pruning.network import Call
from ascua.pruning.samples import Samples
from ascua.pruning.seen import gradients, means
from ascua.pruning.tracing import Traced
from ascua.zoo import import_tensorflow

Scores: TypeAlias = NDArray[np.float64]
"""(units,), NaN for those of which the ranking knows nothing."""
Needs = Literal["nothing", "images", "labels"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a ranking may look at."""

    traced: Traced
    seed: int = 1
    samples: Samples | None = None


@dataclass(frozen=True)
class Ranking:
    """One way to say what channels are worth."""

    name: str
    score: Callable[[Evidence], Scores]
    needs: Needs
    lacking: str
    """Why a unit may have no score, in words."""
    compares: bool
    """Whether scores of different layers compare as they are; else as parts of a layer's mean."""

    @property
    def about(self) -> str:
        """What it does, in a line."""
        return (self.score.__doc__ or "").splitlines()[0]


RANKINGS: dict[str, Ranking] = {}


def ranking(
    name: str, needs: Needs = "nothing", lacking: str = "", *, compares: bool = False
) -> Callable[[Callable[[Evidence], Scores]], Callable[[Evidence], Scores]]:
    """Decorator that enters a ranking under `name`."""

    def enter(score: Callable[[Evidence], Scores]) -> Callable[[Evidence], Scores]:
        RANKINGS[name] = Ranking(name, score, needs, lacking, compares=compares)
        return score

    return enter


def find(name: str) -> Ranking:
    """The ranking called `name`. Raises InputError with those that exist."""
    if name not in RANKINGS:
        raise InputError(f"There is no ranking called {name!r}.", did_you_mean(name, RANKINGS))
    return RANKINGS[name]


@ranking("apoz", "images", "its values are never 0: nothing clips them at 0 before they are read")
def apoz(evidence: Evidence) -> Scores:
    """The share of its values, after the activation, that are not 0 (H. Hu et al., 2016)."""

    def share(values: Any, axis: int) -> Any:
        return import_tensorflow().reduce_mean(
            import_tensorflow().cast(values != 0, "float32"), _others(values, axis)
        )

    scores = _activations(evidence, share)
    for group in evidence.traced.groups:
        if group.units.size and np.all(scores[group.units] == 1):
            scores[group.units] = np.nan
    return scores


@ranking("l1")
def l1(evidence: Evidence) -> Scores:
    """The mean magnitude of a filter's weights (H. Li et al., 2017, arXiv 1608.08710)."""
    return _filters(evidence.traced, lambda filters: np.mean(np.abs(filters), axis=0))


@ranking("random", compares=True)
def random(evidence: Evidence) -> Scores:
    """Chance, by the seed."""
    return np.random.default_rng(evidence.seed).random(evidence.traced.count)


@ranking("l2")
def l2(evidence: Evidence) -> Scores:
    """The root of the mean square of a filter's weights."""
    return _filters(evidence.traced, lambda filters: np.sqrt(np.mean(np.square(filters), axis=0)))


@ranking("bn-scale", lacking="no batch normalisation with a scale follows it")
def bn_scale(evidence: Evidence) -> Scores:
    """The magnitude of its normalisation's scale (Z. Liu et al., 2017, arXiv 1708.06519)."""
    traced = evidence.traced
    found = []
    for name, calls in traced.network.layers.items():
        gamma = getattr(calls[0].layer, "gamma", None)
        units = traced.layers.get(name, {}).get("in")
        if calls[0].kind == "BatchNormalization" and gamma is not None and units is not None:
            found.append((units, np.abs(np.asarray(gamma, np.float64))))
    return _mean(traced.count, found)


@ranking("mean-activation", "images")
def mean_activation(evidence: Evidence) -> Scores:
    """The mean magnitude of a channel's values after its activation (P. Molchanov et al., 2017)."""

    def magnitude(values: Any, axis: int) -> Any:
        return import_tensorflow().reduce_mean(
            import_tensorflow().abs(import_tensorflow().cast(values, "float32")),
            _others(values, axis),
        )

    return _activations(evidence, magnitude)


@ranking("taylor", "labels", compares=True)
def taylor(evidence: Evidence) -> Scores:
    """By how much the loss would change, to first order (P. Molchanov et al., 2019, 1906.10771).

    The square of the loss's derivative by a factor on the channel wherever layers with weights
    read it, of each batch; the mean over the batches.
    """
    assert evidence.samples is not None
    traced = evidence.traced
    total, count = np.zeros(traced.count), 0
    for slopes in gradients(traced, evidence.samples.batches()):
        sums = np.zeros(traced.count)
        for v, slope in slopes.items():
            np.add.at(sums, traced.values[v].units, slope)
        total += np.square(sums)
        count += 1
    return total / max(count, 1)


@ranking("fpgm")
def fpgm(evidence: Evidence) -> Scores:
    """How far a filter is from all others of its layer (Y. He et al., 2019, arXiv 1811.00250)."""

    def distances(filters: Any) -> Any:
        products = filters.T @ filters
        squares = np.diag(products)
        between = squares[:, None] + squares[None] - 2 * products
        return np.sqrt(np.maximum(between, 0)).mean(axis=1)

    return _filters(evidence.traced, distances)


@ranking("lamp", compares=True)
def lamp(evidence: Evidence) -> Scores:
    """Its square beside those of all that stay longer in its layers (J. Lee et al., 2021)."""
    squares = _filters(evidence.traced, lambda filters: np.mean(np.square(filters), axis=0))
    scores = np.full(squares.shape, np.nan)
    for group in evidence.traced.groups:
        order = group.units[np.argsort(squares[group.units], kind="stable")]
        rest = np.cumsum(squares[order][::-1])[::-1]
        scores[order] = squares[order] / np.maximum(rest, np.finfo(float).tiny)
    return scores


def _filters(traced: Traced, score: Callable[[Any], Any]) -> Scores:
    """The mean over a unit's filters of what `score` answers for filters (weights, channels)."""
    found = []
    for group in traced.groups:
        for source in group.sources:
            call = traced.network.layers[source.layer][0]
            found.append((source.units, score(_matrix(call))))
    return _mean(traced.count, found)


def _matrix(call: Call) -> Any:
    """The weights that make a layer's channels: (weights of one, channels)."""
    known = rule(call)
    assert known is not None
    attribute = known.multiplies[-1]
    axis = next(a for a, name in known.weights[attribute].items() if name == "out")
    kernel = np.moveaxis(np.asarray(getattr(call.layer, attribute), np.float64), axis, -1)
    return kernel.reshape(-1, kernel.shape[-1])


def _activations(evidence: Evidence, statistic: Callable[[Any, int], Any]) -> Scores:
    """The mean of a statistic over all samples, of each channel where layers read it."""
    assert evidence.samples is not None
    traced = evidence.traced
    found = means(traced, (x for x, _ in evidence.samples.batches()), statistic)
    return _mean(traced.count, [(traced.values[v].units, s) for v, s in found.items()])


def _mean(count: int, parts: list[tuple[Units, Any]]) -> Scores:
    """Of the scores that each unit has in the parts; NaN where it has none."""
    total, times = np.zeros(count), np.zeros(count)
    for units, scores in parts:
        np.add.at(total, units, scores)
        np.add.at(times, units, 1)
    with np.errstate(invalid="ignore"):
        answer: Scores = total / times
    return answer


def _others(values: Any, axis: int) -> list[int]:
    """All axes of a batch but that of the channels."""
    return [i for i in range(values.shape.rank) if i != axis + 1]
