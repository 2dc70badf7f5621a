"""Kernels of BATCH_MATMUL: products of matrices, of which one or none is constant."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ascua import fixed
from ascua.kernels import _broadcast
from ascua.kernels._broadcast import operands
from ascua.kernels._kernel import Const, Kernel
from ascua.kernels._scales import factor
from ascua.ops.batch_matmul import BatchMatMul


def to_output(op: BatchMatMul) -> float:
    """The factor from sums of products to the output."""
    return op.a.q.scale * op.b.q.scale / op.y.q.scale


class BatchMatMulS8(Kernel[BatchMatMul]):
    """One output at a time, by steps along both inputs."""

    name = "batch_matmul_s8"

    def params(self, op: BatchMatMul) -> Mapping[str, int]:
        fields = self.steps(op)
        for name, t in zip("ab", operands(op), strict=True):
            fields[f"{name}_zero"] = t.q.zero_point
        return {**fields, **factor(to_output(op)), "zero": op.y.q.zero_point}

    def steps(self, op: BatchMatMul) -> dict[str, int]:
        """The parameters by which a kernel finds the values of each sum."""
        rows, k, cols = op.sizes
        a_width, b_width = op.a.shape[-1], op.b.shape[-1]
        a_row, a_k = (1, a_width) if op.adj_x else (a_width, 1)
        b_k, b_col = (1, b_width) if op.adj_y else (b_width, 1)
        steps = [(op.a, (a_row, 0, a_k)), (op.b, (0, b_col, b_k))]
        if operands(op)[0] is not op.a:
            steps.reverse()
        fields = {
            "batches": prod(op.y.shape[:-2]),
            "loops": len(self._loops(op)),
            "rows": rows,
            "cols": cols,
            "k": k,
        }
        for name, (_, (row, col, along)) in zip("ab", steps, strict=True):
            fields |= {f"{name}_row": row, f"{name}_col": col, f"{name}_k": along}
        return fields

    def consts(self, op: BatchMatMul) -> tuple[Const, ...]:
        loops = np.array(self._loops(op), np.int32)
        return (*_broadcast.constant_operand(op), Const("loops", loops, "int32_t"))

    def _loops(self, op: BatchMatMul) -> list[tuple[int, int, int]]:
        """Turns of each loop over matrices and bytes from one to the next, innermost first."""
        batch = op.y.shape[:-2]
        found = []
        for axis in range(-1, -len(batch) - 1, -1):
            steps = []
            for t in operands(op):
                own = t.shape[:-2]
                wide = -axis <= len(own) and own[axis] > 1
                steps.append(prod(t.shape[axis - 1 :]) if wide else 0)
            found.append((batch[axis], steps[0], steps[1]))
        return found or [(1, 0, 0)]


class BatchMatMulS16(BatchMatMulS8):
    """The same for int16, with sums of 64 bits."""

    name = "batch_matmul_s16"
    types = ("int16",)

    def params(self, op: BatchMatMul) -> Mapping[str, int]:
        multiplier, down = fixed.wide_factor(*fixed.quantize_multiplier(to_output(op)))
        return {**self.steps(op), "multiplier": int(multiplier), "shift": int(down)}
