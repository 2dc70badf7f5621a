"""Networks of int8 as networks of int16 activations and int8 weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua import tflite
from ascua.ir import Array, Graph, Op, Quant, Tensor
from tests.support import network, oracle, samples

BIASES = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Where operators with weights, their second input, have a bias."""
FIXED = ("SOFTMAX", "LOGISTIC", "TANH")
"""Their outputs have one scale, whatever the network."""


def widened(graph: Graph, bias: str = "int64") -> Graph:
    """`graph` with int16 activations of the same range, of 256 times finer steps.

    Weights stay as they are; biases become 256 times as large, of the dtype `bias`.
    """
    known: dict[Tensor, Tensor] = {}
    for op in graph.ops:
        known |= _special(op, bias)

    def wide(t: Tensor) -> Tensor:
        if t not in known:
            known[t] = _wide(t, None) if t.dtype == "int8" else t
        return known[t]

    ops = tuple(
        replace(
            op,
            inputs=tuple(t and wide(t) for t in op.inputs),
            outputs=tuple(wide(t) for t in op.outputs),
        )
        for op in graph.ops
    )
    inputs, outputs = (tuple(wide(t) for t in ts) for ts in (graph.inputs, graph.outputs))
    return replace(graph, inputs=inputs, outputs=outputs, ops=ops)


def _special(op: Op, bias: str) -> dict[Tensor, Tensor]:
    """The tensors of `op` that are not widened like activations, by identity."""
    found: dict[Tensor, Tensor] = {}
    if op.tflite in FIXED:
        found[op.y] = _wide(op.y, 2.0**-15)
    if op.tflite in BIASES or op.tflite == "PRELU":
        weights = op.inputs[1]
        assert weights is not None
        found[weights] = weights
    for b in filter(None, op.inputs[BIASES.get(op.tflite, 9) :]):
        limit = np.iinfo(bias)
        values = np.clip(b.values.astype(np.int64) * 256, limit.min, limit.max)
        quant = b.quant and Quant(tuple(s / 256 for s in b.quant.scales), b.quant.zero_points)
        found[b] = replace(b, dtype=bias, data=values.astype(bias), quant=quant)
    return found


def _wide(t: Tensor, scale: float | None) -> Tensor:
    """A tensor of int8 as one of int16, with values in between where they are known."""
    scale = float(np.float32(t.q.scale / 256)) if scale is None else scale
    data: Array | None = None
    if t.data is not None:
        between = np.random.default_rng(t.size).integers(0, 256, t.shape)
        values = (t.data.astype(np.int64) - t.q.zero_point) * 256 + between
        data = np.clip(values, -(2**15), 2**15 - 1).astype(np.int16)
    return replace(t, dtype="int16", quant=Quant((scale,), (0,)), data=data)


def check_misread(graph: Graph) -> None:
    """The layer of four channels, `widened`, refuses biases of int32: TFLM has two for one."""

    def biased(*values: int, dtype: str) -> Op:
        (op,) = widened(graph, dtype).ops
        bias = op.inputs[-1]
        assert bias is not None
        found = replace(bias, shape=(len(values),), data=np.array(values, dtype))
        return replace(op, inputs=(*op.inputs[:-1], found))

    short, long = (
        biased(70000, 0, -90000, -1, dtype="int32"),
        biased(70000, -90000, 0, 0, dtype="int64"),
    )
    reason = short.check()
    assert reason is not None
    assert "is int32, and TFLM takes two of its values" in reason
    assert long.check() is None
    xs = samples(network(long), 2)
    (y,), (misread,) = (oracle(tflite.write(network(op)), xs) for op in (long, short))
    np.testing.assert_array_equal(misread[..., :2], y[..., :2])
