"""A kmodel that is compared: the simulated K210, each layer's output in another network's shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple, Self

import numpy as np

from ascua.compare.network import Integers
from ascua.ir import Array, Graph, Node, Op, Tensor
from ascua.kmodel import Kmodel
from ascua.kpu import Simulator
from ascua.kpu.ends import ends


@dataclass(frozen=True, eq=False)
class Layer(Op):
    """A layer of a kmodel, as far as pairs of layers are concerned: its output's name and shape."""

    tflite: ClassVar[str] = ""

    @classmethod
    def read(cls, node: Node) -> Self:  # noqa: ARG003
        raise ValueError("no .tflite file has it")

    def malformed(self) -> str | None:
        return None

    def check(self) -> str | None:
        return "the simulated K210 computes it"

    def eval(self, *xs: Array) -> Array:
        raise NotImplementedError(self.name)


class Origin(NamedTuple):
    """Where an activation is seen: its number in `Chip.made`, and whether its channels are last."""

    at: int
    last: bool


@dataclass(frozen=True, eq=False)
class Chip:
    """A kmodel whose activations have the names and shapes of another network's."""

    name: str
    graph: Graph
    simulator: Simulator
    origins: Mapping[Tensor, Origin] = field(default_factory=dict)
    held: Mapping[Tensor, Integers] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Kmodel, name: str) -> Chip:
        """Its inputs and outputs alone; `compare.matching` says what its layers are.

        Raises Unsupported for a layer that no runtime executes, DoesNotFit.
        """
        return cls(name, ends(model), Simulator(model))

    @property
    def model(self) -> Kmodel:
        """What the file says."""
        return self.simulator.model

    def given(self, xs: Sequence[Array]) -> list[Array]:
        """Real samples (n, *shape) an input as bytes, where the input is of bytes."""
        return [self._own(x, t) for x, t in zip(xs, self.graph.inputs, strict=True)]

    def _own(self, x: Array, t: Tensor) -> Array:
        held = self.held.get(t)
        if held is None:
            return x.astype(np.float32, copy=False)
        steps = np.rint(x.astype(np.float64) / held.scale + held.zero)
        q: Array = np.clip(steps, held.least, held.most).astype(t.dtype)
        return q

    def made(self, xs: Sequence[Array], i: int) -> list[Array]:
        """What each layer writes of sample `i` of bytes as `given` has them, then the outputs."""
        given = [x[i].reshape(shape) for x, shape in zip(xs, self.simulator.shapes, strict=True)]
        layers, outputs = self.simulator.observed(given)
        return [*layers, *outputs]

    def walk(self, xs: Sequence[Array]) -> Iterator[tuple[Tensor, Array]]:
        """Each activation that is seen and its values (n, *shape), of bytes as `given` has them."""
        yield from zip(self.graph.inputs, xs, strict=True)
        n = len(xs[0])
        ys = {t: np.empty((n, *t.shape), t.dtype) for t in self.origins}
        for i in range(n):
            made = self.made(xs, i)
            for t, origin in self.origins.items():
                ys[t][i] = shaped(made[origin.at], t, last=origin.last)
        yield from ys.items()

    def integers(self, t: Tensor) -> Integers | None:
        """What the bytes of an activation stand for; None of floats."""
        return self.held.get(t)

    def named(
        self, graph: Graph, origins: Mapping[Tensor, Origin], held: Mapping[Tensor, Integers]
    ) -> Chip:
        """With layers."""
        return replace(self, graph=graph, origins=origins, held=held)


def shaped(y: Array, t: Tensor, *, last: bool) -> Array:
    """What was made of one sample in the shape of `t`, where channels are last."""
    if last or len(t.shape) != 4:
        return y.reshape(t.shape)
    _, h, w, c = t.shape
    return y.reshape(c, h, w).transpose(1, 2, 0)[None]


def planes(y: Array, t: Tensor) -> Array:
    """Values (n, *shape) of `t` as the chip has them: (n, elements), channels first."""
    return (y.transpose(0, 1, 4, 2, 3) if len(t.shape) == 4 else y).reshape(len(y), -1)
