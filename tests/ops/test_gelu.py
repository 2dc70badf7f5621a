"""GELU: as LiteRT has it of int8, and by operators that TFLM has where Ascua quantises."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import tflite
from ascua.kernels import of
from ascua.ops.gelu import Gelu
from ascua.passes import prepare
from ascua.quantize import quantize
from tests.support import activation, generated_c, litert, network, oracle, reference
from tests.support.islands import INT8, SCALES, real

BOTH = pytest.mark.parametrize("approximate", [False, True])


@pytest.mark.train
@BOTH
def test_every_value_equals_litert(*, approximate: bool) -> None:
    for s, z, t, u in (*SCALES, (0.04, 3, 0.03, -110)):
        x, y = activation("x", (256,), s, z), activation("y", (256,), t, u)
        op = Gelu((x,), (y,), approximate)
        (expected,) = litert(tflite.write(network(op)), [INT8[None]])
        np.testing.assert_array_equal(op.eval(INT8[None]), expected, f"eval: {(s, z, t, u)}")
        (const,) = of(Gelu)[0].consts(op)
        np.testing.assert_array_equal(const.data, expected[0], f"kernel: {(s, z, t, u)}")


def test_the_c_looks_it_up() -> None:
    x, y = activation("x", (256,), 0.04, 3), activation("y", (256,), 0.03, -110)
    graph = network(Gelu((x,), (y,)))
    xs = [INT8[None]]
    np.testing.assert_array_equal(generated_c(graph, xs)[0], reference(graph, xs)[0])


@BOTH
def test_quantised_it_runs_in_tflm_and_is_one_table(*, approximate: bool) -> None:
    graph = network(Gelu((real("x", (1, 500)),), (real("y", (1, 500)),), approximate))
    xs = np.random.default_rng(1).normal(0, 2, (8, 1, 500)).astype(np.float32)
    small = quantize(graph, [xs])
    assert "GELU" not in {op.tflite for op in small.ops}
    prepared = prepare(tflite.read(tflite.write(small)))
    assert [op.kind for op in prepared.ops if op.kind not in ("quantize", "dequantize")] == [
        "table"
    ]
    given = [np.arange(500).astype(np.int8).reshape(1, 1, 500)]
    expected = oracle(tflite.write(small), given)
    np.testing.assert_array_equal(reference(prepared, given)[0], expected[0])
    x, y = small.inputs[0].q, small.outputs[0].q
    values = (given[0] - np.float64(x.zero_point)) * x.scale
    exact = graph.ops[0].eval_float(values.astype(np.float32))
    got = (expected[0] - np.float64(y.zero_point)) * y.scale
    inside = np.abs(exact - got) <= 0.5001 * y.scale
    assert inside[(got < 127 * y.scale) & (expected[0] < 127) & (expected[0] > -128)].all()
