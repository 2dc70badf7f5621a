"""The kernel of operators that copy runs from places that a table lists for each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ascua.ir import ITEMSIZE
from ascua.kernels._kernel import Const, Kernel
from ascua.kernels._moves import copied, dot, integers, strides
from ascua.ops.gather import Gather
from ascua.ops.gather_nd import GatherNd
from ascua.ops.mirror_pad import MirrorPad

LOOPS = 5
"""Those of the C."""


class GatherS8(Kernel[Gather | GatherNd | MirrorPad]):
    """Copies each run from where the tables say."""

    name = "gather_s8"
    types = ("int8", "float32")
    bytewise = True

    def params(self, op: Gather | GatherNd | MirrorPad) -> Mapping[str, int]:
        tables, run = self.tables(op)
        sizes = [1] * (LOOPS - len(tables)) + [len(t) for t in tables]
        return {**{f"n{i}": n for i, n in enumerate(sizes)}, "run": run}

    def consts(self, op: Gather | GatherNd | MirrorPad) -> tuple[Const, ...]:
        tables, _ = self.tables(op)
        places = [0] * (LOOPS - len(tables)) + [p for table in tables for p in table]
        return (Const("places", np.array(places, np.int32), "int32_t"),)

    def terms(self, op: Gather | GatherNd | MirrorPad) -> Mapping[str, float]:
        tables, run = self.tables(op)
        turns = prod(len(t) for t in tables)
        loops = turns // len(tables[-1]) if tables else 1
        return {"loop": loops, **copied("few" if run <= 16 else "many", turns, run)}

    def tables(self, op: Gather | GatherNd | MirrorPad) -> tuple[list[list[int]], int]:
        """Bytes of input for each turn of each loop, the outermost first; and of a run."""
        size = ITEMSIZE[op.x.dtype]
        steps = [size * step for step in strides(op.x.shape)]
        if isinstance(op, Gather):
            at = op.axis % len(op.x.shape)
            outer, n = prod(op.x.shape[:at]), op.x.shape[at]
            run = size * prod(op.x.shape[at + 1 :])
            return [
                [i * n * run for i in range(outer)],
                [i * run for i in integers(op.inputs[1])],
            ], run
        if isinstance(op, GatherNd):
            assert op.inputs[1] is not None
            n = op.inputs[1].shape[-1]
            listed = integers(op.inputs[1])
            lists = [listed[i : i + n] for i in range(0, len(listed), n)]
            return [[dot(at, steps[:n]) for at in lists]], size * prod(op.x.shape[n:])
        pads = integers(op.inputs[1])
        split = max((i // 2 + 1 for i, n in enumerate(pads) if n), default=0)
        tables = []
        for i in range(split):
            edge = 1 if op.symmetric else 0
            before, n = pads[2 * i], op.x.shape[i]
            places = [p - before for p in range(op.y.shape[i])]
            inside = [-p - edge if p < 0 else p if p < n else 2 * n - 2 - p + edge for p in places]
            tables.append([steps[i] * p for p in inside])
        return tables, size * prod(op.x.shape[split:])
