"""A network that is compared: float or quantised, run on real inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ascua import inputs
from ascua.errors import AscuaError, InputError, Unsupported, brief
from ascua.ir import Array, Graph, Op, Tensor, each, limits
from ascua.passes import check_stateless, prepare
from ascua.pixels import outside
from ascua.quantize import floats
from ascua.quantize.scores import without_index
from ascua.quantize.simplify import simplify


@dataclass(frozen=True)
class Integers:
    """Integers from `least` to `most` that stand for real values: scale · (q - zero)."""

    scale: float
    zero: float
    least: int
    most: int
    fitted: bool = False
    """Whether no file says the scale: it is the one that comes nearest to another network."""

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest real value."""
        return self.scale * (self.least - self.zero), self.scale * (self.most - self.zero)

    def real(self, q: Array) -> Array:
        """The real values, float32, of integers."""
        steps = q.astype(np.float32) - np.float32(self.zero)
        found: Array = steps * np.float32(self.scale)
        return found


def real(y: Array, held: Integers | None) -> Array:
    """The values `y` of an activation as real ones; floats, which nothing is said of, as is."""
    return y if held is None else held.real(y)


class Observed(Protocol):
    """A network that shows what its layers make of real samples."""

    @property
    def name(self) -> str:
        """Of the file."""

    @property
    def graph(self) -> Graph:
        """Its inputs, outputs and layers."""

    def given(self, xs: Sequence[Array]) -> list[Array]:
        """Real samples (n, *shape) an input as this network takes them."""

    def walk(self, xs: Sequence[Array]) -> Iterator[tuple[Tensor, Array]]:
        """Each activation and its values (n, *shape), for samples as `given` answers them."""

    def integers(self, t: Tensor) -> Integers | None:
        """What the values of an activation stand for; None of floats."""


@dataclass(frozen=True, eq=False)
class Network:
    """A graph that is ready to run, and the file that it came from."""

    name: str
    graph: Graph

    @cached_property
    def integer(self) -> bool:
        """Whether any activation is quantised."""
        return any(quantized(t) for t in self.graph.tensors() if not t.const)

    def given(self, xs: Sequence[Array]) -> list[Array]:
        """Real samples (n, *shape) an input as this network takes them."""
        return [self.own(x, t) for x, t in zip(xs, self.graph.inputs, strict=True)]

    def own(self, real: Array, t: Tensor) -> Array:
        """Real values (n, ...) as the activation `t` of this network holds them."""
        shaped = real.reshape(len(real), *t.shape)
        if quantized(t):
            return inputs.quantize(shaped, t)
        return shaped.astype(t.dtype, copy=False)

    def compute(self, op: Op, *xs: Array) -> tuple[Array, ...]:
        """The outputs (n, *shape) of `op`. Raises AscuaError naming the file and the operator."""
        edge = op.tflite != "QUANTIZE" and any(t.dtype == "float32" for t in op.activations)
        real = edge or not self.integer
        try:
            return floats.compute(op, *xs) if real else each(op.run(*xs))
        except AscuaError as e:
            raise type(e)(f"{self.name}: {e.what}", e.things_to_try) from e

    def walk(self, xs: Sequence[Array]) -> Iterator[tuple[Tensor, Array]]:
        """Each activation and its values (n, *shape), for samples as `given` answers them."""
        return self.graph.walk(xs, self.compute)

    def integers(self, t: Tensor) -> Integers | None:
        """What the values of an activation stand for; None of floats."""
        return Integers(t.q.scale, t.q.zero_point, *limits(t.dtype)) if quantized(t) else None

    def rerun(self, xs: Sequence[Array], instead: Callable[[Tensor, Array], Array]) -> None:
        """Run on real samples, each activation exchanged for what `instead` makes of it."""
        start = [instead(t, x) for t, x in zip(self.graph.inputs, self.given(xs), strict=True)]

        def compute(op: Op, *given: Array) -> tuple[Array, ...]:
            made = zip(op.outputs, self.compute(op, *given), strict=True)
            return tuple(instead(t, y) for t, y in made)

        for _ in self.graph.walk(start, compute):
            pass


def prepared(graph: Graph, name: str) -> Network:
    """`graph`, of the file `name`, ready to be compared; without an ARG_MAX at its end.

    Raises Unsupported for what cannot be run, and for inputs that are no real values.
    """
    integer = any(quantized(t) for t in graph.tensors() if not t.const)
    try:
        ready = prepare(graph, name) if integer else simplify(graph, name)
    except InputError as e:
        raise InputError(f"{name}: {e.what}", e.things_to_try) from e
    check_stateless(ready, name)
    for t in ready.inputs:
        if t.dtype != "float32" and not quantized(t):
            raise Unsupported(
                f"{name}: its input '{brief(t.name)}' is {t.dtype} without a scale.",
                ["Networks are compared on real values: floats, or quantised ones."],
            )
    return Network(name, without_index(ready))


def quantized(t: Tensor) -> bool:
    """Whether `t` holds integers that stand for real values."""
    return t.quant is not None and t.dtype != "float32"


def check_together(a: Observed, b: Observed) -> None:
    """Raise InputError unless both take the same inputs and answer as many values."""
    for what, ts, us in (
        ("input", a.graph.inputs, b.graph.inputs),
        ("output", a.graph.outputs, b.graph.outputs),
    ):
        shapes = [[t.shape for t in side] for side in (ts, us)]
        sizes = [[t.size for t in side] for side in (ts, us)]
        if shapes[0] != shapes[1] if what == "input" else sizes[0] != sizes[1]:
            first, second = (", ".join(str(list(s)) for s in side) for side in shapes)
            raise InputError(
                f"{a.name} and {b.name} have nothing to compare: the {what} of the one is"
                f" {first}, of the other {second}.",
                ["Give two networks for the same task: same input shape, same outputs."],
            )


def check_range(net: Observed, xs: Sequence[Array]) -> None:
    """Raise InputError unless the real samples `xs` fit the range of quantised inputs."""
    for t, x in zip(net.graph.inputs, xs, strict=True):
        held = net.integers(t)
        if held is None:
            continue
        low, high = held.reach
        if wrong := outside(x, (low, high), held.scale):
            raise InputError(
                f"{net.name}: its input '{brief(t.name)}' is made for {low:.4g} to {high:.4g}, and"
                f" {wrong}.",
                [
                    f"Of images: `--input-range {low:.4g} {high:.4g}` says what pixels 0 and 255"
                    " are.",
                    "Of arrays: scale them as in training.",
                ],
            )


def batch(a: Observed, b: Observed, theirs: Iterable[Tensor]) -> int:
    """How many samples are run at once: memory is bounded."""
    largest = max(t.bytes for net in (a, b) for t in net.graph.tensors() if not t.const)
    kept = sum(t.bytes for t in theirs)
    return int(min(256, max(1, floats.BATCH_BYTES // (8 * largest + 2 * kept))))
