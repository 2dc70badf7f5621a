"""What operators share that make one value of many along some axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op, Tensor, limits
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 6
"""Then kept and reduced axes take turns three times at most: kernels have that many loops."""

MOST_VALUES = {"int8": 1 << 22, "int16": 1 << 15}
"""Of one result: then its sum is far from overflowing."""


@dataclass(frozen=True, eq=False)
class Reduction(Op):
    """An operator whose second input names the axes."""

    keep_dims: bool

    options = "ReducerOptions"

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, keep_dims=bool(node.options["keep_dims"]))

    def write(self) -> Mapping[str, Any]:
        return {"keep_dims": self.keep_dims}

    @property
    def named(self) -> Tensor:
        """The axes as the file names them: int32, negative ones from the end."""
        assert self.inputs[1] is not None
        return self.inputs[1]

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes to reduce, ascending; those of size 1 need no work and are left out."""
        rank = len(self.x.shape)
        every = {a % rank for a in _moves.listed(self.named)}
        return tuple(sorted(a for a in every if self.x.shape[a] > 1))

    @property
    def count(self) -> int:
        """How many values each result is made of."""
        return prod(self.x.shape[a] for a in self.axes)

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 2) or _conditions.computed(self.x):
            return reason
        return self.misshapen()

    def misshapen(self) -> str | None:
        """None, or why its axes do not make its output of its input."""
        reason = _conditions.filled(self.x) or _moves.integers(
            self.named, f"axes '{self.named.name}'"
        )
        if reason:
            return reason
        rank = len(self.x.shape)
        named = _moves.listed(self.named)
        if not all(-rank <= a < rank for a in named):
            return f"its axes {named} do not exist in '{self.x.name}' of {rank} dimensions"
        dropped = {a % rank for a in named}
        kept = tuple(d for a, d in enumerate(self.x.shape) if a not in dropped)
        if self.keep_dims:
            kept = tuple(1 if a in dropped else d for a, d in enumerate(self.x.shape))
        return _conditions.output_shape(self, kept)

    def check(self) -> str | None:
        reason = _conditions.arity(self, 2) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x, MOST_DIMENSIONS),
            _conditions.quantized(self, self.x, self.y),
            self.malformed(),
        )
        if reason:
            return reason
        most = MOST_VALUES[self.x.dtype]
        return f"each result is of more than {most} values" if self.count > most else None

    def over_axes(self, function: Any, x: Array) -> Array:
        """`function` (of NumPy, with an `axis`) of x (n, *shape): (n, *output shape)."""
        y: Array = function(x, axis=tuple(a + 1 for a in self.axes))
        return y.reshape(len(x), *self.y.shape)


@dataclass(frozen=True, eq=False)
class SumReduction(Reduction):
    """A reduction that sums up and rescales."""

    types = ("int8", "int16")

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        last = len(self.x.shape) - 1
        kept = last not in self.axes and self.x.shape[-1:] == self.y.shape[-1:]
        return [(self.x, 0), (self.y, 0)] if kept else []

    def check(self) -> str | None:
        if reason := super().check():
            return reason
        low, high = limits(self.x.dtype)
        reach = max(high - self.x.q.zero_point, self.x.q.zero_point - low)
        return _conditions.rescaled(self.y, [reach * self.count], [self.factor()])

    def factor(self) -> tuple[int, int]:
        """Multiplier and shift from the sum to the output."""
        return fixed.quantize_multiplier(self.x.q.scale / self.y.q.scale)

    def eval(self, *xs: Array) -> Array:
        total = self.over_axes(np.sum, xs[0].astype(np.int64)) - self.x.q.zero_point * self.count
        scaled = fixed.multiply_by_quantized_multiplier(total, *self.factor())
        y: Array = np.clip(scaled + self.y.q.zero_point, *limits(self.y.dtype))
        return y.astype(self.y.dtype)
