"""The scheme of uint8 and one scale for all weights: equal to LiteRT's reference kernels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import tflite
from ascua.errors import Unsupported
from ascua.inputs import quantize as to_integers
from ascua.ir import Array, Graph, Quant
from ascua.ops import OPERATORS
from ascua.passes import prepare
from ascua.passes.unsigned import TAKEN
from ascua.quantize import Options, quantize
from ascua.quantize.best import quantize_best
from ascua.quantize.fidelity import beside
from ascua.quantize.ranges import weight_range
from ascua.quantize.rules import SCHEMES, Range, quantized
from ascua.quantize.scores import until_scores
from tests.ops.test_conv2d import conv
from tests.quantize.test_convert import dense
from tests.quantize.test_improve import images, net
from tests.support import litert, reference
from tests.support.command import ascua, model_file
from tests.support.examples import EXAMPLES
from tests.support.floats import INTEGER, floated, samples
from tests.test_unsigned import one_graph

UINT8 = Options(scheme="uint8-per-tensor")
EVERYTHING = replace(UINT8, ranges="mse", weights="mse", equalize=True, adaround=True)


def check(cases: list[tuple[Graph, list[Array]]]) -> None:
    """LiteRT and the reference agree on every byte of what was quantised."""
    whole = one_graph([small for small, _ in cases])
    xs = [x for _, given in cases for x in given]
    xs = [to_integers(x, t) if t.quant else x for x, t in zip(xs, whole.inputs, strict=True)]
    model = tflite.write(whole)
    expected = litert(model, xs)
    ys = reference(prepare(tflite.read(model)), xs)
    for y, e, t in zip(ys, expected, whole.outputs, strict=True):
        np.testing.assert_array_equal(y, e.reshape(y.shape), t.name)


@pytest.mark.train
def test_litert_computes_every_operator_or_it_is_refused_by_name() -> None:
    cases, taken = [], set()
    for name in sorted(set(OPERATORS) - INTEGER):
        real = floated(EXAMPLES[name][0])
        xs = samples(real, 4)
        try:
            small = quantize(real, xs, UINT8)
        except Unsupported as e:
            assert "has no uint8-per-tensor form: LiteRT has no uint8" in str(e)  # noqa: PT017
            continue
        taken.add(name)
        assert beside(real, small, xs).sqnr_db > 20, name
        cases.append((small, xs))
    assert taken == TAKEN - INTEGER
    real = net("RELU")
    cases.append((quantize(real, images(8), EVERYTHING), images(4, seed=2)))
    check(cases)


def test_weights_have_one_scale_and_a_zero_point() -> None:
    real = dense([[1, -2], [0.5, 0.25]], [3, -4])
    options = replace(UINT8, bias_correction=False)
    small = quantize(real, [np.ones((1, 1, 2), np.float32)], options)
    x, w, b = small.ops[0].inputs
    assert x is not None
    assert w is not None
    assert b is not None
    assert {t.dtype for t in (x, w, small.outputs[0])} == {"uint8"}
    assert w.quant == Quant((float(np.float32(3 / 255)),), (170,))
    assert w.values.tolist() == [[255, 0], [212, 191]]
    assert (b.dtype, b.q.zero_points) == ("int32", (0,))
    assert b.q.scale == np.float32(x.q.scale * w.q.scale)
    np.testing.assert_allclose(b.values * b.q.scale, [3, -4], rtol=1e-4)


@pytest.mark.parametrize(
    ("weights", "bias"),
    [([[0, 0], [0, 0]], [5, -3]), ([[1e-12, 0], [0, 0]], [5, -3]), ([[3, 2], [1, 4]], [0, 0])],
)
def test_weights_without_a_range_of_their_own(weights: object, bias: object) -> None:
    real = dense(weights, bias)
    xs = [np.random.default_rng(1).normal(0, 1, (8, 1, 2)).astype(np.float32)]
    for options in (UINT8, EVERYTHING):
        assert beside(real, quantize(real, xs, options), xs).sqnr_db > 30


def test_a_layer_without_bias_gets_one() -> None:
    """LiteRT takes no uint8 convolution without."""
    real = floated(conv(bias=None))
    small = quantize(real, samples(real, 4), replace(UINT8, bias_correction=False))
    b = small.ops[0].inputs[2]
    assert b is not None
    assert not b.values.any()
    prepare(small)


@pytest.mark.parametrize("switch", [
    {"ranges": "percentile", "percentile": 90.0, "bias_correction": True},
    {"adaround": True}, {"equalize": True},
])  # fmt: skip
def test_switches_help_as_they_do_in_int8(switch: dict[str, Any]) -> None:
    real, xs = net("RELU", spread=4.0 if "equalize" in switch else 0.0), images(32)
    base = replace(UINT8, bias_correction=False)
    base = replace(base, **{k: v for k, v in switch.items() if k in ("ranges", "percentile")})
    plain, better = (quantize(real, xs, o) for o in (base, replace(base, **switch)))
    held = images(32, seed=2)
    first, second = (
        beside(until_scores(real), until_scores(g), held).sqnr_db for g in (plain, better)
    )
    assert second > first + 0.1
    prepare(better)


def test_weights_are_clipped_at_each_end_where_that_helps() -> None:
    values = np.random.default_rng(1).laplace(0.5, 1, 50_000).astype(np.float32)
    found = Range.of(values), weight_range(values)
    quants = [SCHEMES["uint8-per-tensor"].quant(r) for r in found]
    errors = [
        np.square((quantized(values, q, -128, 127, "int8") - q.zero_point) * q.scale - values).sum()
        for q in quants
    ]
    assert errors[1] < 0.95 * errors[0]


def test_the_best_of_uint8_is_uint8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ascua.quantize.best.SWITCHES", ({"weights": "mse"},))
    real, xs = net(), images(8)
    best = quantize_best(real, xs, UINT8)
    assert best.chosen.options.scheme == "uint8-per-tensor"
    assert {t.dtype for t in best.graph.tensors() if t.quant} == {"uint8", "int32"}


@pytest.mark.emulator
def test_boards_equal_the_reference(tmp_path: Path) -> None:
    real = net("RELU")
    path = model_file(tmp_path, quantize(real, images(4), UINT8))
    for board in ("host", "lm3s6965evb"):
        result = ascua("run", path, "--board", board, "--json")
        assert result.code == 0, result.err
        assert json.loads(result.out)["mismatched_bytes"] == 0
