"""What is said of files and operators that are not taken: what to try, by what they are."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ascua import tflite
from ascua.errors import ModelError
from ascua.tflite import advice
from tests.support.command import ascua, refused
from tests.support.examples import small
from tests.support.schema import changed


def archive(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name), data)  # of no time: these bytes name a test
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "net.pt",
            archive({"net/data.pkl": b"", "net/version": b"3"}),
            ["of PyTorch", "torch.onnx"],
        ),
        ("old.pth", b"\x80\x02ctorch._utils\n", ["of PyTorch", "torch.onnx.export"]),
        ("net.mlmodel", b"\x08\x05\x12\x00\xa2\x1f\x00", ["Core ML", ".keras"]),
        ("saved_model.pb", b"\x08\x01\x12\x03\x0a\x01a", ["program of a SavedModel", "folder"]),
        (
            "lfs.tflite",
            b"version https://git-lfs.github.com/spec/v1\noid",
            ["Git LFS", "git lfs pull"],
        ),
        ("page.tflite", b"\n<!DOCTYPE html>\n<html>", ["page of HTML", "`raw`"]),
        ("net.tar.gz", b"\x1f\x8b\x08\x00" + bytes(20), ["packed archive", "tar xf"]),
        ("face.kfpkg", archive({"face.kmodel": b""}), ["holds face.kmodel", "`unzip"]),
        ("photos.zip", archive({"1.jpg": b""}), ["is an archive"]),
        ("cut.zip", archive({"1.jpg": b""})[:20], ["is an archive"]),
        ("onnx.zip", archive({"a/net.onnx": b""}), ["holds a/net.onnx"]),
        ("model.h", b"const int n = 3;\n", ["no TFL3 mark"]),
        ("nothing.tflite", b"", ["is empty", "download is complete"]),
    ],
)
def test_files_of_other_kinds(name: str, data: bytes, words: list[str], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    refused(ascua("analyze", tmp_path / name), 1, name, *words)


def test_a_package_of_core_ml(tmp_path: Path) -> None:
    folder = tmp_path / "net.mlpackage"
    folder.mkdir()
    (folder / "Manifest.json").write_text("{}")
    refused(ascua("analyze", folder), 1, "Core ML network")
    refused(ascua("analyze", tmp_path), 1, "a folder without saved_model.pb")


@pytest.mark.parametrize(
    ("name", "data"),
    [("net.keras", archive({"config.json": b"{}"})), ("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(64))],
)
def test_files_of_keras_that_are_none(name: str, data: bytes, tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="Keras is not installed")
    (tmp_path / name).write_bytes(data)
    refused(ascua("analyze", tmp_path / name), 1, name, "Keras cannot load it")
    with pytest.raises(ModelError, match=r"in another form: Keras(?s:.*)ascua convert"):
        tflite.load(tmp_path / name)


@pytest.mark.parametrize(
    "head",
    [
        "const unsigned char g_model[] = {",
        "alignas(16) const unsigned char model_tflite[1234] PROGMEM = {\n ",
        "unsigned char x[] __attribute__((aligned(4))) =\n{",
    ],
)
def test_an_array_in_c_is_turned_back(head: str, tmp_path: Path) -> None:
    """By the command that the message names."""
    data = tflite.write(small())
    rows = ", ".join(f"0x{b:02x}" for b in data)
    source = tmp_path / "model.cc"
    source.write_text(f'#include "model.h"\n\n// Keep model aligned.\n{head}{rows}}};\n')
    result = ascua("analyze", source)
    refused(result, 1, "is C source with an array", "xxd -r -p > model.tflite")
    if shutil.which("xxd") is None:
        pytest.skip("xxd is not installed")
    command = result.err.split("`")[1]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "model.tflite").read_bytes() == data


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        ("WHILE", "unroll=True"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "unroll=True"),
        ("FILL", "batch_size=1"),
        ("DENSIFY", "EXPERIMENTAL_SPARSITY"),
        ("custom operator 'ethos-u'", "Vela"),
        ("custom operator 'edgetpu-custom-op'", "Edge TPU"),
        ("custom operator 'FlexStatelessRandomUniformV2'", "augmentation"),
    ],
)
def test_operators_of_known_makers(operator: str, words: str) -> None:
    first, *rest = advice.for_operators([operator, operator])
    assert words in first
    assert rest == advice.for_operators([])


def test_a_control_flow_names_its_layer() -> None:
    """A second subgraph that a WHILE runs: the file's own words, not the number of subgraphs."""

    def loop(model: Any) -> None:
        model.subgraphs += [model.subgraphs[0]]
        code = model.operatorCodes[model.subgraphs[0].operators[0].opcodeIndex]
        code.builtinCode, code.deprecatedBuiltinCode = 119, 119

    with pytest.raises(ModelError, match=r"(?s)does not support WHILE \('.*unroll=True"):
        tflite.read(changed(tflite.write(small()), loop))


def test_a_file_of_keras_2(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="Keras is not installed")
    told = json.dumps({"keras_version": "2.15.0", "date_saved": "2024-01-01"}).encode()
    config = json.dumps({"module": "keras.src.engine.functional", "class_name": "Functional"})
    members = {"metadata.json": told, "config.json": config.encode(), "model.weights.h5": b""}
    (tmp_path / "old.keras").write_bytes(archive(members))
    result = ascua("quantize", tmp_path / "old.keras", "-d", "digits", "-o", tmp_path / "x.tflite")
    refused(result, 1, "old.keras", "Keras 2.15.0 wrote it", "float .tflite")
