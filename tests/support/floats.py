"""Float networks out of int8 ones, and what LiteRT computes with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua.ir import Array, Graph, Op, Tensor

INTEGER = frozenset(
    """CAST DEQUANTIZE EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_NOT
    LOGICAL_OR NOT_EQUAL QUANTIZE REDUCE_PROD SELECT_V2""".split()  # noqa: SIM905
) | {"CEIL", "COS", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GELU", "LOG", "NEG", "ROUND",
     "SIN", "SQRT", "SQUARE", "TILE"}  # fmt: skip
"""Operators whose example is not for the quantiser: between types, on truths, in float alone."""


def floated(graph: Graph) -> Graph:
    """`graph` with every quantised tensor as the float32 that it stands for."""
    known: dict[Tensor, Tensor] = {}

    def real(t: Tensor, op: Op | None) -> Tensor:
        if t not in known:
            known[t] = _real(t, op)
        return known[t]

    def change(op: Op) -> Op:
        inputs = tuple(t if t is None else real(t, op) for t in op.inputs)
        return replace(op, inputs=inputs, outputs=tuple(real(t, None) for t in op.outputs))

    ops = tuple(change(op) for op in graph.ops)
    inputs, outputs = (tuple(real(t, None) for t in ts) for ts in (graph.inputs, graph.outputs))
    return replace(graph, inputs=inputs, outputs=outputs, ops=ops)


def _real(t: Tensor, op: Op | None) -> Tensor:
    if t.dtype in ("int4", "int8") and t.quant is not None:
        if t.data is None:
            return replace(t, dtype="float32", quant=None)
        shape = [1] * len(t.shape)
        if t.q.per_channel:
            shape[t.q.axis] = -1
        scales, zeros = (np.array(v).reshape(shape) for v in (t.q.scales, t.q.zero_points))
        values = ((t.data - zeros) * scales).astype(np.float32).reshape(t.shape)
        return replace(t, dtype="float32", quant=None, data=values)
    bias = getattr(op, "bias", None)
    if t.data is not None and bias is t:
        scales = np.array(op.w.q.scales) * op.x.q.scale  # type: ignore[union-attr]
        return replace(t, dtype="float32", quant=None, data=(t.data * scales).astype(np.float32))
    return t


def samples(graph: Graph, n: int, seed: int = 1) -> list[Array]:
    """n random samples an input, of a normal distribution; of a RSQRT's input, positive ones."""
    rng = np.random.default_rng(seed)
    positive = any(op.tflite == "RSQRT" for op in graph.ops)
    xs: list[Array] = [rng.normal(0, 2, (n, *t.shape)).astype(np.float32) for t in graph.inputs]
    return [np.abs(x) + np.float32(0.5) for x in xs] if positive else xs


def litert(model: bytes, xs: list[Array]) -> list[Array]:
    """The outputs (n, *shape) of LiteRT's kernels."""
    tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    interpreter = tf.lite.Interpreter(
        model_content=model,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    rows: list[list[Array]] = []
    for sample in zip(*xs, strict=True):
        for detail, x in zip(inputs, sample, strict=True):
            interpreter.set_tensor(detail["index"], x)
        interpreter.invoke()
        rows.append([interpreter.get_tensor(d["index"]) for d in outputs])
    return [np.stack(ys) for ys in zip(*rows, strict=True)]
