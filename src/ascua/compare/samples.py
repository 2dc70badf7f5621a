"""Samples that two networks are compared on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ascua import inputs
from ascua.ir import Array, Graph
from ascua.quantize.rules import Range


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of a data set, labelled or not."""

    source: str
    """Where they are from, for messages."""
    arrays: tuple[Array, ...]
    """An array (n, ...) an input: uint8 pixels, or float32."""
    image: Range | None
    """What pixels 0 and 255 stand for; None of real values."""
    labels: Array | None
    """(n,) int64."""
    classes: tuple[str, ...]
    """Names of the labels; empty where none are known."""
    index: Array
    """(n,): the position of each in its source."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.index)

    def chosen(self, count: int | None) -> Samples:
        """`count` of the samples (or all), spread evenly, in their order."""
        if count is None or count >= self.count:
            return self
        at = (np.arange(count) * self.count) // count
        return replace(
            self,
            arrays=tuple(np.asarray(x[at]) for x in self.arrays),
            labels=None if self.labels is None else self.labels[at],
            index=self.index[at],
        )

    def real(self, graph: Graph, start: int, stop: int) -> list[Array]:
        """The real samples (m, *shape) an input of `graph`, from `start` up to `stop`."""
        parts = [x[start:stop] for x in self.arrays]
        if self.image is not None:
            return [inputs.real_images(parts[0], graph.inputs[0], self.image)]
        return [x.reshape(len(x), *t.shape) for x, t in zip(parts, graph.inputs, strict=True)]

    def pixels(self, i: int) -> Array | None:
        """Sample `i` as an image (h, w, c) uint8 of 1 or 3 channels, where it can be one."""
        x = self.arrays[0][i]
        if len(self.arrays) > 1 or x.ndim < 2:
            return None
        x = x.reshape(x.shape[-3:]) if x.ndim > 2 else x[..., None]
        if x.shape[-1] not in (1, 3) or min(x.shape[:2]) < 2:
            return None
        if x.dtype == np.uint8:
            return np.asarray(x)
        low, high = float(x.min()), float(x.max())
        scaled: Array = ((x - low) * (255 / (high - low or 1.0))).astype(np.uint8)
        return scaled
