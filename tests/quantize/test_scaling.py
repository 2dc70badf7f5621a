"""What pixels are for a float network: found, shown, asked for; and the judge is not misled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import inputs, tflite
from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.mul import Mul
from ascua.ops.reshape import Reshape
from ascua.ops.sub import Sub
from ascua.pixels import Image
from ascua.quantize.fidelity import outputs
from ascua.quantize.first import first
from ascua.quantize.floats import evaluated
from ascua.quantize.simplify import simplify
from tests.support import network
from tests.support.command import ascua, model_file, refused

SIDE, CLASSES, COUNT = 6, 4, 200


def constant(name: str, values: object) -> Tensor:
    a = np.asarray(values, np.float32)
    return Tensor(name, a.shape, "float32", None, a)


@pytest.fixture(scope="module")
def data() -> tuple[Array, Array]:
    """Images (n, 6, 6, 1) in bytes of four classes, and their labels."""
    rng = np.random.default_rng(1)
    shapes = rng.integers(0, 256, (CLASSES, SIDE, SIDE, 1))
    labels = np.arange(COUNT) % CLASSES
    noisy = shapes[labels] * 0.5 + rng.normal(64, 40, (COUNT, SIDE, SIDE, 1))
    return noisy.clip(0, 255).astype(np.uint8), labels


def classifier(data: tuple[Array, Array], image: Image, front: str = "") -> Graph:
    """Compares images in the range `image` with the mean one of each class.

    `front` is what scales them: "rescaling" to 0..1, "minus" to -1..1, "mean" takes that off.
    """
    x, y = data
    size = x[0].size
    low, high = image
    seen = {"": image, "rescaling": (0.0, 1.0), "minus": (-1.0, 1.0), "mean": (low, high)}[front]
    real = x.reshape(len(x), -1) / 255 * (seen[1] - seen[0]) + seen[0]
    middle = real.mean() if front == "mean" else 0.0
    means = np.stack([real[y == c].mean(axis=0) for c in range(CLASSES)]) - middle
    unit = 30 / (size * (seen[1] - seen[0]) ** 2)
    given = Tensor("x", (1, *x.shape[1:]), "float32")
    ops: list[Op] = []
    t = given
    if front in ("rescaling", "minus"):
        factor = (seen[1] - seen[0]) / (high - low)
        scaled, moved = (replace(t, name=n) for n in ("scaled", "moved"))
        ops.append(Mul((t, constant("factor", [factor])), (scaled,), "NONE"))
        ops.append(Add((scaled, constant("offset", [seen[0] - factor * low])), (moved,), "NONE"))
        t = moved
    if front == "mean":
        centered = replace(t, name="centered")
        ops.append(Sub((t, constant("mean", [middle])), (centered,), "NONE"))
        t = centered
    flat = Tensor("flat", (1, size), "float32")
    shape = Tensor("shape", (2,), "int32", None, np.array([1, size], np.int32))
    scores = Tensor("y", (1, CLASSES), "float32")
    bias = constant("b", -(means**2).sum(axis=1) * unit)
    dense = FullyConnected((flat, constant("w", 2 * means * unit), bias), (scores,), False, "NONE")
    return network(*ops, Reshape((t, shape), (flat,)), dense)


CASES: dict[str, tuple[Image, str]] = {
    "0..1": ((0.0, 1.0), ""),
    "-1..1": ((-1.0, 1.0), ""),
    "0..255": ((0.0, 255.0), ""),
    "-128..127": ((-128.0, 127.0), ""),
    "rescaling": ((0.0, 255.0), "rescaling"),
    "minus": ((0.0, 255.0), "minus"),
    "minus of 0..1": ((0.0, 1.0), "minus"),
    "mean of 0..255": ((0.0, 255.0), "mean"),
    "mean of 0..1": ((0.0, 1.0), "mean"),
}
TELL = {name for name, (_, front) in CASES.items() if front}


def accuracy(path: Path, x: Array, y: Array) -> float:
    """Of an int8 file on the bytes of images."""
    graph = tflite.load(path)
    given = (x.astype(int) - 128).astype(np.int8)[:, None]
    ys = graph.eval([given])[0][graph.outputs[0].name]
    return float(np.mean(ys.reshape(len(y), -1).argmax(axis=1) == y))


@pytest.mark.parametrize("labels", [True, False], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize("case", CASES)
def test_the_range_is_found_or_asked_for(
    case: str, labels: bool, data: tuple[Array, Array], tmp_path: Path
) -> None:
    """With labels for each network, else for those whose first layers tell."""
    (x, y), (image, front) = data, CASES[case]
    real = classifier(data, image, front)
    model, out = model_file(tmp_path, real, "float"), tmp_path / "small.tflite"
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    more = ("--labels", tmp_path / "y.npy") if labels else ()
    result = ascua("quantize", model, "-d", tmp_path / "x.npy", "-o", out, "--json", *more)
    if not labels and case not in TELL:
        refused(result, 1, "what pixels 0 and 255 are", "`--input-range LOW HIGH`", "labels")
        assert not out.exists()
        return
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert tuple(said["input_range"]["image"]) == image
    assert said["input_range"]["by"] == ("labels" if labels else "layers")
    assert said["warnings"] == []
    ours = evaluated(real, [inputs.real_images(x, real.inputs[0], image)])[0].reshape(len(y), -1)
    right = float(np.mean(ours.argmax(axis=1) == y))
    assert right > 0.9
    assert accuracy(out, x, y) == pytest.approx(right, abs=0.015)
    if labels:
        assert said["accuracy_float"] == pytest.approx(right, abs=0.05)
        assert said["accuracy_quantized"] == pytest.approx(said["accuracy_float"], abs=0.03)
    shown = ascua("quantize", model, "-d", tmp_path / "x.npy", "-o", out, *more).out
    assert f"Pixels are {image[0]:g}..{image[1]:g}: " in shown
    assert ("labelled samples" in shown) == labels


def test_what_the_user_says_holds_and_is_doubted(data: tuple[Array, Array], tmp_path: Path) -> None:
    x, y = data
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    out = tmp_path / "small.tflite"

    def asked(case: str, *more: object) -> Any:
        model = model_file(tmp_path, classifier(data, *CASES[case]), "float")
        result = ascua("quantize", model, "-d", tmp_path / "x.npy", "-o", out, "--json", *more)
        assert result.code == 0, result.err
        found = json.loads(result.out)
        assert found["input_range"]["by"] == "asked"
        assert all(f"warning: {w}" in result.err for w in found["warnings"])
        return found

    labels = ("--labels", tmp_path / "y.npy")
    assert asked("0..1", "--input-range", 0, 1)["warnings"] == []
    assert asked("0..1", "--input-range", 0, 1, *labels)["warnings"] == []
    assert asked("rescaling", "--input-range", 0, 255)["warnings"] == []
    wrong = asked("rescaling", "--input-range", 0, 1)
    assert "its first layers (x / 255) speak for pixels in 0..255" in wrong["warnings"][0]
    wrong = asked("rescaling", "--input-range", 0, 1, *labels)
    assert "`--input-range 0 255`?" in wrong["warnings"][0]
    assert wrong["accuracy_float"] <= 0.5
    assert wrong["same_top1"] > 0.9, "beside its float twin it looks well"
    quiet = asked("0..255", "--input-range", 0, 1)
    assert any("the same class" in w or "first weights" in w for w in quiet["warnings"])


def test_real_values_are_held_against_the_first_layers(
    data: tuple[Array, Array], tmp_path: Path
) -> None:
    x = data[0].astype(np.float32)
    model = model_file(tmp_path, classifier(data, *CASES["rescaling"]), "float")
    out = tmp_path / "small.tflite"
    np.save(tmp_path / "x.npy", x / 255)
    args = ("quantize", model, "-d", tmp_path / "x.npy", "-o", out)
    refused(ascua(*args), 1, "'x' takes 0..255", "x / 255", "8 of 256 steps", "--input-range 0 1")
    assert ascua(*args, "--input-range", 0, 1).code == 0
    asked = ascua(*args, "--input-range", 0, 255)
    refused(asked, 1, "8 of 256 steps", "taken as they are", "Scale the data yourself")
    both = ("compare", model, model, "-d", tmp_path / "x.npy")
    refused(ascua(*both), 1, "'x' takes 0..255", "--input-range 0 1")
    assert ascua(*both, "--input-range", 0, 1).code == 0
    np.save(tmp_path / "x.npy", x)
    result = ascua(*args, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["input_range"] is None
    mean = model_file(tmp_path, classifier(data, *CASES["mean of 0..1"]), "mean")
    refused(ascua("quantize", mean, *args[2:]), 1, "'x' takes 0..1", "lie outside")


def test_real_values_are_held_against_labels(data: tuple[Array, Array], tmp_path: Path) -> None:
    """Where the layers say nothing; and the range that they have is shown."""
    x, y = data[0].astype(np.float32), data[1]
    np.save(tmp_path / "y.npy", y)
    ranges = {"0..1": x / 255, "-1..1": x / 127.5 - 1, "0..255": x}
    for true, odd in (("0..1", {"0..255"}), ("-1..1", {"0..1", "0..255"})):
        model = model_file(tmp_path, classifier(data, *CASES[true]), "float")
        for given, values in ranges.items():
            np.save(tmp_path / "x.npy", values)
            result = ascua("quantize", model, "-d", tmp_path / "x.npy", "--labels",
                           tmp_path / "y.npy", "-o", tmp_path / "s.tflite")  # fmt: skip
            assert result.code == 0, result.err
            assert f"Values are taken as they are: {given}." in result.out
            assert (f"when they are scaled to {true}" in result.err) == (given in odd)
            both = ascua("compare", model, model, "-d", tmp_path / "x.npy", "--labels",
                         tmp_path / "y.npy", "--cuts", 0)  # fmt: skip
            assert (f"when they are scaled to {true}" in both.err) == (given in odd)
            assert (result.err == "") == (given not in odd)


def test_a_mean_and_a_deviation_that_were_taken_off(
    data: tuple[Array, Array], tmp_path: Path
) -> None:
    """No usual range: that of the data themselves is nearest, and what would be exact is said."""
    y, rng = data[1], np.random.default_rng(4)
    levels = 40 + 50 * y[:, None, None, None] + rng.normal(0, 20, data[0].shape)
    x = levels.clip(0, 255).astype(np.uint8)
    mean, deviation = x.mean() / 255, x.std() / 255
    true = (-mean / deviation * 1.1, (1 - mean) / deviation * 1.1)  # of all the training images
    model = model_file(tmp_path, classifier((x, y), true), "float")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    out = tmp_path / "s.tflite"
    args = ("quantize", model, "-d", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "-o", out)
    result = ascua(*args, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["input_range"]["image"] == pytest.approx(true, rel=0.15)
    assert "no usual range" in found["warnings"][0]
    assert "channel by channel" in found["warnings"][0]
    assert accuracy(out, x, y) > 0.9


def test_channels_the_other_way_round_are_told(data: tuple[Array, Array], tmp_path: Path) -> None:
    """A network of OpenCV's images, blue first, and files that have red first; real values too."""
    y = data[1]
    rng = np.random.default_rng(3)
    colors = np.array([[200, 40, 20], [20, 40, 200], [200, 180, 20], [20, 180, 200]])
    noisy = colors[y][:, None, None] + rng.normal(0, 15, (COUNT, 4, 4, 3))
    bgr = noisy.clip(0, 255).astype(np.uint8)
    model = model_file(tmp_path, classifier((bgr, y), (0.0, 1.0)), "float")
    np.save(tmp_path / "y.npy", y)
    args = ("quantize", model, "-d", tmp_path / "x.npy", "--labels", tmp_path / "y.npy",
            "--input-range", 0, 1, "-o", tmp_path / "s.tflite")  # fmt: skip
    for x in (bgr, (bgr / 255).astype(np.float32)):
        np.save(tmp_path / "x.npy", x[..., ::-1])
        assert "blue, green, red?" in ascua(*args).err
        np.save(tmp_path / "x.npy", x)
        assert ascua(*args).err == ""


def test_folders_a_class_are_labels(data: tuple[Array, Array], tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for i, (x, y) in enumerate(zip(*data, strict=True)):
        for folder in (tmp_path / "classes/train" / f"class {y}", tmp_path / "all"):
            folder.mkdir(parents=True, exist_ok=True)
            image.fromarray(x[..., 0]).save(folder / f"{i}.png")
    model = model_file(tmp_path, classifier(data, *CASES["-1..1"]), "float")
    out = tmp_path / "small.tflite"
    result = ascua("quantize", model, "-d", tmp_path / "classes", "-o", out)
    assert result.code == 0, result.err
    assert "Pixels are -1..1: right for" in result.out
    assert "Accuracy on 100 labelled samples: float 100.0%, quantised 100.0%." in result.out
    refused(ascua("quantize", model, "-d", tmp_path / "all", "-o", out), 1, "no labels")
    labels = ("--labels", tmp_path / "y.npy")
    refused(ascua("quantize", model, "-d", tmp_path / "all", "-o", out, *labels), 1,
            "--labels", ".npy")  # fmt: skip


def test_labels_that_say_nothing_are_no_evidence(data: tuple[Array, Array], tmp_path: Path) -> None:
    """Shuffled ones; and of a network that tells, what its layers say is taken, with a warning."""
    x, y = data
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.random.default_rng(5).permutation(y))
    args = ("-d", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "-o", tmp_path / "s.tflite")
    model = model_file(tmp_path, classifier(data, *CASES["0..1"]), "float")
    refused(ascua("quantize", model, *args), 1, "no usual range stands out", "in their order")
    model = model_file(tmp_path, classifier(data, *CASES["rescaling"]), "tells")
    result = ascua("quantize", model, *args)
    assert result.code == 0
    assert "as the first layers of the network say" in result.out
    assert "no more than chance" in result.err


def test_first_operators(data: tuple[Array, Array]) -> None:
    found = first(simplify(classifier(data, *CASES["minus"])))
    assert found.scale == pytest.approx((2 / 255,))
    assert found.offset == pytest.approx((-1,))
    assert found.layers == "MUL, ADD"
    assert found.gain is not None
    assert first(simplify(classifier(data, *CASES["0..1"]))).does_nothing
    x = Tensor("x", (1, 2, 2, 3), "float32")
    y = replace(x, name="y")
    turned = first(network(Sub((constant("c", [255.0]), x), (y,), "NONE")))
    assert (turned.scale, turned.offset, turned.image()) == ((-1.0,), (255.0,), None)
    wide = first(network(Mul((x, constant("c", np.ones((1, 2, 2, 3)))), (y,), "NONE")))
    assert wide.does_nothing, "a factor a pixel is no rescaling"


def test_compare_gives_each_network_its_own_pixels(
    data: tuple[Array, Array], tmp_path: Path
) -> None:
    """Twins for 0..255 and for 0..1, and an int8 one that was calibrated with the wrong range."""
    x, y = data
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    pixels = ("-d", tmp_path / "x.npy")
    args = (*pixels, "--labels", tmp_path / "y.npy", "--json", "--cuts", 20)
    a = model_file(tmp_path, classifier(data, *CASES["rescaling"]), "a")
    b = model_file(tmp_path, classifier(data, *CASES["0..1"]), "b")
    good, bad = tmp_path / "good.tflite", tmp_path / "bad.tflite"
    assert ascua("quantize", b, *pixels, "-o", good, "--input-range", 0, 1).code == 0
    assert ascua("quantize", a, *pixels, "-o", bad, "--input-range", 0, 1).code == 0
    for first_, second in ((a, b), (b, a), (a, good), (good, a)):
        found = json.loads(ascua("compare", first_, second, *args).out)
        ranges = [[0, 255] if m == a else [0, 1] for m in (first_, second)]
        assert [s["image"] for s in found["input_ranges"]] == [pytest.approx(r) for r in ranges]
        assert found["answers"]["same_top1"] > 0.97
    found = json.loads(ascua("compare", a, bad, *args).out)
    assert found["answers"]["accuracy_a"] > 0.9
    assert found["answers"]["accuracy_b"] < 0.5
    unlabelled = ascua("compare", a, bad, *pixels)
    assert "Pixels are for A 0..255: as the first layers" in unlabelled.out
    assert "Pixels are for B 0..1: as its input says" in unlabelled.out
    refused(ascua("compare", b, b, *pixels), 1, "b.tflite: what pixels 0 and 255 are")


def test_outputs_of_one_value_are_judged_by_their_sign(
    data: tuple[Array, Array], tmp_path: Path
) -> None:
    x, y = data[0][data[1] < 2], data[1][data[1] < 2]
    real = classifier(data, (0.0, 1.0))
    reshape, dense = real.ops
    w, b = dense.inputs[1], dense.inputs[2]
    assert w is not None
    assert b is not None
    one = replace(dense, inputs=(reshape.y, constant("w", (w.values[1:2] - w.values[:1])),
                                 constant("b", b.values[1:2] - b.values[:1])),
                  outputs=(Tensor("y", (1, 1), "float32"),))  # fmt: skip
    model = model_file(tmp_path, network(reshape, one), "one")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    out = tmp_path / "small.tflite"
    result = ascua("quantize", model, "-d", tmp_path / "x.npy", "--labels", tmp_path / "y.npy",
                   "-o", out)  # fmt: skip
    assert result.code == 0, result.err
    assert "Pixels are 0..1: right for" in result.out
    assert "same top-1" not in result.out
    small = tflite.load(out)
    score = outputs(small, [inputs.real_images(x, small.inputs[0], (0, 1))])[0].ravel()
    assert np.mean((score > 0) == y) > 0.9
