"""QDQ models, as onnxruntime's quantiser writes them, become integer networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

pytest.importorskip("onnxruntime")

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from ascua import tflite
from ascua.convert.onnx import load
from ascua.ir import Array
from ascua.passes import prepare
from ascua.quantize.fidelity import outputs
from tests.onnx.test_nodes import classifier, fire, residual
from tests.support.onnx_nets import Net, channels_last, lite_says, onnx_says, operators, written


class Batches(CalibrationDataReader):
    """Random samples."""

    def __init__(self, model: Any, count: int) -> None:
        rng = np.random.default_rng(3)
        (given,) = model.graph.input
        shape = [d.dim_value for d in given.type.tensor_type.shape.dim]
        self.name = given.name
        self.xs = [rng.normal(0, 1, shape).astype(np.float32) for _ in range(count)]
        self.left = iter(self.xs)

    def get_next(self) -> Any:
        x = next(self.left, None)
        return None if x is None else {self.name: x}


def quantised(
    net: Net, y: str, folder: Path, **how: Any
) -> tuple[Any, list[Array]]:  # fmt: skip
    """The QDQ model of a network, and samples."""
    model = net.model(y)
    batches = Batches(model, 20)
    path = folder / "qdq.onnx"
    quantize_static(str(written(model, folder)), str(path), batches, quant_format=QuantFormat.QDQ,
                    **how)  # fmt: skip
    return onnx.load(str(path)), batches.xs


def separable() -> tuple[Net, str]:
    """Its batch normalisation is part of the weights, as onnxruntime's preparation leaves it."""
    n = Net(1, 4, 8, 10)
    x = n.Conv(
        "x0", n.weights(8, 1, 3, 3), n.weights(8), pads=[1, 1, 1, 1], strides=[2, 2], group=4
    )
    x = n.Relu(n.Conv(n.Relu(x), n.weights(6, 8, 1, 1)))
    x = n.Reshape(n.GlobalAveragePool(x), n.ints(1, -1))
    return n, n.Gemm(x, n.weights(6, 3), n.weights(3))


def grouped() -> tuple[Net, str]:
    n = Net(1, 6, 8, 10)
    x = n.Relu(n.Conv("x0", n.weights(8, 3, 3, 3), n.weights(8), pads=[1, 1, 1, 1], group=2))
    x = n.Relu(n.Conv(x, n.weights(12, 2, 1, 1), n.weights(12), group=4))
    x = n.Reshape(n.GlobalAveragePool(x), n.ints(1, -1))
    return n, n.Gemm(x, n.weights(12, 3), n.weights(3))


@pytest.mark.parametrize(
    "build", [classifier, separable, grouped, residual, fire], ids=lambda b: b.__name__
)
@pytest.mark.parametrize(
    "how",
    [
        {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8, "per_channel": True},
        {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8},
    ],
    ids=["int8", "uint8"],
)
def test_integers_as_they_were_rounded(build: Any, how: dict[str, Any], tmp_path: Path) -> None:
    model, xs = quantised(*build(), tmp_path, **how)
    graph = load(written(model, tmp_path))
    again = tflite.read(tflite.write(graph), "again")
    prepare(again)
    assert {t.dtype for t in (*again.inputs, *again.outputs)} == {"int8"}
    assert {t.dtype for op in again.ops for t in op.outputs} == {"int8"}
    assert ("QUANTIZE" in operators(again)) == (build is fire)  # what it joins has two scales
    (x,), (y,) = again.inputs, again.outputs
    given = np.stack([channels_last(s, x.shape) for s in xs])
    got = outputs(again, [given])[0]
    steps = [
        np.abs(g - channels_last(onnx_says(model, [s])[0], y.shape)) / y.q.scale
        for g, s in zip(got, xs, strict=True)
    ]
    zeros = [np.zeros(t.shape, np.int8) for t in again.inputs]
    assert lite_says(again, zeros)[0].dtype == np.int8  # TFLite's own kernels take it
    assert np.max(steps) <= 3
    assert np.mean(steps) < 0.5  # probabilities have steps of 1/256 here, not 1/255


def test_weights_and_scales_are_those_of_the_file(tmp_path: Path) -> None:
    how = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8, "per_channel": True}
    model, _ = quantised(*classifier(), tmp_path, **how)
    named = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    graph = load(written(model, tmp_path))
    conv = graph.ops[0]
    w = conv.inputs[1]
    assert w is not None
    stored = next(v for v in named.values() if v.shape == (5, 3, 3, 3))
    np.testing.assert_array_equal(w.values, stored.transpose(0, 2, 3, 1))
    assert len(w.q.scales) == 5
