"""Trains a recipe into a folder: a float Keras model, an int8 .tflite, and how it went."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ascua import tflite, zoo
from ascua.data import Dataset
from ascua.errors import InputError, Unsupported
from ascua.files.kinds import RESULT
from ascua.passes import prepare
from ascua.pixels import said
from ascua.recipes import Recipe
from ascua.train import augment, folder, prerequisites, scaling
from ascua.train.aware import export_aware, quantization_aware
from ascua.train.data import load_data
from ascua.train.export import as_float, calibration_samples, export_int8, export_quantized
from ascua.train.fit import accuracy, fit, steps_per_epoch
from ascua.train.folder import Checkpoint, Epoch
from ascua.train.fused import fuse
from ascua.train.progress import Display, clock, waiting
from ascua.train.teacher import Taught, as_teacher, load_teacher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    folder: Path
    keras: Path
    """The float model, in Keras' format."""
    tflite: Path
    """The int8 model."""
    accuracy_float: float
    """Of the Keras model on the whole test set, 0..1."""
    parameters: int
    epochs_run: int
    """Epochs that this call trained."""
    seconds: float
    """Of all epochs, earlier calls' too."""
    resumed: bool
    """Whether earlier calls' epochs were used."""


def train(
    recipe: Recipe,
    *,
    out: Path,
    data_dir: Path | None = None,
    skip_damaged: bool = False,
    force: bool = False,
    inputs: Iterable[Path] = (),
    console: Console | None = None,
) -> Trained:
    """Train `recipe` into the folder `out`, going on where an earlier call was stopped.

    `data_dir` holds the data set where the user has it; `skip_damaged` leaves out images that
    cannot be read; `force` discards what is in `out`, but no file of `inputs`, which are read
    besides those that the recipe names; progress goes to `console`. Recipes that teach this one, or
    whose weights it starts with, are trained first, in folders beside `out`. The folder gets
    model.keras, model.tflite, history.json, .csv and .svg, recipe.toml, result.json and
    manifest.json. A finished one is answered at once.
    Raises InputError (recipe, data, folder, a loss that is no number) and ToolMissing.
    """
    augment.pick(recipe.augment)
    if not force:
        folder.check_owner(out, recipe)
        if (finished := _finished(out)) is not None:
            return finished
    read = (*inputs, *_files(recipe), *_data_files(data_dir))
    folder.check_folder(out, recipe, read, force=force)
    prerequisites.check(recipe)
    _refuse_own_folder(recipe, out)
    _refuse_saved_model(recipe)
    with waiting(console, "Starting TensorFlow"):
        zoo.import_keras()
    how: dict[str, Any] = {"data_dir": data_dir, "skip_damaged": skip_damaged, "console": console}
    model, said = _network(recipe)
    weights = _weights(recipe, out, **how)
    resumes = not force and folder.load_state(out) is not None
    if weights and (recipe.aware or not resumes):
        said = [*_started(model, recipe, weights), *said]
    taught = _teacher(recipe, out, **how)
    data = load_data(recipe, data_dir, skip_damaged=skip_damaged)
    _check(recipe, data)
    data = data.split(recipe.validation, recipe.seed)
    folder.claim(out, recipe, force=force)
    earlier = folder.load_state(out)
    done = len(earlier.history) if earlier else 0
    display = Display(console, recipe.epochs, steps_per_epoch(recipe, data))
    for words in said:
        display.say(words)
    if not data.images:
        display.say(_values(recipe, data, model))
    elif taught is not None:
        taught = scaling.fitted(taught, data)
    if zoo.is_own(recipe.model):
        _check_own(recipe, data, model)
        if data.images:
            display.say(_pixels(recipe, model))
    display.say(_opening(recipe, data, model, done))
    try:
        state = _train(recipe, data, model, out, display, taught)
    except KeyboardInterrupt:
        display.say("Stopped. The same command goes on after the last finished epoch.")
        raise
    trained = _finished(out, epochs_run=recipe.epochs - done, resumed=done > 0)
    assert trained is not None
    _warn_of_chance(data, state.history[-1])
    display.say(
        f"{trained.accuracy_float:.2%} of {len(data.x_test):,} test "
        f"{'images' if data.images else 'samples'} right (float), "
        f"{clock(trained.seconds)} of training: {trained.tflite}"
    )
    return trained


LEARNT, KNOWN = 0.8, 1.2
"""So much of the training samples right, and the others no better than so many times chance."""


def _warn_of_chance(data: Dataset, last: Epoch) -> None:
    """Say so where the network knows its training samples, and others as chance does."""
    if not len(data.y_validation):
        return
    guess = float(np.bincount(data.y_validation).max()) / len(data.y_validation)
    if last.accuracy >= LEARNT and last.val_accuracy <= KNOWN * guess < last.accuracy:
        log.warning(
            "warning: %.0f%% of the training %s are right, and %.0f%% of those for validation, as"
            " by chance: train longer, with a smaller batch, or on more of them.",
            100 * last.accuracy, data.noun, 100 * last.val_accuracy,
        )  # fmt: skip


def _train(
    recipe: Recipe, data: Dataset, model: Any, out: Path, display: Display, taught: Taught | None
) -> Checkpoint:
    """Train the network `model`, and write what becomes of it; answers its last state."""
    samples = calibration_samples(data.x_train, recipe.quantize.calibration, recipe.seed)
    if recipe.aware:
        made = quantization_aware(model, **_seen(samples, model))
        state = fit(recipe, data, made.aware.scores, out, display, taught)
        _deliver(recipe, data, made.aware.plain, export_aware(made), out, state)
        return state
    twin = fuse(model, recipe.precision)
    state = fit(recipe, data, twin, out, display, taught)
    model.set_weights(twin.get_weights())
    _deliver(recipe, data, model, _quantized(recipe, model, samples), out, state)
    return state


def _quantized(recipe: Recipe, model: Any, samples: NDArray[Any]) -> bytes:
    """The int8 .tflite file of `model`, by the recipe's method."""
    match recipe.quantize.method:
        case "tflite":
            return export_int8(model, samples)
        case "ascua":
            return export_quantized(model, samples, recipe.quantize.options)
        case "qat":
            return export_aware(quantization_aware(model, **_seen(samples, model)))


def _seen(samples: NDArray[Any], model: Any) -> dict[str, Any]:
    """What `quantization_aware` is told of the input: the range of values is trained too."""
    if samples.dtype != np.uint8:
        return {"samples": samples, "image": None}
    return {"samples": as_float(samples, zoo.image_of(model))}


def _refuse_unsaved(recipe: Recipe, model: Any) -> None:
    """Raises InputError for a network that Keras could not write into a file once trained."""
    try:
        model.get_config()
    except NotImplementedError as e:
        raise InputError(
            f"{recipe.model}: a layer of it has no get_config: it could not be saved.",
            [
                "Give its class a `get_config` with all arguments of its `__init__`.",
                "Build a functional model: `keras.Model(inputs, outputs)`.",
            ],
        ) from e


def _refuse_unsupported(recipe: Recipe, data: Dataset, model: Any) -> None:
    """Raises Unsupported for a network that could not be quantised once trained."""
    plain = replace(recipe.quantize.options, adaround=False, equalize=False)
    quick = replace(recipe, quantize=replace(recipe.quantize, options=plain))
    samples = calibration_samples(data.x_train, 2, recipe.seed)
    logging.disable(logging.WARNING)  # of ranges that two samples give
    try:
        prepare(tflite.read(_quantized(quick, model, samples)))
    except Unsupported as e:
        raise Unsupported(
            f"{recipe.model} could not be quantised once trained: {e.what}", e.things_to_try
        ) from e
    finally:
        logging.disable(logging.NOTSET)


def _files(recipe: Recipe) -> tuple[Path, ...]:
    """What of the recipe's may be the paths of files."""
    taught = (recipe.teacher.model,) if recipe.teacher else ()
    return tuple(Path(name) for name in (recipe.model, recipe.weights, *taught) if name)


def _data_files(data_dir: Path | None) -> tuple[Path, ...]:
    """What `data_dir` may be, or hold, of the kinds that a training writes."""
    return () if data_dir is None else (data_dir, *data_dir.glob("*.npz"))


def is_trained(recipe: Recipe, out: Path) -> bool:
    """Whether the folder `out` holds the finished training of `recipe`. Raises InputError."""
    if not (out / folder.RECIPE).exists():
        return False
    return folder.holds(out, recipe) and _finished(out) is not None


def build(recipe: Recipe) -> Any:
    """The recipe's network with random weights. Raises InputError, ToolMissing."""
    model = zoo.build(
        recipe.model, recipe.input, recipe.classes, seed=recipe.seed, **recipe.network
    )
    return zoo.normalized(model) if recipe.normalize else model


def _network(recipe: Recipe) -> tuple[Any, list[str]]:
    """The recipe's network with random weights, frozen as it says, and what there is to say."""
    model, said = build(recipe), []
    if recipe.freeze:
        said = [f"{zoo.freeze(model, recipe.freeze):,} parameters are frozen."]
    if not model.trainable_weights:
        raise InputError(
            f"{recipe.model}: it has nothing to train.",
            ["Give one whose layers are trainable."],
        )
    return model, said


def _started(model: Any, recipe: Recipe, weights: str) -> list[str]:
    """Give `model` these weights; answers what there is to say."""
    path = zoo.obtain(weights, recipe.model, recipe.input, recipe.network)
    loaded = zoo.load_weights(model, path)
    said = [f"{loaded.layers} layers start with the weights in {path}."]
    if loaded.fresh:
        said.append(f"{model.layers[-1].name} starts anew: {loaded.fresh}.")
    return said


def _weights(recipe: Recipe, out: Path, **how: Any) -> str:
    """The weights that `recipe` starts with: those of a recipe are trained first, beside `out`."""
    if (first := prerequisites.start(recipe)) is None:
        return recipe.weights
    return str(train(first, out=out.parent / first.name, **how).keras)


def _teacher(recipe: Recipe, out: Path, **how: Any) -> Taught | None:
    """The teacher of `recipe`, if it has one; trained as `how` says, beside `out`."""
    if recipe.teacher is None:
        return None
    if (first := prerequisites.teacher(recipe)) is None:
        return load_teacher(recipe.teacher.model, recipe)
    path = train(first, out=out.parent / first.name, **how).keras
    if first.aware:  # its file has another network: batch normalisations are folded
        return load_teacher(str(path), recipe)
    # Built anew, since a file does not have the code of a user's own classes.
    model = build(first)
    zoo.load_weights(model, path)
    return as_teacher(str(path), model, recipe)


def _deliver(
    recipe: Recipe, data: Dataset, model: Any, tflite: bytes, out: Path, state: Checkpoint
) -> None:
    """Write the models and, when all else is there, the result; the state is then spent."""
    folder.write(out / folder.KERAS, model.save)
    folder.write(out / folder.TFLITE, lambda to: to.write_bytes(tflite))
    keras, tensorflow = zoo.import_keras(), zoo.import_tensorflow()
    result = {
        "recipe": recipe.name,
        "model_sha256": hashlib.sha256(tflite).hexdigest(),
        "accuracy_float": accuracy(model, data.x_test, data.y_test),
        "samples": len(data.x_test),
        "classes": list(data.classes),
        "parameters": model.count_params(),
        "teacher_sha256": state.teacher or None,
        "epochs": len(state.history),
        "seconds": round(sum(row.seconds for row in state.history), 2),
        "tools": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "tensorflow": tensorflow.__version__,
        },
    }
    folder.write_text(out / RESULT, json.dumps(result, indent=1) + "\n")
    (out / folder.STATE).unlink(missing_ok=True)


def _finished(out: Path, *, epochs_run: int = 0, resumed: bool = True) -> Trained | None:
    """The training that `out` holds, if it is complete."""
    keras, tflite, path = out / folder.KERAS, out / folder.TFLITE, out / RESULT
    if not (keras.is_file() and tflite.is_file() and path.is_file()):
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        return Trained(
            folder=out,
            keras=keras,
            tflite=tflite,
            accuracy_float=float(result["accuracy_float"]),
            parameters=int(result["parameters"]),
            epochs_run=epochs_run,
            seconds=float(result["seconds"]),
            resumed=resumed,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise InputError(f"{path}: damaged: {e!r}.", ["Train anew with `--force`."]) from e


def _refuse_own_folder(recipe: Recipe, out: Path) -> None:
    """Raises InputError where a recipe that is trained before `recipe` goes into `out` too."""
    for first in (prerequisites.teacher(recipe), prerequisites.start(recipe)):
        if first is not None and os.path.realpath(out.parent / first.name) == os.path.realpath(out):
            raise InputError(
                f"{out}: the recipe {first.name!r}, which is trained before, goes there.",
                ["Give another folder with `--out`."],
            )


def _refuse_saved_model(recipe: Recipe) -> None:
    """Raises InputError where the recipe's model is a SavedModel: it has no layers any more."""
    if zoo.is_own(recipe.model) and Path(recipe.model).is_dir():
        raise InputError(
            f"Recipe {recipe.name!r}: {recipe.model} is a folder: a SavedModel has no layers to "
            "train.",
            [
                "Save the model with `model.save('model.keras')` instead, and name that file.",
                "Name a function that builds it: `module:function`.",
                f"To quantise it as it is: `ascua quantize {recipe.model} --data D -o x.tflite`.",
            ],
        )


def _check(recipe: Recipe, data: Dataset) -> None:
    """The recipe's sizes and classes are the data set's, and what it does goes with the data."""
    kind = "images" if data.images else "samples"
    if recipe.input != data.shape or recipe.classes != len(data.classes):
        raise InputError(
            f"Recipe {recipe.name!r}: input {list(recipe.input)} and {recipe.classes} classes, but "
            f"{data.name} has {kind} {list(data.shape)} in {len(data.classes)} classes.",
            [f"Write `input = {list(data.shape)}` and `classes = {len(data.classes)}`."],
        )
    if recipe.normalize and data.images:
        raise InputError(
            f"Recipe {recipe.name!r}: `normalize` is for values; {data.name} has images of bytes.",
            ["Leave it out: images go into a network as 0..1."],
        )
    augment.check(recipe.augment, images=data.images)


def _check_own(recipe: Recipe, data: Dataset, model: Any) -> None:
    """Raise InputError where the user's own network cannot be trained, saved or quantised."""
    if data.images:
        if not zoo.is_function(recipe.model) and not recipe.weights:
            scaling.check(recipe.model, model, data)
        scaling.check_front(recipe.model, model)
    _refuse_unsaved(recipe, model)
    _refuse_unsupported(recipe, data, model)


def _values(recipe: Recipe, data: Dataset, model: Any) -> str:
    """Adapt the normalisation of `model` to the training samples, and say what it takes."""
    low, high = zoo.adapt(model, data.x_train)
    ends = f"Values of the training samples are {low:g} to {high:g}"
    if zoo.leading_normalization(model) is not None:
        return f"{ends}; the network itself normalises each of {data.shape[-1]} channels."
    return (
        f"{ends}, and go into {recipe.model} as they are: `normalize = true` in the recipe would"
        " bring each channel to mean 0 and deviation 1."
    )


def _pixels(recipe: Recipe, model: Any) -> str:
    """What pixels are for the user's own network."""
    first = zoo.first_layers(model)
    why = f"{first} in {first.layers}" if first.image() else "its first layers ask for nothing else"
    return f"{recipe.model} takes pixels as {said(zoo.image_of(model))}: {why}."


def _opening(recipe: Recipe, data: Dataset, model: Any, done: int) -> str:
    """What is about to be trained."""
    start = f"going on after epoch {done} of" if done else "for"
    return (
        f"Training {recipe.name}: {model.count_params():,} parameters, "
        f"{start} {recipe.epochs} epoch{'s' if recipe.epochs > 1 else ''}; "
        f"{'images' if data.images else 'samples'}: {data.sizes}"
    )
