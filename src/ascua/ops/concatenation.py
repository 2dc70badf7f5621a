"""CONCATENATION: tensors of one scale, one after the other along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _activation, _conditions, _moves

MOST_INPUTS = 10
"""As in TFLM."""

MOST_DIMENSIONS = 6
"""As in TFLM."""


@dataclass(frozen=True, eq=False)
class Concatenation(Op):
    """y = the inputs side by side along `axis`, which counts from the last where negative."""

    axis: int
    activation: _activation.Activation = "NONE"

    tflite = "CONCATENATION"
    floats = True
    options = "ConcatenationOptions"
    max_version = 3
    types = ("int8", "int16")
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        number = node.options["fused_activation_function"]
        return cls(
            node.inputs,
            node.outputs,
            axis=int(node.options["axis"]),
            activation=_activation.read_activation(number),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "axis": self.axis,
            "fused_activation_function": _activation.ACTIVATIONS.index(self.activation),
        }

    @property
    def at(self) -> int:
        """The axis, counted from the first."""
        return self.axis % len(self.y.shape)

    def check(self) -> str | None:
        reason = _conditions.arity(self, len(self.inputs))
        if reason:
            return reason
        tensors = [t for t in self.inputs if t is not None]
        if len(tensors) > MOST_INPUTS:
            return f"it has {len(tensors)} inputs; at most {MOST_INPUTS} are taken"
        reason = _conditions.first(
            *(_conditions.filled(t, MOST_DIMENSIONS) for t in (*tensors, self.y)),
            _conditions.quantized(self, *tensors, self.y),
            *(_conditions.computed(t) for t in tensors),
        )
        if reason:
            return reason
        if self.activation != "NONE":
            return f"it has the fused activation {self.activation}, and TFLM takes none"
        for t in tensors:
            if (t.q.scale, t.q.zero_point) != (self.y.q.scale, self.y.q.zero_point):
                return (
                    f"'{t.name}' has the scale {t.q.scale:g} and zero point {t.q.zero_point}, and"
                    f" its output {self.y.q.scale:g} and {self.y.q.zero_point}; they must be the"
                    " same: export with a converter that puts a QUANTIZE between"
                )
        return self.malformed()

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, len(self.inputs)):
            return reason
        tensors = [t for t in self.inputs if t is not None]
        whole = () if self._shapes() else map(_conditions.computed, tensors)
        if reason := _conditions.first(*whole, *(_moves.one_type(self.y, t) for t in tensors)):
            return reason
        rank = len(self.y.shape)
        if not -rank <= self.axis < rank:
            return f"its axis {self.axis} does not exist in an output of {rank} dimensions"
        at = self.at
        for s in (t.shape for t in tensors):
            if (
                len(s) != rank
                or s[:at] != self.y.shape[:at]
                or s[at + 1 :] != self.y.shape[at + 1 :]
            ):
                return f"an input of the shape {list(s)} is no part of {list(self.y.shape)}"
        if sum(t.shape[at] for t in tensors) != self.y.shape[at]:
            return f"its inputs do not add up to {self.y.shape[at]} along axis {at}"
        return None

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        last = len(self.y.shape) - 1
        whole = len(self.activations) == len(self.inputs)
        if not whole or self.at != last or not _activation.scales(self.activation):
            return []
        starts = np.cumsum([0, *(t.shape[last] for t in self.activations)]).tolist()
        return [*zip(self.activations, starts, strict=False), (self.y, 0)]

    def eval(self, *xs: Array) -> Array:
        return np.concatenate(xs, axis=1 + self.at)

    def _shapes(self) -> bool:
        """Whether all of it is known beforehand, and no larger than shapes are."""
        return not self.activations and self.y.size <= _conditions.MOST_IN_A_SHAPE

    def constant(self) -> Array | None:
        if not self._shapes():
            return None
        return np.concatenate([t.values for t in self.inputs if t is not None], axis=self.at)
