"""SPACE_TO_DEPTH: blocks of pixels become channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves


@dataclass(frozen=True, eq=False)
class SpaceToDepth(Op):
    """y[b, oy, ox, (ky * n + kx) * channels + c] = x[b, oy * n + ky, ox * n + kx, c], n = block."""

    block: int

    tflite = "SPACE_TO_DEPTH"
    floats = True
    options = "SpaceToDepthOptions"
    max_version = 2
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, int(node.options["block_size"]))

    def write(self) -> Mapping[str, Any]:
        return {"block_size": self.block}

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 1) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.rank(self.x, 4),
            _moves.one_type(self.x, self.y),
        )
        if reason:
            return reason
        b, h, w, c = self.x.shape
        n = self.block
        if n < 1 or h % n or w % n:
            return f"its blocks of {n} by {n} do not divide an image of {h} by {w}"
        return _conditions.output_shape(self, (b, h // n, w // n, c * n * n))

    def check(self) -> str | None:
        return (
            _conditions.arity(self, 1)
            or _moves.condition(self, self.x, self.y, most=4)
            or self.malformed()
        )

    def eval(self, *xs: Array) -> Array:
        _, h, w, c = self.x.shape
        n = self.block
        blocks = xs[0].reshape(-1, h // n, n, w // n, n, c)
        return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(-1, *self.y.shape)
