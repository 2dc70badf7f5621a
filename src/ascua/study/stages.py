"""The stages of a study: train, prune, quantize, score, compile, run."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ascua import k210, kmodel, measure, tflite
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.data import Dataset
from ascua.data.cache import cache_folder
from ascua.errors import InputError, Mismatch
from ascua.executors.board import OnBoard
from ascua.executors.kpu import Kpu
from ascua.executors.reference import reference
from ascua.ir import Array
from ascua.kpu.latency import ERROR
from ascua.labels import Classes
from ascua.model import load_model
from ascua.plan import goal_named
from ascua.pruning.select import Of, Scope
from ascua.quantize.options import Options
from ascua.recipes import Quantization, Recipe
from ascua.run import build as firmware
from ascua.run import key as run_key
from ascua.run import litert, provenance, tools
from ascua.samples import as_inputs, bring, mismatches
from ascua.settings import build
from ascua.study.stage import Settings, Values, Work, pure
from ascua.train import load_data

KERAS, TFLITE, KMODEL = "model.keras", "model.tflite", "model.kmodel"
KMODELS: Mapping[str, Literal[3, 4]] = {"kmodel3": 3, "kmodel4": 4}
"""Forms for the K210, and the version of their files."""
WARM, TRIED = 3, 4.0
"""Steps of a trial that are not timed, and seconds that are."""
NOTHING: Mapping[str, str] = {}
CHECKED = 32
"""Samples on which the host's bytes are held against the reference, of a whole test set."""
LOOKED_AT = 2000
"""Training samples that a ranking looks at, at most."""


def learning(_: Settings) -> object:
    """What trains: its versions decide the last bits."""
    found = {}
    for package in ("keras", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return {**found, "tensorflow": litert.version()}


def compiling(_: Settings) -> object:
    """What compiles: Ascua itself."""
    return provenance.code()


def running(told: Settings) -> object:
    """What builds and runs: compilers, emulators and the harness. Raises ToolMissing."""
    return board_tools(board_of(told))


def board_tools(board: Board) -> object:
    """What a run on a board reads besides the network."""
    ran = load_board(board.counts_on) if board.counts_on else board
    here = cache_folder() / "build"  # where the counting plugin is compiled, to be read
    return [asdict(board), run_key(ran, firmware.empty(), b"", 0, here)]


def board_of(told: Settings) -> Board:
    """The board that is told: by its file, if it has one of its own, or by its name."""
    return load_board(told.get("board_file") or told["board"])


def dataset(work: Work, recipe: Recipe, sha256: str) -> Dataset:
    """The recipe's data as they are loaded. Raises InputError where they are others."""
    found = load_data(recipe, work.data_dir)
    if found.sha256 != sha256:
        raise InputError(
            f"{recipe.dataset}: the images are not those that the study began with.",
            ["Bring them back, or start it again: what read others is made anew."],
        )
    return found


def located(recipe: Recipe, where: Mapping[str, str]) -> Recipe:
    """The recipe with the files that it names, as they are found here."""
    teacher = recipe.teacher
    if teacher is not None and "teacher" in where:
        teacher = replace(teacher, model=where["teacher"])
    return replace(
        recipe, model=where.get("model", recipe.model),
        weights=where.get("weights", recipe.weights), teacher=teacher,
    )  # fmt: skip


@pure(1, learning)
def train(
    work: Work, *, recipe: Mapping[str, Any], data: str, anew: bool = False,
    files: Mapping[str, str] = NOTHING,  # noqa: ARG001
    **where: str,
) -> Values:  # fmt: skip
    """Trains a recipe; a `network` that is given goes on, or, `anew`, from its random weights.

    `files` are the hashes of what the recipe names (model, weights, teacher), `where` tells it.
    """
    from ascua import train as training
    from ascua import zoo
    from ascua.train.folder import HISTORY
    from ascua.zoo.files import load_keras

    how = located(build(Recipe, recipe, "recipe"), where)
    dataset(work, how, data)
    if "network" in work.inputs:
        file = str(work.inputs["network"] / KERAS)
        how = replace(how, model=file, network={}, weights="" if anew else file, freeze=0)
    quick = replace(how, quantize=Quantization("tflite", 2))  # its int8 form is not looked at
    trained = training.train(quick, out=work.folder / "training", data_dir=work.data_dir)
    shutil.copyfile(trained.keras, work.out / KERAS)
    size = zoo.size(load_keras(trained.keras))
    history = json.loads((trained.folder / HISTORY[0]).read_text(encoding="utf-8"))
    return {
        "accuracy": trained.accuracy_float, "parameters": size.parameters, "macs": size.macs,
        "epochs": how.epochs, "bytes": trained.keras.stat().st_size, "seconds": trained.seconds,
        "history": [[e["accuracy"], e.get("val_accuracy")] for e in history],
    }  # fmt: skip


@pure(1, learning)
def prune(
    work: Work, *, recipe: Mapping[str, Any], data: str, method: str, ratio: float, of: Of,
    scope: Scope, round_to: int, seed: int, anew: bool = False,
) -> Values:  # fmt: skip
    """Takes channels out of a `network`; `anew`: what is left gets random weights."""
    from ascua import pruning, zoo
    from ascua.train.fit import accuracy
    from ascua.zoo.files import load_keras

    how = build(Recipe, recipe, "recipe")
    images = dataset(work, how, data)
    split = images.split(how.validation, how.seed)
    file = work.inputs["network"] / KERAS
    base = pruning.Base(load_keras(file), file, how, split, work.data_dir)
    found = pruning.prune(
        base.model, method, ratio, of=of, scope=scope, round_to=round_to, seed=seed,
        samples=base.samples(LOOKED_AT, seed),
    )  # fmt: skip
    model = found.model
    if anew:
        keras = zoo.import_keras()
        keras.utils.set_random_seed(seed)
        model = keras.models.clone_model(model)
    model.save(work.out / KERAS)
    return {
        "before": asdict(found.before),
        "after": asdict(found.after),
        "untuned": None if anew else accuracy(model, images.x_test, images.y_test),
        "layers": {
            c.layer: [c.before.channels, c.after.channels]
            for c in found.layers
            if c.before.channels
        },
    }


@pure(1, lambda told: [learning(told), compiling(told)])
def quantize(
    work: Work, *, recipe: Mapping[str, Any], data: str, form: str, calibration: int,
    options: Mapping[str, Any],
) -> Values:  # fmt: skip
    """Makes a .tflite file of a `network`: float, or of an integer scheme."""
    from ascua.train.export import calibration_samples, export_float, export_quantized
    from ascua.zoo.files import load_keras

    how = build(Recipe, recipe, "recipe")
    model = load_keras(work.inputs["network"] / KERAS)
    if form == "float":
        content = export_float(model)
    else:
        x = dataset(work, how, data).split(how.validation, how.seed).x_train
        images = calibration_samples(x, calibration, how.seed)
        if form in KMODELS:
            return _kmodel(work, export_float(model), images, KMODELS[form])
        asked = build(Options, {**options, "scheme": form}, "options")
        content = export_quantized(model, images, asked)
    (work.out / TFLITE).write_bytes(content)
    return {"bytes": len(content)}


def _kmodel(work: Work, content: bytes, images: Array, version: Literal[3, 4]) -> Values:
    """Makes a kmodel of a float .tflite file; what the K210 takes for it is an estimate."""
    file = work.out / KMODEL
    file.write_bytes(kmodel.write(k210.compile_pixels(content, images, version)))
    found = k210.analyze(k210.load(file), None)
    seconds = found.latency.total.total
    return {
        "bytes": found.usage.file_bytes, "ram_bytes": found.usage.main_bytes,
        "kpu_bytes": found.usage.kpu_bytes, "ms": 1000 * seconds, "ms_error": list(ERROR),
    }  # fmt: skip


def judging(told: Settings) -> object:
    """What runs a form on this computer."""
    if told["form"] in KMODELS:
        return compiling(told)
    return litert.version() if told["form"] == "float" else board_tools(load_board("host"))


@pure(1, judging)
def score(work: Work, *, recipe: Mapping[str, Any], data: str, form: str) -> Values:
    """The share of all test images that a .tflite file has right.

    A float one is run by LiteRT; one of integers by C for this computer, of which some samples are
    held against the reference; a kmodel by the simulated K210.
    """
    images = dataset(work, build(Recipe, recipe, "recipe"), data)
    file = work.inputs["network"] / TFLITE
    if form in KMODELS:
        network = kmodel.load(work.inputs["network"] / KMODEL)
        ys = Kpu().run(network, [images.x_test]).outputs
    elif form == "float":
        graph = tflite.load(file)
        xs = as_inputs(graph, images.x_test)
        ys = litert.run(file.read_bytes(), xs, len(graph.outputs), reference=False)
    else:
        model = load_model(file)
        xs = as_inputs(model.graph, images.x_test)
        host = OnBoard(model.plan(load_board("host")), work.build, "model")
        ys = host.run(model.graph, xs).outputs
        some = np.linspace(0, len(xs[0]) - 1, min(CHECKED, len(xs[0]))).astype(int)
        wrong = mismatches([y[some] for y in ys], reference(model.prepared, [x[some] for x in xs]))
        if wrong:
            raise Mismatch(f"{wrong:,} bytes of {len(some)} samples differ from the reference")
    right = Classes(images.y_test, images.classes).score([y.reshape(len(y), -1) for y in ys])
    return {"accuracy": right.value, "samples": len(images.x_test)}


@pure(1)
def given(work: Work, *, path: str, sha256: str) -> Values:
    """Takes a finished .tflite file. Raises InputError where it is another by now."""
    content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(f"{path}: it has changed meanwhile.", ["Start the study again."])
    (work.out / TFLITE).write_bytes(content)
    return {"bytes": len(content)}


@pure(1, lambda told: [compiling(told), asdict(board_of(told))])
def compile_(
    work: Work, *, board: str, goal: str, sha256: str, board_file: str = ""  # noqa: ARG001
) -> Values:  # fmt: skip
    """Writes a .tflite file as what the board's target makes of it; `sha256` is the board's."""
    model = load_model(work.inputs["network"] / TFLITE)
    planned = model.plan(load_board(board_file or board), goal_named(goal))
    for path, content in measure.compile_model(model, planned, None).files.items():
        target = work.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return {"arena": planned.arena.bytes, "macs": planned.macs}


@pure(1, running)
def run(
    work: Work, *, recipe: Mapping[str, Any] | None, data: str, board: str, goal: str,
    samples: int, sha256: str, board_file: str = "",  # noqa: ARG001
) -> Values:  # fmt: skip
    """Runs a network on a board, on test images or, without data, on a pseudo-random sample.

    It reads what `compile_` made, which it compiles again: so nothing is run where that is the
    same.
    """
    model = load_model(work.inputs["network"] / TFLITE)
    if recipe is None:
        xs = bring(model.graph, None)
    else:
        images = dataset(work, build(Recipe, recipe, "recipe"), data)
        some = np.linspace(0, len(images.x_test) - 1, samples).astype(int)
        xs = as_inputs(model.graph, images.x_test[some])
    planned = model.plan(load_board(board_file or board), goal_named(goal))
    _check_same(work.inputs["library"], measure.compile_model(model, planned, None).files)
    found = measure.run_model(model, planned, xs, build=work.build).measurement
    if found.mismatched_bytes:
        raise Mismatch(f"{board}: {found.mismatched_bytes:,} output bytes differ")
    told = found.json()
    dropped = ("layers", "expected", "schema", "accuracy")
    return {name: value for name, value in told.items() if name not in dropped}


def _check_same(folder: Path, files: Mapping[str, bytes]) -> None:
    """Raise InputError unless `folder` holds these files."""
    for path, content in files.items():
        there = (folder / path).read_bytes() if (folder / path).is_file() else b""
        if hashlib.sha256(there).digest() != hashlib.sha256(content).digest():
            raise InputError(
                f"{path}: it is not what the stage before made of the network.",
                ["Ascua changed while the study ran: start it again."],
            )


@pure(1, lambda told: [learning(told), tools.processor(load_board("host"))])
def trial(
    work: Work, *, recipe: Mapping[str, Any], data: str,
    files: Mapping[str, str] = NOTHING,  # noqa: ARG001
    **where: str,
) -> Values:  # fmt: skip
    """Times some steps of a training on this computer."""
    from ascua import zoo
    from ascua.train import fit
    from ascua.train.fused import fuse
    from ascua.train.step import train_step

    how = located(build(Recipe, recipe, "recipe"), where)
    images = dataset(work, how, data).split(how.validation, how.seed)
    model = zoo.build(how.model, how.input, how.classes, seed=how.seed, **how.network)
    size, twin = zoo.size(model), fuse(model, how.precision)
    fit.compile_model(how, twin)
    batch = fit.batch_size(how, images)
    take = train_step(how, twin, batch)
    clock, seen = 0.0, 0
    for step, (x, y) in enumerate(fit.batches(how, images, 1)):
        begin = time.process_time()
        take(x, y)
        if step >= WARM:  # the first ones compile
            clock, seen = clock + time.process_time() - begin, seen + batch
        if clock > TRIED:
            break
    return {
        "seconds_image": clock / max(1, seen), "images": len(images.x_train),
        "parameters": size.parameters, "macs": size.macs,
    }  # fmt: skip
