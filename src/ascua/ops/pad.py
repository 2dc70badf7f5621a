"""PAD and PADV2: a frame of one value around a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _conditions

MOST_DIMENSIONS = 5
"""As in TFLM."""


@dataclass(frozen=True, eq=False)
class Pad(Op):
    """y = x with constant paddings before and after each dimension, of the output's zero point."""

    tflite = "PAD"
    floats = True
    options = "PadOptions"
    max_version = 4
    types = ("int8", "int16")
    one_scale = True
    arity: ClassVar[int] = 2

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    @property
    def value(self) -> int:
        """The quantised value of the padding."""
        return self.y.q.zero_point

    def pads(self) -> list[tuple[int, int]]:
        """Elements before and after, for each dimension."""
        paddings = self.inputs[1]
        assert paddings is not None
        return [(int(a), int(b)) for a, b in paddings.values.reshape(-1, 2)]

    def check(self) -> str | None:
        reason = _conditions.arity(self, self.arity) or _conditions.first(
            *(_conditions.filled(t, MOST_DIMENSIONS) for t in (self.x, self.y)),
            _conditions.quantized(self, self.x, self.y),
            self.malformed(),
        )
        if reason:
            return reason
        if (self.x.q.scale, self.x.q.zero_point) != (self.y.q.scale, self.y.q.zero_point):
            return "its output's quantisation differs from its input's, and TFLM rescales nothing"
        return None

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, self.arity):
            return reason
        reason = _conditions.first(
            _conditions.filled(self.x), _conditions.filled(self.y), _conditions.computed(self.x)
        )
        paddings = self.inputs[1]
        if reason or paddings is None:
            return reason
        if not paddings.const:
            return f"its paddings '{paddings.name}' are computed, not constant"
        if paddings.dtype not in ("int32", "int64") or paddings.size != 2 * len(self.x.shape):
            return f"its paddings '{paddings.name}' are not two integers a dimension"
        if any(before < 0 or after < 0 for before, after in self.pads()):
            return "it cuts with negative paddings; use a slice before the model's input"
        sizes = zip(self.pads(), self.x.shape, strict=True)
        return _conditions.output_shape(self, tuple(b + d + a for (b, a), d in sizes))

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        return [] if any(map(any, self.pads()[-1:])) else [(self.x, 0), (self.y, 0)]

    def eval(self, *xs: Array) -> Array:
        return np.pad(xs[0], [(0, 0), *self.pads()], constant_values=self.value)

    def eval_float(self, *xs: Array) -> Array:
        return np.pad(xs[0], [(0, 0), *self.pads()])


@dataclass(frozen=True, eq=False)
class PadV2(Pad):
    """The same, with a third input for the padding's value."""

    tflite = "PADV2"
    floats = True
    options = "PadV2Options"
    arity = 3

    @property
    def value(self) -> int:
        """The quantised value of the padding."""
        constant = self.inputs[2]
        assert constant is not None
        return int(constant.values.reshape(-1)[0])

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        return []

    def malformed(self) -> str | None:
        if reason := super().malformed():
            return reason
        constant = self.inputs[2]
        assert constant is not None
        if not constant.const or constant.size != 1:
            return f"the value of its padding '{constant.name}' is not one constant"
        return None

    def check(self) -> str | None:
        if reason := _conditions.arity(self, 3):
            return reason
        constant = self.inputs[2]
        assert constant is not None
        if reason := _conditions.quantized(self, constant, self.y):
            return reason
        if (constant.q.scale, constant.q.zero_point) != (self.y.q.scale, self.y.q.zero_point):
            return f"its padding '{constant.name}' has another quantisation than its output"
        return super().check()

    def eval_float(self, *xs: Array) -> Array:
        constant = self.inputs[2]
        assert constant is not None
        value = constant.values.reshape(-1)[0]
        return np.pad(xs[0], [(0, 0), *self.pads()], constant_values=value)
