"""How large a network is with some of its units alone: channels, parameters, MACs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from ascua.pruning.layers import Rule, rule
from ascua.pruning.network import Call
from ascua.pruning.rebuild import Mask, masks_of
from ascua.pruning.tracing import Traced


@dataclass(frozen=True)
class Sizes:
    """Of a whole network, or of one layer."""

    channels: int
    """That layers with weights of their own make."""
    parameters: int
    """All of them, a normalisation's running means and variances too."""
    macs: int
    """Multiply-accumulates of one sample: of convolutions and dense layers."""


def sizes(traced: Traced, mask: Mask) -> Sizes:
    """Of the network with the units of `mask`."""
    each = by_layer(traced, mask).values()
    return Sizes(*(sum(getattr(s, f) for s in each) for f in Sizes.__dataclass_fields__))


def by_layer(traced: Traced, mask: Mask) -> dict[str, Sizes]:
    """Of each layer, by its name."""
    return {
        name: _layer(traced, calls, masks_of(traced, name, mask))
        for name, calls in traced.network.layers.items()
    }


def _layer(traced: Traced, calls: list[Call], masks: dict[str, Mask]) -> Sizes:
    known, layer = rule(calls[0]), calls[0].layer
    parameters, macs, seen = 0, 0, set()
    for attribute, axes in (known.weights if known else {}).items():
        variable = getattr(layer, attribute, None)
        if variable is None:
            continue
        seen.add(id(variable))
        count = _left(variable.shape, axes, masks)
        parameters += count
        if known and attribute in known.multiplies:
            macs += sum(count * _places(traced, call, known) for call in calls)
    for variable in getattr(layer, "weights", ()):
        if id(variable) not in seen:
            parameters += prod(variable.shape)
    made = masks["out"].sum() if "out" in masks and known and known.multiplies else 0
    return Sizes(int(made), parameters, macs)


def _left(shape: Any, axes: Any, masks: dict[str, Mask]) -> int:
    """How many values are left of a weight of that shape."""
    left = list(shape)
    for axis, name in axes.items():
        mask = masks.get(name)
        if mask is not None and left[axis] == mask.size:
            left[axis] = int(mask.sum())
    return prod(left)


def _places(traced: Traced, call: Call, known: Rule) -> int:
    """How often a weight is used: at each place of the output, or of a transposed one's input."""
    transposed = known.weights["kernel"].get(-2) == "out" if "kernel" in known.weights else False
    value = call.xs[0] if transposed else call.ys[0]
    axis = traced.values[value].axis
    return prod(n or 1 for i, n in enumerate(traced.network.shapes[value]) if i != axis)
