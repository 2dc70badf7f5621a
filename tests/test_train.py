"""Training: it can stop at any time and go on, and what it exports is int8 as promised."""

import dataclasses
import errno
import io
import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ascua import recipes, tflite, zoo
from ascua.data import Dataset, Rows
from ascua.data import registry as datasets
from ascua.errors import InputError, ToolMissing
from ascua.ir import Graph, Quant
from ascua.quantize import Options, quantize
from ascua.quantize.fidelity import beside
from ascua.train import Trained, augment, calibration_samples, export, folder, train, training
from ascua.train import fit as fitting
from ascua.train.export import as_float
from ascua.train.fit import GLANCE, batches, compile_model, learning_rate, looked_at
from ascua.train.folder import CONFUSION, FILES, STATE
from ascua.train.fused import fuse
from tests.support import check_reference
from tests.support.command import ascua
from tests.support.tiny import RECIPE, Pause, entered, history, tiny_dataset, weights

needs_keras = pytest.mark.train
# Keras 3 reads TensorFlow's variables in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def pause() -> Iterator[Pause]:
    """The data set, the network and the augmentation of `RECIPE`, entered for this module."""
    with entered() as pause:
        yield pause


@pytest.fixture(scope="module")
def straight(
    pause: Pause,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Trained, str]:
    """A training that nothing interrupted, and what it printed."""
    pytest.importorskip("keras")
    out, printed = tmp_path_factory.mktemp("straight") / "tiny", io.StringIO()
    return train(RECIPE, out=out, console=Console(file=printed, width=40)), printed.getvalue()


@needs_keras
def test_folder_and_lines(straight: tuple[Trained, str]) -> None:
    trained, printed = straight
    names = sorted(p.name for p in trained.folder.iterdir())
    assert names == sorted(set(FILES) - {STATE, CONFUSION})
    assert (trained.epochs_run, trained.resumed) == (3, False)
    assert 0 <= trained.accuracy_float <= 1
    assert recipes.read(trained.folder / "recipe.toml") == RECIPE
    lines = printed.splitlines()
    assert len(lines) == 5
    assert re.fullmatch(
        r"epoch 2/3  loss \d\.\d+  accuracy +[\d.]+%  val +[\d.]+% +[\d.]+ s  ETA \d+:\d\d",
        lines[2],
    )
    assert (trained.folder / "history.csv").read_text().count("\n") == 4
    assert ET.parse(trained.folder / "history.svg").getroot().tag.endswith("svg")


@needs_keras
def test_an_interrupted_training_ends_with_the_same_bits(
    straight: tuple[Trained, str], pause: Pause, tmp_path: Path
) -> None:
    out = tmp_path / "tiny"
    pause.calls_left = 3 + 2  # the second step of the second epoch
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, out=out)
    assert (out / STATE).exists()
    assert len(history(out)) == 1
    assert not [p for p in out.iterdir() if p.name not in FILES], "no half-written file"

    trained = train(RECIPE, out=out)
    assert (trained.epochs_run, trained.resumed) == (2, True)
    whole = straight[0]
    assert history(out) == history(whole.folder)
    for a, b in zip(weights(trained), weights(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    assert trained.tflite.read_bytes() == whole.tflite.read_bytes()


@needs_keras
def test_validation_images_are_looked_at_and_not_trained_on(
    straight: tuple[Trained, str],
    pause: Pause,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Nor do they set the ranges of int8."""
    assert "images: 48 training, 6 validation, 12 test" in straight[1].replace("\n", " ")
    calibrated, trained, looked = set[bytes](), set[bytes](), set[bytes]()

    def noted(to: set[bytes], x: np.ndarray) -> None:
        to |= {image.tobytes() for image in x}

    def calibrate(*given: Any) -> np.ndarray:
        images = calibration_samples(*given)
        noted(calibrated, images[:-2])  # the black and the white one
        return images

    def steps(*given: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for x, y in batches(*given):
            noted(trained, x)
            yield x, y

    def look(data: Dataset) -> tuple[Rows, np.ndarray]:
        x, y = looked_at(data)
        noted(looked, x[:])
        return x, y

    monkeypatch.setattr(training, "calibration_samples", calibrate)
    monkeypatch.setattr(fitting, "batches", steps)
    monkeypatch.setattr(fitting, "looked_at", look)
    method = recipes.Quantization(calibration=99)
    train(dataclasses.replace(RECIPE, epochs=1, augment=(), quantize=method), out=tmp_path / "tiny")
    assert (len(calibrated), len(trained), len(looked)) == (48, 48, 6)
    assert calibrated == trained
    assert not looked & trained


def test_without_validation_the_first_test_images_are_looked_at() -> None:
    data = tiny_dataset(None)
    x, y = looked_at(data)
    assert np.array_equal(x[:], data.x_test)
    assert np.array_equal(y, data.y_test)
    many = dataclasses.replace(
        data, x_test=data.x_test.repeat(200, 0), y_test=data.y_test.repeat(200)
    )
    assert [len(part) for part in looked_at(many)] == [GLANCE, GLANCE]


@needs_keras
def test_a_folder_of_an_earlier_version_goes_on(pause: Pause, tmp_path: Path) -> None:
    """It knows of no validation, and neither does its recipe: then nothing is kept."""
    pytest.importorskip("keras")
    out, plain = tmp_path / "tiny", dataclasses.replace(RECIPE, validation=0.0)
    pause.calls_left = 4 + 2  # the second step of the second epoch, which are of 54 images
    with pytest.raises(KeyboardInterrupt):
        train(plain, out=out)
    older = recipes.dump(plain).replace("validation = 0.0\n", "")
    (out / "recipe.toml").write_text(older)
    with np.load(out / STATE) as state:
        kept = {k: v for k, v in state.items() if k != "held"}
    np.savez(tmp_path / STATE, **kept)
    folder.write(out / STATE, lambda to: shutil.copy(tmp_path / STATE, to))
    with pytest.raises(InputError, match=r"(?s)0\.0, not 0\.1.*write `validation = 0`"):
        train(RECIPE, out=out)
    trained = train(plain, out=out)
    assert (trained.epochs_run, trained.resumed) == (2, True)
    assert (out / "recipe.toml").read_text() == older
    whole = train(plain, out=tmp_path / "whole")
    assert trained.tflite.read_bytes() == whole.tflite.read_bytes()
    assert train(plain, out=out).epochs_run == 0


@needs_keras
def test_a_training_keeps_its_validation_images(
    pause: Pause, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other images, those that were kept would be trained on."""
    pytest.importorskip("keras")
    pause.calls_left = 3 + 2
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, out=tmp_path)

    def fewer(asked: datasets.Request | None) -> Dataset:
        data = tiny_dataset(asked)
        return dataclasses.replace(data, x_train=data.x_train[:51], y_train=data.y_train[:51])

    monkeypatch.setitem(datasets._LOADERS, "tiny", fewer)
    with pytest.raises(InputError, match=r"(?s)other images for validation.*--force"):
        train(RECIPE, out=tmp_path)


@needs_keras
def test_a_finished_folder_is_answered_at_once(straight: tuple[Trained, str], pause: Pause) -> None:
    pause.calls_left = 1
    again = train(dataclasses.replace(RECIPE, title="Another title"), out=straight[0].folder)
    pause.calls_left = -1
    assert again == dataclasses.replace(straight[0], epochs_run=0, resumed=True)


@needs_keras
@pytest.mark.usefixtures("pause")
def test_the_verb_tells_how_many_images_each_part_has(
    straight: tuple[Trained, str], tmp_path: Path
) -> None:
    shutil.copytree(straight[0].folder, tmp_path / "copy")
    (tmp_path / "tiny.toml").write_text(recipes.dump(RECIPE))
    command = ("train", tmp_path / "tiny.toml", "--out", tmp_path / "copy")
    told = ascua(*command)
    assert "\nimages                     48 training, 6 validation, 12 test\n" in told.out
    found = json.loads(ascua(*command, "--json").out)
    assert found["images"] == {"training": 48, "validation": 6, "test": 12}
    assert (found["samples"], found["classes"]) == (12, ["dark", "gray", "light"])


@needs_keras
def test_another_recipes_folder_is_left_alone(
    straight: tuple[Trained, str], tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(straight[0].folder, out)
    other = dataclasses.replace(RECIPE, lr=1e30, warmup=0.0, epochs=2)
    with pytest.raises(InputError, match=r"(?s)epochs = 3, not 2.*--force"):
        train(other, out=out)
    assert (out / "model.tflite").exists()
    with pytest.raises(InputError, match=r"(?s)loss became (nan|inf).*Lower the recipe's lr"):
        train(other, out=out, force=True)
    assert not (out / "model.tflite").exists()
    (out / "recipe.toml").unlink()
    (out / "model.keras").touch()
    with pytest.raises(InputError, match=r"model.keras, and no recipe.toml"):
        train(other, out=out)


@needs_keras
def test_a_damaged_state_is_named(pause: Pause, tmp_path: Path) -> None:  # noqa: ARG001
    pytest.importorskip("keras")
    (tmp_path / "recipe.toml").write_text(recipes.dump(RECIPE))
    (tmp_path / STATE).write_bytes(b"PK\3\4 and then nothing")
    with pytest.raises(InputError, match=r"(?s)state.npz: damaged.*--force"):
        train(RECIPE, out=tmp_path)


@needs_keras
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": (8, 8, 3)}, r"Write `input = \[8, 8, 1\]`"),
        ({"classes": 4}, "`classes = 3`"),
        ({"augment": ("flop",)}, "Did you mean 'flip'"),
        ({"dataset": "tinny"}, "Did you mean 'tiny'"),
    ],
)
def test_a_recipe_that_does_not_match(
    pause: Pause,  # noqa: ARG001
    tmp_path: Path,
    change: dict[str, Any],
    message: str,
) -> None:
    pytest.importorskip("keras")
    with pytest.raises(InputError, match=message):
        train(dataclasses.replace(RECIPE, **change), out=tmp_path / "x")


@needs_keras
def test_the_export_is_int8(straight: tuple[Trained, str]) -> None:
    runtime = pytest.importorskip("tflite_micro").runtime
    trained = straight[0]
    net = runtime.Interpreter.from_file(str(trained.tflite))
    details = net.get_input_details(0)
    assert tuple(details["shape"]) == (1, 8, 8, 1)
    assert details["dtype"] is np.int8
    assert details["quantization_parameters"]["scales"] == np.float32(1 / 255)
    assert details["quantization_parameters"]["zero_points"] == -128
    assert tuple(net.get_output_details(0)["shape"]) == (1, 3)
    assert net.get_output_details(0)["dtype"] is np.int8

    quant = net.get_output_details(0)["quantization_parameters"]
    data, model = tiny_dataset(None), zoo.import_keras().models.load_model(trained.keras)
    for x in data.x_test:
        net.set_input((x.astype(np.int16) - 128).astype(np.int8)[None], 0)
        net.invoke()
        y = (net.get_output(0).astype(float) - quant["zero_points"]) * quant["scales"]
        expected = model(as_float(x[None])).numpy()
        assert np.abs(y - expected).max() < 0.1 * max(1, np.abs(expected).max())


@needs_keras
@pytest.mark.slow
def test_the_digits_recipe_keeps_its_promise(tmp_path: Path) -> None:
    runtime = pytest.importorskip("tflite_micro").runtime
    recipe = recipes.load("digits-dscnn")
    trained = train(recipe, out=tmp_path / "digits")
    net = runtime.Interpreter.from_file(str(trained.tflite))
    data = datasets.load("digits")
    classes = []
    for x in data.x_test:
        net.set_input((x.astype(np.int16) - 128).astype(np.int8)[None], 0)
        net.invoke()
        classes.append(int(net.get_output(0).argmax()))
    accuracy = np.mean(classes == data.y_test)
    assert accuracy >= 0.97
    assert abs(accuracy - trained.accuracy_float) <= 0.005
    assert classes[recipe.show] == data.y_test[recipe.show]


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    def full(to: Path) -> None:
        to.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "model.keras"
    path.write_text("before")
    with pytest.raises(InputError, match=r"model.keras: cannot be written: No space left"):
        folder.write(path, full)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_without_keras_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ToolMissing, match=r"pip install '\.\[train\]'"):
        train(recipes.load("digits-dscnn"), out=tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", sorted({*augment.names()} - {"gain", "noise"}))
@pytest.mark.parametrize("shape", [(9, 8, 8, 1), (5, 32, 32, 3), (2, 5, 9, 2)])
def test_augmentations_keep_form_and_follow_the_seed(
    name: str, shape: tuple[int, int, int, int]
) -> None:
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = x.copy()
    (change,) = augment.pick((name,))
    y = change(x, np.random.default_rng(1))
    assert (y.shape, y.dtype) == (x.shape, np.uint8)
    assert np.array_equal(y, change(x, np.random.default_rng(1)))
    assert not all(np.array_equal(y, change(x, np.random.default_rng(s))) for s in range(2, 9))
    assert np.array_equal(x, before)


def test_crop_and_flip_move_pixels_only() -> None:
    x = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(50, 0)
    for y in augment.flip(x, np.random.default_rng(0)):
        assert np.array_equal(y, x[0]) or np.array_equal(y, x[0, :, ::-1])
    for y in augment.crop(x, np.random.default_rng(0)):
        assert set(np.diff(y[1:-1, 3, 0].astype(int))) == {8}, "rows follow each other"


def test_order_and_rate_depend_on_seed_and_epoch_alone(pause: Pause) -> None:  # noqa: ARG001
    data = tiny_dataset(None)
    first = [x for x, _ in batches(RECIPE, data, 2)]
    again = [x for x, _ in batches(RECIPE, data, 2)]
    other = [x for x, _ in batches(RECIPE, data, 3)]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert [y.shape for _, y in batches(RECIPE, data, 1)] == [(16,)] * 3
    rates = [learning_rate(RECIPE, e) for e in np.linspace(0, RECIPE.epochs, 61)]
    assert max(rates) == pytest.approx(RECIPE.lr, rel=1e-3)
    assert rates.index(max(rates)) == 10
    assert rates[-1] == 0
    assert np.all(np.diff(rates[10:]) <= 0)
    steady = dataclasses.replace(RECIPE, schedule="constant")
    assert [learning_rate(steady, e) for e in (RECIPE.warmup, 2, RECIPE.epochs)] == [RECIPE.lr] * 3


@needs_keras
def test_the_optimizer_is_the_recipes() -> None:
    keras = pytest.importorskip("keras")
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
    for name, kind in kinds.items():
        model = zoo.build("lenet5", (12, 12, 1), 3, width=0.1)
        compile_model(dataclasses.replace(RECIPE, optimizer=name, weight_decay=0.0), model)
        assert type(model.optimizer) is kind


@needs_keras
@pytest.mark.usefixtures("pause")
def test_a_new_head_on_frozen_layers_of_a_file(
    straight: tuple[Trained, str], tmp_path: Path
) -> None:
    """The layers up to `freeze` keep the file's weights, running means too; the others train."""
    source = zoo.import_keras().models.load_model(straight[0].keras)
    recipe = dataclasses.replace(
        RECIPE, name="moved", epochs=1, weights=str(straight[0].keras), freeze="relu"
    )
    printed = io.StringIO()
    trained = train(recipe, out=tmp_path / "moved", console=Console(file=printed, width=200))
    assert "4 layers start with the weights in" in printed.getvalue()
    assert "56 parameters are frozen" in printed.getvalue()
    found = zoo.import_keras().models.load_model(trained.keras)
    for name, same in (("conv", True), ("norm", True), ("depthwise", False), ("logits", False)):
        pairs = zip(
            source.get_layer(name).get_weights(), found.get_layer(name).get_weights(), strict=True
        )
        assert all(np.array_equal(a, b) for a, b in pairs) == same, name


@needs_keras
@pytest.mark.usefixtures("pause")
def test_ascua_quantises_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its table says, read from a file; its scores are those of the float network."""
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")
    given: list[tuple[Any, ...]] = []

    def spied(graph: Graph, xs: list[np.ndarray], *more: Any, **named: Any) -> Graph:
        given.append((graph, xs, more[0]))
        return quantize(graph, xs, *more, **named)

    monkeypatch.setattr(export, "quantize", spied)
    path = tmp_path / "own.toml"
    method = recipes.Quantization("ascua", 5, Options(ranges="mse", weights="mse"))
    path.write_text(recipes.dump(dataclasses.replace(RECIPE, epochs=1, quantize=method)))
    trained = train(recipes.read(path), out=tmp_path / "own")
    ((real, (calibration,), options),) = given
    assert options == method.options
    assert len(calibration) == 5 + 2, "a black and a white image too"
    small = tflite.load(trained.tflite)
    assert small.description == "Ascua"
    assert small.inputs[0].q == Quant((float(np.float32(1 / 255)),), (-128,))
    x = tiny_dataset(None).x_test
    check_reference(small, xs=[(x.astype(int) - 128).astype(np.int8)[:, None]])
    fidelity = beside(real, small, [as_float(x)[:, None]])
    assert fidelity.sqnr_db > 20


@needs_keras
def test_probabilities_are_trained_as_logits() -> None:
    keras = zoo.import_keras()
    for last in ({"softmax": True}, {}):
        model = zoo.build("lenet5", (12, 12, 1), 3, seed=1, width=0.2, **last)
        twin = fuse(model)
        x = np.random.default_rng(1).random((2, 12, 12, 1)).astype(np.float32)
        y, logits = model(x).numpy(), twin(x).numpy()
        wanted = keras.ops.softmax(logits) if last else logits
        assert np.allclose(y, np.asarray(wanted), atol=1e-6)
        assert not np.allclose(logits.sum(1), 1)


@needs_keras
@pytest.mark.parametrize("channels", [1, 6, 12, 16, 18, 20])
@pytest.mark.parametrize("size", [(5, 7), (4, 8), (1, 1)])
def test_normalisation_is_of_whole_channels(channels: int, size: tuple[int, int]) -> None:
    """As Keras' own, whatever the number of channels; columns of an image differ much."""
    keras, tf = zoo.import_keras(), zoo.import_tensorflow()
    image = keras.Input((*size, channels))
    model = keras.Model(image, keras.layers.BatchNormalization(momentum=0.9)(image))
    rng = np.random.default_rng(channels)
    model.set_weights([rng.random(w.shape) + 0.5 for w in model.get_weights()])
    twin, before = fuse(model), model.get_weights()[-1]
    columns = np.linspace(-3, 3, size[1])[None, None, :, None]
    x = tf.constant((rng.normal(1, 2, (6, *size, channels)) + columns).astype(np.float32))
    dy = tf.constant(rng.normal(0, 1, x.shape).astype(np.float32))
    found = []
    for network in (model, twin):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x, training=True)
        variables = [x, *network.trainable_weights]
        found.append([y, *tape.gradient(y, variables, dy), *network.get_weights()])
    count = 6 * size[0] * size[1]  # the fused operator's running variance is the unbiased one
    found[0][-1] = 0.9 * before + (found[0][-1] - 0.9 * before) * count / (count - 1)
    for a, b in zip(*found, strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=2e-4)


def test_calibration_samples_span_the_whole_range() -> None:
    x = np.full((30, 2, 2, 1), 7, np.uint8) + np.arange(30, dtype=np.uint8)[:, None, None, None]
    images = calibration_samples(x, 10, seed=1)
    assert images.shape == (12, 2, 2, 1)
    assert (images[-2].max(), images[-1].min()) == (0, 255)
    assert len(np.unique(images[:10])) == 10
    assert np.array_equal(images, calibration_samples(x, 10, seed=1))
    assert len(calibration_samples(x, 999, seed=1)) == 32
