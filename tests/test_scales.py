"""Scales of any size: `check` refuses, or TFLM, `eval` and the generated C agree on every byte."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.ir import Graph, Quant, Tensor
from ascua.passes import prepare
from ascua.passes.unsigned import as_int8
from tests.support import collected, generated_c, litert, oracle, reference, samples
from tests.support.examples import EXAMPLES, UINT8, WIDE
from tests.support.tools import require_board

CI, SLOW = 60, 3000
"""Operators in every run of the tests, and in the slow ones; a third is taken."""
TOGETHER = 100
"""Operators that are compiled at once."""


def originals() -> list[Graph]:
    """Networks of one operator that reads and writes scales."""
    every = [g for graphs in (*EXAMPLES.values(), *WIDE.values()) for g in graphs]
    return [
        g for g in (*every, *UINT8.values())
        if len(g.ops) == len(g.outputs) == 1 and all(t.quant for t in (*g.inputs, *g.outputs))
    ]  # fmt: skip


def bent(graph: Graph, rng: random.Random) -> Graph:
    """`graph` with other scales, and perhaps with extreme biases."""
    op = graph.ops[0]
    far = rng.choice((2, 12, 24, 45))

    def change(t: Tensor) -> Tensor:
        if t.quant is None or rng.random() < 0.3:
            return t
        factor = 2.0 ** rng.uniform(-far, far)
        scales = (float(np.float32(min(max(s * factor, 1e-44), 3e38))) for s in t.quant.scales)
        return replace(t, quant=Quant(tuple(scales), t.quant.zero_points, t.quant.axis))

    known = {t: change(t) for t in (*op.inputs, *op.outputs) if t is not None}
    bias = getattr(op, "bias", None)
    if bias is not None and rng.random() < 0.3:
        ends = np.array([-(2**31), 2**31 - 1, -(2**30), 2**30, 5])
        values = rng.choices(ends.tolist(), k=bias.size)
        data = np.array(values).astype(bias.dtype).reshape(bias.shape)
        known[bias] = replace(known[bias], data=data)
    inputs = tuple(t if t is None else known[t] for t in op.inputs)
    outputs = tuple(known[t] for t in op.outputs)
    op = replace(op, inputs=inputs, outputs=outputs)
    one = {t: known[t] for t in graph.inputs}
    return replace(graph, inputs=tuple(one.values()), outputs=outputs, ops=(op,))


def taken(graph: Graph) -> bool:
    return all(op.check() is None for op in as_int8(graph).ops)


def oracle_runs(graph: Graph) -> bool:
    """Whether the oracle takes `graph` and agrees; what it refuses has no other bytes."""
    model, xs = tflite.write(graph), samples(graph, 3)
    run = litert if any(t.dtype == "uint8" for t in graph.inputs) else oracle
    try:
        expected = run(model, xs)
    except (RuntimeError, ValueError):
        return False
    for y, e in zip(reference(prepare(tflite.read(model)), xs), expected, strict=True):
        np.testing.assert_array_equal(y, e, f"{graph.ops[0]}")
    return True


def check(seed: int, count: int) -> None:
    rng = random.Random(seed)
    graphs = [bent(rng.choice(originals()), rng) for _ in range(count)]
    graphs = [g for g in graphs if taken(g)]
    assert count / 6 < len(graphs) < count
    run = sum(oracle_runs(g) for g in graphs)
    assert run > len(graphs) / 2
    restated = {f"y{i}": as_int8(g) for i, g in enumerate(graphs) if len(as_int8(g).ops) == 1}
    whole = tflite.read(tflite.write(collected(restated)))
    xs = samples(whole, 3)
    for y, e, t in zip(generated_c(whole, xs), reference(whole, xs), whole.outputs, strict=True):
        np.testing.assert_array_equal(y, e, f"generated C: {restated[t.name].ops[0]}")


def test_any_scales() -> None:
    require_board(boards.load("host"))
    check(1, CI)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 2 + SLOW // TOGETHER))
def test_many_scales(seed: int) -> None:
    require_board(boards.load("host"))
    check(seed, TOGETHER)
