"""Which units go: by their scores, so many that a wish is met."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError
from ascua.prune.channels import Group, Traced
from ascua.prune.rankings import Ranking, Scores
from ascua.prune.rebuild import Mask
from ascua.prune.sizes import sizes

Of: TypeAlias = Literal["channels", "parameters", "macs"]
Scope: TypeAlias = Literal["layer", "global"]


@dataclass(frozen=True)
class Wish:
    """What goes, whatever the scores."""

    ratio: float
    """Of what is counted, the share that goes: above 0 and below 1."""
    of: Of = "channels"
    """Channels that can go, parameters of the network, or its multiply-accumulates."""
    scope: Scope = "layer"
    """The same share of every layer's channels, or the least of the whole network."""
    round_to: int = 1
    """A multiple of it stays of each layer's channels, once at least."""

    def __post_init__(self) -> None:
        """Raises InputError for a share or a multiple that is none."""
        if not 0 < self.ratio < 1:
            raise InputError(
                f"--ratio {self.ratio:g}: not between 0 and 1.",
                ["The share that goes: `--ratio 0.25` leaves three quarters."],
            )
        if self.round_to < 1:
            raise InputError(f"--round-to {self.round_to}: at least 1.")


@dataclass(frozen=True, eq=False)
class Queue:
    """A group's units in the order in which they go."""

    group: Group
    units: NDArray[np.int64]
    worth: Scores
    """Of each, as it compares with other groups' units."""
    round_to: int

    @property
    def most(self) -> int:
        """How many can go."""
        return self.allowed(len(self.units))

    def allowed(self, gone: float) -> int:
        """The nearest number that may go: a multiple stays of each layer, at least one."""
        channels, by = max(len(s.units) for s in self.group.sources), self.round_to
        stay = max(1, channels - len(self.units))
        left = by * max(round((channels - gone) / by), math.ceil(stay / by))
        return min(max(0, channels - left), len(self.units))


def queues(traced: Traced, scores: Scores, ranking: Ranking, round_to: int) -> list[Queue]:
    """Of the groups that have a unit to lose and a score for each."""
    found = []
    for group in traced.groups:
        own = scores[group.units]
        if not group.units.size or np.isnan(own).any():
            continue
        order = np.argsort(own, kind="stable")
        mean = own.mean()
        worth = own[order] if ranking.compares or mean == 0 else own[order] / mean
        found.append(Queue(group, group.units[order], worth, round_to))
    return found


def chosen(traced: Traced, found: Sequence[Queue], wish: Wish) -> Mask:
    """The mask that meets the wish and keeps the most. Raises InputError where none does."""
    amount = _amount(traced, found, wish.of)
    if wish.scope == "layer":
        steps = 1000
        if wish.of == "channels":
            return _mask(traced, found, [q.allowed(wish.ratio * len(q.units)) for q in found])

        def counts(step: int) -> list[int]:
            return [q.allowed(step / steps * len(q.units)) for q in found]
    else:
        worth = np.concatenate([q.worth for q in found]) if found else np.empty(0)
        owner = np.repeat(np.arange(len(found)), [len(q.units) for q in found])
        order, steps = owner[np.argsort(worth, kind="stable")], len(worth)

        def counts(step: int) -> list[int]:
            gone = np.bincount(order[:step], minlength=len(found))
            return [q.allowed(int(n)) for q, n in zip(found, gone, strict=True)]

    def gone(step: int) -> float:
        return 1 - amount(_mask(traced, found, counts(step))) / amount(traced.all())

    if not found or gone(steps) < wish.ratio:
        most = gone(steps) if found else 0.0
        raise InputError(
            f"--ratio {wish.ratio:g}: at most {most:.1%} of its {wish.of} can go.",
            ["Give a smaller ratio.", "`--round-to 1` lets more go."],
        )
    low, high = 0, steps
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if gone(middle) >= wish.ratio else (middle, high)
    return _mask(traced, found, counts(high))


def _amount(traced: Traced, found: Sequence[Queue], of: Of) -> Callable[[Mask], float]:
    """What is counted of a network with the units of a mask."""
    if of == "channels":
        units = np.concatenate([q.units for q in found]) if found else np.empty(0, np.int64)
        return lambda mask: float(mask[units].sum())
    return lambda mask: float(getattr(sizes(traced, mask), of))


def _mask(traced: Traced, found: Sequence[Queue], counts: Sequence[int]) -> Mask:
    mask = traced.all()
    for queue, count in zip(found, counts, strict=True):
        mask[queue.units[:count]] = False
    return mask
