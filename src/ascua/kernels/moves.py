"""The kernel of operators that put the input's bytes into another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ascua.ir import ITEMSIZE
from ascua.kernels.kernel import Kernel
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.moves import OUTER_LOOPS
from ascua.ops.slice import Slice
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.transpose import Transpose


class MoveS8(Kernel[DepthToSpace | Slice | SpaceToDepth | StridedSlice | Transpose]):
    """Copies runs of adjacent bytes, as long as they can be."""

    name = "move_s8"
    types = ("int8", "int16")
    bytewise = True

    def params(
        self, op: DepthToSpace | Slice | SpaceToDepth | StridedSlice | Transpose
    ) -> Mapping[str, int]:
        move, size = op.move(), ITEMSIZE[op.x.dtype]
        # The bytes of an element are the innermost loop.
        loops = merged((*move.shape, size), (*(s * size for s in move.steps), 1))
        run = loops.pop()[0] if loops and loops[-1][1] == 1 else 1
        inner = loops.pop() if loops else (1, 0)
        outer = [(1, 0)] * (OUTER_LOOPS - len(loops)) + loops
        fields = {"offset": move.offset * size}
        fields |= {f"n{i}": n for i, (n, _) in enumerate(outer)}
        fields |= {f"step{i}": step for i, (_, step) in enumerate(outer)}
        return {**fields, "n": inner[0], "step": inner[1], "run": run}


def merged(shape: Sequence[int], steps: Sequence[int]) -> list[tuple[int, int]]:
    """Loops (turns, step), the outermost first, as few as possible."""
    loops: list[tuple[int, int]] = []
    for n, step in zip(shape, steps, strict=True):
        if n == 1:
            continue
        if loops and loops[-1][1] == n * step:
            loops[-1] = (loops[-1][0] * n, step)
        else:
            loops.append((n, step))
    return loops
