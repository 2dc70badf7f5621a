"""How kernels of two inputs walk over them: loops that repeat the one along the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ascua.ir import Op, Tensor
from ascua.kernels._kernel import Const, Kernel, O, Run

EIGHT = 8
"""Elements that some kernels take at a time."""


class Paired(Kernel[O]):
    """A kernel of two inputs of any shapes that go together."""

    def consts(self, op: O) -> tuple[Const, ...]:
        return (*constant_operand(op), loops_const(op))

    def terms(self, op: O) -> Mapping[str, float]:
        fields = runs(op)
        kind = "alike" if fields["a_step"] and fields["b_step"] else "repeated"
        return {
            "run": fields["runs"],
            "run's loop": fields["runs"] * fields["loops"],
            f"output | {kind}": op.y.size,
        }

    def run_terms(self, op: O, runs: int) -> Mapping[str, float]:
        found = dict(self.terms(op))
        if "run" in found:
            found["run"] = max(found["run"], runs)
        return found

    def work(self, op: O) -> Run | None:
        b, shape = operands(op)[1], op.y.shape
        if not shape or any(t.shape != shape for t in op.activations):
            return None
        if not b.const or b.size == 1 or b.size == op.y.size == shape[-1]:
            return Run("n", shape[-1])
        return Run("runs") if b.size == b.shape[-1] == shape[-1] else None


class Loop(NamedTuple):
    """A loop over the output: its turns, and the bytes from one to the next in a and in b."""

    n: int
    a: int
    b: int


def operands(op: Op) -> tuple[Tensor, Tensor]:
    """Both inputs in the order of a kernel's arguments: the constant one, if any, last."""
    first, second = op.inputs
    assert first is not None
    assert second is not None
    return (second, first) if first.const else (first, second)


def loops(op: Op) -> list[Loop]:
    """The loops over the output, innermost first, as few as possible; at least one."""
    a, b = operands(op)
    rank = len(op.y.shape)
    found: list[Loop] = []
    a_bytes = b_bytes = 1
    for axis in range(rank - 1, -1, -1):
        n = op.y.shape[axis]
        an, bn = (_size(t, axis - rank) for t in (a, b))
        loop = Loop(n, a_bytes if an == n else 0, b_bytes if bn == n else 0)
        a_bytes *= an
        b_bytes *= bn
        if n == 1:
            continue
        inner = found[-1] if found else None
        if inner and loop.a == inner.a * inner.n and loop.b == inner.b * inner.n:
            found[-1] = Loop(inner.n * n, inner.a, inner.b)
        else:
            found.append(loop)
    return found or [Loop(1, 1, 1)]


def _size(t: Tensor, axis: int) -> int:
    """The size of a dimension counted from the last, -1; 1 where `t` has none."""
    return t.shape[axis] if -axis <= len(t.shape) else 1


def runs(op: Op) -> dict[str, int]:
    """Parameters by which a kernel finds its runs: the innermost loop, and how many there are."""
    run, *outer = loops(op)
    return {
        "n": run.n,
        "a_step": run.a,
        "b_step": run.b,
        "runs": op.y.size // run.n,
        "loops": max(1, len(outer)),
    }


def eights(op: Op) -> dict[str, float]:
    """How often the parts of a kernel run that takes eight elements of a run at a time."""
    fields = runs(op)
    n, each = fields["runs"], fields["n"]
    kind = "alike" if fields["a_step"] and fields["b_step"] else "repeated"
    return {
        "run": n,
        "run's loop": n * fields["loops"],
        f"eight | {kind}": n * (each // EIGHT),
        "one": n * (each % EIGHT),
    }


def constant_operand(op: Op) -> tuple[Const, ...]:
    """The constant input, as a kernel's argument."""
    b = operands(op)[1]
    if not b.const:
        return ()
    values = np.ascontiguousarray(b.values)
    values = values.view(np.int8) if b.dtype == "bool" else values
    # Kernels take what lies in the arena, too: of int16 under the name that kernel.h has for it.
    ctype = {"float32": "float", "int16": "s16_t"}.get(b.dtype, f"{values.dtype}_t")
    return (Const("input", values, ctype, {"weights": b.bytes}),)


def loops_const(op: Op) -> Const:
    """All loops but the innermost, each as n, bytes in a, bytes in b."""
    outer = loops(op)[1:] or [Loop(1, 0, 0)]
    return Const("loops", np.array(outer, np.int32), "int32_t")
