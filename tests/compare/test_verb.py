"""`ascua compare`: what it prints and writes, and what wrong input says."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite
from ascua.figures import bars, png
from ascua.inputs import quantize as to_integers
from ascua.ir import Array, Graph, Quant, Tensor
from ascua.ops.arg_max import ArgMax
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.reshape import Reshape
from ascua.quantize import Range, quantize
from tests.compare.test_cuts import truth
from tests.support import network
from tests.support.command import ascua, model_file, refused
from tests.support.compared import classifier, constant, inputs, spoilt, twin
from tests.support.fake_photos import encoded


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float network, its int8 twin, a spoilt one; samples and labels."""
    folder = tmp_path_factory.mktemp("compare")
    model_file(folder, classifier(), "a")
    model_file(folder, twin(classifier()), "b")
    model_file(folder, spoilt(twin(classifier()), "second", 1 / 8), "bad")
    x = inputs(120)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", truth(x))
    return folder


def call(files: Path, b: str = "b", *more: object, x: str = "x.npy", y: str = "y.npy"):  # type: ignore[no-untyped-def]
    given = ("-d", files / x, *(("--labels", files / y) if y else ()))
    return ascua("compare", files / "a.tflite", files / f"{b}.tflite", *given, *more)


def test_a_table_and_a_verdict(files: Path) -> None:
    result = call(files, "bad")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[1].startswith("second "), "the worst layer is not the first"
    assert "accuracy          100.00 %" in result.out
    assert "It goes at FULLY_CONNECTED 'second'" in " ".join(result.out.split())
    assert "label, B's answer:" not in result.out
    assert "label, B's answer:" in call(files, "bad", "-v").out


def test_json_has_all(files: Path) -> None:
    result = call(files, "bad", "--json", "--samples", 60, "--cuts", 30, "--top", 2)
    said = json.loads(result.out)
    assert (said["samples"], said["cut_samples"], said["answers"]["top"]) == (60, 30, 2)
    assert said["culprit"]["layer"] == "second"
    assert [y["name"] for y in said["layers"]] == ["x", "first", "second", "both", "scores",
                                                    "answer"]  # fmt: skip
    confusion = np.array(said["answers"]["confusion_b"])
    assert confusion.sum() == 60
    assert np.trace(confusion) / 60 == said["answers"]["accuracy_b"]
    assert 1 - len(said["answers"]["changed"]) / 60 == pytest.approx(said["answers"]["same_top1"])
    assert all(c["sample"] % 2 == 0 for c in said["answers"]["changed"]), "they are spread out"
    bare = json.loads(call(files, "b", "--json", "--cuts", 0, y="").out)
    assert bare["answers"]["accuracy_a"] is bare["layers"][0]["cut"] is None


def test_a_report_with_pictures(files: Path, tmp_path: Path) -> None:
    to = tmp_path / "report"
    for model in ("bad", "b"):
        assert call(files, model, "--markdown", to).code == 0
        (to / "notes.md").write_text("mine")
        text = (to / "report.md").read_text()
        assert "# Comparison" in text
        for name in ("sqnr.svg", "cuts.svg", "confusion_a.svg", "confusion_b.svg",
                     "confusion_ab.svg"):  # fmt: skip
            assert f"({name})" in text
            ET.fromstring((to / name).read_text())
        assert sorted(p.name for p in tmp_path.iterdir()) == ["report"]
    assert call(files, "b", "--markdown", to, "--cuts", 0).code == 0
    assert (to / "notes.md").read_text() == "mine"
    assert not (to / "cuts.svg").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.md").write_text("years of work")
    refused(call(files, "b", "--markdown", tmp_path / "mine"), 1, "mine: not empty")
    refused(call(files, "b", "--markdown", tmp_path / "mine/thesis.md"), 1, "not a folder")
    refused(call(files, "b", "--markdown", tmp_path / "no/report"), 1, "no/report", "written to")
    assert (tmp_path / "mine/thesis.md").read_text() == "years of work"


def test_wrong_data_is_named(files: Path, tmp_path: Path) -> None:
    def saved(name: str, array: object) -> Path:
        np.save(tmp_path / name, np.asarray(array))
        return tmp_path / name

    x, y = inputs(120), truth(inputs(120))
    refused(call(files, x="a.tflite", y=""), 1, "neither a data set", ".npy")
    refused(call(files, x="a.tflite"), 1, "--labels", "labels of its own")
    refused(call(files, x="absent.npy"), 1, "absent.npy: cannot be read")
    refused(call(files, x=str(saved("s.npy", x[:, :, :5]))), 1, "[120, 1, 5]", "[N, 12]")
    refused(call(files, x=str(saved("n.npy", x * np.nan))), 1, "NaN")
    refused(call(files, x=str(saved("r.npy", x / 1000))), 1, "b.tflite", "'x' is made for")
    refused(call(files, x=str(saved("l.npy", x * 1000))), 1, "b.tflite", "'x' is made for")
    refused(call(files, y=str(saved("h.npy", y + 3))), 1, "outside", "6 classes")
    refused(call(files, y=str(saved("o.npy", y * 0))), 1, "every label is 0")
    refused(call(files, y=str(saved("f.npy", y[:-1]))), 1, "120 samples need 120 labels")
    digits = ascua("compare", files / "a.tflite", files / "b.tflite", "-d", "digits")
    refused(digits, 1, "8 x 8 x 1", "12")
    refused(call(files, "b", "--input-range", 1, 1), 1, "--input-range", "ascending")


def test_networks_with_nothing_in_common_are_refused(files: Path) -> None:
    x = Tensor("x", (1, 12), "float32")
    for size, wide in ((5, 12), (6, 13)):
        given = replace(x, shape=(1, wide))
        w = constant("w", np.ones((size, wide)))
        other = network(FullyConnected((given, w, None), (Tensor("y", (1, size), "float32"),),
                                       False, "NONE"))  # fmt: skip
        model_file(files, other, "other")
        what = "output" if size == 5 else "input"
        refused(call(files, "other"), 1, "a.tflite", "other.tflite", "nothing to compare", what)
    unknown = replace(classifier().inputs[0], dtype="int32")
    shape = Tensor("shape", (2,), "int32", None, np.array([1, 12], np.int32))
    moved = network(Reshape((unknown, shape), (replace(unknown, name="y"),)))
    model_file(files, moved, "other")
    refused(call(files, "other"), 1, "other.tflite", "int32")


def test_integers_are_those_of_a_network(files: Path, tmp_path: Path) -> None:
    small = tflite.load(files / "b.tflite")
    t, x = small.inputs[0], inputs(120)
    np.save(tmp_path / "i.npy", to_integers(x, t))
    said = json.loads(call(files, "b", "--json", x=str(tmp_path / "i.npy")).out)
    assert said["layers"][0]["max_error"] == 0
    assert said["answers"]["accuracy_a"] > 0.9
    args = ("compare", files / "a.tflite", files / "a.tflite", "-d", tmp_path / "i.npy")
    refused(ascua(*args), 1, "the array is int8, the model takes float32")


def test_networks_that_end_in_the_class_are_compared_by_their_scores(
    files: Path, tmp_path: Path
) -> None:
    axis = Tensor("axis", (1,), "int32", None, np.array([1], np.int32))
    for name in ("a", "bad"):
        graph = tflite.load(files / f"{name}.tflite")
        index = Tensor("index", (1,), "int32")
        last = ArgMax((graph.outputs[0], axis), (index,))
        model_file(tmp_path, replace(graph, outputs=(index,), ops=(*graph.ops, last)), name)
    data = ("-d", files / "x.npy", "--labels", files / "y.npy", "--json")
    said, plain = (
        json.loads(ascua("compare", folder / "a.tflite", folder / "bad.tflite", *data).out)
        for folder in (tmp_path, files)
    )
    assert said["answers"] == plain["answers"]
    assert said["culprit"] == plain["culprit"]


def images() -> tuple[Graph, Graph, Array]:
    """A float network for pixels of 0 to 255, its int8 twin, and pixels."""
    x = Tensor("x", (1, 6, 7, 3), "float32")
    flat = Tensor("flat", (1, 126), "float32")
    shape = Tensor("shape", (2,), "int32", None, np.array([1, 126], np.int32))
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 1, (2, 126))
    pixels = rng.integers(0, 256, (40, 6, 7, 3)).astype(np.uint8)
    middle = np.median(pixels.reshape(40, -1) @ (weights[0] - weights[1]))
    bias = constant("b", np.array([0, middle]))
    y = Tensor("y", (1, 2), "float32")
    dense = FullyConnected((flat, constant("w", weights), bias), (y,), False, "NONE")
    real = network(Reshape((x, shape), (flat,)), dense)
    small = quantize(real, [pixels.reshape(40, 1, 6, 7, 3).astype(np.float32)], image=Range(0, 255))
    return real, small, pixels


def test_what_pixels_stand_for_is_found_or_asked(tmp_path: Path) -> None:
    real, small, pixels = images()
    a, b = model_file(tmp_path, real, "a"), model_file(tmp_path, small, "b")
    (tmp_path / "again").mkdir()
    again = model_file(tmp_path / "again", real, "a")
    dense = real.ops[1]
    labels = (pixels.reshape(40, -1) @ dense.inputs[1].values.T + dense.inputs[2].values).argmax(1)  # type: ignore[union-attr]
    np.save(tmp_path / "x.npy", pixels)
    np.save(tmp_path / "y.npy", labels)
    data = ("-d", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--json")
    said = json.loads(ascua("compare", a, b, *data).out)
    assert said["answers"]["accuracy_a"] == 1
    assert said["layers"][0]["max_error"] == 0
    said = json.loads(ascua("compare", a, again, *data).out)
    assert [s["image"] for s in said["input_ranges"]] == [[0, 255], [0, 255]]
    assert [s["by"] for s in said["input_ranges"]] == ["labels", "labels"]
    assert said["answers"]["accuracy_b"] == 1
    refused(ascua("compare", a, again, "-d", tmp_path / "x.npy"), 1, "a.tflite", "not known",
            "--input-range")  # fmt: skip
    said = json.loads(ascua("compare", a, again, *data, "--input-range", 0, 255).out)
    assert said["answers"]["accuracy_a"] == 1
    result = ascua("compare", a, again, *data, "--input-range", 0, 1)
    assert result.code == 0
    assert "warning" in result.err
    assert "`--input-range 0 255`?" in result.err
    refused(ascua("compare", a, b, *data, "--input-range", 0, 1), 1, "b.tflite", "0 to 255",
            "`--input-range 0 255`")  # fmt: skip
    old = small.inputs[0]
    quant = Quant((float(np.float32(1 / 255)),), (-128,))
    new = replace(old, quant=quant)
    ops = tuple(replace(op, inputs=tuple(new if t is old else t for t in op.inputs))
                for op in small.ops)  # fmt: skip
    flat = replace(ops[0].y, quant=quant)
    ops = (replace(ops[0], outputs=(flat,)), replace(ops[1], inputs=(flat, *ops[1].inputs[1:])))
    w, bias = ops[1].inputs[1:]
    assert w is not None
    assert bias is not None
    scales = tuple(float(np.float32(s * quant.scale)) for s in w.q.scales)
    ops = (ops[0], replace(ops[1], inputs=(flat, w, replace(bias, quant=Quant(scales, (0, 0))))))
    other = model_file(tmp_path, replace(small, inputs=(new,), ops=ops), "other")
    refused(ascua("compare", b, other, *data), 1, "different ranges", "0 to 255", "0 to 1")


def test_a_folder_of_images_by_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    real, small, _ = images()
    a, b = model_file(tmp_path, real, "a"), model_file(tmp_path, small, "b")
    root = tmp_path / "photos"
    for i in range(12):
        (root / "cat" if i % 3 else root / "dog").mkdir(parents=True, exist_ok=True)
        path = root / ("cat" if i % 3 else "dog") / f"{i}.png"
        path.write_bytes(encoded(i, "PNG"))
    said = json.loads(ascua("compare", a, b, "-d", root, "--json").out)
    assert said["classes"] == ["cat", "dog"]
    assert np.sum(said["answers"]["confusion_b"], axis=1).tolist() == [8, 4]
    refused(ascua("compare", a, b, "-d", root, "--labels", a), 1, "labels of its own")
    (root / "cow").mkdir()
    (root / "cow/1.png").write_bytes(encoded(1, "PNG"))
    refused(ascua("compare", a, b, "-d", root), 1, "3 classes", "answer 2")
    refused(ascua("compare", a, b, "-d", root / "cat"), 1, "fewer than two classes")
    refused(ascua("compare", a, b, "-d", "digits"), 1, "8 x 8 x 1", "6 x 7 x 3")
    refused(ascua("compare", a, b, "-d", "digit"), 1, "neither a data set", "digits")


def test_pictures_are_what_they_say(tmp_path: Path) -> None:
    svg = bars("a < b", ["one & two", "x" * 80], {"s": [1.0, None], "t": [-1.0, 2.0]})
    assert len(ET.fromstring(svg).findall("{*}rect")) == 4
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for channels in (1, 3):
        pixels = np.random.default_rng(1).integers(0, 256, (5, 7, channels)).astype(np.uint8)
        (tmp_path / "p.png").write_bytes(png(pixels))
        with image.open(tmp_path / "p.png") as read:
            np.testing.assert_array_equal(np.asarray(read).reshape(pixels.shape), pixels)


@pytest.mark.train
def test_a_keras_model_and_its_file(tmp_path: Path) -> None:
    from ascua import zoo
    from ascua.train.export import float_file

    keras = zoo.import_keras()
    image = keras.Input((6, 7, 3))
    y = keras.layers.Conv2D(4, 3, activation="relu")(image)
    with zoo.quiet():
        keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(y))).save(
            tmp_path / "net.keras"
        )
    (tmp_path / "net.tflite").write_bytes(float_file(tmp_path / "net.keras")[0])
    np.save(tmp_path / "x.npy", np.random.default_rng(1).random((9, 6, 7, 3)).astype(np.float32))
    result = ascua("compare", tmp_path / "net.keras", tmp_path / "net.tflite", "-d",
                   tmp_path / "x.npy")  # fmt: skip
    assert "no value differs" in result.out, result.err
