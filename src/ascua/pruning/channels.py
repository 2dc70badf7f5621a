"""Channels of values and weights as units: what goes together is tied while it is followed."""

from __future__ import annotations

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


class Trace:
    """Follows channels through a network; `tracing.trace` has what comes of it."""

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
