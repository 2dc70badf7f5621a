"""MIRROR_PAD: a frame around a tensor, of its own values mirrored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 5
"""As the kernel has loops."""


@dataclass(frozen=True, eq=False)
class MirrorPad(Op):
    """y = x with constant paddings a dimension, which repeat it backwards.

    Where it is `symmetric` the value at the edge is repeated too.
    """

    symmetric: bool = False

    tflite = "MIRROR_PAD"
    floats = True
    options = "MirrorPadOptions"
    max_version = 3
    types = ("int8",)
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, symmetric=bool(node.options["mode"]))

    def write(self) -> Mapping[str, Any]:
        return {"mode": int(self.symmetric)}

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _moves.integers(
            self.inputs[1], "paddings", "int32", "int64"
        )
        if reason:
            return reason
        paddings = _moves.listed(self.inputs[1])
        if len(paddings) != 2 * len(self.x.shape):
            return f"its {len(paddings)} paddings are not two a dimension"
        for (before, after), size in zip(self.pads(), self.x.shape, strict=True):
            if not 0 <= min(before, after) <= max(before, after) <= size - (not self.symmetric):
                return f"it mirrors {max(before, after)} values of a dimension of {size}"
        sizes = zip(self.pads(), self.x.shape, strict=True)
        expected = tuple(b + d + a for (b, a), d in sizes)
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

    def pads(self) -> list[tuple[int, int]]:
        """Elements before and after, for each dimension."""
        values = _moves.listed(self.inputs[1])
        return list(zip(values[::2], values[1::2], strict=True))

    def eval(self, *xs: Array) -> Array:
        mode: Any = "symmetric" if self.symmetric else "reflect"
        return np.pad(xs[0], [(0, 0), *self.pads()], mode=mode)

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
