"""`ascua quantize`: what it writes, and what wrong input says."""

from __future__ import annotations

import errno
import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite
from ascua.quantize import Options
from tests.ops.test_conv2d import conv
from tests.support import check_reference
from tests.support.command import ascua, model_file, refused
from tests.support.fake_photos import classes, encoded
from tests.support.floats import floated, samples


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float convolution of images of 6 by 7 pixels."""
    return model_file(tmp_path_factory.mktemp("model"), floated(conv()))


def saved(folder: Path, array: object) -> Path:
    path = folder / "x.npy"
    np.save(path, np.asarray(array))
    return path


def test_arrays_and_folders_of_images_calibrate(model: Path, tmp_path: Path) -> None:
    floats = saved(tmp_path, samples(floated(conv()), 20)[0])
    photos = tmp_path / "photos/deeper"
    photos.mkdir(parents=True)
    for i in range(5):
        (photos / f"{i}.png").write_bytes(encoded(i, "PNG"))
    out = tmp_path / "small.tflite"
    asked = ascua("quantize", model, "-d", tmp_path / "photos", "-o", out)
    refused(asked, 1, "what pixels 0 and 255 are", "`--input-range LOW HIGH`", "--labels y.npy")
    for data, pixels in ((floats, False), (tmp_path / "photos", True)):
        unit = ("--calibration", 4, *(("--input-range", 0, 1) if pixels else ()))
        result = ascua("quantize", model, "-d", data, "-o", out, "--json", *unit)
        assert result.code == 0, result.err
        said = json.loads(result.out)
        assert said["samples"] == 4
        assert said["sqnr_db"] > 25
        graph, _, _ = check_reference(tflite.read(out.read_bytes()))
        assert ((graph.inputs[0].q.zero_point, graph.inputs[0].q.scale) ==
                (-128, np.float32(1 / 255))) == pixels  # fmt: skip
        assert (said["input_range"] is not None) == pixels
        first = out.read_bytes()
        ascua("quantize", model, "-d", data, "-o", out, *unit)
        assert out.read_bytes() == first
    ascua("quantize", model, "-d", floats, "-o", out, "--calibration", 4)
    first = out.read_bytes()
    ascua("quantize", model, "-d", floats, "-o", out, "--calibration", 4, "--seed", 2)
    assert out.read_bytes() != first


def test_what_comes_next(tmp_path: Path) -> None:
    """The command that is named runs: on a board that holds the network, with its labels."""
    classes(tmp_path / "photos", {"cat": 3, "dog": 3}, "PNG")
    graph = floated(conv(oc=2, kh=6, kw=7, padding="VALID"))
    out = tmp_path / "int8.tflite"
    scaled = ("-o", out, "--input-range", 0, 1)
    result = ascua("quantize", model_file(tmp_path, graph), "-d", tmp_path / "photos", *scaled)
    assert result.code == 0, result.err
    said = result.out.splitlines()[-1]
    assert said == f"Next: ascua run {out} --board lm3s6965evb --data {tmp_path / 'photos'}"
    run = shlex.split(said.removeprefix("Next: ascua "))
    run[run.index("--board") + 1] = "host"
    ran = ascua(*run, "--build-dir", tmp_path / "build")
    assert ran.code == 0, ran.err
    assert "accuracy, on host" in ran.out
    wide = model_file(tmp_path, floated(conv(ih=400, iw=400, oc=8, kh=1, kw=1)), "wide")
    x = saved(tmp_path, np.zeros((1, 400, 400, 3), np.float32))
    result = ascua("quantize", wide, "-d", x, "-o", out)
    assert result.out.splitlines()[-1] == f"Next: ascua run {out} --board mps2-an386"


def test_bytes_in_an_array_are_pixels(model: Path, tmp_path: Path) -> None:
    x = saved(tmp_path, np.random.default_rng(1).integers(0, 256, (9, 6, 7, 3)).astype(np.uint8))
    out = tmp_path / "small.tflite"
    arguments = ("quantize", model, "-d", x, "-o", out)
    assert ascua(*arguments, "--input-range", 0, 255).code == 0
    t = tflite.load(out).inputs[0]
    assert (t.q.scale, t.q.zero_point) == (1, -128)
    refused(ascua(*arguments, "--input-range", 1, 1), 1, "--input-range", "ascending")


def test_switches_and_aliases(model: Path, tmp_path: Path) -> None:
    x = saved(tmp_path, samples(floated(conv()), 12)[0])
    out = tmp_path / "small.tflite"
    made = []
    for more in (("--ranges", "mse"), ("--ranges", "l2"), ("--ranges", "no_clip"), ()):
        assert ascua("quantize", model, "-d", x, "-o", out, *more).code == 0
        made.append(out.read_bytes())
    assert made[0] == made[1] != made[2] == made[3]
    result = ascua("quantize", model, "-d", x, "-o", out, "--best")
    assert result.code == 0, result.err
    assert "kept" in result.out
    assert "ranges minmax, weights minmax" in result.out
    refused(ascua("quantize", model, "-d", x, "-o", out, "--best", "--calibration", 1), 1, "few")


def test_low_fidelity_comes_with_what_to_try(model: Path, tmp_path: Path) -> None:
    x = saved(tmp_path, samples(floated(conv()), 30)[0])
    arguments = ("quantize", model, "-d", x, "-o", tmp_path / "small.tflite")
    assert "`--best`" not in ascua(*arguments).out
    assert "That is low: `--best`" in ascua(*arguments, "--scheme", "int4-weights").out


def test_a_full_disk_is_told(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "small.tflite"
    before = tflite.write(floated(conv()))
    out.write_bytes(before)
    x = saved(tmp_path, samples(floated(conv()), 4)[0])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused(ascua("quantize", model, "-d", x, "-o", out), 1, "small.tflite", "No space left")
    assert out.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.tflite", "x.npy"]
    report = tmp_path / "report"
    result = ascua("compare", model, model, "-d", x, "--markdown", report, "--cuts", 0)
    refused(result, 1, f"{report}: cannot be written: No space left")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.tflite", "x.npy"]


def test_wrong_data_is_named(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.tflite"

    def failed(data: object, *words: str) -> None:
        refused(ascua("quantize", model, "-d", data, "-o", out), 1, *words)
        assert not out.exists()

    failed(saved(tmp_path, np.zeros((3, 5, 5, 3), np.float32)), "shape", "[N, 6, 7, 3]")
    failed(saved(tmp_path, np.full((3, 6, 7, 3), np.inf, np.float32)), "infinite")
    failed(saved(tmp_path, np.zeros((3, 6, 7, 3), np.int32)), "int32", "float32")
    empty = tmp_path / "empty"
    empty.mkdir()
    failed(empty, "no images")
    (empty / "good.png").write_bytes(encoded(1, "PNG"))
    (empty / "bad.png").write_bytes(b"no png")
    failed(empty, "1 damaged photograph", "bad.png", "--skip-damaged")
    more = ("--skip-damaged", "--input-range", 0, 1)
    assert ascua("quantize", model, "-d", empty, "-o", out, *more).code == 0
    out.unlink()
    failed("nowhere", "neither a data set", "cifar10")
    failed("digits", "digits: its images are 8 x 8 x 1", "6 x 7 x 3")


def test_wrong_models_are_named(model: Path, tmp_path: Path) -> None:
    x = saved(tmp_path, np.zeros((3, 6, 7, 3), np.float32))
    out = tmp_path / "small.tflite"
    quantised = model_file(tmp_path, conv(), "quantised")
    refused(ascua("quantize", quantised, "-d", x, "-o", out), 1, "int8", "quantised already")
    real = floated(conv())
    w = real.ops[0].inputs[1]
    assert w is not None
    lost = replace(w, data=w.values * np.float32("nan"))
    op = replace(real.ops[0], inputs=(real.ops[0].inputs[0], lost, real.ops[0].inputs[2]))
    broken = model_file(tmp_path, replace(real, ops=(op,)), "broken")
    refused(ascua("quantize", broken, "-d", x, "-o", out), 1, "CONV_2D 'y'", "'w'", "NaN")
    refused(ascua("quantize", model, "-d", x, "-o", tmp_path), 1, "a folder")
    refused(ascua("quantize", model, "-d", x, "-o", tmp_path / "no/x.tflite"), 1, "not exist")
    refused(ascua("quantize", model, "-d", x, "-o", "/dev/null"), 1, "no regular file")
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    assert not out.exists()


@pytest.mark.train
def test_keras_models_are_converted_first(tmp_path: Path) -> None:
    from ascua import zoo
    from ascua.train.export import calibration_samples, export_int8, export_quantized

    keras = zoo.import_keras()
    image = keras.Input((6, 7, 3))
    y = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(y))
    with zoo.quiet():
        keras.Model(image, y).save(tmp_path / "net.keras")
    x = saved(tmp_path, np.random.default_rng(1).integers(0, 256, (9, 6, 7, 3)).astype(np.uint8))
    out = tmp_path / "small.tflite"
    result = ascua("quantize", tmp_path / "net.keras", "-d", x, "-o", out, "--input-range", 0, 1)
    assert result.code == 0, result.err
    assert [op.kind for op in tflite.load(out).ops] == ["conv2d"]
    model = keras.models.load_model(tmp_path / "net.keras", compile=False)
    images = calibration_samples(np.load(x), 9, 1)
    for file in (export_quantized(model, images, Options()), export_int8(model, images)):
        made = tflite.read(file)
        assert [op.kind for op in made.ops] == ["conv2d"]
        t = made.inputs[0]
        assert (t.q.scale, t.q.zero_point) == (np.float32(1 / 255), -128)
        check_reference(made)
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    refused(ascua("quantize", tmp_path / "damaged.keras", "-d", x, "-o", out), 1, "damaged.keras")
