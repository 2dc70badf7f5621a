"""What users are told: the layer at fault, each input by its name, every damaged photograph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ascua as ascua_
from ascua import data, inputs, zoo
from ascua.errors import InputError, layer_of
from ascua.ir import Graph, Tensor
from tests.support.command import ascua, refused
from tests.support.fake_photos import encoded
from tests.support.tools import require_board

LAYERS = {
    "sequential_6_1/my_cum_1/Cumsum": "my_cum",
    "sequential_1/sequential_1/lstm_1/while": "lstm",
    "conv1d_1/conv1d_1/conv3_1/separable_conv2d/depthwise": "conv3",
    "functional_1/dense_1_1/MatMul;functional_1/dense_1_1/Add": "dense_1",
    "functional_6_1/sequential_5_1/memory_1/while": "memory",
    "MobilenetV1/MobilenetV1/Conv2d_0/Relu6": "Conv2d_0",
    "model/dense_1/BiasAdd": "dense_1",
    "StatefulPartitionedCall:0": None,
    "serving_default_x:0": None,
    "a/b": None,
    "": None,
    "x" * 99 + "/y/z": None,
}


@pytest.mark.parametrize(("name", "layer"), LAYERS.items())
def test_the_layer_that_a_name_tells(name: str, layer: str | None) -> None:
    assert layer_of(name) == layer


def two() -> Graph:
    left = Tensor("serving_default_left:0", (1, 8), "float32")
    right = Tensor("right", (1, 3), "float32")
    return Graph("two", (left, right), (left, right), ())


@pytest.mark.parametrize(
    "names", [("serving_default_left:0", "right"), ("left", "right"), ("arr_0", "arr_1")]
)
def test_inputs_go_by_name(names: tuple[str, str], tmp_path: Path) -> None:
    x, y = np.ones((2, 8), np.float32), np.zeros((2, 3), np.float32)
    swapped = {names[1]: y, names[0]: x} if names[0] != "arr_0" else {names[0]: x, names[1]: y}
    np.savez(tmp_path / "x.npz", **swapped)
    assert [a.shape for a in inputs.load(tmp_path / "x.npz", two())] == [(2, 1, 8), (2, 1, 3)]


@pytest.mark.parametrize("names", [("b", "a"), ("left",), ("left", "more")])
def test_other_names_are_told(names: tuple[str, ...], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{n: np.ones((2, 8), np.float32) for n in names})
    with pytest.raises(InputError, match=r"(?s)it holds '.*inputs: 'left', 'right'"):
        inputs.load(tmp_path / "x.npz", two())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((20, 2, 4), r"array\.reshape\(-1, 8\)"),
        ((20, 2, 8), "a sample of it has 16 values, one of the model 8"),
        ((4, 2), "a sample of it has 2 values, one of the model 8"),
    ],
)
def test_only_a_shape_that_keeps_the_samples_is_advised(
    shape: tuple[int, ...], message: str
) -> None:
    t = Tensor("x", (1, 8), "float32")
    with pytest.raises(InputError, match=f"(?i){message}") as told:
        inputs.convert(np.zeros(shape, np.float32), t, "x.npy")
    assert ("reshape" in str(told.value)) == (shape[1:] == (2, 4))


def test_every_damaged_photograph_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "pets"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for i in range(8):
            (root / name / f"{i}.jpg").write_bytes(encoded(i))
        for i in range(8, 16):
            (root / name / f"{i}.jpg").write_bytes(b"no image")
    with pytest.raises(InputError) as told:
        data.load("folder", root, shape=(8, 8, 3))
    assert str(told.value).count("no image") + str(told.value).count("neither a JPEG") == 16
    assert all(f"{n}/{i}.jpg" in str(told.value) for n in ("cat", "dog") for i in range(8, 16))


def test_a_missing_pillow_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "pets" / name / f"{i}.png").write_bytes(b"\x89PNG")
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'base = "digits-dscnn"\nname = "r"\ndataset = "folder"\nclasses = 2\ninput = [8, 8, 1]\n'
    )
    found = ascua(
        "train", str(recipe), "--data-dir", str(tmp_path / "pets"), "--out", str(tmp_path / "o")
    )
    refused(found, 2, "Pillow")
    assert "damaged" not in found.err
    assert found.err.count("\n") <= 4


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_says_which_class_is_missing(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")

    class Odd(keras.layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: object) -> object:
            return x

    keras.Sequential([keras.Input((4,)), Odd(), keras.layers.Dense(2)]).save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.zeros((4, 4), np.float32))
    refused(
        ascua("quantize", str(tmp_path / "m.keras"), "--data", str(tmp_path / "x.npy"), "-o",
              str(tmp_path / "o.tflite")),
        1, "does not know the class 'Odd'", "module:function",
    )  # fmt: skip


LOOPS = pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])


def recurrent(kind: str) -> Any:
    keras = pytest.importorskip("keras")
    zoo.import_keras()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    cell = layers.LSTM(4) if kind == "Bidirectional" else getattr(layers, kind)(4, name="memory")
    layer = layers.Bidirectional(cell, name="memory") if kind == "Bidirectional" else cell
    return keras.Sequential([keras.Input((6, 3)), layer, layers.Dense(2)])


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@LOOPS
def test_loops_of_keras_are_unrolled(kind: str, tmp_path: Path) -> None:
    net = recurrent(kind)
    x = np.random.default_rng(0).normal(0, 1, (50, 6, 3)).astype(np.float32)
    small = ascua_.quantize_model(net, x)
    assert small.fidelity.sqnr_db > 20
    assert not any(getattr(layer, "unroll", False) for layer in net.layers), "it stays as it was"
    require_board(ascua_.load_board("host"))
    run = ascua_.run_model(small, "host", x, build=tmp_path)
    assert run.measurement.mismatched_bytes == 0
    plan = small.model.plan("host")
    assert plan.weights_bytes < 2 * net.count_params() * 4, "each step's weights are there once"
    assert run.measurement.code_bytes is None or run.measurement.code_bytes > 0


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_loop_in_a_file_is_named_by_its_layer(tmp_path: Path) -> None:
    net, tf = recurrent("LSTM"), zoo.import_tensorflow()
    keras = zoo.import_keras()
    one = keras.Input((6, 3), batch_size=1)
    with zoo.quiet():
        content = tf.lite.TFLiteConverter.from_keras_model(keras.Model(one, net(one))).convert()
    (tmp_path / "m.tflite").write_bytes(content)
    refused(
        ascua("analyze", str(tmp_path / "m.tflite")), 1, "WHILE (layer 'memory'", "unroll=True",
    )  # fmt: skip
