"""uint8 networks: every operator against LiteRT, what is refused, and what stands at the edges."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite, validation
from ascua.errors import ToolFailed, Unsupported
from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.model import load_model
from ascua.ops import OPERATORS
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.conv2d import Conv2D
from ascua.ops.elu import Elu
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.tanh import Tanh
from ascua.passes import prepare
from ascua.passes.unsigned import TAKEN, as_int8
from ascua.plan import BALANCED, Goal
from ascua.run import litert as run_litert
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.ops.test_relu import unary
from tests.ops.test_transpose_conv import transpose_conv
from tests.support import (
    INLINE,
    SHARED,
    activation,
    check_everywhere,
    generated_c,
    litert,
    network,
    oracle,
    reference,
    samples,
)
from tests.support.examples import EXAMPLES, UINT8
from tests.support.pools import CASES as POOLS
from tests.support.pools import pool
from tests.support.unsigned import as_uint8

ZEROS = (0, 128, 255)


def one_graph(graphs: list[Graph]) -> Graph:
    """Networks side by side: compiled once, and run by LiteRT once."""
    inputs = tuple(t for g in graphs for t in g.inputs)
    outputs = tuple(t for g in graphs for t in g.outputs)
    return Graph("test", inputs, outputs, tuple(op for g in graphs for op in g.ops))


def check_litert(graphs: list[Graph], n: int = 4, goal: Goal = BALANCED) -> None:
    """LiteRT, reference and generated C agree on every byte of n random samples."""
    model = tflite.write(one_graph(graphs))
    graph = tflite.read(model)
    xs = samples(graph, n)
    expected = litert(model, xs)
    prepared = prepare(graph)
    for name, ys in ("reference", reference(prepared, xs)), ("C", generated_c(graph, xs, goal)):
        for y, e, t in zip(ys, expected, graph.outputs, strict=True):
            np.testing.assert_array_equal(y, e.reshape(y.shape), f"{name}: {t.name}")


def halves(graph: Graph) -> Graph:
    """`graph` of one weighted operator, with products of just less than halves.

    They are halves where the scales are multiplied in single precision.
    """
    graph = as_uint8(graph, 128)
    op = graph.ops[0]
    x_scale, y = np.float32(0.7), replace(op.y, quant=Quant((1.0,), (128,)))
    while True:
        w_scale = np.float32(0.5) / x_scale
        if x_scale * w_scale == np.float32(0.5) and float(x_scale) * float(w_scale) < 0.5:
            break
        x_scale = np.nextafter(x_scale, np.float32(1))
    x = replace(op.x, quant=Quant((float(x_scale),), (128,)))
    w, bias = op.inputs[1], op.inputs[-1]
    assert w is not None
    assert bias is not None
    signs = np.where(w.values > 128, 129, 127).astype(np.uint8)
    inputs = [x if t is op.x else t for t in op.inputs]
    inputs[1] = replace(w, quant=Quant((float(w_scale),), (128,)), data=signs)
    inputs[-1] = replace(bias, quant=Quant((0.5,), (0,)), data=np.zeros_like(bias.values))
    return network(replace(op, inputs=tuple(inputs), outputs=(y,)))


def with_any_weights() -> list[Graph]:
    """Layers with weights, of every kernel and with the extreme zero points."""
    one = {"per_channel": False}
    plain = [conv(**one), conv(oc=7, stride=(2, 2), **one), conv(ic=6, oc=10, groups=2, **one)]
    plain += [depthwise(**one), depthwise(stride=(2, 2), iw=8, **one), depthwise(kh=1, kw=4, **one)]
    plain += [depthwise(multiplier=3, **one), dense(), dense(k=64, oc=3, bias=None)]
    plain += [transpose_conv(**one), transpose_conv(oc=6, stride=(2, 3), **one)]
    ones = [conv(kh=1, kw=1, ic=1, oc=8, **one), depthwise(kh=1, kw=1, **one), dense(k=1)]
    ones.append(transpose_conv(kh=1, kw=1, **one))
    return [*(as_uint8(g, z) for g in plain for z in ZEROS), *(halves(g) for g in ones)]


def idle(graph: Graph) -> Graph:
    """`graph` of one weighted operator, whose weights stand for 0."""
    op = graph.ops[0]
    w = op.inputs[1]
    assert w is not None
    zeros = replace(w, data=np.full_like(w.values, w.q.zero_point))
    return network(replace(op, inputs=tuple(zeros if t is w else t for t in op.inputs)))


RATIO = (0.7429176568984985, -128), (0.8984120488166809, -128)
"""Their quotient makes ties in single precision, and none in double."""


@pytest.mark.train
def test_channels_without_weights_equal_litert() -> None:
    many = as_uint8(dense(k=6, oc=1000, y_scale=0.1, bias=300))
    check_litert([idle(g) for g in (*with_any_weights(), many)])


@pytest.mark.train
def test_every_operator_equals_litert() -> None:
    taken = [g for name, graphs in EXAMPLES.items() if name in TAKEN for g in graphs]
    taken = [g for g in taken if all(t.dtype != "int4" for t in g.tensors())]
    unaries = [
        unary(Relu, *RATIO),
        unary(LeakyRelu, *RATIO, 0.5),
        unary(Quantize, *RATIO),
        unary(HardSwish, (0.13428474962711334, -125), (0.1660500317811966, -9)),
        unary(Logistic, (7.99, 3), (1 / 256, -128)),
        unary(Tanh, (7.99, 3), (1 / 128, 0)),
    ]
    check_litert([*map(as_uint8, taken), *(as_uint8(network(op)) for op in unaries)])


@pytest.mark.train
def test_weights_equal_litert() -> None:
    pools = [as_uint8(pool(AveragePool2D, **fields)) for fields in POOLS.values()]
    check_litert([*with_any_weights(), *pools], goal=SHARED)


def test_kernels_equal_the_reference() -> None:
    """The golden files compare the reference with LiteRT; so the C is compared without it."""
    # Of the 3,000 outputs of the dense layer, 14 differ where they are rounded twice.
    more = depthwise(multiplier=3, per_channel=False), dense(k=6, oc=1000, y_scale=0.1, bias=300)
    graph = one_graph([*UINT8.values(), *map(as_uint8, more)])
    graph = tflite.read(tflite.write(graph))
    xs = samples(graph, 3)
    expected = reference(prepare(graph), xs)
    for y, e, t in zip(generated_c(graph, xs, INLINE), expected, graph.outputs, strict=True):
        np.testing.assert_array_equal(y, e, t.name)


@pytest.mark.train
def test_litert_says_why_it_refuses() -> None:
    graph = as_uint8(network(unary(Elu, (0.05, -3), (0.04, 9))))
    with pytest.raises(ToolFailed, match="LiteRT refuses"):
        run_litert.run(tflite.write(graph), samples(graph, 1), 1)


def edges(graph: Graph) -> list[str]:
    return [f"{op.kind} {op.x.dtype} {op.y.dtype}" for op in graph.ops]


def test_inputs_and_outputs_stay_uint8() -> None:
    graph = as_uint8(conv(per_channel=False))
    restated = as_int8(graph)
    assert edges(restated) == ["quantize uint8 int8", "conv2d int8 int8", "quantize int8 uint8"]
    assert restated.inputs == graph.inputs
    assert restated.outputs == graph.outputs
    assert restated.ops[1].x.q.zero_point == graph.inputs[0].q.zero_point - 128
    assert len({t.name for t in restated.tensors()}) == len(list(restated.tensors()))


def test_int8_networks_stay_as_they_are() -> None:
    graph = conv()
    assert as_int8(graph).ops == graph.ops


def test_int8_with_uint8_edges() -> None:
    """As TensorFlow 2 writes them for an inference type of uint8; the oracle is TFLM."""
    inside = conv(scale=0.003)
    x, y = (replace(t, name=f"{t.name}/u", dtype="uint8",
                    quant=Quant(t.q.scales, (t.q.zero_point + 128,)))
            for t in (inside.inputs[0], inside.outputs[0]))  # fmt: skip
    first, last = Quantize((x,), inside.inputs), Quantize(inside.outputs, (y,))
    graph = network(first, *inside.ops, last)
    assert edges(prepare(graph)) == [
        "quantize uint8 int8", "conv2d int8 int8", "quantize int8 uint8",
    ]  # fmt: skip
    assert not prepare(graph).ops[1].uint8
    model = tflite.write(graph)
    xs = samples(graph, 3)
    expected = oracle(model, xs)
    np.testing.assert_array_equal(reference(prepare(graph), xs)[0], expected[0])
    np.testing.assert_array_equal(generated_c(graph, xs)[0], expected[0])


def test_a_quantize_that_changes_nothing_is_dropped() -> None:
    x = activation("x", (1, 6))
    same, y = replace(x, name="same"), replace(x, name="y")
    graph = network(Quantize((x,), (same,)), Add((same, same), (y,), "NONE"))
    assert [op.kind for op in prepare(graph).ops] == ["add"]
    check_everywhere(graph)
    alone = network(Quantize((x,), (same,)))
    assert [op.kind for op in prepare(alone).ops] == ["quantize"]


def changed(op: Op, index: int, **fields: object) -> Graph:
    """A network of `op` with other fields of one input."""
    inputs = list(op.inputs)
    inputs[index] = replace(inputs[index], **fields)  # type: ignore[arg-type, type-var]
    return network(replace(op, inputs=tuple(inputs)))


LAYER = as_uint8(conv(per_channel=False)).ops[0]
INT8 = Quant((0.05,), (0,))
REFUSED: dict[str, tuple[Graph, str]] = {
    "no uint8 form": (as_uint8(network(unary(Elu, (0.05, -3), (0.04, 9)))), "no uint8 form"),
    "no bias": (as_uint8(conv(per_channel=False, bias=None)), "has no bias, and LiteRT"),
    "another unit": (as_uint8(conv(per_channel=False, scale=30.0)), "its bias 'b' has the scale 0"),
    "mixed": (changed(LAYER, 0, dtype="int8", quant=INT8), "'y' is uint8, not int8; uint8"),
    "zero point": (changed(LAYER, 1, quant=Quant((0.01,), (256,))), "zero point 128, outside int8"),
    "a scale each": (changed(LAYER, 1, quant=Quant((0.01,) * 5, (3,) * 5)), "'w' has 5 scales"),
    "coarse": (as_uint8(network(unary(Tanh, (8.0, 0), (1 / 128, 0)))), "beyond what"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str) -> None:
    graph, reason = REFUSED[case]
    with pytest.raises(Unsupported, match=re.escape(reason)):
        prepare(graph)


def test_only_networks_of_the_operators_that_are_compared() -> None:
    for name, graphs in EXAMPLES.items():
        if name not in TAKEN and "int8" in OPERATORS[name].types:
            with pytest.raises(Unsupported):
                prepare(as_uint8(graphs[0]))


def broken(op: Conv2D, *xs: Array) -> Array:
    """A convolution whose weights have lost their zero point."""
    w = op.inputs[1]
    assert w is not None
    plain = replace(w, quant=Quant(w.q.scales, (0,)))
    return EVAL(replace(op, inputs=(op.inputs[0], plain, *op.inputs[2:])), *xs)


EVAL = Conv2D.eval


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "uint8.tflite"
    first = UINT8["uint8_conv_2d"].ops[0]
    last = Relu(first.outputs, (replace(first.y, name="relu"),))
    file.write_bytes(tflite.write(network(first, last)))
    return file


@pytest.mark.train
def test_validate_compares_with_litert(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conv2D, "eval", broken)
    model = load_model(path)
    (check,) = validation.validate(model, samples(model.graph, 2), [], path.parent)
    assert (check.executor, check.against) == ("reference", "litert")
    assert check.mismatched_bytes
    assert check.first is not None
    assert check.first.op == "conv2d"


def test_validate_without_litert(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_litert, "version", lambda: None)
    model = load_model(path)
    check, note = validation.validate(model, samples(model.graph, 2), [], path.parent)
    assert (check.against, check.mismatched_bytes) == ("reference", 0)
    assert (note.executor, note.note) == ("litert", "not installed: pip install '.[train]'")


def test_tensors_without_quantisation_are_refused() -> None:
    x = Tensor("x", (1, 4), "uint8")
    with pytest.raises(Unsupported, match="'x' is uint8, not int8"):
        prepare(network(Relu((x,), (replace(x, name="y"),))))
