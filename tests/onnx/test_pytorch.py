"""The same network out of Keras and out of PyTorch ends in the same firmware."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, convert
from ascua.ir import Graph
from ascua.passes import prepare
from ascua.plan import plan
from ascua.quantize import quantize
from ascua.targets.c import emit

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

pytestmark = [
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # PyTorch's own
]


def in_keras() -> Any:
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((12, 10, 3)),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="a"),
        layers.MaxPooling2D(2),
        layers.DepthwiseConv2D(3, padding="same", name="b"),
        layers.Conv2D(12, 1, activation="relu", name="c"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(5, name="d"),
    ])  # fmt: skip
    rng = np.random.default_rng(1)
    for name in "abcd":  # biases of zero are none for TensorFlow's converter
        layer = model.get_layer(name)
        w, b = layer.get_weights()
        layer.set_weights([w, rng.normal(0, 0.1, b.shape)])
    return model


def in_torch(keras_model: Any) -> Any:
    """The same network, with the same weights."""
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 12, 1), nn.ReLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(72, 5),
    )  # fmt: skip

    def put(layer: Any, name: str, order: tuple[int, ...]) -> None:
        w, b = keras_model.get_layer(name).get_weights()
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(np.transpose(w, order).copy()))
            layer.bias.copy_(torch.from_numpy(b))

    put(model[0], "a", (3, 2, 0, 1))
    put(model[3], "b", (2, 3, 0, 1))
    put(model[4], "c", (3, 2, 0, 1))
    dense = keras_model.get_layer("d").get_weights()
    w = dense[0].reshape(3, 2, 12, 5).transpose(2, 0, 1, 3).reshape(72, 5)  # channels first
    with torch.no_grad():
        model[8].weight.copy_(torch.from_numpy(w.T.copy()))
        model[8].bias.copy_(torch.from_numpy(dense[1]))
    return model


def library(graph: Graph, samples: Any) -> dict[str, bytes]:
    """The C library of the quantised network; without what tensors are called."""
    small = quantize(graph, [samples])
    files = emit(plan(prepare(small), boards.load("lm3s6965evb")), "net").files
    return {
        name: re.sub(rb"/\*.*?\*/|//[^\n]*", b"", data, flags=re.S) for name, data in files.items()
    }


@pytest.mark.parametrize("dynamo", [False, True])
def test_equal_firmware(dynamo: bool, tmp_path: Path) -> None:
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    keras_model = in_keras()
    keras_model.save(tmp_path / "net.keras")
    model = in_torch(keras_model)
    model.eval()
    x = torch.zeros(1, 3, 12, 10)
    torch.onnx.export(model, (x,), str(tmp_path / "net.onnx"), opset_version=18, dynamo=dynamo)
    graphs = [convert.network(tmp_path / name).graph for name in ("net.keras", "net.onnx")]
    assert [op.tflite for op in graphs[1].ops] == [op.tflite for op in graphs[0].ops]
    samples = np.random.default_rng(1).uniform(0, 1, (8, 1, 12, 10, 3)).astype(np.float32)
    a, b = (library(graph, samples) for graph in graphs)
    assert a.keys() == b.keys()
    different = [name for name in a if a[name] != b[name]]
    assert not different
