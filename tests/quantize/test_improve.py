"""Equalisation, bias correction and AdaRound: what they keep, and what they gain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ascua.inputs import quantize as to_integers
from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops.add import Add
from ascua.ops.arg_max import ArgMax
from ascua.ops.concatenation import Concatenation
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.reshape import Reshape
from ascua.ops.softmax import Softmax
from ascua.ops.transpose_conv import TransposeConv
from ascua.passes import prepare
from ascua.quantize import Options, quantize, rules
from ascua.quantize.adaround import AdaRound
from ascua.quantize.best import quantize_best
from ascua.quantize.bias import correct
from ascua.quantize.equalize import equalize, groups
from ascua.quantize.fidelity import beside, dequantized, outputs
from ascua.quantize.floats import evaluated
from ascua.quantize.rules import quantized
from ascua.quantize.scores import until_scores
from tests.quantize.test_convert import constant, tensor
from tests.support import check_reference, network
from tests.support.examples import EXAMPLES
from tests.support.floats import floated, samples


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
    assert [(g.writers, g.readers) for g in groups(real)] == [
        (((0, 0),), ((1, 0),)), (((1, 0),), ((3, 0),))
    ]  # fmt: skip
    np.testing.assert_allclose(evaluated(even, xs)[0], evaluated(real, xs)[0], rtol=1e-3, atol=1e-5)
    before, after = (g.ops[0].inputs[1].values for g in (real, even))  # type: ignore[union-attr]
    assert not np.allclose(before, after)


def branches(activation: str = "RELU", add: str = "RELU") -> Graph:
    """A fork, a concatenation with a pool behind it, a sum, and a convolution that reads it."""
    rng = np.random.default_rng(3)
    one = ((1, 1), (1, 1), "SAME")

    def conv(x: Tensor, name: str, channels: int, kernel: int, activation: str) -> Conv2D:
        sizes = np.exp2(rng.uniform(-6, 2, channels)).reshape(-1, 1, 1, 1)
        w = constant(f"w{name}", rng.normal(0, 0.5, (channels, kernel, kernel, x.shape[3])) * sizes)
        b = constant(f"b{name}", rng.normal(0, 0.3, channels))
        return Conv2D((x, w, b), (tensor(name, *x.shape[:3], channels),), *one, activation)

    a = conv(tensor("x", 1, 8, 8, 3), "a", 8, 3, activation)
    b, c = conv(a.y, "b", 6, 1, activation), conv(a.y, "c", 4, 3, activation)
    joined = Concatenation((b.y, c.y), (tensor("bc", 1, 8, 8, 10),), 3)
    pool = MaxPool2D((joined.y,), (tensor("p", 1, 4, 4, 10),), (2, 2), (2, 2), "VALID", "NONE")
    d, e = conv(pool.y, "d", 5, 3, "NONE"), conv(pool.y, "e", 5, 1, "NONE")
    total = Add((d.y, e.y), (tensor("t", 1, 4, 4, 5),), add)
    f = conv(total.y, "f", 4, 1, "NONE")
    return network(a, b, c, joined, pool, d, e, total, f)


@pytest.mark.parametrize("activation", ["RELU", "RELU6"])
def test_equalisation_crosses_forks_concatenations_and_sums(activation: str) -> None:
    real, xs = branches(activation), images()
    assert [(g.channels, g.writers, g.readers) for g in groups(real)] == [
        (8, ((0, 0),), ((1, 0), (2, 0))),
        (10, ((1, 0), (2, 6)), ((5, 0), (6, 0))),
        (5, ((5, 0), (6, 0)), ((8, 0),)),
    ]
    even = equalize(real, xs)
    np.testing.assert_allclose(evaluated(even, xs)[0], evaluated(real, xs)[0], rtol=1e-3, atol=1e-4)
    for i in (0, 1, 2, 5, 6):
        before, after = (g.ops[i].inputs[1].values for g in (real, even))  # type: ignore[union-attr]
        assert not np.allclose(before, after)


def test_tied_channels_scale_together() -> None:
    """Of every operator that ties any: factors of the inputs come out, and are all it does."""
    ties = set()
    for name, examples in EXAMPLES.items():
        for real in map(floated, examples):
            op = real.ops[0]
            if not (tied := op.tied_channels()):
                continue
            ties.add(name)
            whole = max(at + t.shape[-1] for t, at in tied)
            factors = np.random.default_rng(5).uniform(0.5, 2, whole).astype(np.float32)
            by = {t: factors[at : at + t.shape[-1]] for t, at in tied}
            assert set(by) == {*op.activations, op.y}
            xs = samples(real, 4)
            scaled = [x * by[t] for x, t in zip(xs, op.activations, strict=True)]
            expected = op.eval_float(*xs) * by[op.y]
            np.testing.assert_allclose(op.eval_float(*scaled), expected, rtol=1e-5, atol=1e-5)
    assert {"ADD", "AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D", "MEAN", "PAD"} <= ties
    assert "PADV2" not in ties


def test_equalisation_weighs_each_output_of_a_reader_alike() -> None:
    """They have scales of their own: a loud one is not worth more."""
    real, xs = branches(), images()
    last = real.ops[8]
    assert isinstance(last, Conv2D)
    loud = np.array([1000, 1, 1, 1], np.float32)
    other = last.with_weights(last.w.values * loud.reshape(-1, 1, 1, 1), last.biases * loud)
    graphs = equalize(real, xs), equalize(replace(real, ops=(*real.ops[:8], other)), xs)
    before, after = (g.ops[5].inputs[1].values for g in graphs)  # type: ignore[union-attr]
    np.testing.assert_allclose(before, after, rtol=1e-6)


def test_equalisation_crosses_groups() -> None:
    """Each group's filters are multiplied by the factors of its own input channels."""
    real, xs = branches(), images()
    last, rng = real.ops[1], np.random.default_rng(6)
    two = replace(last, inputs=(last.x, constant("w", rng.normal(0, 1, (6, 1, 1, 4))), None))
    graph = network(real.ops[0], two)
    assert [g.channels for g in groups(graph)] == [8]
    even = equalize(graph, xs)
    np.testing.assert_allclose(
        evaluated(even, xs)[0], evaluated(graph, xs)[0], rtol=1e-3, atol=1e-4
    )
    assert not np.allclose(even.ops[1].inputs[1].values, two.inputs[1].values)  # type: ignore[union-attr]


def test_equalisation_leaves_what_others_read() -> None:
    assert [g.channels for g in groups(branches(add="RELU6"))] == [8, 10]
    real = branches()
    pool = real.ops[4].y
    assert [g.channels for g in groups(replace(real, outputs=(*real.outputs, pool)))] == [8, 5]
    b = real.ops[1].y
    twice = Concatenation((b, b), (tensor("bb", 1, 8, 8, 12),), 3)
    last = replace(real.ops[8], inputs=(twice.y, constant("w", np.ones((4, 1, 1, 12))), None))
    assert [g.channels for g in groups(network(*real.ops[:2], twice, last))] == [8]


def test_equalisation_evens_channels_and_helps() -> None:
    real, xs = net("RELU", spread=7.0), images()
    even = equalize(real, xs)

    def spread(graph: Graph) -> float:
        peaks = dict(graph.walk(xs, lambda op, *v: (np.asarray(op.eval_float(*v)),)))
        first = peaks[graph.ops[0].y].reshape(-1, 8).max(axis=0)
        return float(first.max() / first[first > 0].min())

    assert spread(even) < 1.01 < spread(real)
    plain, better = (
        beside(
            until_scores(real),
            until_scores(quantize(real, xs, Options(equalize=e))),
            images(seed=2),
        )
        for e in (False, True)
    )
    assert better.sqnr_db > plain.sqnr_db + 3


def test_bias_correction_makes_means_equal() -> None:
    real, xs = net("RELU"), images(64)
    # Clipped weights make errors of one sign.
    options = Options(ranges="percentile", percentile=90.0)
    plain, better = (
        until_scores(quantize(real, xs, replace(options, bias_correction=b))) for b in (False, True)
    )
    expected = evaluated(until_scores(real), xs)[0].mean(axis=0)
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
    first, second = (beside(until_scores(real), until_scores(g), held) for g in (plain, better))
    assert second.sqnr_db > first.sqnr_db + 0.3
    again = quantize(real, xs, replace(coarse, adaround=True))
    for a, b in zip(again.ops, better.ops, strict=True):
        for t, u in zip(a.inputs, b.inputs, strict=True):
            if t is not None and t.const:
                np.testing.assert_array_equal(t.values, u.values)  # type: ignore[union-attr]


def test_adaround_learns_weights_of_4_bits() -> None:
    real, xs = net("RELU", spread=0.0), images(64)
    plain, better = (
        quantize(real, xs, Options(scheme="int4-weights", adaround=a)) for a in (False, True)
    )
    check_reference(better)
    held = images(64, seed=2)
    first, second = (beside(until_scores(real), until_scores(g), held) for g in (plain, better))
    assert second.sqnr_db > first.sqnr_db + 0.3


def upwards(stride: tuple[int, int] = (2, 2), padding: Any = "SAME", kernel: int = 3) -> Graph:
    """A convolution, and one that is transposed."""
    rng = np.random.default_rng(8)
    x, a = tensor("x", 1, 6, 5, 3), tensor("a", 1, 6, 5, 8)
    add = (0, 0) if padding == "SAME" else tuple(max(0, kernel - s) for s in stride)
    y = tensor("y", 1, 6 * stride[0] + add[0], 5 * stride[1] + add[1], 4)
    shape = Tensor("shape", (4,), "int32", None, np.array(y.shape, np.int32))
    w, b = constant("w", rng.normal(0, 0.2, (8, 3, 3, 3))), constant("b", rng.normal(0, 0.2, 8))
    up = constant("up", rng.normal(0, 0.1, (4, kernel, kernel, 8)))
    bias = constant("bias", rng.normal(0, 0.2, 4))
    return network(
        Conv2D((x, w, b), (a,), (1, 1), (1, 1), "SAME", "RELU"),
        TransposeConv((shape, up, a, bias), (y,), stride, padding, "NONE"),
    )


def small_images(n: int = 24, seed: int = 1) -> list[Array]:
    return [np.random.default_rng(seed).normal(0, 1, (n, 1, 6, 5, 3)).astype(np.float32)]


@pytest.mark.parametrize(
    ("stride", "padding", "kernel"),
    [((1, 1), "SAME", 3), ((2, 2), "SAME", 3), ((2, 1), "VALID", 4), ((3, 2), "VALID", 2)],
)
def test_patches_of_a_transposed_convolution(
    stride: tuple[int, int], padding: str, kernel: int
) -> None:
    """Products with the weights are what scattering the input gives."""
    op = upwards(stride, padding, kernel).ops[1]
    assert isinstance(op, TransposeConv)
    assert op.bias is not None
    x = np.random.default_rng(2).normal(0, 1, (2, *op.x.shape)).astype(np.float32)
    y = op.patches(x) @ op.w.values.reshape(4, -1).T + op.bias.values
    np.testing.assert_allclose(y.reshape(2, *op.y.shape), op.eval_float(x), rtol=1e-4, atol=1e-5)


def twins(*, adaround: bool = False) -> tuple[TransposeConv, TransposeConv]:
    """A transposed convolution and its int8 twin, in a network that is equal to tflite-micro."""
    real, xs = upwards(), small_images()
    small = quantize(real, xs, Options(bias_correction=False, adaround=adaround))
    check_reference(small)
    a, b = real.ops[1], small.ops[1]
    assert isinstance(a, TransposeConv)
    assert isinstance(b, TransposeConv)
    return a, b


def test_adaround_learns_transposed_convolutions() -> None:
    (real, plain), (_, learnt) = twins(), twins(adaround=True)
    changed = np.abs(plain.w.values.astype(int) - learnt.w.values)
    assert changed.max() == 1
    assert changed.sum() > 20
    # Weights of 4 bits, so that their rounding is most of what is wrong.
    q = Quant(tuple(np.abs(real.w.values).max(axis=(1, 2, 3)) / 7), (0,) * 4, 0)
    w = replace(plain.w, quant=q, data=quantized(real.w.values, q, -7, 7, "int8"))
    coarse = replace(plain, inputs=tuple(w if t is plain.w else t for t in plain.inputs))
    x, held = (np.random.default_rng(i).gamma(1, 1, (40, *real.x.shape)) for i in (1, 2))
    better = AdaRound()(real, coarse, x.astype(np.float32), x.astype(np.float32))
    error = []
    for op in (coarse, better):
        approximate = real.with_weights(rules.real(op.w.values, op.w.q), real.biases)
        error.append(np.square(approximate.eval_float(held) - real.eval_float(held)).mean())
    assert error[1] < 0.8 * error[0]


def test_bias_correction_of_transposed_convolutions() -> None:
    """Inputs that are too small by and large: the int8 layer's means are then the float one's."""
    real, small = twins()
    x = np.random.default_rng(1).gamma(1, 0.3, (50, *real.x.shape)).astype(np.float32)
    xs = to_integers(0.8 * x, small.x)
    better = correct(real, small, x, dequantized(xs, small.x))
    expected = real.eval_float(x).reshape(-1, 4).mean(axis=0)
    off = []
    for op in (small, better):
        assert isinstance(op, TransposeConv)
        y = dequantized(op.eval(xs), op.y).reshape(-1, 4)
        off.append(np.abs(y.mean(axis=0) - expected).max())
    assert off[1] < 0.1 * small.y.q.scale < 0.1 * off[0]


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
    assert [t.options.equalize for t in best.trials].count(True) == 1
    prepare(best.graph)
    given = [np.zeros((1, 1, 8, 8, 3), np.int8)]
    check_reference(best.graph, xs=given)


def test_nothing_is_tried_twice() -> None:
    first = Options(bias_correction=False, equalize=True)
    told: list[tuple[int, int]] = []
    found = quantize_best(net(), images(8), first, progress=lambda *at: told.append(at))
    assert len({t.options for t in found.trials}) == len(found.trials) == 5 + 2
    assert told == [(i, 10) for i in range(1, 11)], "what is not tried is done too"


def test_an_index_is_judged_by_the_scores_before_it() -> None:
    """Indices alone would be all alike, or far apart."""
    real, xs = net(), images()
    index = Tensor("index", (1,), "int32")
    axis = Tensor("axis", (1,), "int32", None, np.array([1], np.int32))
    named = replace(real, ops=(*real.ops, ArgMax((real.outputs[0], axis), (index,))),
                    outputs=(index,))  # fmt: skip
    plain, other = (beside(g, quantize(g, xs), images(seed=2)) for g in (real, named))
    assert other == plain
    trials = [quantize_best(g, xs, Options()).trials for g in (real, named)]
    assert trials[0] == trials[1]
