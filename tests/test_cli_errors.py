"""What wrong input says: one message that names the culprit, an exit code, nothing written."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.cli import networks
from ascua.errors import InputError, brief
from ascua.ir import Graph, Tensor
from ascua.ops import OPERATORS
from ascua.ops.add import Add
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.relu import Relu
from tests.support import activation, constant, network
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small
from tests.support.tools import require_board

M3 = "lm3s6965evb"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"), small())


def of_type(dtype: str) -> Graph:
    """One RELU on a tensor of this type."""
    x = replace(activation("input_3", (1, 4)), dtype=dtype)
    return network(Relu((x,), (replace(x, name="my_relu"),)))


def dense(inputs: int, outputs: int) -> Graph:
    w = constant("w", np.ones((outputs, inputs), np.int8), [0.01])
    x, y = activation("wide", (1, inputs)), activation("dense_1", (1, outputs))
    return network(FullyConnected((x, w, None), (y,), False, "NONE"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: b"", ["is empty"]),
        (lambda data: data[: len(data) // 2], ["damaged or truncated"]),
        (lambda _: b"<html>404</html>", ["a page of HTML", "Download"]),
        (lambda _: bytes(range(9)) * 9, ["not a .tflite file", "download"]),
        (lambda data: data[:4] + b"TFL3" + bytes(64), ["schema version 0"]),
    ],
)
@pytest.mark.parametrize("verb", ["analyze", "compile", "run", "validate"])
def test_no_model(
    verb: str, make: Callable[[bytes], bytes], words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(make(tflite.write(small())))
    more = {
        "analyze": (),
        "compile": ("-b", "host", "-o", tmp_path / "out"),
        "run": ("-b", "host", "--outputs", tmp_path / "y.npy", "--build-dir", tmp_path / "b"),
        "validate": ("--build-dir", tmp_path / "b"),
    }[verb]
    result = ascua(verb, path, *more)
    refused(result, 1, str(path), "Things to try:", *words)
    assert result.out == ""
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("float32", ["quantise the model to int8 first", "representative data set"]),
        ("int32", ["int32, not int8 or int16"]),
    ],
)
def test_other_types(dtype: str, words: list[str], tmp_path: Path) -> None:
    path = model_file(tmp_path, of_type(dtype))
    refused(ascua("analyze", path), 1, str(path), "RELU 'my_relu'", "'input_3'", *words)


def test_unknown_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model_file(tmp_path, of_type("int8"))
    monkeypatch.delitem(OPERATORS, "RELU")
    refused(ascua("analyze", path), 1, str(path), "RELU ('my_relu')", "`ascua ops`")


def test_newer_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model_file(tmp_path, of_type("int8"))
    monkeypatch.setattr(Relu, "max_version", 1)
    refused(ascua("analyze", path), 1, str(path), "RELU has version", "knows up to 1")


@pytest.mark.parametrize("verb", ["analyze", "compile", "run"])
def test_too_large_in_ram(verb: str, tmp_path: Path) -> None:
    path = model_file(tmp_path, network(*relus(70_000)))
    more = {"analyze": (), "compile": ("-o", tmp_path / "o"), "run": ("--build-dir", tmp_path)}
    result = ascua(verb, path, "--board", M3, *more[verb])
    refused(result, 3, M3, "71,024 bytes", "65,536", "RELU 'relu_0'", "'x' 70,000")
    assert not (tmp_path / "o").exists()
    if verb == "analyze":
        assert "71,024 of 65,536 bytes (108 %)" in result.out


def relus(size: int) -> list[Relu]:
    x = activation("x", (1, size))
    return [Relu((x,), (replace(x, name="relu_0"),))]


def test_too_large_in_flash(tmp_path: Path) -> None:
    path = model_file(tmp_path, dense(600, 500))
    words = ("flash", "262,144", "FULLY_CONNECTED 'dense_1'", "board with more memory")
    refused(ascua("analyze", path, "--board", M3), 3, *words)
    assert ascua("analyze", path, "--board", "mps2-an385").code == 0


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 8, 9, 3), np.int8), ["[2, 8, 9, 3]", "[N, 9, 9, 3]"]),
        (np.zeros((2, 243), np.int8), ["[2, 243]", "reshape(-1, 9, 9, 3)"]),
        (np.zeros((2, 3, 9, 9), np.int8), ["[2, 3, 9, 9]", "transpose(0, 2, 3, 1)"]),
        (np.zeros((3, 9, 9), np.int8), ["[3, 9, 9]", "transpose(1, 2, 0)"]),
        (np.zeros((2, 9, 9), np.int8), ["[2, 9, 9]", "repeat(array.reshape(-1, 9, 9, 1), 3, -1)"]),
        (np.int8(3), ["[]", "[N, 9, 9, 3]"]),
        (np.zeros((0, 9, 9, 3), np.int8), ["no sample"]),
        (np.zeros((1, 9, 9, 3), np.int64), ["int64", "takes int8", "uint8 (value - 128)"]),
        (np.zeros((1, 9, 9, 3), bool), ["bool", "takes int8"]),
        (np.zeros((1, 9, 9, 3), np.complex64), ["complex64"]),
        (np.full((1, 9, 9, 3), np.nan, np.float32), ["NaN"]),
        (np.full((1, 9, 9, 3), -np.inf), ["infinite"]),
    ],
)
def test_wrong_inputs(model: Path, array: np.ndarray, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, array)
    build = tmp_path / "build"
    result = ascua("run", model, "-b", "host", "--inputs", path, "--build-dir", build)
    refused(result, 1, str(path), "input 'image'", *words)
    assert not build.exists()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([0, 1]), ["3 samples need 3 labels", "[2]"]),
        (np.array([0, 1, 5]), ["label 5 is outside", "5 classes", "0 to 4"]),
        (np.array([0, 1, -1]), ["label -1 is outside"]),
        (np.array([0.0, 1.0, 2.0]), ["whole numbers", "float64"]),
        (np.eye(3, 5, dtype=np.int64), ["[3, 5]", "argmax"]),
    ],
)
def test_wrong_labels(model: Path, labels: np.ndarray, words: list[str], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 9, 9, 3), np.int8))
    np.save(tmp_path / "labels.npy", labels)
    result = ascua(
        "run", model, "-b", "host", "--inputs", tmp_path / "x.npy",
        "--labels", tmp_path / "labels.npy", "--build-dir", tmp_path / "build",
    )  # fmt: skip
    refused(result, 1, "labels.npy", *words)
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--recipe", "digits-dscnn", "--labels", "y.npy"],
            ["`--recipe` brings labels"],
        ),
        (["--data", "digits", "--labels", "y.npy"], ["`--data` brings labels of its own"]),
        (["--recipe", "digits-dscnn", "--inputs", "x.npy"], ["`--inputs` and `--recipe` both"]),
        (["--recipe", "digits-dscnn", "--data", "digits"], ["Leave out `--data`, or `--recipe`"]),
        (["--data", "dogits"], ["neither a data set, nor a folder", "Did you mean 'digits'"]),
        (["--data", "digits"], ["its images are 8 x 8 x 1", "9 x 9 x 3"]),
        (["--data-dir", "images"], ["`--data-dir`", "none was named", "`--recipe NAME`"]),
        (["--recipe", "digit-dscnn"], ["Did you mean 'digits-dscnn'"]),
    ],
)
def test_wrong_test_sets(model: Path, options: list[str], words: list[str]) -> None:
    refused(ascua("run", model, "-b", "host", *options), 1, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu", "net.tflite"], ["no verb 'rnu'", "Did you mean 'run'", "Known names: analyze"]),
        (["run", "net.tflite"], ["Missing option '--board'", "`ascua run --help`"]),
        (["run", "net.tflite", "--bord", "host"], ["No such option", "--board"]),
        (["run", "net.tflite", "-b", "lm3s"], ["Did you mean 'lm3s6965evb'?"]),
        (["compile"], ["Missing argument 'MODEL...'", "`ascua compile --help`"]),
    ],
)
def test_a_wrong_command_line(arguments: list[str], words: list[str]) -> None:
    refused(ascua(*arguments), 1, *words)


def test_an_empty_name(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a script gives with a variable that is not set: not the current folder."""
    monkeypatch.chdir(tmp_path)
    refused(ascua("compile", model, "-b", "host", "-o", ""), 1, "'--out'", "it is empty")
    assert not list(tmp_path.iterdir())


def test_a_link_to_itself(model: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    result = ascua("run", model, "-b", "host", "--build-dir", tmp_path / "loop")
    assert result.code == 1
    assert str(tmp_path / "loop") in result.err


def test_a_board_that_takes_kmodels(model: Path) -> None:
    result = ascua("run", model, "-b", "maix-go")
    refused(result, 1, "maix-go", "`ascua compile MODEL --data D --board maix-go -o MODEL.kmodel`")


def test_folders_and_pictures_in_place_of_files(model: Path, tmp_path: Path) -> None:
    refused(ascua("analyze", tmp_path), 1, "is a folder without saved_model.pb", "Give the file")
    with pytest.raises(InputError, match=r"Is a directory(?s:.*)ascua convert"):
        tflite.load(tmp_path)
    picture = tmp_path / "cat.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0")
    result = ascua("run", model, "-b", "host", "--inputs", picture)
    refused(result, 1, "cat.jpg: neither an .npy nor an .npz file", "`--data FOLDER`")


def test_a_test_set_of_other_images(model: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    result = ascua("run", model, "-b", "host", "--recipe", "digits-dscnn")
    refused(result, 1, "[360, 8, 8, 1]", "[N, 9, 9, 3]")


@pytest.mark.parametrize("option", ["--inputs", "--labels"])
@pytest.mark.parametrize(
    "data", [b"", b"\x93NUMPY", b"PK\x03\x04 no archive", b"1,2,3\n", b"\x80\x04N."]
)
def test_arrays_that_are_none(model: Path, option: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(data)
    refused(ascua("run", model, "-b", "host", option, path), 1, str(path), "numpy.save")
    refused(ascua("run", model, "-b", "host", option, tmp_path), 1, str(tmp_path), "directory")
    none = tmp_path / "none.npy"
    refused(ascua("run", model, "-b", "host", option, none), 1, str(none), "No such file")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none/y.npy", ["does not exist"]),
        ("file/y.npy", ["does not exist"]),
        ("folder", ["is a folder", "OUT.npy"]),
        ("/dev/null", ["is no regular file"]),
    ],
)
def test_outputs_are_checked_before_the_run(
    model: Path, path: str, words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    build = tmp_path / "build"
    outputs = tmp_path / path
    result = ascua("run", model, "-b", "host", "--outputs", outputs, "--build-dir", build)
    refused(result, 1, str(outputs), *words)
    assert not build.exists()


def test_several_outputs_need_an_npz(tmp_path: Path) -> None:
    a, b = activation("a", (1, 4)), activation("b", (1, 4))
    y, z = replace(a, name="y"), replace(a, name="z")
    ops = (Relu((a,), (y,)), Add((a, b), (z,), "NONE"))
    path = model_file(tmp_path, Graph("two", (a, b), (y, z), ops))
    result = ascua("run", path, "-b", "host", "--outputs", tmp_path / "y.npy")
    refused(result, 1, "2 outputs", str(tmp_path / "y.npz"))


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_when_outputs_are_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_board(boards.load("host"))
    outputs = tmp_path / "y.npy"
    np.save(outputs, np.arange(3))
    before = outputs.read_bytes()
    monkeypatch.setattr(np, "save", full)
    result = ascua("run", model, "-b", "host", "--outputs", outputs, "--build-dir", tmp_path / "b")
    refused(result, 1, str(outputs), "No space left", "disk is not full")
    assert outputs.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "y.npy"]


def test_full_disk_when_firmware_is_built(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_board(boards.load("host"))
    monkeypatch.setattr(Path, "write_bytes", full)
    result = ascua("run", model, "-b", "host", "--build-dir", tmp_path / "b")
    refused(result, 1, "No space left", "Make room", "`--build-dir`")
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_missing_tools(
    verb: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = ascua(verb, model, "--board", M3, "--build-dir", tmp_path / "build")
    command = "`apt install gcc-arm-none-eabi picolibc-arm-none-eabi qemu-system-arm`"
    refused(result, 2, M3, "arm-none-eabi-gcc", "qemu-system-arm", command)
    assert ascua("analyze", model, "--board", M3).code == 0
    assert ascua("compile", model, "--board", M3, "-o", tmp_path / "lib").code == 0


def test_validate_without_tools_compares_what_there_is(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = ascua("validate", model, "--build-dir", tmp_path / "build")
    assert result.code == 0, result.err
    assert "Run `apt install gcc" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], ["nope"]),
        (["run", "x.tflite"], ["--board"]),
        (["analyze"], ["MODEL"]),
        (["boards", "--jso"], ["--json"]),
        (["train", "digits-dscnn", "--epochs", "0"], ["--epochs"]),
    ],
)
def test_wrong_usage(arguments: list[str], words: list[str]) -> None:
    result = ascua(*arguments)
    assert (result.code, result.out) == (1, "")
    for word in words:
        assert word in result.err
    assert "Traceback" not in result.err


def test_names_that_do_not_exist(model: Path, tmp_path: Path) -> None:
    words = ("'lm3s6965ev'", "Did you mean 'lm3s6965evb'?", "mps2-an385")
    for verb, more in (("run", ()), ("analyze", ()), ("compile", ("-o", tmp_path / "o"))):
        refused(ascua(verb, model, "--board", "lm3s6965ev", *more), 1, *words)
    refused(ascua("validate", model, "-b", "hots"), 1, "Did you mean 'host'?")
    refused(ascua("analyze", model, "-b", tmp_path / "my.toml"), 1, "my.toml", "No such file")
    refused(ascua("analyze", tmp_path / "no.tflite"), 1, "no.tflite", "No such file")
    refused(ascua("analyze", tmp_path), 1, str(tmp_path), "folder")
    refused(ascua("train", "digits"), 1, "Did you mean 'digits-dscnn'?")


def test_any_other_error_of_the_system_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "model", full)
    refused(ascua("analyze", "x.tflite"), 1, "No space left on device")
    monkeypatch.setattr(networks, "model", lambda *_: bytes(1 << 62))
    refused(ascua("analyze", "x.tflite"), 1, "Not enough memory")


def test_full_stdout(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.echo", full)
    refused(ascua("analyze", model, "--json"), 1, "No space left")


def test_brief() -> None:
    assert brief("a/b") == "a/b"
    assert brief("a/Relu;a/BiasAdd;a/Conv2D") == "a/Relu;..."
    assert brief("x" * 70, 60) == "x" * 60 + "..."
    assert brief("a\x1b\n") == "a??"


def test_long_names_are_shortened(tmp_path: Path) -> None:
    x = Tensor(f"model/{'deep/' * 40}x;y;z", (1, 4), "float32")
    path = model_file(tmp_path, network(Relu((x,), (replace(x, name="a;b"),))))
    result = ascua("analyze", path)
    refused(result, 1, "RELU 'a;...'", "...;...' is float32")
    assert len(result.err.splitlines()[0]) < 300


def test_names_are_printed_as_they_are(tmp_path: Path) -> None:
    """No `:x:` becomes a picture."""
    assert f"{tmp_path}/:x:" in ascua("analyze", tmp_path / ":x:").err
