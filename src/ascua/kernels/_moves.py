"""The kernel of operators that put the input's bytes into another order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import NamedTuple, TypeAlias

from ascua.ir import ITEMSIZE, Tensor
from ascua.kernels._kernel import Kernel
from ascua.ops.broadcast_to import BroadcastTo
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.reverse_v2 import ReverseV2
from ascua.ops.slice import Slice
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.tile import Tile
from ascua.ops.transpose import Transpose

OUTER_LOOPS = 4
"""Loops of the C beside the innermost one: enough for any order of five dimensions."""

Mover: TypeAlias = (
    BroadcastTo | DepthToSpace | ReverseV2 | Slice | SpaceToDepth | StridedSlice | Tile | Transpose
)


class Move(NamedTuple):
    """Where the output's elements, in order, lie in the input.

    `offset` is where the first one lies, `shape` how often each loop turns, the outermost first,
    and `steps` the elements of input from one turn to the next; they may be negative.
    """

    offset: int
    shape: Sequence[int]
    steps: Sequence[int]


class MoveS8(
    Kernel[
        BroadcastTo | DepthToSpace | ReverseV2 | Slice | SpaceToDepth | StridedSlice | Tile
        | Transpose
    ]
):  # fmt: skip
    """Copies runs of adjacent bytes, as long as they can be."""

    name = "move_s8"
    types = ("int8", "int16", "float32")
    bytewise = True

    def fits(self, op: Mover) -> bool:
        return len(self.loops(op)) <= OUTER_LOOPS + 2

    def loops(self, op: Mover) -> list[tuple[int, int]]:
        """Turns and bytes of input of each loop; the bytes of an element are the innermost one."""
        move, size = move_of(op), ITEMSIZE[op.x.dtype]
        return merged((*move.shape, size), (*(s * size for s in move.steps), 1))

    def params(self, op: Mover) -> Mapping[str, int]:
        move, size, loops = move_of(op), ITEMSIZE[op.x.dtype], self.loops(op)
        run = loops.pop()[0] if loops and loops[-1][1] == 1 else 1
        inner = loops.pop() if loops else (1, 0)
        outer = [(1, 0)] * (OUTER_LOOPS - len(loops)) + loops
        fields = {"offset": move.offset * size}
        fields |= {f"n{i}": n for i, (n, _) in enumerate(outer)}
        fields |= {f"step{i}": step for i, (_, step) in enumerate(outer)}
        return {**fields, "n": inner[0], "step": inner[1], "run": run}

    def terms(self, op: Mover) -> Mapping[str, float]:
        fields = self.params(op)
        run, n = fields["run"], op.y.bytes // fields["run"]
        return {"loop": n // fields["n"], **copied("few" if run <= 16 else "many", n, run)}


def copied(name: str, n: int, size: int) -> dict[str, float]:
    """How often parts run where `n` pieces of `size` bytes are copied."""
    if size == 1:
        return {"byte": n}
    return {
        f"piece | {name}": n, "sixteen": n * (size // 16), "word": n * (size % 16 // 4),
        "rest": n * (size % 4),
    }  # fmt: skip


def move_of(op: Mover) -> Move:
    """How the elements of `op` move."""
    steps = strides(op.x.shape)
    match op:
        case DepthToSpace():
            (b, h, w, c), n, row = op.x.shape, op.block, op.block * op.y.shape[3]
            return Move(0, (b * h, n, w, row), (w * c, row, c, 1))
        case SpaceToDepth():
            (b, h, w, c), n = op.x.shape, op.block
            return Move(0, (b * h // n, w // n, n, n * c), (n * w * c, n * c, w * c, 1))
        case BroadcastTo():
            shape = (1,) * (len(op.y.shape) - len(op.x.shape)) + op.x.shape
            apart = [0] * (len(op.y.shape) - len(op.x.shape)) + steps
            kept = [0 if n == 1 else step for n, step in zip(shape, apart, strict=True)]
            return Move(0, op.y.shape, kept)
        case Tile():
            pairs = zip(integers(op.inputs[1]), op.x.shape, steps, strict=True)
            loops = [loop for m, n, step in pairs for loop in ((m, 0), (n, step))]
            return Move(0, [n for n, _ in loops], [step for _, step in loops])
        case ReverseV2():
            axes = {a % len(op.x.shape) for a in integers(op.inputs[1])}
            turned = [-s if i in axes else s for i, s in enumerate(steps)]
            last = [n - 1 if i in axes else 0 for i, n in enumerate(op.x.shape)]
            return Move(dot(last, steps), op.y.shape, turned)
        case Transpose():
            return Move(0, op.y.shape, [steps[i] for i in integers(op.inputs[1])])
        case Slice():
            return Move(dot(integers(op.inputs[1]), steps), op.y.shape, steps)
        case StridedSlice():
            strided = [s * stride for s, stride in zip(steps, integers(op.inputs[3]), strict=True)]
            kept = [s for i, s in enumerate(strided) if not op.shrink_axis_mask >> i & 1]
            return Move(dot(firsts(op), steps), op.y.shape, kept)


def firsts(op: StridedSlice) -> list[int]:
    """The position of the first element that is taken, of each dimension.

    A position may count from the end, or lie outside: then it is the nearest one.
    """
    found = []
    positions = zip(integers(op.inputs[1]), integers(op.inputs[3]), op.x.shape, strict=True)
    for i, (begin, stride, size) in enumerate(positions):
        if op.begin_mask >> i & 1:
            found.append(0 if stride > 0 else size - 1)
        else:
            found.append(min(max(begin + size if begin < 0 else begin, 0), size - 1))
    return found


def strides(shape: Sequence[int]) -> list[int]:
    """Elements from one index to the next, of each dimension."""
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


def dot(positions: Iterable[int], steps: Iterable[int]) -> int:
    """Where the element at `positions` lies."""
    return sum(at * step for at, step in zip(positions, steps, strict=True))


def integers(t: Tensor | None) -> list[int]:
    """The values of a constant of integers, as operators have them beside data."""
    assert t is not None
    return [int(v) for v in t.values.reshape(-1)]


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
