"""A recipe for a board with a K210, from training to kmodels on the simulated chip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ascua import kmodel, recipes
from ascua.study import Cells, load
from tests.support.command import ascua, refused
from tests.support.tools import require_package

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = """
name = "digits-k210"
title = "Digits for a K210"
dataset = "digits"
model = "mobilenet_v1"
input = [8, 8, 1]
classes = 10
epochs = 3
batch = 32
lr = 3e-3
board = "maix-bit"
show = 11

[network]
alpha = 1.0
stem = 8
blocks = [[16, 1], [32, 1]]
padding = "k210"
softmax = true
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_package("tensorflow")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits-k210.toml").write_text(RECIPE)
    return tmp_path / "digits-k210.toml"


def test_a_demonstration(recipe: Path) -> None:
    done = ascua("demo", recipe)
    assert done.code == 0, done.err
    for said in ("kmodel, version 3", "kmodel, version 4", "int8, for C", "ascua export maix"):
        assert said in done.out
    folder = recipe.parent / "build/digits-k210/k210"
    for version in (3, 4):
        assert kmodel.load(folder / f"model_v{version}.kmodel").version == version
    assert "(test image 11, on maix-bit)" in ascua("demo", recipe).out  # nothing is in the way


def test_arguments_of_the_network(recipe: Path) -> None:
    done = ascua(
        "train", recipe, "--network", "alpha=0.5", "--network", "padding=tensorflow",
        "--epochs", "1", "-o", recipe.parent / "narrow",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "Next: ascua compile" in done.out
    kept = recipes.load(str(recipe.parent / "narrow/recipe.toml"))
    assert kept.network["alpha"] == 0.5
    assert kept.network["padding"] == "tensorflow"
    for words, said in (
        (("--network", "alpha"), "no `name=value`"),
        (("--network", "beta=1"), "Known names: alpha"),
        (("--size", "9"), "input [9, 9, 1]"),
    ):
        refused(ascua("train", recipe, *words, "-o", recipe.parent / "x"), 1, said)


def test_what_cannot_be_trained_is_refused_before_data_are_looked_for(tmp_path: Path) -> None:
    """There are none at the path that is given."""
    for words, said in (
        (("--size", "96", "--weights", "none.h5"), ("padding k210", "at least 97 x 97 pixels")),
        (("--freeze", "-1"), ("-1 cannot be frozen", "a layer's name")),
        (("--freeze", "conv_pw_99"), ("no layer 'conv_pw_99'", "Did you mean", "more")),
        (("--weights", str(tmp_path / "none.h5")), ("none.h5", "cannot be read")),
    ):
        refused(ascua("train", "mobilenet-k210", *words, "--data-dir", tmp_path / "none",
                      "-o", tmp_path / "x"), 1, *said)  # fmt: skip
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_kmodels_are_forms_of_a_study(recipe: Path) -> None:
    study = recipe.parent / "forms.toml"
    study.write_text(
        'title = "Forms"\nseeds = [1]\nforms = ["keras", "kmodel3", "kmodel4"]\n'
        "boards = []\n"
        '[[networks]]\nname = "narrow"\nrecipe = "digits-k210.toml"\n'
        "changes.epochs = 1\n"
        '[[networks]]\nname = "wide"\nrecipe = "digits-k210.toml"\n'
        'changes.network = { alpha = 2.0, stem = 8, blocks = [[16, 1]], padding = "k210" }\n'
    )
    done = ascua("study", study, "--cache", recipe.parent / "cache", "--jobs", "1")
    assert done.code == 0, done.err
    report = ascua("report", study, "-o", recipe.parent / "report", "--json")
    found = {r["cell"]: r for r in json.loads(report.out)["results"]}
    assert len(found) == 6
    four = found["narrow/none/0/kmodel4/1"]
    assert four["ms"] > 0
    assert four["ram_bytes"] > 0
    assert four["kpu_bytes"] > 0
    assert len(found["wide/none/0/keras/1"]["history"]) == 3
    assert np.isclose(found["narrow/none/0/kmodel3/1"]["accuracy"],
                      found["narrow/none/0/keras/1"]["accuracy"], atol=0.2)  # fmt: skip
    drawn = {p.name for p in (recipe.parent / "report").glob("*.svg")}
    assert drawn == {"epochs.svg", "size.svg", "training.svg"}


def test_the_study_of_mobilenet_is_read() -> None:
    names = Cells(load("mobilenet-k210"), None).names()
    assert "alpha-0.25/none/0/kmodel3/1" in names
    assert len(names) == 28
