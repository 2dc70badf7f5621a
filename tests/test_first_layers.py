"""Networks that scale their images: told by their first layers, trained, taught, exported."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import tflite, zoo
from ascua.errors import InputError
from ascua.labels import accuracy as score
from ascua.pixels import Image
from ascua.recipes import Quantization, Teacher
from ascua.train import export_aware, quantization_aware, train
from ascua.train.export import as_float, export_float, export_quantized
from ascua.train.fit import accuracy
from ascua.train.scaling import check_front, fitted
from ascua.train.teacher import Taught, load_teacher
from ascua.zoo import registry as families
from tests.support.command import ascua
from tests.support.tiny import RECIPE, entered, history, tiny_dataset
from tests.test_zoo import small

pytestmark = [
    pytest.mark.train,
    # Keras 3 reads TensorFlow's variables in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

Made = Callable[[str], Any]


def networks(keras: Any) -> dict[str, Callable[[], Any]]:
    """Untrained networks of images of 8 x 8, by what they do first."""
    layers = keras.layers

    def made(front: Callable[[Any], Any]) -> Any:
        x = keras.Input((8, 8, 1))
        y = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(front(x)))
        return keras.Model(x, layers.Dense(3)(layers.Flatten()(y)))

    def sequential(*front: Any) -> Any:
        return keras.Sequential([keras.Input((8, 8, 1)), layers.RandomFlip(), *front])

    unit, zoomed = layers.Rescaling, layers.RandomRotation
    behind = (lambda: layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D, layers.Flatten,
              lambda: layers.Dense(3))  # fmt: skip
    return {
        "plain": lambda: made(lambda x: x),
        "unit": lambda: made(unit(2, offset=-1)),
        "unit_normalised": lambda: made(layers.Normalization(mean=[0.4], variance=[0.06])),
        "forked": lambda: made(lambda x: layers.Add()([unit(1 / 255)(x), x])),
        "rescaling": lambda: made(unit(1 / 255)),
        "minus": lambda: made(unit(1 / 127.5, offset=-1)),
        "twice": lambda: made(lambda x: unit(2, offset=-1)(unit(1 / 255)(x))),
        "shifted": lambda: made(lambda x: unit(1 / 127.5)(unit(1, offset=-127.5)(x))),
        "arithmetic": lambda: made(lambda x: x / 127.5 - 1),
        "normalised": lambda: made(layers.Normalization(mean=[120.0], variance=[3600.0])),
        "padded": lambda: made(lambda x: layers.ZeroPadding2D(1)(unit(1 / 255)(x))),
        "wrapped": lambda: made_of(keras, made(unit(1 / 255))),
        "prepared": lambda: made(sequential(zoomed(0.1), unit(1 / 255))),
        "sequential": lambda: sequential(unit(1 / 255), *(layer() for layer in behind)),
    }


def made_of(keras: Any, model: Any) -> Any:
    """`model` as the only layer of another."""
    x = keras.Input((8, 8, 1))
    return keras.Model(x, model(x))


BYTES = ("rescaling", "minus", "twice", "shifted", "arithmetic", "normalised", "padded", "wrapped",
         "prepared", "sequential")  # fmt: skip
UNIT = ("plain", "unit", "unit_normalised", "forked")


@pytest.fixture(scope="module")
def build() -> Iterator[Made]:
    """Builds one of the networks, its weights drawn from one seed."""
    pytest.importorskip("keras")
    keras = zoo.import_keras()
    known = networks(keras)

    def made(name: str) -> Any:
        keras.utils.set_random_seed(1)
        return known[name]()

    with entered():
        yield made


@pytest.mark.parametrize("name", [*BYTES, *UNIT])
def test_first_layers_tell(name: str, build: Made) -> None:
    """And without them the network computes the same, of images in the range that is left."""
    model = build(name)
    assert zoo.image_of(model) == ((0.0, 255.0) if name in BYTES else (0.0, 1.0))
    low, high = zoo.image_of(model)
    inner, scale, offset = zoo.without_rescaling(model)
    x = np.linspace(low, high, 64, dtype=np.float32).reshape(1, 8, 8, 1)
    expected = np.asarray(model(x, training=False))
    found = np.asarray(inner(x * np.float32(scale) + np.float32(offset), training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    if name != "forked":
        assert max(abs(low * scale + offset), abs(high * scale + offset)) < 5


@pytest.mark.parametrize("name", zoo.names())
def test_the_networks_of_the_zoo_take_images_in_0_to_1(name: str) -> None:
    pytest.importorskip("keras")
    assert zoo.image_of(small(name)) == (0.0, 1.0)


@pytest.mark.parametrize("name", ["rescaling", "minus", "normalised", "padded", "sequential"])
def test_int8_files_take_pixels_less_128(name: str, build: Made) -> None:
    model, data = build(name), tiny_dataset(None)
    expected = np.asarray(model(as_float(data.x_test, (0.0, 255.0)), training=False))
    aware = quantization_aware(model, as_float(data.x_train, (0.0, 255.0)))
    for content in (
        export_quantized(model, data.x_train, Quantization().options),
        export_aware(aware),
    ):
        graph = tflite.read(content)
        given = (data.x_test.astype(int) - 128).astype(np.int8)[:, None]
        y = graph.outputs[0]
        got = graph.eval([given])[0][y.name].reshape(len(given), -1)
        real = (got.astype(np.float32) - y.q.zero_point) * y.q.scale
        error = np.square(real - expected).sum() / np.square(expected).sum()
        assert error < 0.02, name
    assert zoo.image_of(aware.aware.plain) == (0.0, 255.0)


def test_training_gives_images_as_the_network_takes_them(
    build: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Rescaling inside changes nothing; and the float file is read so again."""
    ends = {}
    for name in ("plain", "rescaling", "wrapped"):
        monkeypatch.setitem(families._FAMILIES, name, lambda _, __, name=name: build(name))
        recipe = dataclasses.replace(RECIPE, name=name, model=name, augment=())
        trained = train(recipe, out=tmp_path / name)
        ends[name] = history(tmp_path / name)
        graph = tflite.load(trained.tflite)
        assert (graph.inputs[0].q.scale, graph.inputs[0].q.zero_point) == (
            np.float32(1 / 255),
            -128,
        )
        assert [op.tflite for op in graph.ops] == [
            "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED",
        ]  # fmt: skip
    for name in ("rescaling", "wrapped"):
        for found, expected in zip(ends[name], ends["plain"], strict=True):
            assert found == pytest.approx(expected, rel=1e-3)
    data = tiny_dataset(None)
    np.save(tmp_path / "x.npy", data.x_test)
    np.save(tmp_path / "y.npy", data.y_test)
    folder = tmp_path / "rescaling"
    result = ascua("compare", folder / "model.keras", folder / "model.tflite", "-d",
                   tmp_path / "x.npy", "--labels", tmp_path / "y.npy")  # fmt: skip
    assert result.code == 0, result.err
    assert "for A 0..255" in result.out
    assert "for B 0..1: as its input says" in result.out


def classifier(image: Image) -> Any:
    """A Keras network that tells dark, gray and light images of the tiny set in that range."""
    keras = zoo.import_keras()
    low, high = image
    x = keras.Input((8, 8, 1))
    y = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(x)))
    model = keras.Model(x, y)
    levels = low + (high - low) * (30 + 80 * np.arange(3)) / 255
    sharp = 60 / (high - low) ** 2
    model.layers[-1].set_weights([2 * sharp * levels[None], -sharp * levels**2])
    return model


def test_accuracy_is_of_images_as_the_network_takes_them(build: Made) -> None:
    del build
    layers, data = zoo.import_keras().layers, tiny_dataset(None)
    for front in (layers.Rescaling(1 / 255), layers.Rescaling(1 / 127.5, offset=-1)):
        unit = classifier((0.0, 1.0) if front.offset == 0 else (-1.0, 1.0))
        model = zoo.import_keras().Sequential([layers.Input((8, 8, 1)), front, unit])
        assert accuracy(model, data.x_test, data.y_test) == 1


def test_accuracy_is_of_images_that_nothing_changes(build: Made) -> None:
    """A layer that turns images at random, or drops some, does so in training alone."""
    del build
    layers, data = zoo.import_keras().layers, tiny_dataset(None)
    for front in (layers.RandomBrightness(0.9, value_range=(0, 1)), layers.Dropout(0.9)):
        model = zoo.import_keras().Sequential([layers.Input((8, 8, 1)), front, classifier((0, 1))])
        assert accuracy(model, data.x_test, data.y_test) == 1


def test_teachers_get_images_as_they_take_them(
    build: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By their first layers, or by the labels of the training images."""
    recipe = dataclasses.replace(RECIPE, teacher=Teacher("t"))
    build("rescaling").save(tmp_path / "t.keras")
    taught = load_teacher(str(tmp_path / "t.keras"), recipe)
    assert taught.image == (0.0, 255.0)
    model, data = build("rescaling"), tiny_dataset(None)
    found = np.asarray(taught.logits(as_float(data.x_test)))
    expected = np.asarray(model(data.x_test.astype(np.float32), training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for image in ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)):
        caplog.clear()
        assert fitted(Taught(classifier(image), ""), data).image == image
        assert len(caplog.records) == (image != (0.0, 1.0))
    assert fitted(Taught(build("plain"), ""), data).image == (0.0, 1.0)
    assert "no more than chance" in caplog.text


def test_a_trained_file_for_other_images_is_refused(build: Made, tmp_path: Path) -> None:
    del build
    keras = zoo.import_keras()
    path = tmp_path / "bytes.keras"
    classifier((0.0, 255.0)).save(path)
    recipe = dataclasses.replace(RECIPE, model=str(path), augment=())
    with pytest.raises(InputError, match=r"bytes\.keras: it takes pixels in 0\.\.255") as caught:
        train(recipe, out=tmp_path / "out")
    assert "keras.layers.Rescaling(255, offset=0)" in caught.value.things_to_try[0]
    scaled = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(255, offset=0),
                               keras.models.load_model(path)])  # fmt: skip
    scaled.save(tmp_path / "unit.keras")
    recipe = dataclasses.replace(recipe, model=str(tmp_path / "unit.keras"), epochs=1, lr=1e-5)
    assert train(recipe, out=tmp_path / "out").accuracy_float > 0.9


def test_code_that_scales_is_asked_for_a_layer(build: Made) -> None:
    """A Lambda tells nothing in Keras; the float graph does."""
    keras = zoo.import_keras()

    def behind(front: Any) -> Any:
        keras.utils.set_random_seed(1)
        x = keras.Input((8, 8, 1))
        y = keras.layers.Conv2D(4, 3, activation="relu")(front(x))
        return keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(y)))

    for code in (lambda x: x / 255.0, lambda x: x / 127.5 - 1):
        model = behind(keras.layers.Lambda(code))
        assert zoo.image_of(model) == (0.0, 1.0)
        with pytest.raises(InputError, match=r"net: it seems to take pixels in 0\.\.255") as e:
            check_front("net", model)
        assert "keras.layers.Rescaling(1 / 255)" in e.value.things_to_try[0]
    check_front("net", behind(keras.layers.Lambda(lambda x: 2 * x - 1)))
    for name in (*BYTES, *UNIT):
        check_front(name, build(name))
    assert zoo.is_clear(build("plain"))
    assert not zoo.is_clear(behind(keras.layers.Lambda(lambda x: x)))

    class Net(keras.Model):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x

    assert zoo.image_of(Net()) == (0.0, 1.0)
    assert zoo.without_rescaling(net := Net()) == (net, 1.0, 0.0)


def test_a_tutorial_network_is_quantised_as_it_was_trained(tmp_path: Path) -> None:
    """On the digits: .keras and float .tflite, with labels and without."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    keras = zoo.import_keras()
    from ascua import data

    digits = data.load("digits")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((8, 8, 1)), layers.RandomTranslation(0.05, 0.05), layers.Rescaling(1.0 / 255),
        layers.Conv2D(8, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(10),
    ])  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    x, y = digits.x_test.astype(np.float32), digits.y_test
    model.fit(digits.x_train.astype(np.float32), digits.y_train, epochs=8, verbose=0)
    right = float(np.mean(np.asarray(model(x)).argmax(1) == y))
    assert right > 0.75
    with zoo.quiet():
        model.save(tmp_path / "net.keras")
        (tmp_path / "net.tflite").write_bytes(export_float(model))
    np.save(tmp_path / "x.npy", digits.x_train[:300])
    np.save(tmp_path / "y.npy", digits.y_train[:300])
    out = tmp_path / "int8.tflite"
    labels = ("--labels", tmp_path / "y.npy")
    for name, more in (("net.keras", ()), ("net.keras", labels), ("net.tflite", labels)):
        result = ascua("quantize", tmp_path / name, "-d", tmp_path / "x.npy", "-o", out, *more)
        assert result.code == 0, result.err
        assert "Pixels are 0..255: " in result.out
        graph = tflite.load(out)
        given = [(digits.x_test.astype(int) - 128).astype(np.int8)[:, None]]
        scores = graph.eval(given)[0][graph.outputs[0].name]
        assert score(scores, y) > right - 0.01
    result = ascua("quantize", tmp_path / "net.tflite", "-d", tmp_path / "x.npy", "-o", out)
    assert result.code == 1
    assert "Most likely `--input-range 0 255`" in result.err
