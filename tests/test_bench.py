"""Results: which recipes are measured, what a line holds, and that nothing is measured twice."""

import dataclasses
import errno
import json
from pathlib import Path

import numpy as np
import pytest

from ascua import bench, boards, measure, recipes
from ascua.errors import InputError
from ascua.files import lines
from ascua.train import folder

GOLDEN = Path(__file__).parent / "golden"


def finished(out: Path, recipe: recipes.Recipe) -> None:
    """The files that say that `recipe` is trained."""
    out.mkdir(parents=True)
    (out / folder.RECIPE).write_text(recipes.dump(recipe))
    for name in (folder.KERAS, folder.TFLITE):
        (out / name).touch()
    (out / folder.RESULT).write_text('{"accuracy_float": 1, "parameters": 2, "seconds": 3}')


def test_without_names_only_what_is_trained_is_measured(tmp_path: Path) -> None:
    finished(tmp_path / "digits-dscnn", recipes.load("digits-dscnn"))
    stale = dataclasses.replace(recipes.load("mnist-lenet5"), epochs=99)
    finished(tmp_path / "mnist-lenet5", stale)
    finished(tmp_path / "cifar10-airbench", recipes.load("cifar10-airbench"))
    said: list[str] = []
    chosen = list(bench._chosen((), tmp_path, untrained=False, say=said.append))
    assert chosen == ["digits-dscnn"]
    assert "mnist-lenet5: skipped, not trained: name it, or give --train" in said
    assert "cifar10-airbench: skipped, it only teaches" in said
    everything = list(bench._chosen((), tmp_path, untrained=True, say=said.append))
    assert set(recipes.names()) - set(everything) == {"cifar10-airbench"}
    assert list(bench._chosen(("a", "b"), tmp_path, untrained=False, say=said.append)) == ["a", "b"]


def test_a_teacher_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only teaches"):
        next(bench.recipe_cases("cifar10-airbench", None, tmp_path))


def test_a_line_holds_the_confusion_of_the_firmware(tmp_path: Path) -> None:
    model = measure.load_model(GOLDEN / "small/model.tflite")
    xs = measure.sample_vectors(model.graph, 12)
    scores = measure.reference(model.graph, xs)[0].reshape(12, -1)
    labels = np.arange(12) % scores.shape[1]
    classes = tuple(f"class {i}" for i in range(scores.shape[1]))
    case = bench.Case(
        "small", model, boards.load("host"), xs, labels, classes, 0.5, history="epoch,loss\n1,2\n"
    )
    line, fresh = bench.measure_case(case, tmp_path / "results", tmp_path / "firmware")
    assert line is not None
    assert fresh
    wanted = [[0] * len(classes) for _ in classes]
    for label, row in zip(labels, scores, strict=True):
        wanted[label][list(row).index(max(row))] += 1
    assert (line["confusion"], line["classes"]) == (wanted, list(classes))
    assert line["accuracy"] == pytest.approx(sum(wanted[i][i] for i in range(len(classes))) / 12)
    text = (tmp_path / "results/small.jsonl").read_text()
    assert json.loads(text) == line
    assert (tmp_path / "results/small.csv").read_text() == case.history
    assert bench.measure_case(case, tmp_path / "results", tmp_path / "firmware") == (line, False)
    assert (tmp_path / "results/small.jsonl").read_text() == text


def test_a_measurement_is_kept_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = measure.load_model(GOLDEN / "small/model.tflite")
    xs = measure.sample_vectors(model.graph, 1)
    case = bench.Case("small", model, boards.load("host"), xs, history="epoch,loss\n1,2\n")
    line = {"firmware_sha256": "", "board": "host"}
    results = tmp_path / "results"
    results.mkdir()
    (results / "small.jsonl").write_text(json.dumps(line) + "\n")
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
                bench.measure_case(case, results, tmp_path / "firmware")
        assert lines.read(results / "small.jsonl") == [line]
    measured, _ = bench.measure_case(case, results, tmp_path / "firmware")
    assert lines.read(results / "small.jsonl") == [line, measured]
    assert sorted(p.name for p in results.iterdir()) == ["small.csv", "small.jsonl"]


def test_a_csv_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    model = measure.load_model(GOLDEN / "small/model.tflite")
    xs = measure.sample_vectors(model.graph, 1)
    case = bench.Case("small", model, boards.load("host"), xs, history="epoch,loss\n1,2\n")
    (tmp_path / "small.csv").write_text("my,own\n")
    with pytest.raises(InputError, match=r"small.csv: what is there is no CSV(?s:.*)--force"):
        bench.measure_case(case, tmp_path, tmp_path / "firmware")
    assert [p.name for p in tmp_path.iterdir()] == ["small.csv"], "nothing was built or measured"
    assert (tmp_path / "small.csv").read_text() == "my,own\n"
    assert bench.measure_case(case, tmp_path, tmp_path / "firmware", force=True)[1]
    assert (tmp_path / "small.csv").read_text() == case.history


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "peers.jsonl").write_text('{"model": "ic", "model_sha256": "0"}\n')
    (tmp_path / "other").mkdir()
    for models, expected in (
        (None, "the peers' networks: skipped, `--models` says where their files are"),
        (tmp_path / "other", f"ic: skipped, {tmp_path / 'other/ic.tflite'} is not there"),
    ):
        said: list[str] = []
        assert not list(bench._peers(models, tmp_path, said.append))
        assert said == [expected]
