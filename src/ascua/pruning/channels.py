"""Which channels of a network go together: where one is taken away, so are all tied to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua.pruning.network import Call, Network, Value

Units = NDArray[np.int64]
"""A unit for each channel: channels of one unit go or stay together."""


class Channels(NamedTuple):
    """The channels of a value: along which of its axes, the samples' not counted."""

    axis: int
    units: Units


@dataclass(frozen=True)
class Source:
    """A layer that makes channels, each of weights of its own."""

    layer: str
    units: Units
    """(channels,), final."""


@dataclass(frozen=True)
class Group:
    """Layers whose channels are tied: as a rule, each has as many as there are units."""

    sources: tuple[Source, ...]
    units: Units
    """Those that can go, sorted: none where there is a reason."""
    pinned: tuple[str, ...] = ()
    """Why channels of it cannot go."""

    @property
    def name(self) -> str:
        """Of its first layer."""
        return self.sources[0].layer


class Trace:
    """Follows channels through a network; `channels.trace` has what comes of it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.values: dict[Value, Channels] = {}
        self.layers: dict[str, dict[str, Units]] = {}
        """The units along the axes of a layer's weights, as `layers.Masks` names them."""
        self.sources: list[str] = []
        self._parents: list[int] = []
        self._reasons: dict[int, list[str]] = {}

    def new(self, count: int | None) -> Units:
        """So many units, none where the count is open."""
        first = len(self._parents)
        self._parents += range(first, first + (count or 0))
        return np.arange(first, len(self._parents))

    def pinned(self, count: int | None, reason: str) -> Units:
        """So many units that stay."""
        units = self.new(count)
        self.pin(units, reason)
        return units

    def pin(self, units: Units, reason: str) -> None:
        """These units stay, for that reason."""
        for unit in np.unique(units):
            known = self._reasons.setdefault(self._root(int(unit)), [])
            if reason not in known:
                known.append(reason)

    def tie(self, a: Units, b: Units, where: str) -> None:
        """Channel by channel, these go together; where they are not as many, they stay."""
        if len(a) != len(b):
            for units in (a, b):
                self.pin(units, f"{where}: {len(a)} and {len(b)} channels meet")
            return
        for x, y in zip(a, b, strict=True):
            left, right = self._root(int(x)), self._root(int(y))
            if left != right:
                self._parents[right] = left
                if reasons := self._reasons.pop(right, None):
                    mine = self._reasons.setdefault(left, [])
                    mine += [r for r in reasons if r not in mine]

    def along(self, call: Call, axis: str, units: Units) -> Units:
        """The units along an axis of the layer's weights are these, at each of its calls."""
        known = self.layers.setdefault(call.name, {})
        if axis in known:
            self.tie(known[axis], units, call.name)
        return known.setdefault(axis, units)

    def source(self, call: Call, count: int) -> Units:
        """The units of the channels that the layer makes: the same at each of its calls."""
        known = self.layers.setdefault(call.name, {})
        if "out" not in known:
            known["out"] = self.new(count)
            self.sources.append(call.name)
        return known["out"]

    def opaque(self, call: Call, reason: str) -> list[Channels]:
        """What the call reads stays, and so does what it makes."""
        for v in call.xs:
            self.pin(self.values[v].units, reason)
        return [self.whole(v, reason) for v in call.ys]

    def whole(self, value: Value, reason: str) -> Channels:
        """The channels of a value, of which none can go: along its last axis."""
        shape = self.network.shapes[value]
        return Channels(max(len(shape) - 1, 0), self.pinned(shape[-1] if shape else 0, reason))

    def _root(self, unit: int) -> int:
        while self._parents[unit] != unit:
            self._parents[unit] = self._parents[self._parents[unit]]
            unit = self._parents[unit]
        return unit

    def final(self, units: Units) -> Units:
        """The unit that stands for each of these, once all is followed."""
        return np.array([self._root(int(u)) for u in units], np.int64)

    def reasons(self, unit: int) -> tuple[str, ...]:
        """Why a unit stays: none, if it can go."""
        return tuple(self._reasons.get(self._root(unit), ()))

    @property
    def count(self) -> int:
        """How many units there were, tied or not."""
        return len(self._parents)


@dataclass(frozen=True, eq=False)
class Traced:
    """A network whose channels are followed."""

    network: Network
    count: int
    """Units are below it."""
    values: dict[Value, Channels]
    layers: dict[str, dict[str, Units]]
    """The units along the axes of each layer's weights, by the layer's name."""
    groups: tuple[Group, ...]
    """In the order of the network, those of which nothing can go too."""

    def all(self) -> NDArray[np.bool_]:
        """The mask (count,) that keeps every unit."""
        return np.ones(self.count, bool)


def trace(network: Network) -> Traced:
    """Follow the channels of `network` from its inputs to its outputs."""
    from ascua.pruning.layers import followed  # what layers do is written with this class

    found = Trace(network)
    for v in network.inputs:
        found.values[v] = found.whole(v, "an input of the network")
    for call in network.calls:
        ys = followed(found, call)
        found.values |= dict(zip(call.ys, ys, strict=True))
    for v in network.outputs:
        found.pin(found.values[v].units, "an output of the network")
    values = {v: Channels(c.axis, found.final(c.units)) for v, c in found.values.items()}
    layers = {
        name: {axis: found.final(units) for axis, units in axes.items()}
        for name, axes in found.layers.items()
    }
    sources = [Source(name, layers[name]["out"]) for name in found.sources]
    return Traced(network, found.count, values, layers, _groups(found, sources))


def _groups(found: Trace, sources: Sequence[Source]) -> tuple[Group, ...]:
    """Sources that share a unit are of one group."""
    grouped: list[list[Source]] = []
    for source in sources:
        own = set(source.units.tolist())
        tied = [g for g in grouped if any(own & set(s.units.tolist()) for s in g)]
        rest = [g for g in grouped if not any(g is t for t in tied)]
        grouped = [*rest, [*(s for g in tied for s in g), source]]
    order = {s.layer: i for i, s in enumerate(sources)}
    grouped = sorted((sorted(g, key=lambda s: order[s.layer]) for g in grouped),
                     key=lambda g: order[g[0].layer])  # fmt: skip
    return tuple(_group(found, tuple(g)) for g in grouped)


def _group(found: Trace, sources: tuple[Source, ...]) -> Group:
    units = np.unique(np.concatenate([s.units for s in sources]))
    reasons: dict[str, None] = {}
    free = []
    for unit in units.tolist():
        why = found.reasons(unit)
        reasons |= dict.fromkeys(why)
        if not why:
            free.append(unit)
    return Group(sources, np.array(free, np.int64), tuple(reasons))


def kept(mask: NDArray[np.bool_], units: Units) -> NDArray[np.bool_]:
    """Which of the channels with these units stay, by a mask over all units."""
    answer: NDArray[np.bool_] = mask[units]
    return answer
