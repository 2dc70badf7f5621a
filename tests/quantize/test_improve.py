"""Equalisation, bias correction and AdaRound: what they keep, and what they gain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.reshape import Reshape
from ascua.ops.softmax import Softmax
from ascua.passes import prepare
from ascua.quantize import Options, quantize
from ascua.quantize.best import quantize_best, scores
from ascua.quantize.compare import compare, outputs
from ascua.quantize.equalize import equalize, pairs
from ascua.quantize.floats import run
from tests.quantize.test_convert import constant, tensor
from tests.support import check_reference, network


def net(activation: str = "RELU6", spread: float = 3.0, readers: float = 0.0) -> Graph:
    """Convolution, depthwise, pool, pointwise, dense, softmax; channels of uneven size."""
    rng = np.random.default_rng(3)

    def weights(name: str, *shape: int, axis: int = 0) -> Tensor:
        sizes = np.exp2(rng.uniform(-spread, 0, shape[axis]))
        form = [-1 if i == axis else 1 for i in range(len(shape))]
        return constant(name, rng.normal(0, 1, shape) * sizes.reshape(form))

    def uneven(w: Tensor) -> Tensor:
        sizes = np.exp2(np.linspace(-readers, readers, 8)).astype(np.float32)
        return replace(w, data=w.values * sizes)

    def bias(name: str, n: int) -> Tensor:
        return constant(name, rng.normal(0, 0.3, n))

    x = tensor("x", 1, 8, 8, 3)
    a, b, p = tensor("a", 1, 8, 8, 8), tensor("b", 1, 8, 8, 8), tensor("p", 1, 4, 4, 8)
    c, f, d, y = tensor("c", 1, 4, 4, 6), tensor("f", 1, 96), tensor("d", 1, 5), tensor("y", 1, 5)
    one = ((1, 1), (1, 1), "SAME", activation)
    ops: list[Op] = [
        Conv2D((x, weights("wa", 8, 3, 3, 3), bias("ba", 8)), (a,), *one),
        DepthwiseConv2D((a, weights("wb", 1, 3, 3, 8, axis=3), bias("bb", 8)), (b,), *one, 1),
        MaxPool2D((b,), (p,), (2, 2), (2, 2), "VALID", "NONE"),
        Conv2D((p, uneven(weights("wc", 6, 1, 1, 8)), bias("bc", 6)), (c,), *one),
        Reshape((c,), (f,), (1, 96)),
        FullyConnected((f, constant("wd", rng.normal(0, 0.1, (5, 96))), bias("bd", 5)), (d,),
                       False, "NONE"),
        Softmax((d,), (y,), 1.0),
    ]  # fmt: skip
    return network(*ops)


def images(n: int = 32, seed: int = 1) -> list[Array]:
    return [np.random.default_rng(seed).normal(0, 1, (n, 1, 8, 8, 3)).astype(np.float32)]


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_equalisation_changes_no_output(activation: str) -> None:
    real, xs = net(activation, readers=3.0), images()
    even = equalize(real, xs)
    assert [tuple(p) for p in pairs(real)] == [(0, 1), (1, 3)]
    np.testing.assert_allclose(run(even, xs)[0], run(real, xs)[0], rtol=1e-3, atol=1e-5)
    before, after = (g.ops[0].inputs[1].values for g in (real, even))  # type: ignore[union-attr]
    assert not np.allclose(before, after)


def test_equalisation_evens_channels_and_helps() -> None:
    real, xs = net("RELU", spread=7.0), images()
    even = equalize(real, xs)

    def spread(graph: Graph) -> float:
        peaks = dict(graph.walk(xs, lambda op, *v: (np.asarray(op.eval_float(*v)),)))
        first = peaks[graph.ops[0].y].reshape(-1, 8).max(axis=0)
        return float(first.max() / first[first > 0].min())

    assert spread(even) < 1.01 < spread(real)
    plain, better = (
        compare(scores(real), scores(quantize(real, xs, Options(equalize=e))), images(seed=2))
        for e in (False, True)
    )
    assert better.sqnr_db > plain.sqnr_db + 3


def test_bias_correction_makes_means_equal() -> None:
    real, xs = net("RELU"), images(64)
    # Clipped weights make errors of one sign.
    options = Options(ranges="percentile", percentile=90.0)
    plain, better = (
        scores(quantize(real, xs, replace(options, bias_correction=b))) for b in (False, True)
    )
    expected = run(scores(real), xs)[0].mean(axis=0)
    off = [float(np.abs(outputs(g, xs)[0].mean(axis=0) - expected).max()) for g in (plain, better)]
    assert off[1] < 0.5 * off[0]


def test_adaround_rounds_each_weight_up_or_down_and_helps() -> None:
    real, xs = net("RELU", spread=0.0), images(64)
    coarse = Options(bias_correction=False)
    plain, better = (quantize(real, xs, replace(coarse, adaround=a)) for a in (False, True))
    changed = 0
    for a, b in zip(plain.ops, better.ops, strict=True):
        if len(a.inputs) == 3:
            u, v = (t.inputs[1].values.astype(int) for t in (a, b))  # type: ignore[union-attr]
            assert np.abs(u - v).max() <= 1
            changed += int((u != v).sum())
    assert changed > 50
    held = images(64, seed=2)
    first, second = (compare(scores(real), scores(g), held) for g in (plain, better))
    assert second.sqnr_db > first.sqnr_db + 0.3
    again = quantize(real, xs, replace(coarse, adaround=True))
    for a, b in zip(again.ops, better.ops, strict=True):
        for t, u in zip(a.inputs, b.inputs, strict=True):
            if t is not None and t.const:
                np.testing.assert_array_equal(t.values, u.values)  # type: ignore[union-attr]


def test_the_best_is_chosen_on_samples_held_out() -> None:
    real, xs = net(), images(24)
    best = quantize_best(real, xs, Options())
    kept = [t.fidelity.sqnr_db for t in best.trials if t.kept]
    assert kept == sorted(kept)
    assert best.chosen.fidelity.sqnr_db == max(kept)
    assert {t.options.ranges for t in best.trials} == {
        "minmax", "moving-average", "percentile", "mse", "kl"
    }  # fmt: skip
    assert [t.options.adaround for t in best.trials].count(True) >= 1
    prepare(best.graph)
    given = [np.zeros((1, 1, 8, 8, 3), np.int8)]
    check_reference(best.graph, xs=given)
