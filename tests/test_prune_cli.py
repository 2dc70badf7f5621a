"""`ascua prune` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, zoo
from ascua.pruning import RANKINGS
from tests.support.command import ascua, refused
from tests.support.tiny import entered
from tests.support.tools import require_board
from tests.test_prune import network

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
pytest.importorskip("keras")
ON = ("-b", "lm3s6965evb", "-o", "small.keras")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network in a file, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    path = Path("net.keras")
    network().save(path)
    return path


def loaded(path: str) -> Any:
    return zoo.import_keras().models.load_model(path)


def labelled(path: Path) -> None:
    """60 images in three classes by brightness."""
    rng = np.random.default_rng(1)
    y = np.arange(60) % 3
    x = rng.integers(0, 60, (60, 8, 8, 1), np.uint8) + 80 * y[:, None, None, None]
    x = x.astype(np.uint8)
    np.savez(path, x_train=x[:48], y_train=y[:48], x_test=x[48:], y_test=y[48:])


def test_a_model_alone(model: Path) -> None:
    done = ascua("prune", model, "--ratio", "0.5", "-o", "small.keras", "--figure", "left.svg")
    assert done.code == 0, done.err
    assert loaded("small.keras").get_layer("first").filters == 4
    assert "logits stays: an output of the network." in done.out
    assert "Next: ascua quantize small.keras --out small.tflite --data D" in done.out
    assert Path("left.svg").read_text().startswith("<svg")
    assert sorted(p.name for p in Path().iterdir()) == ["left.svg", "net.keras", "small.keras"]


@pytest.mark.emulator
def test_measured_on_a_board_and_on_data(model: Path) -> None:
    require_board(boards.load("lm3s6965evb"))
    labelled(Path("d.npz"))
    done = ascua(
        "prune", model, "-m", "taylor", "--ratio", "0.5", "--of", "macs", "--data", "d.npz",
        "--finetune", "2", "--steps", "2", "--board", "lm3s6965evb", "-o", "small.keras", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads(done.out)
    before, after = found["before"], found["after"]
    assert after["macs"] <= before["macs"] / 2
    for key in ("channels", "parameters", "flash_bytes", "ram_bytes", "instructions"):
        assert 0 < after[key] < before[key], key
    assert after["accuracy"] is not None
    assert [c["layer"] for c in found["layers"]] == ["first", "norm", "second", "logits"]
    assert found["left"] == {"logits": "an output of the network"}
    again = ascua("run", found["tflite"], "--board", "lm3s6965evb", "--json")
    assert json.loads(again.out)["instructions"] == pytest.approx(after["instructions"], rel=0.01)


@pytest.mark.emulator
def test_until_it_fits(model: Path) -> None:
    require_board(boards.load("lm3s6965evb"))
    done = ascua("prune", model, "--until", "ram=1K,instructions=10K", *ON, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["after"]["instructions"] <= 10_000 < found["before"]["instructions"]
    assert found["bound"] == ["instructions"]
    assert "channels:" in done.err
    Path("small.keras").unlink()
    refused(ascua("prune", model, "--until", "flash=100", *ON), 1, "out of reach (flash)",
            "bytes of flash")  # fmt: skip
    assert not Path("small.keras").exists()


def test_sequential_models_are_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Much pruned, it has few images right: nobody doubts its pixels for that."""
    monkeypatch.chdir(tmp_path)
    layers = zoo.import_keras().layers
    chain = [layers.Input((8, 8, 1)), layers.Conv2D(8, 3, name="first"), layers.Flatten()]
    zoo.import_keras().Sequential([*chain, layers.Dense(3, name="logits")]).save("net.keras")
    labelled(Path("d.npz"))
    done = ascua(
        "prune", "net.keras", "--ratio", "0.8", "--data", "d.npz", "--finetune", "1", "--steps",
        "2", "-o", "small.keras",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert loaded("small.keras").get_layer("first").filters == 1


def test_recipes_bring_their_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    toml = 'name = "t"\ntitle = "T"\ndataset = "tiny"\nmodel = "tiny"\ninput = [8, 8, 1]\n'
    toml += "classes = 3\nepochs = 2\nbatch = 16\nlr = 0.01\n"
    Path("t.toml").write_text(toml)
    with entered():
        done = ascua(
            "prune", "t.toml", "--ratio", "0.5", "--finetune", "1", "--teacher", "-o", "s.keras"
        )
        assert done.code == 0, done.err
        assert Path("build/t/model.keras").exists()
        assert loaded("s.keras").get_layer("conv").filters == 2
        assert "accuracy, float" in done.out
        refused(ascua("prune", "t.toml", "--ratio", "0.5", "--data", "tiny", "-o", "x.keras"), 1,
                "has its own")  # fmt: skip


def test_damaged_images_are_left_out_of_the_tuning_too(model: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for name in ("dark", "gray", "light"):
        Path("images", name).mkdir(parents=True)
        for i in range(20):
            image.new("L", (8, 8), 10 * i).save(f"images/{name}/{i}.png")
    Path("images/dark/3.png").write_bytes(b"nonsense")
    how = (
        "prune",
        model,
        "--ratio",
        "0.5",
        "--data",
        "images",
        "--finetune",
        "1",
        "--out",
        "s.keras",
    )
    refused(ascua(*how), 1, "images/dark/3.png")
    done = ascua(*how, "--skip-damaged")
    assert done.code == 0, done.err
    assert Path("s.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ratio", "2"], "between 0 and 1"),
        ([], "--ratio or --until?"),
        (["--ratio", "0.5", "--until", "ram=1K"], "--ratio or --until?"),
        (["--until", "ram=1K"], "on which board?"),
        (["--until", "ram", "-b", "lm3s6965evb"], "is no limit"),
        (["--ratio", "0.5", "-m", "l3"], "no ranking called 'l3'"),
        (["--ratio", "0.5", "-m", "taylor"], "there is no data"),
        (["--ratio", "0.5", "--data", "nothing"], "neither a data set, nor a folder"),
        (["--ratio", "0.5", "--finetune", "3"], "Tuning needs data"),
        (["--ratio", "0.5", "-b", "maix-go"], "what is measured is firmware in C"),
        (["--ratio", "0.5", "--figure", "small.keras"], "both the model and the picture"),
        (["--ratio", "0.5", "--data", "digits"], "samples [8, 8, 1] in 10 classes"),
    ],
)
def test_clear_errors(model: Path, arguments: list[str], words: str) -> None:
    refused(ascua("prune", model, *arguments, "-o", "small.keras"), 1, words)
    assert not Path("small.keras").exists()
    assert not Path("small.steps").exists()


def test_the_help_names_every_ranking() -> None:
    words = " ".join(ascua("prune", "--help").out.split())
    assert f"The ranking: {', '.join(RANKINGS)}." in words


def test_files_that_are_no_models(model: Path) -> None:
    Path("x.keras").write_bytes(b"nonsense")
    Path("y.tflite").write_bytes(b"nonsense")
    for name, words in {
        "x.keras": "neither a .keras nor an .h5 file",
        "y.tflite": "channels are taken out of Keras models",
        "z.keras": "cannot be read",
        "digits": "Did you mean 'digits-dscnn'?",
        "cifar10-dscnn-qat": "trains for int8",
    }.items():
        refused(ascua("prune", name, "--ratio", "0.5", "-o", "small.keras"), 1, words)
    refused(ascua("prune", model, "--ratio", "0.5", "-o", "small.h5"), 1, "Name it so")
    refused(ascua("prune", model, "--ratio", "0.5", "-o", model), 1, "this command reads it")
    Path("notes.keras").write_text("dear diary")
    refused(ascua("prune", model, "--ratio", "0.5", "-o", "notes.keras"), 1, "no Keras file")
    assert Path("notes.keras").read_text() == "dear diary"
