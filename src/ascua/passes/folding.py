"""What is known before any input: constants, and the shapes that operators compute of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Graph, Op, Tensor, each


def fold_constants(graph: Graph) -> Graph:
    """Replace ops whose outputs are known before any input, as chains of shapes are.

    A state that no run changes is known too. Where a shape that folded says another one than the
    file has, which was written for an open batch, tensors take that, and those that follow from
    them. Malformed ops stay as they are: `check` and `check_sound` tell of them.
    """
    fixed = [s for s in graph.states if s.after is s.tensor]
    known = {s.tensor: replace(s.tensor, data=s.initial) for s in fixed}
    states = tuple(s for s in graph.states if s not in fixed)
    ops = []
    for old in graph.ops:
        op = reading(old, known)
        shaped = _shaped(op, old)
        known |= zip(op.outputs, shaped.outputs, strict=True) if shaped is not op else ()
        values = None if shaped.malformed() else shaped.constant()
        if values is None:
            ops.append(shaped)
        else:
            made = zip(op.outputs, shaped.outputs, each(values), strict=True)
            known |= {t: replace(new, data=v) for t, new, v in made}
    return replace(graph, states=states).replaced(known, ops)


def reading(op: Op, instead: dict[Tensor, Tensor]) -> Op:
    """`op` reading other tensors in place of these."""
    if not any(t in instead for t in op.inputs):
        return op
    return replace(op, inputs=tuple(instead.get(t, t) if t else t for t in op.inputs))


def _shaped(op: Op, old: Op) -> Op:
    """`op`, of which inputs have become known, with outputs of the shapes that follow from them.

    Those of the file stay where they are right, or no others make a well-formed operator.
    """
    if op.inputs[0] is None or (op is old and not op.malformed()):
        return op
    shapes = op.shapes() or _alike(op, old)
    given = tuple(t.shape for t in op.outputs)
    if shapes is None or shapes == given or len(shapes) != len(given):
        return op
    outputs = tuple(replace(t, shape=s) for t, s in zip(op.outputs, shapes, strict=True))
    shaped = replace(op, outputs=outputs)
    return op if shaped.malformed() else shaped


def _alike(op: Op, old: Op) -> tuple[tuple[int, ...], ...] | None:
    """The shape of all inputs together, as of elementwise operators, where it is a new one."""
    before, now = ([t.shape for t in o.activations] for o in (old, op))
    if before == now or not now:
        return None
    try:
        return (np.broadcast_shapes(*now),) * len(op.outputs)
    except ValueError:
        return None
