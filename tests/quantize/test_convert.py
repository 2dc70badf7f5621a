"""The quantiser: every operator becomes one that tflite-micro runs, with equal bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua import tflite
from ascua.errors import InputError, ModelError, Unsupported
from ascua.inputs import quantize as as_int8
from ascua.ir import Graph, Op, Tensor
from ascua.ops import OPERATORS
from ascua.ops.add import Add
from ascua.ops.concatenation import Concatenation
from ascua.ops.dequantize import Dequantize
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.logistic import Logistic
from ascua.ops.relu import Relu
from ascua.passes import prepare
from ascua.quantize import DEFAULT, Options, Range, quantize
from ascua.quantize.floats import evaluated
from ascua.quantize.options import RANGES, Ranges
from tests.support import check_reference, network
from tests.support.examples import EXAMPLES
from tests.support.floats import INTEGER, floated, samples


def tensor(name: str, *shape: int) -> Tensor:
    return Tensor(name, shape, "float32")


def constant(name: str, data: object) -> Tensor:
    values = np.asarray(data, np.float32)
    return Tensor(name, values.shape, "float32", None, values)


def dense(weights: object, bias: object) -> Graph:
    w, b = constant("w", weights), constant("b", bias)
    x, y = tensor("x", 1, w.shape[1]), tensor("y", 1, w.shape[0])
    return network(FullyConnected((x, w, b), (y,), False, "NONE"))


def check(
    real: Graph,
    xs: list[np.ndarray],  # type: ignore[type-arg]
    image: Range | None = None,
    options: Options = DEFAULT,
) -> Graph:
    """Quantise `real`; tflite-micro and the reference agree, and are near the floats."""
    small = quantize(real, xs, options, image)
    prepare(small)
    given = [as_int8(x, t) for x, t in zip(xs, small.inputs, strict=True)]
    _, _, ys = check_reference(small, xs=given)
    for t, y, e in zip(small.outputs, ys, evaluated(real, xs), strict=True):
        if t.quant is not None:
            error = np.abs((y.astype(float) - t.q.zero_point) * t.q.scale - e)
            assert error.max() < 0.05 * np.ptp(e) + 2 * t.q.scale
    return small


@pytest.mark.parametrize("name", sorted(set(OPERATORS) - INTEGER))
def test_every_operator_has_a_quantised_form(name: str) -> None:
    for graph in EXAMPLES[name]:
        real = floated(graph)
        check(real, samples(real, 8))


@pytest.mark.parametrize("scheme", ["int16x8", "int4-weights"])
def test_other_schemes_are_taken_or_refused_by_name(scheme: str) -> None:
    taken = set()
    for name in sorted(set(OPERATORS) - INTEGER):
        real = floated(EXAMPLES[name][0])
        xs = samples(real, 4)
        try:
            check(real, xs, options=Options(scheme=scheme))  # type: ignore[arg-type]
            taken.add(name)
        except Unsupported as e:
            assert f"has no {scheme} form" in str(e)  # noqa: PT017
    if scheme == "int16x8":
        assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MEAN", "SOFTMAX",
                "CONCATENATION", "MAX_POOL_2D", "LOGISTIC", "TANH", "RESHAPE"} <= taken  # fmt: skip


def test_zero_is_exact_and_the_range_is_covered() -> None:
    x, y = tensor("x", 1, 4), tensor("y", 1, 4)
    real = network(Relu((x,), (y,)))
    for low, high, quant in (
        (0.0, 1.0, (1 / 255, -128)),
        (-1.0, 1.0, (2 / 255, -1)),
        (0.5, 4.0, (4 / 255, -128)),
        (-3.0, -1.0, (3 / 255, 127)),
    ):
        xs = [np.linspace(low, high, 8, dtype=np.float32).reshape(2, 1, 4)]
        t = quantize(real, xs).inputs[0]
        assert (t.q.scale, t.q.zero_point) == (np.float32(quant[0]), quant[1])


@pytest.mark.parametrize("method", RANGES)
@pytest.mark.parametrize("end", [None, Logistic])
def test_scores_are_not_clipped(method: Ranges, end: type[Logistic] | None) -> None:
    """Two classes beyond the range would look alike, whatever method finds it."""
    x, h, s, y = (tensor(n, 1, 4) for n in "xhsy")
    ops: list[Op] = [Relu((x,), (h,)), Relu((h,), (s,))]
    real = network(*ops, *([] if end is None else [end((s,), (y,))]))
    values = np.abs(np.random.default_rng(1).normal(0, 1, (50000, 1, 4))).astype(np.float32)
    values[7] = 9
    xs = [values]
    hidden, score = (op.y.q.scale for op in quantize(real, xs, Options(ranges=method)).ops[:2])
    assert score == pytest.approx(9 / 255)
    assert hidden == pytest.approx(score) if method == "minmax" else hidden < score


def test_weights_have_a_scale_a_channel_and_biases_its_product() -> None:
    real, xs = dense([[1, -2], [0.5, 0.25]], [3, -4]), [np.ones((1, 1, 2), np.float32)]
    small = quantize(real, xs, Options(bias_correction=False))
    _, w, b = small.ops[0].inputs
    assert w is not None
    assert b is not None
    assert w.q.scales == (np.float32(2 / 127), np.float32(0.5 / 127))
    assert w.values.tolist() == [[64, -127], [127, 64]]
    scales = np.array(b.q.scales)
    np.testing.assert_allclose(scales, np.array(w.q.scales) * small.inputs[0].q.scale, rtol=1e-6)
    np.testing.assert_allclose(b.values * scales, [3, -4], rtol=1e-4)


def test_int4_weights_of_a_dense_layer_share_a_scale() -> None:
    """TFLM takes no more than one."""
    real = dense([[1.1, -2], [0.5, 0.25]], [3, -4])
    options = Options(scheme="int4-weights", bias_correction=False)
    small = check(real, [np.ones((1, 1, 2), np.float32)], options=options)
    _, w, b = small.ops[0].inputs
    assert w is not None
    assert b is not None
    assert (w.dtype, w.q.scales) == ("int4", (float(np.float32(2 / 7)),))
    assert w.values.tolist() == [[4, -7], [2, 1]]
    np.testing.assert_allclose(b.values * b.q.scale, [3, -4], rtol=1e-3)


def test_a_channel_without_weights_keeps_its_bias() -> None:
    real = dense([[1e-12, 0], [0, 0], [1, -1]], [5, -3, 0.5])
    check(real, [np.random.default_rng(1).normal(0, 1, (8, 1, 2)).astype(np.float32)])


def test_an_input_of_a_fixed_scale_gets_a_quantize_in_a_concatenation() -> None:
    x, s, y = tensor("x", 1, 4), tensor("s", 1, 4), tensor("y", 1, 8)
    real = network(Logistic((x,), (s,)), Concatenation((x, s), (y,), 1))
    xs = [np.random.default_rng(1).normal(0, 3, (8, 1, 4)).astype(np.float32)]
    small = check(real, xs)
    assert [op.kind for op in small.ops] == ["logistic", "quantize", "concatenation"]
    pixels = check(real, [np.abs(xs[0]) / 20], Range(0, 1))
    assert [op.kind for op in pixels.ops].count("quantize") == 2
    assert pixels.inputs[0].q.zero_point == -128


def test_what_never_changes_is_told(caplog: pytest.LogCaptureFixture) -> None:
    x, y, z = tensor("x", 1, 4), tensor("dead", 1, 4), tensor("z", 1, 4)
    real = network(Relu((x,), (y,)), Add((x, y), (z,), "NONE"))
    small = quantize(real, [-np.ones((2, 1, 4), np.float32)])
    assert [r.getMessage().partition(":")[2] for r in caplog.records] == [
        " 'x' is -1 for all calibration data: its scale fits nothing else. Check the data.",
        " 'dead' is 0 for all calibration data: its scale fits nothing else. Check the data and the"
        " layer, which may be dead.",
        " 'z' is -1 for all calibration data: its scale fits nothing else. Check the data and the"
        " layer, which may be dead.",
    ]
    assert small.ops[0].y.q.scale > 0


def test_what_cannot_be_quantised_is_named() -> None:
    ones = [np.ones((1, 1, 2), np.float32)]
    with pytest.raises(InputError, match=r"FULLY_CONNECTED 'y': its constant 'w' has NaN"):
        quantize(dense([[1, np.nan]], [0]), ones)
    with pytest.raises(InputError, match=r"FULLY_CONNECTED 'y'.*NaN or infinite"):
        quantize(dense([[3e38, 3e38]], [0]), [2 * ones[0]])
    real = dense([[1, 2]], [0])
    with pytest.raises(ModelError, match=r"'y': its output has 3 channels and its weights 1"):
        quantize(network(replace(real.ops[0], outputs=(tensor("y", 2, 3),))), ones)
    op = replace(EXAMPLES["L2_NORMALIZATION"][0].ops[0], activation="RELU")
    wrong = floated(network(op))
    with pytest.raises(Unsupported, match="has no int8 form: it has the fused activation"):
        quantize(wrong, samples(wrong, 2))


def test_half_precision_weights_are_read() -> None:
    real = dense([[1, -2], [0.5, 0.25]], [3, -4])
    x, w, b = real.ops[0].inputs
    assert w is not None
    half = replace(w, name="half", dtype="float16", data=w.values.astype(np.float16))
    computed = replace(w, data=None)
    ops = (Dequantize((half,), (computed,)), replace(real.ops[0], inputs=(x, computed, b)))
    stored = tflite.read(tflite.write(replace(real, ops=ops)))
    xs = [np.random.default_rng(1).normal(0, 1, (8, 1, 2)).astype(np.float32)]
    small = quantize(stored, xs)
    assert [op.kind for op in small.ops] == ["fully_connected"]
    assert small.ops[0].inputs[1].values.tolist() == [[64, -127], [127, 64]]  # type: ignore[union-attr]
