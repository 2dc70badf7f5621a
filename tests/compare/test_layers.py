"""Layers side by side: hand-made figures, and both columns against other people's interpreters."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ascua import tflite
from ascua.compare import Comparison, compare, prepared
from ascua.compare.layers import Sums
from ascua.compare.network import Integers
from ascua.compare.pairing import Pair
from ascua.ir import Array, Graph, Quant, Tensor
from ascua.nearness import MOST_DB, cosine, decibels
from tests.support.compared import classifier, inputs, samples, spoilt, twin


def both(a: Graph, b: Graph, x: Array, labels: Array | None = None, cuts: int = 0) -> Comparison:
    return compare(prepared(a, "a"), prepared(b, "b"), samples(x, labels), cuts=cuts)


def test_figures_of_a_small_case() -> None:
    a = Tensor("a", (1, 4), "float32")
    b = Tensor("b", (1, 4), "int8", Quant((0.5,), (-126,)))
    sums = Sums(Pair(a, b, "ADD", 0), held=(None, Integers(0.5, -126, -128, 127)))
    sums.add(np.array([[[3.0, 4.0, 0.0, 0.0]]]), np.array([[[-120, -118, -126, -128]]], np.int8))
    sums.add(np.array([[[0.0, 0.0, 0.0, 200.0]]]), np.array([[[-126, -126, -126, 127]]], np.int8))
    sums.add_own(np.array([[2.0]]), np.array([[1.8]]))
    layer = sums.layer()
    # errors 0, 0, 0, -1 and 0, 0, 0, -73.5; signals 3, 4, 200; B holds 3, 4, -1, 126.5
    assert layer.sqnr_db == pytest.approx(10 * np.log10(40025 / (1 + 73.5**2)))
    assert layer.cosine == pytest.approx((25 + 200 * 126.5) / np.sqrt(40025 * (26 + 126.5**2)))
    assert (layer.max_error, layer.max_steps) == (73.5, 147)
    assert layer.mean_error == pytest.approx(-74.5 / 8)
    assert (layer.at_ends_a, layer.at_ends_b) == (None, (1 / 8, 1 / 8))
    assert layer.own_sqnr_db == pytest.approx(20)


def test_no_signal_and_no_error_have_figures() -> None:
    assert decibels(1, 0) == MOST_DB
    assert decibels(0, 1) == -MOST_DB
    assert decibels(100, 1) == pytest.approx(20)
    assert cosine(0, 0, 0) == 1
    assert cosine(1, 0, 0) == 0
    assert cosine(4, 4, -4) == -1


def test_integers_are_those_of_tflite_micro_and_floats_those_of_litert() -> None:
    """SQNR and ends, from the activations that the two interpreters keep."""
    runtime = pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime
    tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    real, small = classifier(), twin(classifier())
    files = tflite.write(real), tflite.write(small)
    with warnings.catch_warnings(action="ignore"):
        floats = tf.lite.Interpreter(
            model_content=files[0],
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    floats.allocate_tensors()
    where = {d["name"]: d["index"] for d in floats.get_tensor_details()}
    micro = runtime.Interpreter.from_bytes(
        files[1], arena_size=1 << 20, intrepreter_config=runtime.InterpreterConfig(1)
    )
    stored = tflite.read(files[1])
    at = {t.name: (i, t) for i, t in enumerate(_order(files[1], stored))}
    x = inputs(20)
    c = both(tflite.read(files[0]), stored, x)
    assert [layer.name for layer in c.layers] == ["x", "first", "second", "both", "scores",
                                                  "answer"]  # fmt: skip
    kept: dict[str, tuple[list[Array], list[Array]]] = {y.name: ([], []) for y in c.layers}
    t = stored.inputs[0]
    for sample in x:
        floats.set_tensor(where["x"], sample)
        floats.invoke()
        steps = sample / np.float32(t.q.scale)
        whole = np.trunc(steps + np.copysign(0.5, steps)) + t.q.zero_point
        micro.set_input(np.clip(whole, -128, 127).astype(np.int8), 0)
        micro.invoke()
        for name, (first, second) in kept.items():
            first.append(floats.get_tensor(where[name]).copy())
            second.append(micro.GetTensor(at[name][0], 0)["tensor_data"].copy())
    for layer in c.layers:
        a, b = (np.stack(side).astype(np.float64) for side in kept[layer.name])
        q = at[layer.name][1].q
        held = (b - q.zero_point) * q.scale
        error = held - a
        assert layer.sqnr_db == pytest.approx(
            10 * np.log10((a**2).sum() / (error**2).sum()), abs=1e-3
        )
        assert layer.max_error == pytest.approx(np.abs(error).max(), rel=1e-3)
        assert layer.mean_error == pytest.approx(error.mean(), rel=1e-2, abs=1e-6)
        assert layer.at_ends_b == (np.mean(b == -128), np.mean(b == 127))


def _order(file: bytes, graph: Graph) -> list[Tensor]:
    """The tensors of `graph` as the file numbers them."""
    import tflite as schema

    sub = schema.Model.GetRootAs(file, 0).Subgraphs(0)
    named = {t.name: t for t in graph.tensors()}
    return [named[sub.Tensors(i).Name().decode()] for i in range(sub.TensorsLength())]


def test_a_layer_is_charged_with_its_own_error_alone() -> None:
    real = classifier()
    x = inputs(300)
    good = {y.name: y for y in both(real, twin(real), x).layers}
    bad = {y.name: y for y in both(real, spoilt(twin(real), "second", 1 / 8), x).layers}
    assert bad["second"].own_sqnr_db < 10 < good["second"].own_sqnr_db - 20
    assert bad["second"].at_ends_b is not None
    assert good["second"].at_ends_b is not None
    assert bad["second"].at_ends_b[1] > good["second"].at_ends_b[1] + 0.1
    assert bad["first"] == good["first"]
    for name in ("both", "scores"):
        assert bad[name].sqnr_db < good[name].sqnr_db - 5
        assert bad[name].own_sqnr_db > good[name].own_sqnr_db - 6


def test_the_same_network_differs_nowhere() -> None:
    for graph in (classifier(), twin(classifier())):
        c = both(graph, graph, inputs(10))
        assert {y.sqnr_db for y in c.layers} == {y.own_sqnr_db for y in c.layers} == {MOST_DB}
        assert {y.cosine for y in c.layers} == {1.0}


def test_any_pairing_has_figures() -> None:
    real = classifier()
    small = twin(real)
    coarse = spoilt(small, "second", 4)
    for a, b in ((small, real), (small, coarse), (coarse, small)):
        c = both(a, b, inputs(50), cuts=20)
        assert len(c.layers) == 6
        second = next(y for y in c.layers if y.name == "second")
        assert 5 < second.own_sqnr_db < 60
        assert (second.max_steps is None) == (second.at_ends_a is None and second.at_ends_b is None)
