"""Which channels of a network go together: where one is taken away, so are all tied to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ascua.pruning.channels import Channels, Trace, Units
from ascua.pruning.layers import followed
from ascua.pruning.network import Network, Value


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
