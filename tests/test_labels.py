"""Labels: what classes answer, and that nobody who measures, prints or draws asks for classes."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ascua import bench, boards, measure, recipes, results
from ascua.cli import learn
from ascua.data import Dataset
from ascua.data import registry as datasets
from ascua.errors import InputError
from ascua.ir import Array
from ascua.labels import Classes, Labels, Score, as_labels
from ascua.model import load_model
from ascua.report import results as report
from ascua.report import tables
from ascua.samples import sample_vectors
from tests.support.tiny import RECIPE, entered, tiny_dataset
from tests.support.tools import require_board

SMALL = Path(__file__).parent / "golden/small/model.tflite"
SCORES = [np.array([[3, 1, 0], [0, 9, 1], [5, 5, 4], [1, 2, 7]], np.int8)]


class Hues:
    """Labels that are no classes: a hue a sample, and the metric is how near one comes."""

    metric = "nearness"
    names = ()

    def __init__(self, hues: Array) -> None:
        self.hues = hues

    def __len__(self) -> int:
        return len(self.hues)

    def read(self) -> tuple[Any, ...]:
        return (self.hues.tolist(),)

    def score(self, ys: Sequence[Array]) -> Score:
        assert len(ys[0]) == len(self.hues)
        return Score(self.metric, 0.25)

    def details(self, ys: Sequence[Array]) -> dict[str, Any]:  # noqa: ARG002
        return {"farthest": 40}

    def picture(self, title: str, ys: Sequence[Array]) -> str | None:  # noqa: ARG002
        return None

    def verdict(self, ys: Sequence[Array], i: int) -> str:  # noqa: ARG002
        return f"NEAR: {self.hues[i]:.1f}"


def test_classes_answer_all_that_is_asked() -> None:
    labels: Labels = Classes(np.array([0, 1, 1, 2]), ("ant", "bee", "cat"))
    assert len(labels) == 4
    assert labels.score(SCORES) == ("accuracy", 0.75)
    assert str(labels.score(SCORES)) == "75.00 %"
    assert labels.score(SCORES).accuracy == 0.75
    counts = ((1, 0, 0), (1, 1, 0), (0, 0, 1))
    assert labels.details(SCORES) == {"classes": ("ant", "bee", "cat"), "confusion": counts}
    assert labels.verdict(SCORES, 1) == "CORRECT classification! bee"
    assert labels.verdict(SCORES, 2) == "WRONG classification: ant"
    assert "bee</text>" in (labels.picture("title", SCORES) or "")


def test_classes_without_names_and_of_very_many() -> None:
    unnamed = Classes(np.array([0, 1, 1, 2]))
    assert unnamed.score(SCORES).value == 0.75
    many = Classes(unnamed.index, tuple(map(str, range(21))))
    for labels in (unnamed, many):
        assert labels.details(SCORES) == {}
        assert labels.picture("title", SCORES) is None
    assert unnamed.verdict(SCORES, 1) == "CORRECT classification! 1"
    with pytest.raises(InputError, match="label 3 is outside"):
        Classes(np.array([0, 1, 1, 3])).score(SCORES)


def test_an_array_of_class_indices_is_labels_too() -> None:
    index = np.array([0, 1, 1, 2])
    found = as_labels(index)
    assert found is not None
    assert found.score(SCORES).accuracy == 0.75
    assert as_labels(found) is found
    assert as_labels(None) is None


def test_labels_of_another_kind_are_measured_printed_and_kept(tmp_path: Path) -> None:
    host = boards.load("host")
    require_board(host)
    model = load_model(SMALL)
    xs = sample_vectors(model.graph, 3)
    hues = Hues(np.array([0.0, 120.0, 240.0]))
    run = measure.run_model(model, model.plan(host), xs, labels=hues, build=tmp_path / "firmware")
    printed = run.measurement.json()
    assert (printed["accuracy"], printed["nearness"]) == (None, 0.25)
    assert (run.measurement.accuracy, run.accuracy_reference) == (None, None)
    text = io.StringIO()
    Console(file=text, width=120).print(tables.run(run.measurement, int8_score=run.score_reference))
    rows = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert {"nearness, int8 reference 25.00 %", "nearness, on host 25.00 %"} <= {*rows}
    case = bench.Case("small", model, host, xs, hues, history="epoch,loss\n1,2\n")
    folder = tmp_path / "results"
    found, _ = bench.measure_case(case, folder, tmp_path / "firmware")
    assert results.results(folder) == [found]
    assert found is not None
    assert (found.labelled, found.accuracy) == ({"nearness": 0.25, "farthest": 40}, None)
    assert bench.measure_case(case, folder, tmp_path / "firmware") == (found, False)
    other = dataclasses.replace(case, labels=Hues(hues.hues + 1))
    assert bench.measure_case(other, folder, tmp_path / "firmware")[1], "measured anew"
    assert report.recipes(folder) == [], "the table is of accuracies"
    assert report.figures(folder) == {}


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_labels_of_another_kind_are_trained_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verb asks the data set for labels, and never for classes."""
    pytest.importorskip("keras")

    class Hued(Dataset):
        @property
        def labels(self) -> Labels:
            return Hues(self.y_test * 120.0)

    def hued(_: datasets.Request) -> Dataset:
        d = tiny_dataset(None)
        return Hued(**{f.name: getattr(d, f.name) for f in dataclasses.fields(d)})

    with entered():
        monkeypatch.setitem(datasets._LOADERS, "tiny", hued)
        recipe = dataclasses.replace(RECIPE, epochs=1, augment=())
        found, scores, _ = learn._train(
            recipe, learn.Reading(None, skip_damaged=False), tmp_path / "tiny", Console(quiet=True)
        )
    assert json.loads(json.dumps(found))["nearness_int8"] == 0.25
    assert found["images"] == {"training": 48, "validation": 6, "test": 12}
    assert (found["classes"], found["samples"]) == ([], 12)
    assert {s.metric for s in scores.values()} == {"nearness"}
    assert not (tmp_path / "tiny/confusion.svg").exists()
    assert recipes.read(tmp_path / "tiny/recipe.toml") == recipe
