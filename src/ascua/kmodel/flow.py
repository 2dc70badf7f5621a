"""Which layer of a kmodel made what another one reads: the file says addresses alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ascua.kmodel.memory import KPU_BYTES, Memory, Range
from ascua.kmodel.model import Kmodel

INPUT = -1
"""Stands for the inputs, where a layer's number would."""


class Flow(NamedTuple):
    """The numbers of the layers that wrote last what is read, in order; INPUT of inputs."""

    layers: tuple[tuple[int, ...], ...]
    """Of what each layer reads, constants of the file aside."""
    outputs: tuple[tuple[int, ...], ...]
    """Of each output."""


def flow(model: Kmodel) -> Flow:
    """Who made what in a `model` that `check` has taken."""
    owners = {
        Memory.MAIN: np.full(model.main_bytes, INPUT, np.int16),
        Memory.KPU: np.full(KPU_BYTES, INPUT, np.int16),
    }

    def makers(ranges: Iterable[Range]) -> tuple[int, ...]:
        parts = [owners[r.memory][r.start : r.end] for r in ranges if r.memory in owners]
        return tuple(np.unique(np.concatenate(parts)).tolist()) if parts else ()

    found = []
    for i, layer in enumerate(model.layers):
        found.append(makers(layer.reads))
        for r in layer.writes:
            owners[r.memory][r.start : r.end] = i
    return Flow(tuple(found), tuple(makers([r]) for r in model.outputs))
