"""Takes channels out of a Keras model, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ascua.errors import InputError
from ascua.pruning.network import flattened
from ascua.pruning.rankings import Evidence, Ranking, find
from ascua.pruning.rebuild import without
from ascua.pruning.samples import Samples
from ascua.pruning.select import Ladder, Of, Queue, Scope, Wish, ladder, queues
from ascua.pruning.sizes import Sizes, by_layer, sizes
from ascua.pruning.tracing import Traced, trace


@dataclass(frozen=True)
class Change:
    """What went of one layer."""

    layer: str
    kind: str
    before: Sizes
    after: Sizes


@dataclass(frozen=True, eq=False)
class Pruned:
    """A Keras model with fewer channels, and what it was."""

    model: Any
    before: Sizes
    after: Sizes
    layers: tuple[Change, ...]
    """Those with parameters, in the order of the network."""
    left: Mapping[str, str]
    """Why a layer's channels are all there, or some that could not go, by its name."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """A network whose units stand in the order in which they go."""

    ladder: Ladder
    left: Mapping[str, str]

    def at(self, rung: int) -> Pruned:
        """The model on a rung of the ladder."""
        traced, mask = self.ladder.traced, self.ladder.mask(rung)
        before, after = by_layer(traced, traced.all()), by_layer(traced, mask)
        calls = traced.network.layers
        layers = tuple(
            Change(name, calls[name][0].kind, before[name], after[name])
            for name in before
            if before[name].parameters
        )
        whole, rest = sizes(traced, traced.all()), sizes(traced, mask)
        return Pruned(without(traced, mask), whole, rest, layers, self.left)


def rank(
    model: Any, method: str, *, scope: Scope = "layer", round_to: int = 1,
    samples: Samples | None = None, seed: int = 1,
) -> Ranked:  # fmt: skip
    """The Keras `model` with its units ranked. Raises InputError as `prune` does."""
    ranking = find(method)
    if ranking.needs != "nothing":
        if samples is None:
            raise InputError(
                f"--method {method}: it looks at {ranking.needs}, and there is no data.",
                ["Name a data set, a folder of images or an .npz file with `--data D`.",
                 "`--method l1` looks at weights alone."],
            )  # fmt: skip
        samples.check(model, labels=ranking.needs == "labels")
    traced = trace(flattened(model))
    _check_finite(traced)
    scores = ranking.score(Evidence(traced, seed, samples))
    found = queues(traced, scores, ranking, round_to)
    return Ranked(ladder(traced, found, scope), _left(traced, found, ranking))


def prune(
    model: Any,
    method: str = "l1",
    ratio: float = 0.5,
    *,
    of: Of = "channels",
    scope: Scope = "layer",
    round_to: int = 1,
    samples: Samples | None = None,
    seed: int = 1,
) -> Pruned:
    """A new model without the channels of the Keras `model` that are worth least.

    `ratio` of the channels that can go, of the parameters or of the multiply-accumulates goes, the
    same share in each layer or the least of all; a multiple of `round_to` stays. The model is as it
    was. Raises InputError for a model without a graph, an unknown method, samples that are not the
    model's, and a ratio that cannot be met.
    """
    wish = Wish(ratio, of, scope, round_to)
    ranked = rank(model, method, scope=scope, round_to=round_to, samples=samples, seed=seed)
    return ranked.at(ranked.ladder.rung(of, wish.ratio))


def _check_finite(traced: Traced) -> None:
    """Raise InputError where a weight is no number."""
    for name, calls in traced.network.layers.items():
        for variable in getattr(calls[0].layer, "weights", ()):
            values = np.asarray(variable)
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise InputError(
                    f"{traced.network.model.name}: layer {name} has weights that are no numbers.",
                    ["Train the model anew: its loss became NaN."],
                )


def _left(traced: Traced, found: list[Queue], ranking: Ranking) -> dict[str, str]:
    """Why what stays of each group stays."""
    queued = {q.group.name for q in found}
    left = {}
    for group in traced.groups:
        if group.pinned:
            left[group.name] = "; ".join(group.pinned)
        elif group.name not in queued:
            left[group.name] = f"{ranking.name}: {ranking.lacking}"
    return left
