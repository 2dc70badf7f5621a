"""What the generators of operators draw from: numbers, and the tensors of a growing network."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import TypeVar

import numpy as np

from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops.reshape import Reshape

T = TypeVar("T")

MOST_INPUTS = 4
"""Of one network, as far as its operators let it."""

MOST_ELEMENTS = 1000
"""Of one tensor: many networks together fit into the smallest board."""

RECENT = 5
"""How many of the newest tensors an operator may read."""

CHANNELS = (1, 4, 3, 5, 2, 7, 8, 9, 12, 13, 15, 16, 17, 6, 20, 31, 32, 33)
EXPONENTS = (4, 5, 6, 3, 7, 2, 8, 1)
LEAST_SCALE = 1e-8
"""Below 6 / 2**31, tflite-micro refuses a RELU6: its limit overflows."""

LIMITS = {"int8": (-128, 127)}
"""The least and the greatest value of each type that activations have."""


class Refused(Exception):
    """An operator that Ascua does not take, or that grows too large; another one is drawn."""


class Draw:
    """Whole numbers: first the given ones, then random ones, or the least without a seed.

    `made` is what was answered: given to another `Draw`, it makes the same network.
    """

    def __init__(self, seed: int | None, given: Sequence[int] = ()) -> None:
        self.random = None if seed is None else random.Random(seed)
        self.given = given
        self.made: list[int] = []

    def integer(self, low: int, high: int) -> int:
        """Between `low`, the simplest, and `high`, both inclusive."""
        at = len(self.made)
        if at < len(self.given):
            number = min(max(self.given[at], low), high)
        else:
            number = low if self.random is None else self.random.randint(low, high)
        self.made.append(number)
        return number

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, the simplest first."""
        return options[self.integer(0, len(options) - 1)]

    def one_in(self, n: int) -> bool:
        """True once in `n` times."""
        return self.integer(0, n - 1) > n - 2

    def values(self) -> np.random.Generator:
        """What draws many values at once; they are never shrunk."""
        return np.random.default_rng(self.integer(0, 1 << 16))


class Builder:
    """A network as it grows. Every tensor has a name of its own, with `prefix` in front."""

    def __init__(self, draw: Draw, prefix: str, dtype: str = "int8") -> None:
        self.draw = draw
        self.prefix = prefix
        self.dtype = dtype
        self.inputs: list[Tensor] = []
        self.ops: list[Op] = []
        self.live: list[Tensor] = []
        self.hidden: set[Tensor] = set()
        self.named = 0

    # Growing

    def add(self, op: Op) -> Op:
        """Appends `op`, whose outputs may be read from now on. Raises Refused."""
        if reason := op.check():
            raise Refused(f"{op.tflite}: {reason}")
        if max(t.size for t in op.outputs) > MOST_ELEMENTS:
            raise Refused(f"{op.tflite}: too large")
        self.ops.append(op)
        self.live += op.outputs
        return op

    def append(self, op: Op) -> None:
        """Appends `op`, unchecked, for the passes to fold or fuse: only the next one reads it."""
        self.ops.append(op)
        self.hidden.update(t for t in op.outputs)

    def name(self, stem: str) -> str:
        """A name that is not used yet."""
        self.named += 1
        return f"{self.prefix}{stem}{self.named}"

    def new_input(self, shape: Sequence[int], quant: Quant | None = None) -> Tensor:
        """Another input of the network, of the network's type."""
        t = self.activation(shape, quant, "x")
        self.inputs.append(t)
        self.live.append(t)
        return t

    def activation(
        self, shape: Sequence[int], quant: Quant | None = None, stem: str = "t"
    ) -> Tensor:
        """What an operator shall compute, quantised at random where nothing is given."""
        return Tensor(self.name(stem), tuple(shape), self.dtype, quant or self.quant())

    def like(self, t: Tensor, shape: Sequence[int] | None = None) -> Tensor:
        """A new tensor quantised as `t`."""
        return replace(t, name=self.name("t"), shape=t.shape if shape is None else tuple(shape))

    # Drawing

    def size(self, most: int = 7) -> int:
        """Rows, columns, or any such."""
        return self.draw.integer(1, most)

    def channels(self) -> int:
        """Around multiples of four, mostly."""
        return self.draw.pick(CHANNELS)

    def shape(self, least: int = 1, most: int = 5) -> tuple[int, ...]:
        """Between `least` and `most` dimensions, not too large together."""
        rank = self.draw.integer(least, most)
        sizes = [self.size((0, 40, 20, 9, 6, 4, 3, 2, 2)[rank]) for _ in range(rank)]
        return tuple(sizes)

    def scale(self) -> float:
        """A float32 scale; seldom far away from the others."""
        exponent = self.draw.pick(EXPONENTS)
        if self.draw.one_in(24):
            exponent = self.draw.integer(-4, 20)
        return float(np.float32(2.0**-exponent * (1 + self.draw.integer(0, 1023) / 1024)))

    def zero(self) -> int:
        """A zero point, often at an edge."""
        low, high = LIMITS[self.dtype]
        return self.draw.pick((0, -3, low, high, low, self.draw.integer(low, high)))

    def quant(self, reach: float | None = None) -> Quant:
        """One scale and zero point; the scale is such that it holds reals up to about `reach`."""
        scale = self.scale()
        if reach is not None and not self.draw.one_in(12):
            part = self.draw.pick((1.0, 0.5, 0.25, 0.9, 1.7))
            scale = float(np.float32(max(reach * part / 128, LEAST_SCALE)))
        return Quant((scale,), (self.zero(),))

    def chosen(self, fits: Callable[[Tensor], bool]) -> Tensor | None:
        """One of the newest tensors that fit; None where a new input shall be made."""
        found = [t for t in reversed(self.live) if fits(t)][:RECENT]
        new = len(self.inputs) < MOST_INPUTS or not found
        options: list[Tensor | None] = [None] if new else []
        return self.draw.pick([*options, *found])

    def any(self, least: int = 1, most: int = 5) -> Tensor:
        """A tensor with any sizes."""
        t = self.chosen(lambda t: t.dtype == self.dtype and least <= len(t.shape) <= most)
        return t or self.new_input(self.shape(least, most))

    def exactly(self, shape: Sequence[int], quant: Quant | None = None) -> Tensor:
        """A tensor of this shape, and of this quantisation where one is given."""

        def fits(t: Tensor) -> bool:
            same = quant is None or t.quant == quant
            return t.dtype == self.dtype and t.shape == tuple(shape) and same

        return self.chosen(fits) or self.new_input(shape, quant)

    def image(self) -> Tensor:
        """A tensor (1, h, w, c): there already, or another one's values, or an input."""
        t = self.chosen(lambda t: t.dtype == self.dtype and t.size > 1)
        if t is None:
            c = self.channels()
            most = 9 if c < 9 else 5
            return self.new_input((1, self.size(most), self.size(most), c))
        if len(t.shape) == 4 and t.shape[0] == 1:
            return t
        c = self.draw.pick([d for d in range(1, 41) if t.size % d == 0])
        h = self.draw.pick([d for d in range(1, 41) if t.size // c % d == 0])
        y = self.like(t, (1, h, t.size // c // h, c))
        self.add(Reshape((t,), (y,), y.shape))
        return y

    def constant(
        self, data: Array, scales: Sequence[float] | None = None, zero: int = 0, axis: int = 0
    ) -> Tensor:
        """A constant; quantised, by slices of `axis` where there are several scales."""
        quant = Quant(tuple(scales), (zero,) * len(scales), axis) if scales else None
        return Tensor(self.name("c"), data.shape, str(data.dtype), quant, data)

    def integers(self, values: object) -> Tensor:
        """A constant of int32."""
        return self.constant(np.array(values, np.int32))

    def bytes(self, shape: Sequence[int], low: int = -127, high: int = 127) -> Array:
        """int8 values: at random, or all the same, or the extremes."""
        rng = self.draw.values()
        some = [rng.integers(low, high + 1, shape), rng.choice([low, high], shape)]
        all_same = [np.full(shape, v) for v in (0, low, high)]
        return self.draw.pick([*some[:1] * 6, *some[1:], *all_same]).astype(np.int8)

    def graph(self, name: str) -> Graph:
        """The network: what nobody reads is an output, and some that are read as well."""
        read = {t for op in self.ops for t in op.inputs}
        made = [t for op in self.ops for t in op.outputs if t not in self.hidden]
        every = self.draw.one_in(3)
        kept = [t for t in made if t not in read or every or self.draw.one_in(8)]
        used = tuple(t for t in self.inputs if t in read)
        return Graph(name, used, tuple(kept), tuple(self.ops))


def reach(t: Tensor) -> float:
    """The greatest real value of `t`, about."""
    assert t.quant is not None
    low, high = LIMITS.get(t.dtype, (-128, 127))
    return t.quant.scale * max(high - t.quant.zero_point, t.quant.zero_point - low)


def products(*ts: Tensor) -> float:
    """The product of their greatest real values."""
    return prod(reach(t) for t in ts)
