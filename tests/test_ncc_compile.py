"""`ascua ncc compile`: what ncc's options mean, what is refused, and the graphs that it writes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from ascua import k210, kmodel, kpu
from ascua.errors import InputError
from ascua.files.folders import MANIFEST
from ascua.ir import Array, Graph, Tensor
from ascua.ncc import dots
from ascua.ops.conv2d import Conv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.mean import Mean
from ascua.quantize import Options, Range
from ascua.quantize.floats import evaluated
from ascua.targets.k210.nncase.compiling import Like
from tests.support.command import Result, ascua, model_file, refused
from tests.support.spared import everything

Image = pytest.importorskip("PIL.Image")

SIZE = 8
RNG = np.random.default_rng(6)
PIXELS = RNG.integers(0, 256, (6, SIZE, SIZE, 3)).astype(np.uint8)


def constant(name: str, values: Array) -> Tensor:
    return Tensor(name, values.shape, str(values.dtype), data=values)


def network(k: int = 3, channels: int = 3, name: str = "net") -> Graph:
    """A convolution without an activation, and the mean of each channel."""
    x = Tensor("image", (1, SIZE, SIZE, channels), "float32")
    y = Tensor('a "map"\n', (1, SIZE, SIZE, 4), "float32")
    z = Tensor("scores", (1, 4), "float32")
    w = constant("w", np.random.default_rng(1).normal(0, 0.3, (4, k, k, channels)).astype("f"))
    b = constant("b", np.linspace(-1, 1, 4).astype("f"))
    conv = Conv2D((x, w, b), (y,), (1, 1), (1, 1), "SAME", "NONE")
    mean = Mean((y, constant("axes", np.array([1, 2], np.int32))), (z,), keep_dims=False)
    return Graph(name, (x,), (z,), (conv, mean))


def dense() -> Graph:
    """A network of a vector."""
    x, y = Tensor("x", (1, 8), "float32"), Tensor("y", (1, 4), "float32")
    op = FullyConnected((x, constant("w", np.ones((4, 8), "f")), None), (y,), False, "NONE")
    return Graph("dense", (x,), (y,), (op,))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a network, and images of its size below `images`."""
    monkeypatch.chdir(tmp_path)
    model_file(tmp_path, network(), "net")
    Path("images/more").mkdir(parents=True)
    for i, x in enumerate(PIXELS):
        Image.fromarray(x).save(f"images/{'more/' if i > 3 else ''}{i}.png")
    return tmp_path


def compiled(*more: object, model: str = "net.tflite", to: str = "net.kmodel",
             dataset: str | None = "images") -> Result:  # fmt: skip
    given = ("-i", "tflite", "-o", "kmodel", "-t", "k210", "--inference-type", "uint8")
    data = ("--dataset", dataset) if dataset else ()
    return ascua("ncc", "compile", model, to, *given, *data, *more)


def done(result: Result) -> bytes:
    """The kmodel that a command wrote that ended well, without a warning."""
    assert (result.code, result.err) == (0, ""), result.err
    return Path("net.kmodel").read_bytes()


def planes(x: Array) -> bytes:
    """An image as ncc's raw files have it."""
    return np.ascontiguousarray(x.transpose(2, 0, 1)).tobytes()


def raw(*samples: bytes) -> str:
    """A data set of bare numbers."""
    for i, data in enumerate(samples):
        path = Path("raw", f"{i}.bin")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return "raw"


def test_the_same_bytes_as_ascua_compile() -> None:
    np.save("x.npy", PIXELS)
    found = ascua("compile", "net.tflite", "--board", "maix-go", "--data", "x.npy",
                  "--input-range", -1, 1, "--out", "own.kmodel")  # fmt: skip
    assert found.code == 0, found.err
    result = compiled("--input-mean", 0.5, "--input-std", 0.5, "--calibrate-method", "no_clip")
    assert done(result) == Path("own.kmodel").read_bytes()
    assert "calibrated on 6 images whose pixels are -1..1." in result.out
    assert result.out == found.out.replace("own.k", "net.k")


@pytest.mark.parametrize(("mean", "std"), [(None, None), (0.25, 0.5), (0, 0.0039216)])
def test_mean_and_deviation_are_those_of_the_training(
    mean: float | None, std: float | None
) -> None:
    """The network answers as the float one does on (v / 255 - mean) / std."""
    given = () if mean is None else ("--input-mean", mean, "--input-std", std)
    network_ = kmodel.read(done(compiled(*given)), "net")
    real = (PIXELS / 255 - (mean or 0)) / (std or 1)
    expected = evaluated(network(), [real.astype(np.float32)])[0].reshape(-1, 4)
    (found,) = kpu.run(network_, PIXELS)
    spread = float(np.ptp(expected))
    assert np.abs(found - expected).max() < spread / 200
    if std == 0.5:
        unscaled = evaluated(network(), [(PIXELS / 255).astype(np.float32)])[0].reshape(-1, 4)
        assert np.abs(found - unscaled).max() > spread / 50


def test_methods_of_calibration() -> None:
    made = {m: done(compiled("--calibrate-method", m)) for m in ("no_clip", "minmax", "l2", "mse")}
    assert made["no_clip"] == made["minmax"] == done(compiled())
    assert made["l2"] == made["mse"] != made["no_clip"]
    expected = k210.compile_floats(network(), PIXELS, Range(0, 1), 4, Options(ranges="mse")).network
    assert made["l2"] == kmodel.write(expected)


@pytest.mark.parametrize("l2", [False, True])
def test_the_numbers_of_ncc_itself(l2: bool) -> None:
    method = "l2" if l2 else "no_clip"
    made = done(compiled("--like", "nncase-0.2.0-beta2", "--calibrate-method", method))
    like = Like("nncase-0.2.0-beta2", l2=l2)
    assert made == kmodel.write(k210.compile_like(network(), PIXELS, Range(0, 1), like).network)
    assert made != done(compiled("--calibrate-method", method))


def test_the_numbers_of_an_older_ncc() -> None:
    made = done(compiled("--like", "nncase-0.1.0-rc5"))
    like = Like("nncase-0.1.0-rc5")
    assert made == kmodel.write(k210.compile_like(network(), PIXELS, Range(0, 1), like).network)


def test_raw_files_are_bytes_or_floats_of_them() -> None:
    expected = done(compiled())
    floats = [planes(x.astype(np.float32) / np.float32(255)) for x in PIXELS[:3]]
    opencv = planes(PIXELS[3] * np.float32(1 / 255))
    data = raw(*floats, opencv, *(planes(x) for x in PIXELS[4:]))
    assert done(compiled("--dataset-format", "raw", dataset=data)) == expected


@pytest.mark.parametrize("value", [0.5, -1 / 255, 256 / 255, np.nan, np.inf])
def test_other_floats_are_named(value: float) -> None:
    x = PIXELS[0] / np.float32(255)
    x[1, 2, 0] = value
    data = raw(planes(x.astype("<f4")), planes(PIXELS[1]), bytes(5))
    refused(
        compiled("--dataset-format", "raw", dataset=data), 1, "2 of 3 files cannot be used: raw/0",
        f"it has the float {np.float32(value):g}, which is no byte / 255",
        "raw/2.bin: it has 5 bytes instead of 192",
    )  # fmt: skip


def test_one_channel_is_the_blue_one() -> None:
    model_file(Path(), network(channels=1), "gray")
    result = compiled(model="gray.tflite")
    assert "warning: 6 of 6 images are colored" in result.err
    assert result.code == 0
    blue = PIXELS[..., 2:]
    expected = k210.compile_floats(network(channels=1), blue, Range(0, 1), 4).network
    assert Path("net.kmodel").read_bytes() == kmodel.write(expected)


def test_what_changes_nothing_is_said_once() -> None:
    expected = done(compiled())
    result = compiled("--max-allocator-solve-secs", 60, "--json", "--input-type", "uint8")
    assert result.err.count("warning: `--max-allocator-solve-secs 60` changes nothing") == 1
    assert Path("net.kmodel").read_bytes() == expected
    told = json.loads(result.out)
    assert len(told["warnings"]) == 1
    assert told["input_range"] == {
        "image": [0, 1], "by": "asked", "why": "as `--input-mean` and `--input-std` say",
    }  # fmt: skip
    assert (told["file"], told["calibrated_on"], told["kmodel"]) == ("net.kmodel", 6, 4)


BAD: dict[str, tuple[tuple[object, ...], dict[str, str | None], tuple[str, ...]]] = {
    "onnx": (("-i", "onnx"), {}, ("`-i onnx`: ", "onnx2tf")),
    "caffe": (("-i", "caffe"), {}, ("`-i caffe`: ", "caffe2onnx", "onnx2tf")),
    "paddle": (("-i", "paddle"), {}, ("`-i paddle`: ", "paddle2onnx")),
    "no format": (("-i", "pb"), {}, ("`-i pb`: ", "Give `-i tflite`")),
    "cpu": (("-t", "cpu"), {}, ("`-t cpu`: ", "`ascua compile` with a microcontroller's")),
    "k510": (("-t", "k510"), {}, ("`-t k510`: ", "nncase 1")),
    "tflite": (("-o", "tflite"), {}, ("`-o tflite`: ", "`ascua quantize`")),
    "another output": (("-o", "k210model"), {}, ("`-o k210model`: ", "Give `-o kmodel`")),
    "floats": (("--inference-type", "float"), {"dataset": None},
               ("`--inference-type float`: ", "KPU, which computes with bytes")),
    "a float input": (("--input-type", "float"), {}, ("`--input-type float`: ", "round(255 *")),
    "a method of Ascua's": (("--like", "nncase-0.2.0-beta2", "--calibrate-method", "kl"), {},
                            ("--calibrate-method kl: nncase-0.2.0", "no_clip or l2")),
    "a method of later": (("--like", "nncase-0.1.0-rc5", "--calibrate-method", "l2"), {},
                          ("--calibrate-method l2: nncase-0.1.0", "averaged")),
    "no samples": ((), {"dataset": None}, ("net.tflite: ", "`--dataset FOLDER`")),
    "no deviation": (("--input-std", 0), {}, ("`--input-std 0`: nothing can be divided",)),
    "next to none": (("--input-std", 1e-60), {}, ("nothing can be divided",)),
    "no number": (("--input-mean", "nan"), {}, ("`--input-mean nan` is no finite",)),
    "downwards": (("--input-std", -1), {}, ("`--input-mean 0 --input-std -1`", "no ascending")),
    "too small": (("--input-std", 1e-42), {}, ("no ascending range",)),
    "one value": (("--input-mean", 1e9), {}, ("no ascending range",)),
    "nowhere": ((), {"dataset": "nope"}, ("nope: neither a folder nor a file",)),
    "an empty folder": ((), {"dataset": "void"}, ("void: no images (.jpg,",)),
    "nothing raw": (("--dataset-format", "raw"), {"dataset": "void"}, ("void: no files",)),
    "damaged images": ((), {"dataset": "broken"},
                       ("2 of 3 files cannot be used: broken/a.jpg: ", "broken/b.png: ")),
    "no network": ((), {"model": "nope.tflite"}, ("nope.tflite",)),
    "int8": ((), {"model": "int8.tflite"}, ("int8.tflite: it is quantised", "`ascua compile`")),
    "a vector": ((), {"model": "dense.tflite"}, ("dense.tflite: its input is [[1, 8]], no image",)),
    "five channels": ((), {"model": "five.tflite"}, ("five.tflite: it takes 5 x 8 x 8", "raw")),
    "a kernel of 5x5": ((), {"model": "wide.tflite"}, ("CONV_2D 'a \"map\"", "5x5")),
    "over the network": ((), {"to": "net.tflite"}, ("net.tflite: this command reads it",)),
    "over something else": ((), {"to": "images/0.png"}, ("images/0.png: what is there is no km",)),
    "no folder": ((), {"to": "far/net.kmodel"}, ("the folder far does not exist",)),
}  # fmt: skip
"""Options, what else is given, and what is said of it."""


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case: str, here: Path) -> None:
    Path("void").mkdir()
    Path("broken").mkdir()
    Path("broken/a.jpg").write_text("no image")
    Path("broken/b.png").write_bytes(Path("images/0.png").read_bytes()[:60])
    Image.fromarray(PIXELS[0]).save("broken/c.png")
    for name, graph in {"dense": dense(), "five": network(channels=5), "wide": network(5)}.items():
        model_file(here, graph, name)
    np.save("x.npy", PIXELS)
    if case == "int8":
        ascua(
            "quantize", "net.tflite", "--data", "x.npy", "--input-range", 0, 1, "-o", "int8.tflite"
        )
    before = everything(here)
    options, places, words = BAD[case]
    refused(compiled(*options, "--dump-ir", **places), 1, *words)  # type: ignore[arg-type]
    assert everything(here) == before


def parsed(name: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """The labels of the boxes in a file of DOT, and its edges."""
    text = Path("net.kmodel.ir", name).read_text(encoding="utf-8")
    string = r'"((?:[^"\\]|\\.)*)"'
    lines = text.splitlines()
    assert re.fullmatch(rf"digraph {string} {{", lines[0])
    assert (lines[1], lines[-1]) == ("node [shape=box]", "}")
    boxes, edges = {}, []
    for line in lines[2:-1]:
        box = re.fullmatch(rf"(\w+) \[(?:shape=ellipse )?label={string}\]", line)
        edge = re.fullmatch(rf"(\w+) -> (\w+) \[label={string}\]", line)
        assert box or edge, line
        if box:
            boxes[box[1]] = box[2]
        elif edge:
            edges.append((edge[1], edge[2], edge[3]))
    assert {end for a, b, _ in edges for end in (a, b)} == set(boxes)
    return boxes, edges


def test_graphs_before_and_after() -> None:
    expected = done(compiled())
    assert not Path("net.kmodel.ir").exists()
    assert done(compiled("--dump-ir")) == expected
    boxes, edges = parsed(dots.PASSES)
    assert boxes["in0"] == "image"
    assert boxes["op0"].startswith('Fused a \\"map\\"')
    assert "\\nkernel.weights: float32 4x3x3x3\\n" in boxes["op0"]
    assert boxes["op1"] == "Mean scores\\nkeep_dims: False"
    assert edges == [
        ("in0", "op0", "float32 1x8x8x3"),
        ("op0", "op1", "float32 1x8x8x4"),
        ("op1", "out0", "float32 1x4"),
    ]
    boxes, edges = parsed(dots.CHIP)
    kinds = [boxes[f"op{i}"].split()[0] for i in range(3)]
    assert kinds == ["KpuConv", "Dequantize", "Mean"]
    assert [e[2].split()[0] for e in edges] == ["uint8", "uint8", "float32", "float32"]
    manifest = json.loads(Path("net.kmodel.ir", MANIFEST).read_text())
    for name in (dots.PASSES, dots.CHIP):
        data = Path("net.kmodel.ir", name).read_bytes()
        assert manifest["files"][name] == hashlib.sha256(data).hexdigest()


def test_graphs_replace_what_ascua_wrote_and_nothing_else(here: Path) -> None:
    done(compiled("--dump-ir"))
    Path("net.kmodel.ir/mine.txt").write_text("mine")
    done(compiled("--dump-ir", "--input-mean", 0.5))
    before = everything(here)
    Path("net.kmodel.ir", dots.CHIP).write_text("mine too")
    changed = everything(here)
    refused(compiled("--dump-ir"), 1, f"net.kmodel.ir: {dots.CHIP} changed since", "--force")
    assert everything(here) == changed
    done(compiled("--dump-ir", "--input-mean", 0.5, "--force"))
    assert everything(here) == before
    Path("other.kmodel.ir").mkdir()
    Path("other.kmodel.ir", dots.PASSES).write_text("mine")
    before = everything(here)
    refused(compiled("--dump-ir", to="other.kmodel"), 1, "other.kmodel.ir: not empty, and Ascua")
    assert everything(here) == before


def test_without_its_graphs_there_is_no_kmodel(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(dots.folders, "exchange", fail)
    before = everything(here)
    refused(compiled("--dump-ir"), 1, "the disk is full")
    assert everything(here) == before


def test_edges_of_every_kind() -> None:
    """An output that is an input, a tensor that is read twice, names that a terminal would obey."""
    x = Tensor('in\x1b\\"', (1, SIZE, SIZE, 3), "float32")
    text = dots.dot(Graph("two", (x,), (x, x), ()))
    assert text.count("in0 -> out") == 2
    assert '[shape=ellipse label="in?\\\\\\""]' in text
