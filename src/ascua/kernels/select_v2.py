"""The kernel of SELECT_V2: one of two values, as a condition says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ascua.ir import ITEMSIZE, Tensor
from ascua.kernels._kernel import Const, Kernel, Run
from ascua.ops.select_v2 import SelectV2

ROLES = ("condition", "a", "b")
"""What the inputs are, in order."""


class Loop(NamedTuple):
    """A loop over the output: its turns, and the bytes from one to the next in each input."""

    n: int
    steps: tuple[int, ...]


class SelectS8(Kernel[SelectV2]):
    """Any shapes that go together; of the inputs, the constant ones come last."""

    name = "select_s8"
    types = ("int8", "int16", "bool")
    bytewise = True

    def params(self, op: SelectV2) -> Mapping[str, int]:
        run, *outer = loops(op)
        places = arguments(op)
        return {
            "n": run.n,
            **{f"{role}_step": step for role, step in zip(ROLES, run.steps, strict=True)},
            **{f"{role}_at": places.index(i) for i, role in enumerate(ROLES)},
            "runs": op.y.size // run.n,
            "loops": max(1, len(outer)),
            "size": ITEMSIZE[op.y.dtype],
        }

    def consts(self, op: SelectV2) -> tuple[Const, ...]:
        held = [(ROLES[i], t) for i in arguments(op) if (t := op.inputs[i]) and t.const]
        outer = [(loop.n, *loop.steps) for loop in loops(op)[1:]] or [(1, 0, 0, 0)]
        return (
            *(Const(role, as_bytes(t), holds={"weights": t.bytes}) for role, t in held),
            Const("loops", np.array(outer, np.int32), "int32_t"),
        )

    def work(self, op: SelectV2) -> Run | None:
        alike = bool(op.y.shape) and all(t.shape == op.y.shape for t in op.activations)
        return Run("n", op.y.shape[-1]) if alike and len(op.activations) == 3 else None

    def terms(self, op: SelectV2) -> Mapping[str, float]:
        run, *outer = loops(op)
        runs = op.y.size // run.n
        return {"run": runs, "run's loop": runs * max(1, len(outer)), "output": op.y.size}


def arguments(op: SelectV2) -> list[int]:
    """Which input each argument of the kernel is: those that are computed, then the constants."""
    return sorted(range(len(ROLES)), key=lambda i: op.inputs[i] not in op.activations)


def as_bytes(t: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    """The values of a constant as they lie in memory."""
    return np.ascontiguousarray(t.values).reshape(-1).view(np.int8)


def loops(op: SelectV2) -> list[Loop]:
    """The loops over the output, innermost first, as few as possible; at least one."""
    rank = len(op.y.shape)
    shapes = [(1,) * (rank - len(t.shape)) + t.shape for t in op.inputs if t]
    sizes = [ITEMSIZE[t.dtype] for t in op.inputs if t]
    found: list[Loop] = []
    for axis in range(rank - 1, -1, -1):
        n = op.y.shape[axis]
        steps = tuple(b if s[axis] == n else 0 for b, s in zip(sizes, shapes, strict=True))
        sizes = [b * s[axis] for b, s in zip(sizes, shapes, strict=True)]
        if n == 1:
            continue
        inner = found[-1] if found else None
        if inner and steps == tuple(s * inner.n for s in inner.steps):
            found[-1] = Loop(inner.n * n, inner.steps)
        else:
            found.append(Loop(n, steps))
    return found or [Loop(1, (0, 0, 0))]
