"""Which units go: by their scores, so many that a wish is met."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError, did_you_mean
from ascua.pruning.rankings import Ranking, Scores
from ascua.pruning.rebuild import Mask
from ascua.pruning.sizes import sizes
from ascua.pruning.tracing import Group, Traced

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
        """Raises InputError for a value that says nothing."""
        for name, kinds in (("of", get_args(Of)), ("scope", get_args(Scope))):
            if getattr(self, name) not in kinds:
                raise InputError(
                    f"{name}={getattr(self, name)!r}: one of {', '.join(kinds)}.",
                    did_you_mean(str(getattr(self, name)), kinds),
                )
        if not isinstance(self.ratio, float | int) or not isinstance(self.round_to, int):
            raise InputError(
                f"ratio={self.ratio!r}, round_to={self.round_to!r}: a number, and a whole one.",
                ["`ratio=0.5, round_to=4`, say."],
            )
        if not 0 < self.ratio < 1:
            raise InputError(
                f"A ratio of {self.ratio:g}: not between 0 and 1.",
                ["It is the share that goes: 0.25 leaves three quarters."],
            )
        if self.round_to < 1:
            raise InputError(
                f"Rounding to {self.round_to}: at least 1.", ["1 lets any number of channels stay."]
            )


@dataclass(frozen=True, eq=False)
class Queue:
    """A group's units in the order in which they go."""

    group: Group
    units: NDArray[np.int64]
    worth: Scores
    """Of each, as it compares with other groups' units."""
    round_to: int

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


@dataclass(frozen=True, eq=False)
class Ladder:
    """The network with ever fewer units: rung 0 has all, the last one as few as can be."""

    traced: Traced
    queues: tuple[Queue, ...]
    gone: tuple[tuple[int, ...], ...]
    """How many units of each queue, a rung."""

    def mask(self, rung: int) -> Mask:
        """Which units stay."""
        mask = self.traced.all()
        for queue, count in zip(self.queues, self.gone[rung], strict=True):
            mask[queue.units[:count]] = False
        return mask

    def amount(self, of: Of, rung: int) -> int:
        """What is counted there: of channels, those that can go at rung 0."""
        if of == "channels":
            return sum(len(q.units) for q in self.queues) - sum(self.gone[rung])
        return int(getattr(sizes(self.traced, self.mask(rung)), of))

    def share(self, of: Of, rung: int) -> float:
        """The share of it that is gone there, 0..1."""
        whole = self.amount(of, 0)
        return 1 - self.amount(of, rung) / whole if whole else 0.0

    def rung(self, of: Of, ratio: float) -> int:
        """The first at which a share of `ratio` is gone. Raises InputError where none is."""
        last = len(self.gone) - 1
        if self.share(of, last) < ratio - ROUNDING:
            raise InputError(
                f"A ratio of {ratio:.4g} of its {of}: at most {self.share(of, last):.1%} can go.",
                ["Give a smaller ratio.", *self.finer],
            )
        return self.first(lambda rung: self.share(of, rung) >= ratio - ROUNDING)

    @property
    def finer(self) -> list[str]:
        """The advice that lets more go, if there is one."""
        rounded = any(q.round_to > 1 for q in self.queues)
        return ["Rounding to 1 lets more go."] if rounded else []

    def first(self, meets: Callable[[int], bool], near: int | None = None) -> int:
        """The first rung that meets a condition which the last one meets, as all after it do.

        The search begins `near` a rung, so that few are tried where that is a good guess.
        """
        low, high = -1, len(self.gone) - 1
        if near is not None:
            rung, step = min(near, high - 1), 1
            met = rung > low and meets(rung)
            while low < rung < high and meets(rung) == met:
                low, high = (low, rung) if met else (rung, high)
                rung, step = rung - step if met else rung + step, 2 * step
            if low < rung < high:
                low, high = (rung, high) if met else (low, rung)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if meets(middle) else (middle, high)
        return high


ROUNDING = 1e-9
"""Below what a share can be meant to differ by."""
SHARES = 1000
"""Rungs at most where all layers lose the same share."""


def ladder(traced: Traced, queues: Sequence[Queue], scope: Scope) -> Ladder:
    """The rungs of a scope."""
    if scope == "layer":
        gone = [[q.allowed(i / SHARES * len(q.units)) for q in queues] for i in range(SHARES + 1)]
    else:
        worth = np.concatenate([q.worth for q in queues]) if queues else np.empty(0)
        owner = np.repeat(np.arange(len(queues)), [len(q.units) for q in queues])
        order = owner[np.argsort(worth, kind="stable")]
        gone = [
            [q.allowed(int(n)) for q, n in zip(queues, counts, strict=True)]
            for counts in (
                np.bincount(order[:i], minlength=len(queues)) for i in range(len(order) + 1)
            )
        ]
    rungs = tuple(dict.fromkeys(tuple(counts) for counts in gone))
    return Ladder(traced, tuple(queues), rungs)
