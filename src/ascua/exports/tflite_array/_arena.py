"""How much memory TensorFlow Lite Micro takes for a network: an estimate, for its own kernels."""

from __future__ import annotations

from ascua.ir import Graph, Op, Tensor

FIXED, OP, TENSOR, FACTOR = 1024, 256, 32, 8
"""Bytes that it keeps: once, an operator, a tensor, and a factor of weights. Pointers have 8."""
STATE = 5 * OP
"""Of a state, beside its values: three operators of the file read and assign it, one begins it."""
TABLES = 4128
"""Of a SOFTMAX of int16."""
ALIGNED = 16
"""Tensors begin at multiples of this."""
STEP = 1024
"""What is answered is a multiple of this."""


def arena_bytes(graph: Graph) -> int:
    """Bytes of an arena that is enough, by how TFLM places tensors and by what its kernels keep."""
    kept = FIXED + TENSOR * len([*graph.tensors()])
    kept += sum(OP + FACTOR * max(map(_scales, op.inputs), default=0) for op in graph.ops)
    kept += sum(map(_scratch, graph.ops)) + sum(STATE + s.tensor.bytes for s in graph.states)
    return -(-(_tensors(graph) + kept) // STEP) * STEP


def _scratch(op: Op) -> int:
    """What a kernel has beside its tensors: sums of 32 bits an output, tables."""
    if op.tflite == "TRANSPOSE_CONV":
        return 4 * op.y.bytes
    return TABLES if op.tflite == "SOFTMAX" and op.y.dtype == "int16" else 0


def _scales(t: Tensor | None) -> int:
    return len(t.quant.scales) if t is not None and t.const and t.quant else 0


def _tensors(graph: Graph) -> int:
    """Bytes of its tensors together.

    As TFLM's planner has it: each in the first gap that takes it, the largest first, and of those
    as large the last.
    """
    placed: list[tuple[int, int, tuple[int, int]]] = []  # where it begins and ends; when it lives
    lives = dict(reversed(_lives(graph).items()))
    for t, life in sorted(lives.items(), key=lambda item: -item[0].bytes):
        size, at = -(-t.bytes // ALIGNED) * ALIGNED, 0
        for begin, end, (born, dead) in sorted(placed):
            if born <= life[1] and life[0] <= dead:
                if begin - at >= size:
                    break
                at = max(at, end)
        placed.append((at, at + size, life))
    return max((end for _, end, _ in placed), default=0)


def _lives(graph: Graph) -> dict[Tensor, tuple[int, int]]:
    """The steps at which each tensor, that is no constant, is first and last needed."""
    lives = dict.fromkeys(graph.given, (0, 0))
    for step, op in enumerate(graph.ops):
        lives |= {t: (lives.get(t, (step,))[0], step) for t in (*op.activations, *op.outputs)}
    return lives | {t: (lives[t][0], len(graph.ops)) for t in graph.left if t in lives}
