"""The simulated K210: kmodels, layer by layer, on the bytes of its memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ascua.executors import Answer, Progress
from ascua.ir import Array
from ascua.kmodel import Kmodel
from ascua.kpu import Rounding, Simulator


@dataclass(frozen=True)
class Kpu:
    """Runs kmodels; `rounding` and `fused` are those of `kpu.Simulator`."""

    rounding: Rounding | None = None
    fused: bool = False

    name: ClassVar[str] = "kpu"

    def run(
        self,
        model: Kmodel,
        xs: Sequence[Array],
        *,
        progress: Progress | None = None,
    ) -> Answer:
        """The outputs (n, elements) for samples `xs`, (n, h, w, c) or (n, 1, h, w, c) an input.

        Raises Unsupported for a layer that no runtime executes, InputError for other shapes.
        """
        simulator = Simulator(model, rounding=self.rounding, fused=self.fused)
        images = [x[:, 0] if x.ndim == 5 and x.shape[1] == 1 else x for x in xs]
        return Answer(simulator.run(images, progress))
