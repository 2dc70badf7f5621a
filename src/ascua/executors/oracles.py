"""Somebody else's computations, which Ascua's are compared with: TFLM, and LiteRT of uint8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ascua import tflite
from ascua.executors import Answer, Progress
from ascua.executors.reference import reference
from ascua.ir import Array, Graph
from ascua.passes.unsigned import EDGE
from ascua.run import litert, tflm


@dataclass(frozen=True)
class Tflm:
    """TensorFlow Lite Micro's reference kernels, in the package `tflite-micro`."""

    name: ClassVar[str] = "tflite-micro"

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Answer:
        """As `Executor.run`; raises ToolFailed where TFLM refuses the graph."""
        return Answer(tflm.run(tflite.write(graph.begun(states)), xs, len(graph.outputs)))


@dataclass(frozen=True, eq=False)
class LiteRT:
    """LiteRT's reference kernels, of parts of the uint8 network `original`.

    The parts are of that network restated in int8; so are the outputs.
    """

    original: Graph

    name: ClassVar[str] = "litert"

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Answer:
        """As `Executor.run`; raises ToolFailed where LiteRT refuses the part."""
        names = [t.name.removesuffix(EDGE) for t in graph.outputs]
        ops = [op for op in self.original.ops if names[0] in {t.name for t in op.outputs}]
        if not ops:  # an input, as int8
            return Answer(reference(graph, xs))
        here = self.original.begun(states).until(ops[0])
        here = replace(here, outputs=tuple(t for n in names for t in here.outputs if t.name == n))
        ys = litert.run(tflite.write(here), xs, len(names))
        return Answer(
            [
                (y ^ np.uint8(128)).view(np.int8)
                if t.dtype == "int8" and y.dtype == np.uint8
                else y
                for y, t in zip(ys, graph.outputs, strict=True)
            ]
        )
