"""NEG, and what every function of one float has: tables of int8, floats of int16."""

from __future__ import annotations

import numpy as np

from ascua import tflite
from ascua.ir import Op
from ascua.kernels import of
from ascua.ops.neg import Neg
from ascua.ops.table import Table
from ascua.passes import prepare
from tests.support import activation, network, oracle, reference
from tests.support.islands import INT8, SCALES, made, of_values, real, samples, wide

KIND = Neg


def test_every_int8_value_equals_tflm(kind: type[Op]) -> None:
    for scales in SCALES:
        graph = network(*of_values(kind, scales))
        (expected,) = oracle(tflite.write(graph), [INT8.reshape(1, *graph.inputs[0].shape)])
        (table,) = prepare(graph).ops
        assert isinstance(table, Table)
        np.testing.assert_array_equal(table.values, expected.reshape(-1), f"eval: {scales}")
        (const,) = of(Table)[0].consts(table)
        np.testing.assert_array_equal(const.data, expected.reshape(-1), f"kernel: {scales}")


def test_int16_values_equal_tflm(kind: type[Op]) -> None:
    graph = wide(kind)
    xs = samples(graph)
    prepared = prepare(graph)
    assert kind in {type(op) for op in prepared.ops}
    np.testing.assert_array_equal(reference(prepared, xs), oracle(tflite.write(graph), xs))


def test_refuses_integers(kind: type[Op]) -> None:
    x, y = activation("x", (2, 3)), activation("y", (2, 3))
    inputs = (x, x) if "PAIR" in kind.__mro__[1].__name__.upper() else (x,)
    assert "'x' is int8, and TFLM has it in float32 alone" in (made(kind, inputs, y).check() or "")
    other = made(kind, (real("x", (2, 3)),) * len(inputs), real("y", (3, 2)))
    assert "instead of [2, 3]" in (other.malformed() or "")
