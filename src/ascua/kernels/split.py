"""Kernels of SPLIT and SPLIT_V: a tensor cut into several along an axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod

import numpy as np

from ascua.kernels._kernel import Const, Kernel, Run
from ascua.kernels._moves import copied
from ascua.ops.split import Split
from ascua.ops.unpack import Unpack


class SplitS8(Kernel[Split | Unpack]):
    """Copies a piece to each output in turn."""

    name = "split_s8"
    types = ("int8", "int16", "float32")
    bytewise = True
    scatters = True

    def params(self, op: Split | Unpack) -> Mapping[str, int]:
        sizes = self.sizes(op)
        return {
            "outputs": len(sizes),
            "turns": op.x.bytes // sum(sizes),
            "row": sum(sizes),
            "size": sizes[0] if len(set(sizes)) == 1 else 0,
        }

    def work(self, op: Split | Unpack) -> Run | None:
        last = isinstance(op, Split) and op.at == len(op.x.shape) - 1
        return Run("turns") if last else None

    def consts(self, op: Split | Unpack) -> tuple[Const, ...]:
        return (Const("sizes", np.array(self.sizes(op), np.int32), "int32_t"),)

    def terms(self, op: Split | Unpack) -> Mapping[str, float]:
        turns = prod(op.x.shape[: op.at])
        found: Counter[str] = Counter({"piece": len(op.outputs)})
        for size in self.sizes(op):
            found.update(copied("few" if size <= 16 else "many", turns, size))
        return found

    def sizes(self, op: Split | Unpack) -> list[int]:
        """Bytes of each output that lie together in the input."""
        turns = prod(op.x.shape[: op.at])
        return [t.bytes // turns for t in op.outputs]
