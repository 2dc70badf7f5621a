"""`ascua convert`: every road to a .tflite file, and the door that all verbs share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import convert, tflite
from ascua.convert import Ends
from ascua.errors import AscuaError
from ascua.ir import Array, Graph
from ascua.quantize.floats import evaluated
from tests.support.command import ascua, refused

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:.*__array__ implementation.*:DeprecationWarning"),
]

IMAGE = (8, 10, 3)


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One network in every form that TensorFlow writes."""
    import keras
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("roads")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input(IMAGE),
        layers.ZeroPadding2D(((1, 1), (1, 1))),
        layers.Conv2D(4, 3, strides=2),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, activation="softmax"),
    ])  # fmt: skip
    model.save(folder / "net.keras")
    model.save(folder / "net.h5")
    model.export(folder / "served", verbose=False)
    served = tf.saved_model.load(str(folder / "served"))
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(served.signatures["serving_default"])
    (folder / "net.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    (folder / "net.tflite").write_bytes(convert.network(folder / "net.keras").content)
    names = {"keras": "net.keras", "h5": "net.h5", "saved": "served", "pb": "net.pb"}
    return {name: folder / file for name, file in (names | {"tflite": "net.tflite"}).items()}


def answers(graph: Graph) -> Array:
    x = np.random.default_rng(1).uniform(0, 1, (3, 1, *IMAGE)).astype(np.float32)
    return evaluated(graph, [x])[0]


@pytest.mark.parametrize("road", ["keras", "h5", "saved", "pb"])
def test_every_road_leads_to_the_same_network(
    road: str, roads: dict[str, Path], tmp_path: Path
) -> None:  # fmt: skip
    out = tmp_path / "out.tflite"
    result = ascua("convert", roads[road], "--out", out, "--json")
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert said["form"] == {"keras": "Keras", "h5": "Keras", "saved": "SavedModel",
                            "pb": "GraphDef"}[road]  # fmt: skip
    assert said["tflite"] == str(out)
    assert said["inputs"][0]["shape"] == [1, *IMAGE]
    graph = tflite.load(out)
    assert [op.tflite for op in graph.ops] == said["operators"]
    expected = answers(tflite.load(roads["tflite"]))
    np.testing.assert_allclose(answers(graph), expected, rtol=1e-5, atol=1e-6)


def test_what_it_prints(roads: dict[str, Path], tmp_path: Path) -> None:
    out, dot = tmp_path / "out.tflite", tmp_path / "net.dot"
    result = ascua("convert", roads["keras"], "--out", out, "--dot", dot)
    assert result.code == 0, result.err
    assert f"{out}: {out.stat().st_size:,} bytes, float, of Keras." in result.out
    assert "1x8x10x3  float32" in result.out
    assert f"Next: ascua quantize {out}" in result.out
    assert dot.read_text().startswith("digraph")
    assert "Conv2D" in dot.read_text()


def test_nothing_is_written_over(roads: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = ascua("convert", roads["keras"], "--out", tmp_path / "mine.txt")
    refused(result, 1, "mine.txt", "--force")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    refused(ascua("convert", roads["keras"]), 1, "--out OUT.tflite")


@pytest.mark.parametrize("road", ["keras", "saved", "pb"])
@pytest.mark.parametrize("verb", ["analyze", "compare", "quantize"])
def test_all_verbs_take_them(
    verb: str, road: str, roads: dict[str, Path], tmp_path: Path
) -> None:  # fmt: skip
    x = np.random.default_rng(1).uniform(0, 1, (4, 1, *IMAGE)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    if verb == "analyze":
        refused(ascua("analyze", roads[road]), 1, "is float32, not int8", "ascua quantize")
        return
    more = {
        "compare": (roads["tflite"], "--data", tmp_path / "x.npy"),
        "quantize": ("--data", tmp_path / "x.npy", "--out", tmp_path / "q.tflite"),
    }[verb]
    result = ascua(verb, roads[road], *more)
    assert result.code == 0, result.err


def frozen(folder: Path, shape: Any = (None, 4, 4, 2), **more: Any) -> Path:
    """A graph of TensorFlow 1, as its `freeze_graph` wrote them."""
    import tensorflow as tf

    v1 = tf.compat.v1
    weights = np.random.default_rng(1).normal(0, 1, (3, 3, 4, 64)).astype(np.float32)
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, shape, name="image")
        v1.placeholder_with_default(False, (), name="keras_learning_phase")
        y = tf.nn.conv2d(x, tf.ones((3, 3, 2, 4)) / 10, 1, "SAME", name="conv")
        if more.get("wide"):  # enough weights to be worth 8 bits each
            y = tf.nn.conv2d(y, weights, 1, "SAME")
        if more.get("odd"):
            y = tf.math.erfinv(y)
        y = tf.nn.relu(y, name="middle")
        with tf.control_dependencies([v1.assert_greater(tf.reduce_sum(y), -1.0)]):
            y = tf.identity(y)
        tf.identity(tf.reduce_mean(y, (1, 2)), name="scores")
        if more.get("variable"):
            v1.get_variable("left", initializer=np.zeros(2, np.float32))
    path = folder / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_a_frozen_graph_of_tensorflow_1(tmp_path: Path) -> None:
    """Its ends are found; what only watches is dropped."""
    found = convert.network(frozen(tmp_path))
    (x,), (y,) = found.graph.inputs, found.graph.outputs
    assert (x.name, x.shape, y.name, y.shape) == ("image", (1, 4, 4, 2), "scores", (1, 4))
    part = convert.network(tmp_path / "frozen.pb", Ends(outputs=("middle",)))
    assert [op.tflite for op in part.graph.ops] == ["CONV_2D"]


def test_shapes_are_asked_for(tmp_path: Path) -> None:
    path = frozen(tmp_path, (None, None, None, 2))
    out = tmp_path / "out.tflite"
    refused(ascua("convert", path, "-o", out), 1, "'image' leaves its shape open",
            "--input-arrays image --input-shapes 1,224,224,2")  # fmt: skip
    said = ("--input-arrays", "image", "--input-shapes", "1,6,4,2")
    assert ascua("convert", path, "-o", out, *said).code == 0
    assert tflite.load(out).inputs[0].shape == (1, 6, 4, 2)
    for shapes, words in (
        ("1,6,4,3", "not [1, 6, 4, 3]"), ("1,6,x,2", "not shapes"), ("0,6,4,2", "below 1"),
        ("1,6,4,2:1,2", "2 shapes for 1 inputs"),
    ):  # fmt: skip
        refused(ascua("convert", path, "-o", out, *said[:3], shapes, "--force"), 1, words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--input-arrays", "imag"), ["no node 'imag'", "Did you mean 'image'?"]),
        (("--output-arrays", "nothing"), ["no node 'nothing'", "scores"]),
        (("--signature", "x"), ["no signatures", "Leave out `--signature`"]),
    ],
)
def test_ends_that_are_not_there(
    arguments: tuple[str, ...], words: list[str], tmp_path: Path
) -> None:  # fmt: skip
    path = frozen(tmp_path)
    refused(ascua("convert", path, "-o", tmp_path / "o.tflite", *arguments), 1, *words)
    assert not (tmp_path / "o.tflite").exists()


def test_a_graph_that_still_learns(tmp_path: Path) -> None:
    path = frozen(tmp_path, variable=True)
    refused(ascua("convert", path, "-o", tmp_path / "o.tflite"), 1, "not frozen", "Freeze it")


def test_several_signatures(tmp_path: Path) -> None:
    import tensorflow as tf

    class Two(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "x")])
        def double(self, x: Any) -> Any:
            return {"y": x * 2.0}

        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "x")])
        def half(self, x: Any) -> Any:
            return {"y": x * 0.5}

    module = Two()
    folder = tmp_path / "two"
    tf.saved_model.save(module, str(folder), {"double": module.double, "half": module.half})
    out = tmp_path / "out.tflite"
    refused(ascua("convert", folder, "-o", out), 1, "2 signatures: double, half", "--signature")
    refused(ascua("convert", folder, "-o", out, "--signature", "hal"), 1, "Did you mean 'half'?")
    assert ascua("convert", folder, "-o", out, "--signature", "half").code == 0
    y = evaluated(tflite.load(out), [np.ones((1, 1, 3), np.float32)])[0]
    np.testing.assert_array_equal(y, np.full((1, 1, 3), 0.5))


def test_a_damaged_graph(tmp_path: Path) -> None:
    path = frozen(tmp_path)
    data = path.read_bytes()
    for cut in (20, len(data) // 2, len(data) - 3):
        path.write_bytes(data[:cut])
        with pytest.raises(AscuaError):
            convert.network(path)


def test_keras_models_of_treacherous_ends(tmp_path: Path) -> None:
    """Outputs stay in their order, names with spaces pass, open sizes are asked for."""
    import keras

    layers = keras.layers
    a, b = keras.Input((4, 4, 2), name="zeta"), keras.Input((5,), name="my alpha")
    x = layers.Concatenate()([layers.Flatten()(a), b])
    two = keras.Model([a, b], [layers.Dense(3, name="zz")(x), layers.Dense(2, name="aa")(x)])
    two.save(tmp_path / "two.keras")
    graph = convert.network(tmp_path / "two.keras").graph
    assert [t.shape for t in graph.inputs] == [(1, 4, 4, 2), (1, 5)]
    assert [t.shape for t in graph.outputs] == [(1, 3), (1, 2)]
    rng = np.random.default_rng(1)
    xs = [rng.normal(size=t.shape).astype(np.float32) for t in graph.inputs]
    for got, wanted in zip(evaluated(graph, [x[None] for x in xs]), two(xs), strict=True):
        np.testing.assert_allclose(got[0], wanted, atol=1e-5)

    i = keras.Input((None, None, 3), name="image")
    whole = keras.Model(i, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(i)))
    whole.save(tmp_path / "open.keras")
    to = tmp_path / "o.tflite"
    refused(ascua("convert", tmp_path / "open.keras", "-o", to), 1, "leaves its shape open",
            "--input-shapes 1,224,224,3")  # fmt: skip
    given = ("--input-arrays", "image", "--input-shapes", "1,20,16,3")
    done = ascua("convert", tmp_path / "open.keras", "-o", to, *given)
    assert done.code == 0, done.err
    assert convert.network(to).graph.inputs[0].shape == (1, 20, 16, 3)
    refused(ascua("convert", tmp_path / "two.keras", "-o", to, *given, "--force"), 1,
            "no input 'image'")  # fmt: skip


def test_what_a_file_is_called_does_not_matter(roads: dict[str, Path], tmp_path: Path) -> None:
    for road, name in (("keras", "net.onnx"), ("h5", "net"), ("keras", "net.h5")):
        path = tmp_path / name
        path.write_bytes(roads[road].read_bytes())
        assert convert.network(path).form == "Keras"
