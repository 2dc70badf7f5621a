"""MEAN: the mean over some axes, as at the end of many classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Kernel, Node, Op, Tensor
from ascua.ops import conditions

MOST_VALUES = 1 << 22
"""Of one mean: then its sum is far from overflowing."""


class MeanS8(Kernel):
    """Neighboring axes as one, four results at a time."""

    name = "mean_s8"

    def params(self, op: Mean) -> Mapping[str, int]:
        multiplier, shift = op.factor()
        shape, axes = op.x.shape, op.axes
        first, last = (axes[0], axes[-1]) if axes else (0, -1)
        n = prod(shape[first : last + 1])
        return {
            "outer": prod(shape[:first]),
            "n": n,
            "inner": prod(shape[last + 1 :]),
            "offset": -n * op.x.q.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "zero": op.y.q.zero_point,
        }


@dataclass(frozen=True, eq=False)
class Mean(Op):
    """y = mean of x over the axes that the second input names."""

    keep_dims: bool

    tflite = "MEAN"
    options = "ReducerOptions"
    max_version = 2
    kernels = (MeanS8(),)

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
        every = {int(a) % rank for a in self.named.values.reshape(-1)}
        return tuple(sorted(a for a in every if self.x.shape[a] > 1))

    def check(self) -> str | None:
        reason = conditions.arity(self, 2) or conditions.first(
            conditions.computed(self.x),
            conditions.filled(self.x),
            conditions.int8(self.x, self.y),
        )
        if reason:
            return reason
        if not self.named.const or self.named.dtype != "int32":
            return f"its axes '{self.named.name}' are not constants of int32"
        rank = len(self.x.shape)
        named = [int(a) for a in self.named.values.reshape(-1)]
        if not all(-rank <= a < rank for a in named):
            return f"its axes {named} do not exist in '{self.x.name}' of {rank} dimensions"
        between = range(self.axes[0], self.axes[-1] + 1) if self.axes else range(0)
        if any(a not in self.axes and self.x.shape[a] > 1 for a in between):
            return f"its axes {named} of {list(self.x.shape)} are not neighbors"
        if prod(self.x.shape[a] for a in self.axes) > MOST_VALUES:
            return f"each mean is of more than {MOST_VALUES} values"
        dropped = {a % rank for a in named}
        kept = tuple(d for a, d in enumerate(self.x.shape) if a not in dropped)
        if self.keep_dims:
            kept = tuple(1 if a in dropped else d for a, d in enumerate(self.x.shape))
        return conditions.output_shape(self, kept)

    def factor(self) -> tuple[int, int]:
        """Multiplier and shift from sum to output.

        As in TFLM, the scales' multiplier is divided by the number of values and cut off; it may
        lie below 2**30.
        """
        multiplier, shift = fixed.quantize_multiplier(self.x.q.scale / self.y.q.scale)
        n = prod(self.x.shape[a] for a in self.axes)
        up = min(n.bit_length() - 1, 31 + shift)
        return (multiplier << up) // n, shift - up

    def eval(self, *xs: Array) -> Array:
        axes = tuple(a + 1 for a in self.axes)
        total = xs[0].astype(np.int64).sum(axis=axes)
        total -= self.x.q.zero_point * prod(self.x.shape[a] for a in self.axes)
        means = fixed.multiply_by_quantized_multiplier(total, *self.factor()) + self.y.q.zero_point
        y: Array = np.clip(means, -128, 127).astype(np.int8)
        return y.reshape(len(xs[0]), *self.y.shape)
