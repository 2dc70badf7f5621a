"""Values of sensors: from CSV files and arrays through training to a board."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import data, recipes, tflite, zoo
from ascua import quantize as quantizer
from ascua.data.split import held_out
from ascua.errors import InputError
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.quantize.fidelity import beside
from ascua.quantize.front import Front
from ascua.train import augment, load_data, train
from tests.support import motion
from tests.support.command import ascua, refused

WINDOW = {"shape": (16, 3)}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


def ramp(label: str, start: int, rows: int) -> list[str]:
    return [f"{start + i},{2 * (start + i)},{-i},{label}" for i in range(rows)]


def test_windows_of_a_file_with_labels(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "x,y,z,label", *ramp("up", 0, 160), *ramp("down", 500, 100))
    d = data.load("csv", file, shape=(16, 3), options={"step": 8})
    assert d.classes == ("down", "up")
    assert (d.shape, d.images, d.noun) == ((16, 3), False, "recordings")
    assert d.x_train.dtype == np.float32
    for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test)):
        assert {0, 1} == set(y)
        for window, label in zip(x, y, strict=True):
            first = window[0, 0]
            assert (window[:, 0] == first + np.arange(16)).all(), "rows of one window follow"
            assert (window[:, 1] == 2 * window[:, 0]).all(), "columns stay"
            assert (first >= 500) == (label == 0)
    seen = {v for w in d.x_train for v in w[:, 0]}
    assert not seen & {v for w in d.x_test for v in w[:, 0]}, "no moment is in both"
    again = data.load("csv", file, shape=(16, 3), options={"step": 8})
    assert again.sha256 == d.sha256
    parts = d.split(0.2, 1)
    held = {v for w in parts.x_validation[:] for v in w[:, 0]}
    assert len(parts.x_validation)
    assert not held & {v for w in parts.x_train[:] for v in w[:, 0]}, "nor in validation"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_folder_a_class(mark: str, tmp_path: Path) -> None:
    for label in ("10", "9"):
        for i in range(4):
            rows = [
                mark.join(("x", "time", "y")),
                *(mark.join((str(i), "t0", label)) for _ in range(20)),
            ]
            write(tmp_path / label / f"{i}.csv", *rows)
    d = data.load("csv", tmp_path, shape=(5, 2))
    assert d.classes == ("9", "10"), "numbers in their order"
    for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test)):
        assert [int(d.classes[i]) for i in y] == [int(w[0, 1]) for w in x]
    assert not {w[0, 0] for w in d.x_train} & {w[0, 0] for w in d.x_test if w[0, 1] == 9}


def test_said_parts_and_subjects(tmp_path: Path) -> None:
    head = "x,y,z,label"
    for name, start in (("train", 0), ("test", 1000)):
        write(tmp_path / f"{name}.csv", head, *ramp("a", start, 40), *ramp("b", start + 200, 40))
    d = data.load("csv", tmp_path, **WINDOW)
    assert d.x_train.max() < 1000 <= d.x_test[:, :, 0].min()
    rows = ["subject,x,activity"]
    for subject in range(10):
        for activity in ("run", "sit"):
            rows += [f"s{subject},{subject},{activity}"] * 12
    file = write(tmp_path / "subjects.csv", *rows)
    options = {"recording": "subject", "label": "activity"}
    d = data.load("csv", file, shape=(4, 1), options=options)
    test, rest = set(d.x_test.flat), set(np.asarray(d.x_train).flat)
    assert len(test) == 2, "a fifth of ten"
    assert not test & rest, "a subject is tested or trained on"


@pytest.mark.parametrize("shape", [(4,), (2, 2), (1, 2, 2)])
def test_a_row_a_sample(shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [
        ",".join(map(str, [*row, "ab"[i % 2]])) for i, row in enumerate(rng.normal(size=(40, 4)))
    ]
    d = data.load("csv", write(tmp_path / "x.csv", "a,b,c,d,label", *rows), shape=shape)
    assert d.shape == shape
    assert d.recordings is None
    assert d.sizes == (32, 0, 8)
    assert {*map(tuple, d.x_train.reshape(-1, 4).tolist())}.isdisjoint(
        map(tuple, d.x_test.reshape(-1, 4).tolist())
    )


HEAD = "x,y,z,label"
FAULTS = {
    "no label": (["x,y,z,lable", "1,2,3,a"], {}, "no column 'label'.*lable.*Did you mean 'lable'"),
    "text": ([HEAD, *ramp("a", 0, 40), "1,left,3,b"], {}, r"a\.csv: row 42, column 'y': 'left'"),
    "empty": ([HEAD, "1,,3,a"], {}, "row 2, column 'y': ''.*Fill it"),
    "comma": (["x;y;label", "1,5;2;a"], {}, "row 2, column 'x': '1,5'.*a point"),
    "infinite": ([HEAD, "1,inf,3,a"], {}, "row 2, column 'y'"),
    "short row": ([HEAD, "1,2,3,a", "1,2"], {}, "row 3 has 2 values, the first row names 4"),
    "columns": (["x,y,label", "1,2,a"], {}, r"2 columns of values.*\[16, 3\].*input = \[16, 2\]"),
    "named": ([HEAD, "1,2,3,a"], {"columns": ["x", "w"]}, "no column 'w'"),
    "option": ([HEAD, "1,2,3,a"], {"colums": ["x"]}, r"\[data\]: unknown key 'colums'.*columns"),
    "step": ([HEAD, "1,2,3,a"], {"step": -1}, "step must be at least 0"),
    "twice": (["x,x,z,label", "1,2,3,a"], {}, "two columns are called 'x'"),
    "one class": ([HEAD, *ramp("a", 0, 90)], {}, "fewer than two classes: a"),
    "few": ([HEAD, *ramp("a", 0, 90), *ramp("b", 0, 9)], {}, "class 'b' has no window of 16 rows"),
    "one window": ([HEAD, *ramp("a", 0, 90), *ramp("b", 0, 20)], {}, "'b' has too few recordings"),
    "nothing": ([HEAD], {}, "no rows below the first"),
    "quote": ([HEAD, '1,2,3,"a'], {}, "not a CSV file"),
}


@pytest.mark.parametrize(("rows", "options", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_name_the_place(
    rows: list[str], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", *rows)
    with pytest.raises(InputError, match=f"(?s){message}"):
        data.load("csv", file, shape=(16, 3), options=options)


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="where is it"):
        data.load("csv", **WINDOW)
    with pytest.raises(InputError, match=r"no \.csv files"):
        data.load("csv", tmp_path, **WINDOW)
    with pytest.raises(InputError, match="cannot be read"):
        data.load("csv", tmp_path / "absent.csv", **WINDOW)
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\0x")
    with pytest.raises(InputError, match="not a CSV file"):
        data.load("csv", tmp_path / "x.csv", **WINDOW)
    with pytest.raises(InputError, match="has no options, not 'label'"):
        data.load("digits", options={"label": "x"})


def test_whole_recordings_are_held_out() -> None:
    recordings = np.repeat(np.arange(12), 10)
    y = recordings % 3
    held = held_out(y, 0.25, 1, recordings)
    assert [len(set(recordings[held & (y == c)])) for c in range(3)] == [1, 1, 1]
    for r in range(12):
        assert len(set(held[recordings == r])) == 1
    alone = held_out(y, 0.9, 1, recordings)
    assert set(y[~alone]) == {0, 1, 2}, "never all of a class"


def test_arrays_of_any_dimension(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(12) % 2
    for shape in ((5,), (7, 2), (4, 3, 2)):
        for dtype in ("float64", "int16"):
            x = (100 * rng.normal(size=(12, *shape))).astype(dtype)
            np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
            d = data.load("npz", tmp_path)
            assert (d.shape, d.images, d.x_train.dtype) == (shape, False, np.float32)
            assert np.array_equal(d.x_train, x.astype(np.float32))
    np.savez(
        tmp_path / "x.npz", x_train=x, y_train=y, x_test=x, y_test=y,
        recordings=np.repeat([0, 1, 2, 3, 4, 5], 2),
    )  # fmt: skip
    parts = data.load("npz", tmp_path).split(0.3, 1)
    assert len(parts.x_validation) % 2 == 0


def recipe(**change: object) -> recipes.Recipe:
    """One for arrays of windows (24, 2) in two classes."""
    table = {
        "name": "t", "title": "t", "dataset": "npz", "model": "conv1d", "input": [24, 2],
        "classes": 2, "epochs": 4, "batch": 32, "lr": 0.01, "board": "host", "normalize": True,
        "quantize": {"method": "ascua", "calibration": 64}, **change,
    }  # fmt: skip
    return recipes.build(recipes.Recipe, table, "t")


@pytest.fixture
def windows(tmp_path: Path) -> Path:
    x, y = spread((24, 2))
    np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x[:60], y_test=y[:60])
    return tmp_path / "x.npz"


@pytest.mark.parametrize("model", ["conv1d", "mlp"])
def test_training_ends_in_integers_as_good(model: str, windows: Path, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    how = recipe(model=model, augment=["gain", "noise", "roll"])
    done = train(how, out=tmp_path / "t", data_dir=windows)
    assert done.accuracy_float > 0.9
    plain = train(
        replace(how, quantize=recipes.Quantization("tflite", 64)),
        out=tmp_path / "p",
        data_dir=windows,
    )
    goes_on = replace(recipes.aware(how, str(done.keras)), epochs=1)
    aware = train(goes_on, out=tmp_path / "q", data_dir=windows)
    for trained, dtype in ((done, "int16"), (plain, "int8"), (aware, "int16")):
        assert tflite.load(trained.tflite).inputs[0].dtype == dtype
        found = ascua(
            "run", str(trained.tflite), "--board", "host", "--data", "npz",
            "--data-dir", str(windows), "--json", "--build-dir", str(tmp_path / "b"),
        )  # fmt: skip
        said = json.loads(found.out)
        assert said["mismatched_bytes"] == 0
        good = said["accuracy"] > 0.9
        assert good == (dtype == "int16"), "int8 of all channels alike loses the smaller one"


def spread(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Samples of two classes, in which one channel is a thousand times as large as another."""
    rng = np.random.default_rng(3)
    y = np.arange(240) % 2
    x = rng.normal(0, 1, (240, *shape)) * np.geomspace(1, 1000, shape[-1])
    x[..., 0] += 1.5 * y[(slice(None), *([None] * (len(shape) - 1)))]
    return x.astype(np.float32), y


@pytest.mark.parametrize("shape", [(6,), (24, 2), (6, 4, 3)])
def test_channels_of_unlike_ranges_keep_their_steps(shape: tuple[int, ...], tmp_path: Path) -> None:
    """The normalised network in int8 is near the float one, and equal on the oracle."""
    pytest.importorskip("keras")
    from ascua.train.export import export_float

    x, _ = spread(shape)
    keras = zoo.import_keras()
    keras.utils.set_random_seed(1)
    family = "mlp" if len(shape) != 2 else "conv1d"
    model = zoo.normalized(zoo.build(family, shape, 3))
    zoo.adapt(model, x)
    graph = tflite.read(export_float(model))
    small = quantizer.quantize(graph, [x[:, None]])
    assert small.inputs[0].dtype == "int16"
    assert isinstance(small.ops[0 if len(shape) == 3 else 1], DepthwiseConv2D)
    found = beside(graph, small, [x[:, None]])
    assert found.sqnr_db > 25, found
    file = tmp_path / "x.tflite"
    file.write_bytes(tflite.write(small))
    np.save(tmp_path / "x.npy", x[:8])
    pytest.importorskip("tflite_micro")
    checked = ascua("validate", str(file), "--inputs", str(tmp_path / "x.npy"), "--board", "host")
    assert checked.code == 0, checked.err


def test_like_ranges_are_read_as_int8() -> None:
    pytest.importorskip("keras")
    from ascua.train.export import export_float

    x = np.random.default_rng(0).normal(0, 3, (50, 12, 2)).astype(np.float32)
    model = zoo.normalized(zoo.build("conv1d", (12, 2), 3))
    zoo.adapt(model, x)
    graph = tflite.read(export_float(model))
    small = quantizer.quantize(graph, [x[:, None]])
    assert small.inputs[0].dtype == "int8"
    assert Front.of(graph) is not None
    assert beside(graph, small, [x[:, None]]).sqnr_db > 25


def test_statistics_are_those_of_the_training_samples(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("keras")
    x = np.random.default_rng(0).normal([5, 0, 9], [2, 0, 1], (3000, 4, 3)).astype(np.float32)
    model = zoo.normalized(zoo.build("conv1d", (4, 3), 2, filters=(4,)))
    assert zoo.normalized(model) is model, "one is enough"
    assert zoo.adapt(model, x) == (float(x.min()), float(x.max()))
    assert "channel 1 of the training samples never changes" in caplog.text
    layer = zoo.leading_normalization(model)
    assert np.allclose(layer.mean, x.mean((0, 1)), atol=1e-4)
    assert np.allclose(layer.variance, [*x.var((0, 1))[:1], 1, *x.var((0, 1))[2:]], rtol=1e-4)
    zoo.adapt(model, x + 100)
    assert np.allclose(layer.mean, x.mean((0, 1)), atol=1e-4), "statistics it has are kept"


def test_augmentations_go_with_the_samples() -> None:
    x = np.random.default_rng(0).normal(0, 1, (8, 16, 3)).astype(np.float32)
    for change in augment.pick(("gain", "noise", "roll")):
        y = change(x, np.random.default_rng(1))
        assert (y.shape, y.dtype) == (x.shape, np.float32)
        assert not np.array_equal(y, x)
    assert np.allclose(np.sort(y, 1), np.sort(x, 1)), "rolled rows are the same rows"
    augment.check(("gain",), images=False)
    with pytest.raises(InputError, match=r"'flip' is for images.*has values"):
        augment.check(("gain", "flip"), images=False)
    with pytest.raises(InputError, match=r"'gain' is for values.*has images"):
        augment.check(("gain",), images=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": [24, 3]}, r"samples \[24, 2\] in 2 classes.*input = \[24, 2\]"),
        ({"model": "dscnn"}, r"dscnn takes images.*not \[24, 2\].*conv1d, mlp"),
        ({"augment": ["flip"]}, "'flip' is for images"),
        ({"input": [1, 2, 3, 4]}, "one to three positive sizes"),
        ({"data": {"label": "x"}}, "'npz' has no options"),
    ],
)
def test_recipes_that_cannot_be(
    change: dict[str, object], message: str, windows: Path, tmp_path: Path
) -> None:
    pytest.importorskip("keras")
    with pytest.raises(InputError, match=f"(?s){message}"):
        train(recipe(**change), out=tmp_path / "t", data_dir=windows)
    assert not (tmp_path / "t").exists()


@pytest.mark.usefixtures("cache")
def test_recordings_become_firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/sensors.md has it: train, run, and demonstrate."""
    pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)
    motion.folder(tmp_path / "motion", recordings=8, rows=1000)
    said = ascua("train", "motion-conv1d", "--data-dir", "motion", "--epochs", "20")
    assert said.code == 0, said.err
    assert "the network itself normalises each of 3 channels" in said.out
    assert "samples" in said.out
    ran = ascua(
        "run", "build/motion-conv1d/model.tflite", "--board", "mps2-an386",
        "--recipe", "motion-conv1d", "--data-dir", "motion", "--json",
    )  # fmt: skip
    found = json.loads(ran.out)
    assert found["mismatched_bytes"] == 0
    assert found["accuracy"] > 0.8
    assert load_data(recipes.load("motion-conv1d"), tmp_path / "motion").classes == (
        "idle", "shaking", "turning", "walking",
    )  # fmt: skip
    pruned = ascua(
        "prune", "build/motion-conv1d/model.keras", "--method", "taylor", "--ratio", "0.3",
        "--of", "channels", "-o", "small.keras", "--data", "csv", "--data-dir", "motion",
    )  # fmt: skip
    assert pruned.code == 0, pruned.err
    small = ascua(
        "quantize", "small.keras", "--data", "csv", "--data-dir", "motion", "-o", "s.tflite"
    )
    assert small.code == 0, small.err
    compared = ascua("compare", "small.keras", "s.tflite", "--data", "csv", "--data-dir", "motion")
    assert compared.code == 0, compared.err


def test_a_window_of_another_data_set_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    rows = ["x,y,label", *(f"{i},{i},{'ab'[i // 40]}" for i in range(80))]
    write(tmp_path / "x.csv", *rows)
    refused(
        ascua("train", "motion-conv1d", "--data-dir", str(tmp_path), "--out", str(tmp_path / "o")),
        1, "2 columns of values", "[128, 3]", "columns",
    )  # fmt: skip
