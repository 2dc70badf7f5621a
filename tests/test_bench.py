"""Results: which recipes are measured, what a line holds, and that nothing is measured twice."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import bench, boards, measure, recipes, results
from ascua.artifact import Artifact
from ascua.errors import InputError
from ascua.executors.reference import reference
from ascua.labels import Classes
from ascua.model import load_model
from ascua.report import results as report
from ascua.run import build, qemu, tools
from ascua.samples import sample_vectors
from ascua.train import folder as training_folder
from ascua.train import train
from tests.support.command import ascua, refused
from tests.support.tools import require_board
from tests.test_results import PEER, RESULT

GOLDEN = Path(__file__).parent / "golden"
RESULTS = Path(__file__).parents[1] / "results"


def finished(out: Path, recipe: recipes.Recipe) -> None:
    """The files that say that `recipe` is trained."""
    out.mkdir(parents=True)
    (out / training_folder.RECIPE).write_text(recipes.dump(recipe))
    for name in (training_folder.KERAS, training_folder.TFLITE):
        (out / name).touch()
    (out / training_folder.RESULT).write_text(
        '{"accuracy_float": 1, "parameters": 2, "seconds": 3}'
    )


def test_without_names_only_what_is_trained_or_kept_is_measured(tmp_path: Path) -> None:
    finished(tmp_path / "digits-dscnn", recipes.load("digits-dscnn"))
    stale = replace(recipes.load("mnist-lenet5"), epochs=99)
    finished(tmp_path / "mnist-lenet5", stale)
    finished(tmp_path / "cifar10-airbench", recipes.load("cifar10-airbench"))
    keep(tmp_path / "results", recipes.load("cifar10-dscnn"))
    said: list[str] = []

    def chosen(*names: str, untrained: bool = False) -> list[str]:
        found = bench._chosen(
            names, tmp_path / "results", tmp_path, untrained=untrained, say=said.append
        )
        return [recipe.name for recipe in found]

    assert chosen() == ["cifar10-dscnn", "digits-dscnn"]
    assert "mnist-lenet5: skipped, not trained: name it, or give --train" in said
    assert "cifar10-airbench: skipped, it only teaches" in said
    assert set(recipes.names()) - set(chosen(untrained=True)) == {
        "cifar10-airbench", "mobilenet-k210"
    }  # fmt: skip
    assert chosen("mnist-lenet5", "digits-dscnn") == ["mnist-lenet5", "digits-dscnn"]


def test_a_teacher_is_not_measured(tmp_path: Path) -> None:
    recipe = recipes.load("cifar10-airbench")
    with pytest.raises(InputError, match="only teaches"):
        next(bench.recipe_cases(recipe, None, tmp_path, tmp_path, untrained=False, say=print))


def test_a_recipe_for_the_k210_is_not_counted(tmp_path: Path) -> None:
    recipe = recipes.load("mobilenet-k210")
    with pytest.raises(InputError, match="nothing counts on maix-bit"):
        next(bench.recipe_cases(recipe, None, tmp_path, tmp_path, untrained=False, say=print))


def keep(folder: Path, recipe: recipes.Recipe) -> Path:
    """A result of `recipe` in the folder of results, with its model; the path of that."""
    model = GOLDEN / "small/model.tflite"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    results.keep(folder, model)
    training = json.loads(json.dumps(training_folder.deciding(recipe)))
    line = {**RESULT.line(), "recipe": recipe.name, "model_sha256": digest, "training": training}
    results.append(folder, results.parsed(results.Result, line, "a test"))
    return folder / f"models/{digest}/model.tflite"


RECIPE = """
name = "mine"
title = "Five kinds of noise"
dataset = "npz"
model = "dscnn"
input = [9, 9, 3]
classes = 5
epochs = {epochs}
batch = 4
lr = 1e-3
board = "host"
"""


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recipe and its data set, in which nothing is trained, nor can be."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (10, 9, 9, 3), np.uint8), np.arange(10) % 5
    np.savez(tmp_path / "noise.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (tmp_path / "mine.toml").write_text(RECIPE.format(epochs=7))
    monkeypatch.chdir(tmp_path)

    def train(recipe: recipes.Recipe, **_: object) -> None:
        raise RuntimeError(f"{recipe.name} is trained")

    monkeypatch.setattr(bench, "train", train)
    return tmp_path


def test_a_kept_model_is_measured_without_training_and_that_is_said(noise: Path) -> None:
    path = keep(noise / "r", recipes.read(noise / "mine.toml")).relative_to(noise)
    command = ("bench", noise / "mine.toml", "--data-dir", "noise.npz", "--results", "r")
    done = ascua(*command)
    assert done.code == 0, done.err
    assert f"mine: not trained in build/mine; measured is the kept model, {path}" in done.err
    first, result = results.results(noise / "r")
    assert (result.samples, result.mismatched_bytes) == (10, 0)
    for name in ("model_sha256", "accuracy_float", "training"):
        assert getattr(result, name) == getattr(first, name)
    assert not (noise / "r/mine.csv").exists()
    again = ascua(*command, "--json")
    assert "mine on host: not counted (known)" in again.err
    assert json.loads(again.out)["results"] == [json.loads(json.dumps(result.line()))]


def test_a_model_of_another_training_is_not_taken_for_it(noise: Path) -> None:
    path = keep(noise / "r", recipes.read(noise / "mine.toml")).relative_to(noise)
    (noise / "mine.toml").write_text(RECIPE.format(epochs=8))
    command = ("bench", noise / "mine.toml", "--data-dir", "noise.npz", "--results", "r")
    with pytest.raises(RuntimeError, match="mine is trained"):
        ascua(*command)
    said: list[str] = []
    recipe = recipes.read(noise / "mine.toml")
    assert bench._kept(recipe, Path("r"), said.append) is None
    assert said == [f"mine: {path} is of another training (epochs = 7, not 8)"]
    old = replace(recipe, epochs=7)
    assert bench._kept(old, Path("r"), said.append) is not None
    assert bench._kept(replace(old, title="Other", board="x"), Path("r"), said.append) is not None


def test_what_is_kept_is_trained_all_the_same_when_asked(noise: Path) -> None:
    keep(noise / "r", recipes.read(noise / "mine.toml"))
    with pytest.raises(RuntimeError, match="mine is trained"):
        ascua("bench", noise / "mine.toml", "--data-dir", "noise.npz", "--results", "r", "--train")


def test_what_was_trained_is_kept(noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.read(noise / "mine.toml")
    finished(noise / "build/mine", recipe)
    shutil.copy(GOLDEN / "small/model.tflite", noise / "build/mine/model.tflite")
    (noise / "build/mine/history.csv").write_text("epoch,loss\n1,2\n")
    monkeypatch.setattr(bench, "train", train)
    command = ("bench", noise / "mine.toml", "--data-dir", "noise.npz", "--results", "r")
    done = ascua(*command)
    assert done.code == 0, done.err
    assert "kept" not in done.err
    shutil.rmtree(noise / "build/mine")
    monkeypatch.setattr(bench, "train", None)
    done = ascua(*command)
    assert "mine on host: not counted (known)" in done.err
    (kept,) = (noise / "r/models").glob("*/*")
    assert f"measured is the kept model, {kept.relative_to(noise)}" in done.err
    kept.write_bytes(kept.read_bytes()[:-1])
    refused(ascua(*command), 1, f"{kept.relative_to(noise)}: it is not the file that its folder")


def test_the_published_models_are_those_of_the_last_rows() -> None:
    last = {r.recipe: r for r in results.results(RESULTS) if r.training is not None}
    for path in (RESULTS / "models").glob("*/*"):
        assert results.kept(RESULTS, path.parent.name) == path
        assert path.parent.name in {r.model_sha256 for r in last.values()}, "of no last row"
    for name, r in last.items():
        assert r.training is not None
        now = json.loads(json.dumps(training_folder.deciding(recipes.load(name))))
        assert training_folder.difference(r.training, now) == ""
        assert results.kept(RESULTS, r.model_sha256) is not None


@pytest.fixture(scope="module")
def case() -> bench.Case:
    """A labelled one, of a network of four classes, on this computer."""
    model = load_model(GOLDEN / "small/model.tflite")
    xs = sample_vectors(model.graph, 12)
    names = tuple(f"class {i}" for i in range(model.graph.outputs[0].size))
    labels = Classes(np.arange(12) % len(names), names)
    return bench.Case(
        "small", model, boards.load("host"), xs, labels, 0.5, history="epoch,loss\n1,2\n"
    )


def test_a_line_holds_the_confusion_of_the_firmware(case: bench.Case, tmp_path: Path) -> None:
    assert isinstance(case.labels, Classes)
    names = case.labels.names
    scores = reference(case.model.graph, case.xs)[0].reshape(12, -1)
    result, fresh = bench.measure_case(case, tmp_path / "results", tmp_path / "firmware")
    assert result is not None
    assert fresh
    wanted = [[0] * len(names) for _ in names]
    for label, row in zip(case.labels.index, scores, strict=True):
        wanted[label][list(row).index(max(row))] += 1
    assert (result.confusion, result.classes) == (tuple(map(tuple, wanted)), names)
    assert result.accuracy == pytest.approx(sum(row[i] for i, row in enumerate(wanted)) / 12)
    text = (tmp_path / "results/small.jsonl").read_text()
    assert json.loads(text) == json.loads(json.dumps(result.line()))
    assert (tmp_path / "results/small.csv").read_text() == case.history
    assert bench.measure_case(case, tmp_path / "results", tmp_path / "firmware") == (result, False)
    assert (tmp_path / "results/small.jsonl").read_text() == text


@pytest.fixture(scope="module")
def ran(case: bench.Case, tmp_path_factory: pytest.TempPathFactory) -> measure.Run:
    """What `case` gives."""
    planned, build = case.model.plan(case.board), tmp_path_factory.mktemp("firmware")
    return measure.run_model(case.model, planned, case.xs, labels=case.labels, build=build)


Change = Callable[[bench.Case, pytest.MonkeyPatch, Path], bench.Case]


def of_board(**values: Any) -> Change:
    return lambda case, *_: replace(case, board=replace(case.board, **values))


def patched(where: object, name: str, value: object) -> Change:
    def change(case: bench.Case, patch: pytest.MonkeyPatch, _: Path) -> bench.Case:
        patch.setattr(where, name, value)
        return case

    return change


def other_weights(case: bench.Case, patch: pytest.MonkeyPatch, _: Path) -> bench.Case:
    compiled = measure.compile_model

    def compile_model(*given: Any) -> Artifact:
        library = compiled(*given)
        files = {name: data.replace(b"0", b"1") for name, data in library.files.items()}
        return replace(library, files=files)

    patch.setattr(measure, "compile_model", compile_model)
    return case


def other_harness(case: bench.Case, patch: pytest.MonkeyPatch, folder: Path) -> bench.Case:
    shutil.copytree(build.FIRMWARE, folder / "copy")
    with (folder / "copy/main.c").open("a") as file:
        file.write("/* one more line */\n")
    patch.setattr(build, "FIRMWARE", folder / "copy")
    return case


def other_sample(case: bench.Case, *_: object) -> bench.Case:
    xs = [x.copy() for x in case.xs]
    xs[0].reshape(-1)[-1] ^= 1
    return replace(case, xs=xs)


def other_labels(case: bench.Case, *_: object) -> bench.Case:
    assert isinstance(case.labels, Classes)
    return replace(case, labels=replace(case.labels, index=case.labels.index[::-1]))


def other_classes(case: bench.Case, *_: object) -> bench.Case:
    assert isinstance(case.labels, Classes)
    return replace(case, labels=replace(case.labels, names=("other", *case.labels.names[1:])))


ANEW: dict[str, Change] = {
    "library": other_weights,
    "optimization": patched(build, "FLAGS", ("-std=c11", "-O3", *build.FLAGS[2:])),
    "linker's flags": patched(build, "LINK", ()),
    "board's flags": of_board(cflags=("-DOTHER",)),
    "board's name": of_board(name="other"),
    "compiler": of_board(cc="gcc"),
    "compiler's version": patched(tools, "_version", lambda _: "99.0"),
    "processor": patched(tools, "processor", lambda _: "another"),
    "harness": other_harness,
    "sample": other_sample,
    "fewer samples": lambda case, *_: replace(case, xs=[x[:-1] for x in case.xs]),
    "labels": other_labels,
    "no labels": lambda case, *_: replace(case, labels=None),
    "classes": other_classes,
    "float accuracy": lambda case, *_: replace(case, accuracy_float=0.6),
    "model": lambda case, *_: replace(case, model=replace(case.model, sha256="other")),
}
"""What a measurement reads, and the same case with another of that."""


@pytest.mark.parametrize("what", [*ANEW, "nothing"])
def test_what_read_the_same_is_known_and_all_else_is_measured(
    what: str, case: bench.Case, ran: measure.Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measure, "run_model", lambda *_, **__: ran)
    first, fresh = bench.measure_case(case, tmp_path, tmp_path)
    assert first is not None
    assert fresh
    known = {**ANEW, "nothing": lambda case, *_: case}[what](case, monkeypatch, tmp_path)
    result, fresh = bench.measure_case(known, tmp_path, tmp_path)
    assert result is not None
    if what == "nothing":
        assert (result, fresh) == (first, False)
    else:
        assert (fresh, result.key != first.key) == (True, True)
        assert results.results(tmp_path, "small") == [first, result]


def test_an_emulator_and_its_counter_are_read_too(
    case: bench.Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    board = boards.load("mps2-an385")
    require_board(board)
    library = measure.compile_model(case.model, case.model.plan(board), None)
    changes: dict[str, tuple[object, str, object]] = {
        "nothing": (tools, "PACKAGES", tools.PACKAGES),
        "emulator's version": (tools, "versions", lambda _: {"qemu-system-arm": "99"}),
        "C library": (tools, "compilers", lambda _: {"picolibc": "99"}),
        "no plugin": (qemu, "plugin_for", lambda *_: None),
        "plugin's flags": (build, "PLUGIN_FLAGS", (*build.PLUGIN_FLAGS, "-O1")),
    }
    keys = {}
    for what, (where, name, value) in changes.items():
        with monkeypatch.context() as m:
            m.setattr(where, name, value)
            keys[what] = bench.key_of(replace(case, board=board), library, tmp_path)
    other = replace(board, run=(*board.run, "-smp", "1"))
    keys["command"] = bench.key_of(replace(case, board=other), library, tmp_path)
    assert keys["nothing"] == bench.key_of(replace(case, board=board), library, tmp_path)
    assert len(set(keys.values())) == len(keys)


OLD = json.loads((RESULTS / "digits-dscnn.jsonl").read_text().splitlines()[0])
"""A line of before there were keys."""


def test_lines_without_a_key_stay_and_are_measured_anew(
    case: bench.Case, ran: measure.Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measure, "run_model", lambda *_, **__: ran)
    old = results.parsed(results.Result, {**OLD, "recipe": "small", "board": "host"}, "old")
    (tmp_path / "small.jsonl").write_text(json.dumps(old.line()) + "\n")
    assert results.newest(tmp_path) == [old]
    result, fresh = bench.measure_case(case, tmp_path, tmp_path)
    assert fresh
    assert results.results(tmp_path) == [old, result]
    assert results.newest(tmp_path) == [result]


def test_rows_and_curves_say_on_which_images_epochs_were_looked_at(tmp_path: Path) -> None:
    """Lines from before there was a validation split do not tell."""
    at = report.RECIPE_COLUMNS.index("epochs seen on")
    assert {row[at] for row in report.recipes(RESULTS)} == {"test"}
    digits = json.loads((RESULTS / "digits-dscnn.jsonl").read_text().splitlines()[-1])
    shutil.copy(RESULTS / "digits-dscnn.csv", tmp_path)
    for training, word in (
        (None, "test"), ({}, "test"), ({"validation": 0.0}, "test"),
        ({"validation": 0.1}, "validation"),
    ):  # fmt: skip
        line = {**digits, **({} if training is None else {"training": training})}
        (tmp_path / "digits-dscnn.jsonl").write_text(json.dumps(line) + "\n")
        assert [row[at] for row in report.recipes(tmp_path)] == [word]
        assert f">{word}</text>" in report.figures(tmp_path)["digits-dscnn-curve.svg"]


def test_a_kept_model_without_validation_is_not_taken_for_one_with_it(tmp_path: Path) -> None:
    recipe = replace(recipes.load("digits-dscnn"), validation=0.1)
    keep(tmp_path, recipe)
    assert bench._kept(recipe, tmp_path, print) is not None
    path = tmp_path / "digits-dscnn.jsonl"
    line = json.loads(path.read_text())
    del line["training"]["validation"]
    path.write_text(json.dumps(line) + "\n")
    said: list[str] = []
    assert bench._kept(recipe, tmp_path, said.append) is None
    assert "validation = 0.0, not 0.1" in said[0]
    assert bench._kept(replace(recipe, validation=0.0), tmp_path, said.append) is not None


def test_a_measurement_is_kept_whole_or_not_at_all(
    case: bench.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    line = {**OLD, "recipe": "small"}
    (folder / "small.jsonl").write_text(json.dumps(line) + "\n")
    written = Path.write_text

    def full(path: Path, text: str, **how: str) -> None:
        written(path, text[: len(text) // 2], **how)
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        written(path, text, **how)

    for name in ("small.csv", "small.jsonl"):
        with monkeypatch.context() as m:
            m.setattr(Path, "write_text", full)
            with pytest.raises(InputError, match=f"{name}: cannot be written: No space left"):
                bench.measure_case(case, folder, tmp_path / "firmware")
        assert [r.line() for r in results.results(folder)] == [line]
    measured, _ = bench.measure_case(case, folder, tmp_path / "firmware")
    assert results.results(folder)[1:] == [measured]
    assert sorted(p.name for p in folder.iterdir()) == ["small.csv", "small.jsonl"]


def test_a_csv_file_of_somebody_elses_is_left_alone(case: bench.Case, tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("my,own\n")
    with pytest.raises(InputError, match=r"small.csv: what is there is no CSV(?s:.*)--force"):
        bench.measure_case(case, tmp_path, tmp_path / "firmware")
    assert [p.name for p in tmp_path.iterdir()] == ["small.csv"], "nothing was built or measured"
    assert (tmp_path / "small.csv").read_text() == "my,own\n"
    assert bench.measure_case(case, tmp_path, tmp_path / "firmware", force=True)[1]
    assert (tmp_path / "small.csv").read_text() == case.history


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    results.append(tmp_path, replace(PEER, model="ic"))
    (tmp_path / "other").mkdir()
    for models, expected in (
        (None, "the peers' networks: skipped, `--models` says where their files are"),
        (tmp_path / "other", f"ic: skipped, {tmp_path / 'other/ic.tflite'} is not there"),
    ):
        said: list[str] = []
        assert not list(bench._peers(models, tmp_path, said.append))
        assert said == [expected]
