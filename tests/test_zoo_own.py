"""Users' own models: files, folders and functions, and what each wrong one is told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import recipes, tflite, zoo
from ascua.errors import InputError, Unsupported
from ascua.inputs import quantize as integers
from ascua.quantize.fidelity import dequantized
from ascua.recipes import Teacher
from ascua.train import train
from ascua.train.fused import fuse
from ascua.train.teacher import load_teacher
from tests.support import check_reference
from tests.support.command import ascua, refused
from tests.support.tiny import RECIPE, entered

pytestmark = [
    pytest.mark.train,
    # Keras 3 reads TensorFlow's variables in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SOURCE = """
import keras
from keras import layers

def net(image, classes, units=4):
    x = inputs = keras.Input(image)
    x = layers.Flatten()(layers.Conv2D(units, 3)(x))
    return keras.Model(inputs, layers.Dense(classes)(x))

def open_sized(channels=1):
    x = inputs = keras.Input((None, None, channels))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
    return keras.Model(inputs, layers.Dense(3)(x))

def two_inputs():
    a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    return keras.Model([a, b], layers.Dense(3)(layers.Flatten()(layers.Add()([a, b]))))

def two_outputs():
    x = keras.Input((8, 8, 1))
    y = layers.Flatten()(x)
    return keras.Model(x, [layers.Dense(3)(y), layers.Dense(3)(y)])

class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.flat = layers.Conv2D(4, 3, activation="relu"), layers.Flatten()
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, x, training=False):
        return self.dense(self.flat(self.first(x)))

def subclass():
    return Subclass()

class Unsaved(Subclass):
    def __init__(self, units):
        super().__init__()
        self.units = units

def unsaved():
    return Unsaved(3)

class Saved(Unsaved):
    def get_config(self):
        return {**super(Unsaved, self).get_config(), "units": self.units}

def saved():
    return Saved(3)

def nested():
    x = keras.Input((8, 8, 1))
    end = keras.Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])
    return keras.Model(x, end(layers.Conv2D(4, 3)(x)))

def operation():
    x = keras.Input((8, 8, 1))
    y = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(x, keras.ops.softmax(layers.Dense(3)(y)))

def unknown(image, classes):
    x = inputs = keras.Input(image)
    x = keras.ops.top_k(layers.Flatten()(layers.Conv2D(4, 3)(x)), 8)[0]
    return keras.Model(inputs, layers.Dense(classes)(x))

def fails():
    raise RuntimeError("no luck\\nat all")

def number():
    return 7

def lacking(depth):
    return depth
"""


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module of the user's."""
    (tmp_path / "ownmodels.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("import absent_module_of_mine\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "ownmodels", raising=False)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_function() -> None:
    model = zoo.build("ownmodels:net", (8, 8, 1), 3, seed=1, units=2)
    assert model.count_params() == 9 * 2 + 2 + 6 * 6 * 2 * 3 + 3
    opened = zoo.build("ownmodels:open_sized", (8, 9, 1), 3)
    assert opened.inputs[0].shape[1:] == (8, 9, 1)
    assert zoo.size(opened).macs == 6 * 7 * 9 * 4 + 12
    again = zoo.build("ownmodels:net", (8, 8, 1), 3, seed=1, units=2)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(a, b), "the seed's"


def test_files_keep_their_weights(here: Path) -> None:
    model = zoo.build("ownmodels:net", (8, 8, 1), 3)
    x = np.random.default_rng(0).random((2, 8, 8, 1)).astype(np.float32)
    wanted = model(x).numpy()
    with zoo.quiet():
        model.save(here / "m.keras")
        model.save(here / "m.h5")
        model.export(str(here / "saved"), verbose=False)
    for name in ("m.keras", "m.h5", "./saved"):
        found = zoo.build(name, (8, 8, 1), 3)
        assert np.allclose(found(x).numpy(), wanted, atol=1e-6), name
    assert zoo.size(zoo.build("m.h5", (8, 8, 1), 3)) == zoo.size(model)


def test_a_saved_model_is_quantised_and_compared_but_not_trained(here: Path) -> None:
    """As TensorFlow writes it, of any program: here, of one that is not Keras."""
    import tensorflow as tf

    class Net(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            rng = np.random.default_rng(1)
            self.w = tf.Variable(rng.normal(0, 0.3, (3, 3, 1, 4)).astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32)])
        def __call__(self, picture: Any) -> Any:
            return {"scores": tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(picture, self.w, 1, "SAME")),
                                             (1, 2))}  # fmt: skip

    net = Net()
    with zoo.quiet():
        tf.saved_model.save(net, "saved", signatures=net.__call__)
    x = np.random.default_rng(0).random((20, 8, 8, 1)).astype(np.float32)
    np.save(here / "x.npy", x)
    found = ascua("quantize", "saved", "-d", "x.npy", "-o", "small.tflite", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["sqnr_db"] > 25
    assert f"Loading a program of TensorFlow: {here / 'saved/saved_model.pb'}" in found.err
    graph = tflite.load(here / "small.tflite")
    _, _, (y,) = check_reference(graph, xs=[integers(x[:, None], graph.inputs[0])])
    wanted = net(x)["scores"].numpy()
    assert np.abs(dequantized(y[:, 0], graph.outputs[0]) - wanted).max() < 0.03
    told = ascua("compare", "saved", "small.tflite", "-d", "x.npy", "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["output_sqnr_db"] > 25
    refused(ascua("run", "saved", "--board", "host"), 1, "saved", "ascua quantize")
    (here / "empty").mkdir()
    refused(ascua("quantize", "empty", "-d", "x.npy", "-o", "o.tflite"), 1, "empty", "SavedModel")
    recipe = dataclasses.replace(RECIPE, model="./saved", augment=())
    with pytest.raises(InputError, match=r"(?s)no layers to train.*model.keras.*ascua quantize"):
        train(recipe, out=here / "out")
    assert not (here / "out").exists()


def test_a_saved_model_that_augments_its_images_is_refused_in_words(here: Path) -> None:
    """Keras exports RandomFlip at work, which TensorFlow's converter does not know."""
    keras = zoo.import_keras()
    layers = keras.layers
    changed = (layers.RandomFlip(), layers.RandomRotation(0.1), layers.Rescaling(1 / 255))
    net = keras.Sequential(
        [keras.Input((8, 8, 1)), *changed, layers.Flatten(), layers.Dense(3)]
    )  # fmt: skip
    with zoo.quiet():
        net.export(str(here / "saved"), verbose=False)
        net.save(here / "net.keras")
    np.save(here / "x.npy", np.random.default_rng(1).integers(0, 256, (30, 8, 8, 1), np.uint8))
    found = ascua("quantize", "saved", "-d", "x.npy", "-o", "o.tflite")
    refused(found, 1, "saved: TensorFlow's converter knows no TFLite form", "ImageProjective",
            "give the .keras file")  # fmt: skip
    assert len(found.err) < 1000
    assert ascua("quantize", "net.keras", "-d", "x.npy", "-o", "o.tflite").code == 0


HIDDEN = ("ownmodels:subclass", "ownmodels:nested", "ownmodels:operation")
"""Models that answer probabilities, but have no softmax for their last layer."""


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_trained_answers_logits(name: str) -> None:
    model = zoo.build(name, (8, 8, 1), 3)
    twin = fuse(model)
    x = np.random.default_rng(1).random((5, 8, 8, 1), np.float32)
    answers = np.asarray(model(x))
    assert np.allclose(answers.sum(1), 1, atol=1e-5), "probabilities"
    assert np.allclose(np.asarray(twin(x)), np.log(answers), atol=1e-5)
    assert [v.shape for v in twin.weights] == [v.shape for v in model.weights]


@pytest.mark.parametrize("name", HIDDEN)
def test_any_model_is_trained(name: str, here: Path) -> None:
    recipe = dataclasses.replace(RECIPE, model=name, augment=(), epochs=30)
    with entered():
        done = train(recipe, out=here / "out")
        twice = train(recipe, out=here / "out")
    assert done.accuracy_float > 0.9
    assert twice.epochs_run == 0
    graph = tflite.load(done.tflite)
    assert graph.inputs[0].dtype == "int8"


def test_a_class_of_the_users_own_goes_on_in_the_steps_of_int8(here: Path) -> None:
    """Its file cannot be loaded without the class: the function builds it, the file has weights."""
    plain = dataclasses.replace(RECIPE, model="ownmodels:saved", augment=(), epochs=3)
    (here / "tiny.toml").write_text(recipes.dump(plain))
    with entered():
        done = train(recipes.aware(plain, "tiny.toml"), out=here / "tiny-qat")
    assert (here / "tiny/model.keras").exists()
    assert tflite.load(done.tflite).outputs[0].dtype == "int8"


def test_a_class_that_cannot_be_saved(here: Path) -> None:
    recipe = dataclasses.replace(RECIPE, model="ownmodels:unsaved", augment=(), epochs=1)
    with entered():
        with pytest.raises(InputError, match=r"has no get_config(?s:.*)`keras.Model"):
            train(recipe, out=here / "out")
        better = dataclasses.replace(recipe, model="ownmodels:saved")
        assert train(better, out=here / "out").epochs_run == 1, "the folder held nothing trained"


@pytest.mark.parametrize("method", ["tflite", "ascua"])
@pytest.mark.parametrize(("name", "message"), [("unknown", "TOPK_V2")])
def test_what_has_no_int8_form_is_refused_before_the_training(
    here: Path, name: str, message: str, method: Any
) -> None:
    quantize = dataclasses.replace(RECIPE.quantize, method=method)
    recipe = dataclasses.replace(RECIPE, model=f"ownmodels:{name}", augment=(), quantize=quantize)
    with entered(), pytest.raises(Unsupported, match=f"once trained: .*{message}"):
        train(recipe, out=here / "out")
    assert [p.name for p in (here / "out").iterdir()] == ["recipe.toml"]


def test_any_model_teaches(here: Path) -> None:
    """A folder that only serves, and functions: what they answer is what the file's does."""
    x = np.random.default_rng(1).random((5, 8, 8, 1), np.float32)
    model = zoo.build("ownmodels:nested", (8, 8, 1), 3)
    with zoo.quiet():
        model.save(here / "m.keras")
        model.export(str(here / "saved"), verbose=False)
    (here / "trained.py").write_text(
        "import keras\ndef net(): return keras.models.load_model('m.keras')"
    )
    wanted = np.log(np.asarray(model(x)))
    found = {}
    for name in ("m.keras", "./saved", "trained:net"):
        recipe = dataclasses.replace(RECIPE, teacher=Teacher(name), augment=(), epochs=1)
        found[name] = load_teacher(name, recipe)
        assert np.allclose(found[name].logits(x).numpy(), wanted, atol=1e-5), name
    assert len({t.sha256 for t in found.values()}) == 1, "the same weights are the same teacher"
    with entered():
        done = train(dataclasses.replace(recipe, teacher=Teacher("./saved")), out=here / "out")
    assert done.epochs_run == 1
    for name in ("./absent", "absent.keras"):
        with pytest.raises(InputError, match="the teacher's file is not there"):
            load_teacher(name, recipe)
    with pytest.raises(InputError, match="there is no module 'absent'"):
        load_teacher("absent:net", recipe)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ownmodels:nett", r"no function 'nett'(?s:.*)Did you mean 'net'"),
        ("absent_here:net", "there is no module 'absent_here'"),
        ("broken:net", "raised ModuleNotFoundError: No module named 'absent_module_of_mine'"),
        ("ownmodels:fails", r"raised RuntimeError: no luck\.(?s:.*)`-v` shows"),
        ("ownmodels:number", "gives a int, not a Keras model"),
        ("ownmodels:lacking", "its argument 'depth' has no value"),
        ("ownmodels:two_inputs", "it has 2 inputs"),
        ("ownmodels:two_outputs", "it has 2 outputs"),
        ("absent.keras", "cannot be read"),
        ("ownmodels.py/", "cannot be read|neither"),
        ("./", "not a SavedModel"),
    ],
)
def test_wrong_ones(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        zoo.build(name, (8, 8, 1), 3)


def test_wrong_sizes_and_files(here: Path) -> None:
    with zoo.quiet():
        zoo.build("ownmodels:net", (8, 8, 1), 3).save(here / "m.keras")
    with pytest.raises(InputError, match="its input is 8 x 8 x 1, the samples are 8 x 8 x 3"):
        zoo.build("m.keras", (8, 8, 3), 3)
    with pytest.raises(InputError, match="its output is 3, but there are 10 classes"):
        zoo.build("m.keras", (8, 8, 1), 10)
    with pytest.raises(InputError, match="has no arguments, not 'width'"):
        zoo.build("m.keras", (8, 8, 1), 3, width=1.0)
    with pytest.raises(InputError, match="has no argument 'unit'"):
        zoo.build("ownmodels:net", (8, 8, 1), 3, unit=1)
    with pytest.raises(InputError, match=r"\? x \? x 1: one to three fixed sizes"):
        zoo.load_own("ownmodels:open_sized")
    (here / "cut.keras").write_bytes((here / "m.keras").read_bytes()[:2000])
    (here / "text.h5").write_text("hello")
    for name, message in (("cut.keras", "Keras cannot load it"), ("text.h5", "neither a .keras")):
        with pytest.raises(InputError, match=message):
            zoo.build(name, (8, 8, 1), 3)


def test_code_in_files_is_not_run(keras: Any, here: Path) -> None:
    x = keras.Input((8, 8, 1))
    y = keras.layers.Lambda(lambda v: v + 1)(keras.layers.Flatten()(x))
    with zoo.quiet():
        keras.Model(x, keras.layers.Dense(3)(y)).save(here / "lambda.keras")
    with pytest.raises(InputError, match=r"Keras cannot load it(?s:.*)module:function"):
        zoo.build("lambda.keras", (8, 8, 1), 3)


@pytest.mark.usefixtures("here")
def test_the_verb_shows_them() -> None:
    found = ascua("models", "resnet8", "--json")
    assert found.code == 0, found.err
    (row,) = json.loads(found.out)["models"]
    assert (row["parameters"], row["macs"]) == (78_666, 12_501_632)
    assert json.loads(found.out)["arguments"]["channels"] == [16, 32, 64]
    text = ascua("models", "resnet8").out
    assert "78,666" in text
    assert "channels" in text
    refused(ascua("models", "resnet9"), 1, "no network called 'resnet9'", "resnet8")
    refused(ascua("models", "ownmodels:fails"), 1, "RuntimeError", "no luck")
