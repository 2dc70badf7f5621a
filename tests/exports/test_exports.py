"""Every format: what it writes, that it writes the same again, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ascua.exports import FORMATS
from ascua.exports._names import RESERVED
from tests.support.command import PROGRAM, ascua, model_file, refused
from tests.support.examples import small
from tests.support.exported import exported, hashes, model
from tests.test_cli_errors import dense
from tests.test_floats import small as floats

NAMES = sorted(FORMATS)


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize("name", ["small", "two"])
def test_a_folder_has_its_manifest_and_a_readme(form: str, name: str, tmp_path: Path) -> None:
    folder = exported(form, model(tmp_path, name), tmp_path / "out", "--name", "net")
    told = json.loads((folder / "manifest.json").read_text())
    found = hashes(folder)
    assert {**told["files"], "manifest.json": found["manifest.json"]} == found
    assert (told["name"], told["format"], told["version"]) == ("net", form, "1.0.0")
    readme = (folder / "README.md").read_text()
    assert "net" in readme
    assert not any(line.rstrip() != line for line in readme.splitlines())
    texts = [p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".pack"]
    assert not any(str(tmp_path).encode() in text for text in texts), "a path of this machine"


@pytest.mark.parametrize("form", NAMES)
def test_the_same_bytes_again(form: str, tmp_path: Path) -> None:
    """In another folder, under another locale, clock and hash seed."""
    path = model(tmp_path, "small")
    first = hashes(exported(form, path, tmp_path / "first"))
    command = [*PROGRAM, "export", form, str(path), "-o", str(tmp_path / "a/second")]
    there = {**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run(command, check=True, env=there, stdout=subprocess.DEVNULL)
    assert hashes(tmp_path / "a/second") == first
    exported(form, path, tmp_path / "first")  # over its own
    assert hashes(tmp_path / "first") == first


@pytest.mark.parametrize("form", NAMES)
def test_another_network_takes_the_folder(form: str, tmp_path: Path) -> None:
    """Files of the one before go, others stay."""
    folder = exported(form, model(tmp_path, "small"), tmp_path / "out")
    (folder / "mine.txt").write_text("mine")
    exported(form, model(tmp_path, "two"), folder)
    assert (folder / "mine.txt").read_text() == "mine"
    assert not [p for p in hashes(folder) if "small" in p]


@pytest.mark.parametrize("form", NAMES)
def test_what_is_wrong_is_said_and_nothing_is_written(form: str, tmp_path: Path) -> None:
    path, out = model(tmp_path, "small"), tmp_path / "out"
    few = tmp_path / "few.txt"
    few.write_text("a\nb\n")
    unseen = tmp_path / "unseen.txt"
    unseen.write_text("a\nb\0c\n")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "theirs").write_text("theirs")
    large = model_file(tmp_path, dense(700, 700), "large")
    cases: list[tuple[int, list[object], list[str]]] = [
        (1, [path, "--name", "a-b"], ["letters, digits"]),
        (1, [path, "--name", "string"], ["a header of C"]),
        (1, [path, "--name", "ascua_kernel"], ["headers begin with"]),
        *((1, [path, "--name", words.split()[0]], [whose]) for whose, words in RESERVED.items()),
        *((1, [path, "--version", v], ["x.y.z"]) for v in ("1", "1.0", "01.0.0", "1.0.0-a", "v1")),
        (1, [path, "--labels", few], ["2 labels"]),
        (1, [path, "--labels", unseen], ["line 2", "nobody can see"]),
        (1, [path, "--board", "maix-bit"], ["maix-bit", "Choose one of"]),
        (1, [path, "--board", "nowhere"], ["no board called"]),
        (1, [model_file(tmp_path, floats(), "real")], ["is float32"]),
        (1, [tmp_path / "none.tflite"], ["none.tflite"]),
        (1, [path, "-o", foreign], ["not empty", "--force"]),
    ]
    if not FORMATS[form].cores or "cortex-m0" in FORMATS[form].cores:
        cases.append((3, [large, "--board", "microbit"], ["microbit"]))
    for code, arguments, words in cases:
        to = [] if "-o" in arguments else ["-o", out]
        refused(ascua("export", form, *arguments, *to), code, *words)
        assert not out.exists()
    assert [p.name for p in foreign.iterdir()] == ["theirs"]
    assert ascua("export", form, path, "-o", foreign, "--force").code == 0
    assert (foreign / "theirs").read_text() == "theirs"


def test_a_format_that_there_is_not(tmp_path: Path) -> None:
    path = model(tmp_path, "small")
    refused(ascua("export", "zephir", path, "-o", tmp_path / "out"), 1, "no format", *NAMES, "maix")


def test_json(tmp_path: Path) -> None:
    done = ascua("export", "cmake", model(tmp_path, "small"), "-o", tmp_path / "out", "--json")
    told = json.loads(done.out)
    assert told["out"] == str(tmp_path / "out")
    assert told["files"] == sorted(set(hashes(tmp_path / "out")) - {"manifest.json"})
    assert (told["format"], told["name"], told["goal"]) == ("cmake", "small", "balanced")


def test_too_many_vectors(tmp_path: Path) -> None:
    import numpy as np

    path = model(tmp_path, "small")
    shape = small().inputs[0].shape
    np.save(tmp_path / "x.npy", np.zeros((101, *shape[1:]), np.int8))
    out = tmp_path / "out"
    done = ascua("export", "cmake", path, "-o", out, "--inputs", tmp_path / "x.npy")
    refused(done, 1, "101 samples", "takes 100")
    np.save(tmp_path / "x.npy", np.ones((2, *shape[1:]), np.int8))
    exported("cmake", path, out, "--inputs", tmp_path / "x.npy")
    assert "#define SMALL_VECTORS 2" in (out / "example/small_selftest.h").read_text()


@pytest.mark.parametrize("board", ["esp32s3", "stm32h7"])
def test_one_memory_of_several(board: str, tmp_path: Path) -> None:
    """A build system has no linker script of ours: what would need one is planned again."""
    path = model(tmp_path, "small")
    file = Path(__file__).parents[2] / f"examples/boards/{board}.toml"
    folder = exported("cmake", path, tmp_path / "out", "--board", file)
    assert not list(folder.rglob("*.ld"))
    done = ascua("export", "cmake", path, "-o", tmp_path / "no", "--board", file,
                 "--place", f"{small().inputs[0].name}=nowhere")  # fmt: skip
    refused(done, 1, "nowhere")


@pytest.mark.parametrize("form", ["arduino", "platformio"])
def test_names_of_arduino_headers(form: str, tmp_path: Path) -> None:
    path = model(tmp_path, "small")
    for name in ("Arduino", "SPI"):
        refused(ascua("export", form, path, "-o", tmp_path / "out", "--name", name), 1, name)


def test_every_board_takes_a_package_of_cmake(tmp_path: Path) -> None:
    path = model(tmp_path, "small")
    done = ascua("export", "cmake", path, "-o", tmp_path / "out", "--board", "maix-go")
    refused(done, 1, "microbit", "stm32f446")
