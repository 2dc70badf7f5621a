"""Kernels of CONCATENATION: tensors of one scale, one after the other along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ascua.kernels._kernel import Const, Kernel, Run
from ascua.ops.concatenation import Concatenation
from ascua.ops.pack import Pack


class ConcatenationS8(Kernel[Concatenation | Pack]):
    """Copies a piece of each input in turn."""

    name = "concatenation_s8"
    types = ("int8", "int16", "float32")
    bytewise = True
    gathers = True

    def params(self, op: Concatenation | Pack) -> Mapping[str, int]:
        return {"inputs": len(op.inputs), "turns": prod(op.y.shape[: op.at])}

    def work(self, op: Concatenation | Pack) -> Run | None:
        last = isinstance(op, Concatenation) and op.at == len(op.y.shape) - 1
        every = len(op.activations) == len(op.inputs)
        return Run("turns") if last and every else None

    def terms(self, op: Concatenation | Pack) -> Mapping[str, float]:
        turns = prod(op.y.shape[: op.at])
        return {"turn": turns, "piece": turns * len(op.activations), "byte": op.y.bytes}

    def consts(self, op: Concatenation | Pack) -> tuple[Const, ...]:
        turns = prod(op.y.shape[: op.at])
        sizes = [t.bytes // turns for t in op.activations]
        return (Const("sizes", np.array(sizes, np.int32), "int32_t"),)
