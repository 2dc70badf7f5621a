"""What the command line says of kmodels: analysed, run on the simulated K210, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from ascua import k210, kmodel, kpu
from ascua.boards import load as load_board
from ascua.errors import DoesNotFit, InputError
from ascua.executors.reference import reference
from ascua.ir import Array, Graph
from ascua.kmodel import Port, v3, v4
from ascua.kmodel.memory import f32, u8
from ascua.kpu.latency import ERROR
from ascua.passes import prepare
from ascua.quantize.floats import evaluated
from ascua.quantize.rules import Range
from ascua.targets.k210.nncase.compiling import Like
from tests.support.command import MODELS, ascua, model_file, refused
from tests.support.convolutions import RELU, conv
from tests.support.examples import small
from tests.support.float_nets import NETWORKS
from tests.support.floats import floated
from tests.support.tools import require_board
from tests.test_kpu_run import HALVES, ONE, model, samples

REAL = MODELS / "k210"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A convolution of two channels on images of 4x5, and 40 floats of it."""
    first = v3.K210Conv(1, 0, conv(ONE.astype(np.uint8), (4, 5), norms=HALVES * 2, segments=RELU))
    net = model(3, [first, v3.Dequantize(1, 0, 40, 40, 0.5, 1.0)], [f32(40, 40)])
    (tmp_path / "net.kmodel").write_bytes(kmodel.write(net))
    return tmp_path / "net.kmodel"


def save(path: Path, x: Array) -> Path:
    np.save(path, x)
    return path


def test_analyze_tells_layers_memory_and_time(path: Path) -> None:
    for board in ([], ["--board", "maix-go"]):
        result = ascua("analyze", path, *board)
        assert (result.code, result.err) == (0, "")
        for words in (
            "K210Conv", "1x1 5x4x2 -> 5x4x2", "line 0+4", "main 0+40", "Dequantize", "40 -> 40",
            "version 3, weights of 8 bits", "4x5x2", "40 f32", "MicroPython", "time, estimated",
            "estimates are -19 to +15 % off",
        ):  # fmt: skip
            assert words in result.out, words
        assert ("It fits maix-go." in result.out) == bool(board)
    assert "arg_x" not in result.out
    told = ascua("analyze", path, "-v")
    assert "image_dst_addr=" in told.err


def test_analyze_as_json(path: Path) -> None:
    found = json.loads(ascua("analyze", path, "--board", "maix-bit", "--json").out)
    assert (found["board"], found["kmodel"], found["weight_bits"]) == ("maix-bit", 3, 8)
    assert found["file_bytes"] == path.stat().st_size
    conv_layer, floats = found["layers"]
    assert (conv_layer["type"], conv_layer["macs"]) == ("K210Conv", 4 * 5 * 2 * 2)
    assert conv_layer["reads"] == [{"memory": "kpu", "start": 0, "bytes": 256}]
    assert floats["writes"] == [{"memory": "main", "start": 40, "bytes": 160}]
    parts = found["seconds"]
    assert parts["total"] == pytest.approx(parts["kpu"] + parts["cpu"] + parts["transfer"])
    assert parts["error"] == list(ERROR)
    assert found["samples"] is None
    assert {b["name"] for b in found["budgets"]} == {"SRAM", "C", "MicroPython", "flash"}


def test_run_is_what_the_simulator_computes(path: Path, tmp_path: Path) -> None:
    x = samples(7, 4, 5, 2)
    (expected,) = kpu.run(kmodel.load(path), x)
    labels = expected.argmax(axis=1)
    labels[0] = (labels[0] + 1) % 40
    out = tmp_path / "y.npy"
    words = ("run", path, "-b", "maix-go", "--inputs", save(tmp_path / "x.npy", x), "--outputs",
             out, "--labels", save(tmp_path / "l.npy", labels))  # fmt: skip
    result = ascua(*words)
    assert (result.code, result.err) == (0, "")
    assert "85.71 %" in result.out
    np.testing.assert_array_equal(np.load(out), expected)
    found = json.loads(ascua(*words, "--json").out)
    assert (found["samples"], round(found["accuracy"], 4)) == (7, 0.8571)


def test_switches_are_the_simulators(path: Path, tmp_path: Path) -> None:
    """Half of an odd sum is where the roundings part."""
    x = np.full((1, 4, 5, 2), 1, np.uint8)
    x[..., 1] = 0
    found = {}
    for rounding in ("half-up", "half-even"):
        out = tmp_path / f"{rounding}.npy"
        done = ascua("run", path, "-b", "maix-go", "--inputs", save(tmp_path / "x.npy", x),
                     "--outputs", out, "--rounding", rounding, "--fma")  # fmt: skip
        assert done.code == 0, done.err
        found[rounding] = np.load(out)
    assert (found["half-up"] != found["half-even"]).any()
    tflite = model_file(tmp_path, small())
    refused(ascua("run", tflite, "-b", "host", "--fma"), 1, "are for kmodels", "Leave them out")


def test_bytes_that_are_no_pixels_are_doubted(path: Path, tmp_path: Path) -> None:
    words = ("run", path, "-b", "maix-go", "--json", "--inputs")
    dark = ascua(*words, save(tmp_path / "x.npy", samples(1, 4, 5, 2) // 128))
    assert (dark.code, "fill less than 8 of 256 steps" in dark.err) == (0, True)
    assert "scaled before they became uint8" in json.loads(dark.out)["warnings"][0]
    assert not json.loads(ascua(*words, save(tmp_path / "y.npy", samples(1, 4, 5, 2))).out)[
        "warnings"
    ]


def test_the_runtime_in_c_validates(path: Path) -> None:
    require_board(load_board("host"))
    told = json.loads(ascua("validate", path, "--board", "host", "--json").out)
    assert told["oracle"] == "kpu"
    assert [(e["executor"], e["mismatched_bytes"]) for e in told["executors"]] == [("host", 0)]
    refused(ascua("validate", path, "--board", "lm3s6965evb"), 1, "`host` or `k210-virt`")


def test_switches_are_of_the_simulated_chip(path: Path) -> None:
    refused(ascua("run", path, "-b", "k210-virt", "--fma"), 1, "it computes as its C does")


def test_the_simulated_chip_is_compared_with_nothing(path: Path) -> None:
    refused(ascua("run", path, "-b", "maix-go", "--check", 2), 1, "maix-go is the simulated chip")


@pytest.mark.emulator
def test_some_samples_are_compared_with_the_simulated_chip(path: Path, tmp_path: Path) -> None:
    require_board(load_board("k210-virt"))
    inputs = save(tmp_path / "x.npy", samples(5, 4, 5, 2))
    words = ("run", path, "-b", "k210-virt", "--inputs", inputs, "--build-dir", tmp_path / "build")
    told = json.loads(ascua(*words, "--check", 2, "--json").out)
    assert (told["samples"], told["checked_samples"], told["mismatched_bytes"]) == (5, 2, 0)
    assert "0 output bytes differ (2 of 5 samples compared)" in ascua(*words, "--check", 2).out
    assert "compared)" not in ascua(*words, "--check", 5).out


def test_what_is_refused(path: Path, tmp_path: Path) -> None:
    inputs = save(tmp_path / "x.npy", samples(2, 5, 4, 2))
    for words, said in (
        (("run", path, "-b", "host"), ("host has none", "`--board maix-go`")),
        (("analyze", path, "-b", "lm3s6965evb"), ("lm3s6965evb has none",)),
        (("run", path, "-b", "maix-go", "--inputs", inputs), ("takes [N, 4, 5, 2]",)),
        (("run", path, "-b", "maix-go", "--inputs",
          save(tmp_path / "f.npy", np.zeros((1, 4, 5, 2), np.float32))),
         ("the array is float32, the model takes uint8", "(array * 255).round().astype('uint8')")),
        (("run", path, "-b", "maix-go", "--inputs",
          save(tmp_path / "c.npy", samples(2, 4, 5, 2).transpose(0, 3, 1, 2))),
         ("the shape [2, 2, 4, 5]", "Channels come last: array.transpose(0, 2, 3, 1)")),
        (("run", path, "-b", "maix-go", "--inputs", save(tmp_path / "g.npy", samples(3, 4, 5, 2)),
          "--labels", save(tmp_path / "l.npy", np.zeros(2, np.int64))),
         ("3 samples need 3 labels",)),
    ):  # fmt: skip
        refused(ascua(*words), 1, *said)
    tflite = model_file(tmp_path, small())
    for verb in (("analyze",), ("run",)):
        result = ascua(verb[0], tflite, "-b", "maix-go", *verb[1:])
        refused(result, 1, "its target is 'k210'", "-o MODEL.kmodel")
    damaged = tmp_path / "damaged.kmodel"
    damaged.write_bytes(path.read_bytes()[:-300])
    for verb in ("analyze", "validate", "run"):
        more = ("-b", "maix-go") if verb == "run" else ()
        refused(ascua(verb, damaged, *more), 1, "damaged.kmodel: ")
    damaged.write_bytes(b"\5\0\0\0" + bytes(100))
    refused(ascua("analyze", damaged), 1, "kmodel version 5", "versions 3 and 4")
    damaged.write_bytes(tflite.read_bytes())
    refused(
        ascua("analyze", damaged), 1, "is no kmodel", "It is a .tflite file", "ascua compile MODEL"
    )


def test_a_kmodel_is_known_by_its_first_bytes(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "network.bin"
    other.write_bytes(path.read_bytes())
    assert "K210Conv" in ascua("analyze", other).out
    assert not k210.is_kmodel(model_file(tmp_path, small()))


def test_a_board_without_the_simulator_is_asked_and_not_run(path: Path, tmp_path: Path) -> None:
    board = tmp_path / "own.toml"
    text = (Path(k210.__file__).parent / "boards/maix-go.toml").read_text()
    for runner in ("", 'runner = "serial"\nrun = ["port"]\n'):
        board.write_text(text.replace('runner = "kpu"\n', runner))
        assert "It fits maix-go." in ascua("analyze", path, "-b", board).out
        refused(ascua("run", path, "-b", board), 1, "its runner is not 'kpu'", "`ascua analyze`")


def test_samples_of_another_shape_are_refused_from_python_too(path: Path) -> None:
    net, board, x = k210.load(path), load_board("maix-go"), samples(2, 4, 5, 2)
    (plain,) = k210.run(net, board, [x]).ys
    (batched,) = k210.run(net, board, [x[:, None]]).ys
    np.testing.assert_array_equal(plain, batched)
    for wrong in ([x[:, :3]], [x[0]], [x.astype(np.float32)], [x, x]):
        with pytest.raises(InputError, match=r"and the model (takes|has)"):
            k210.run(net, board, wrong)


def test_what_does_not_fit_is_told(path: Path, tmp_path: Path) -> None:
    board = tmp_path / "tiny.toml"
    text = (Path(k210.__file__).parent / "boards/maix-go.toml").read_text()
    board.write_text(text.replace("0x600000", "0x100").replace("0x1000000", "0x80"))
    refused(ascua("analyze", path, "-b", board), 3, "bytes of sram (file ", "workspace 256")
    with pytest.raises(DoesNotFit, match="does not fit maix-go"):
        k210.run(k210.load(path), load_board(str(board)), [samples(1, 4, 5, 2)])


@pytest.mark.parametrize(("version", "milliseconds"), [(3, 9.1), (4, 33.0)])
def test_a_real_file(version: int, milliseconds: float) -> None:
    file = REAL / f"kmodelV{version}/mbnet25.kmodel"
    if not file.exists():
        pytest.skip("there are no kmodels beside the repository")
    found = json.loads(ascua("run", file, "-b", "maix-go", "--json").out)
    assert (found["kpu_lines"], found["main_bytes"], found["samples"]) == (7168, 62_720, 1)
    assert round(1000 * found["seconds"]["total"], 1) == milliseconds


def floats(tmp_path: Path) -> tuple[Path, Path, Graph]:
    """A float network on images of 9x9, in a file, and bytes to calibrate it on."""
    graph = floated(small())
    _, h, w, c = graph.inputs[0].shape
    return model_file(tmp_path, graph), save(tmp_path / "x.npy", samples(20, h, w, c)), graph


@pytest.mark.parametrize("version", ["3", "4"])
def test_a_float_network_is_compiled(version: str, tmp_path: Path) -> None:
    """Its kmodel answers as the float network does, and `run` takes the file."""
    path, data, graph = floats(tmp_path)
    to = tmp_path / "net.kmodel"
    words = ("compile", path, "-b", "maix-go", "--data", data, "--input-range", "0", "1")
    result = ascua(*words, "-o", to, "--kmodel", version)
    assert (result.code, result.err) == (0, "")
    for said in (
        f"version {version}",
        "100.0% same top-1",
        "calibrated on 20 images whose",
        "Next:",
    ):
        assert said in result.out, said
    found = json.loads(ascua(*words, "-o", to, "--kmodel", version, "--json").out)
    assert (found["kmodel"], found["same_top1"], found["calibrated_on"]) == (int(version), 1.0, 20)
    assert found["cosine"] > 0.999
    ran = ascua("run", to, "-b", "maix-go", "--inputs", data, "--outputs", tmp_path / "y.npy")
    assert ran.code == 0, ran.err
    x = np.load(data)
    expected = evaluated(graph, [x.astype(np.float32)[:, None] / np.float32(255)])[0]
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected.reshape(20, -1), atol=0.02)


@pytest.mark.parametrize(("like", "version"), [("nncase-0.1.0-rc5", 3), ("nncase-0.2.0-beta2", 4)])
def test_a_float_network_is_compiled_as_nncase_did(
    like: Literal["nncase-0.1.0-rc5", "nncase-0.2.0-beta2"], version: int, tmp_path: Path
) -> None:
    graph = NETWORKS["mobilenet_v1"]
    path, data = model_file(tmp_path, graph), save(tmp_path / "x.npy", samples(8, 48, 48, 3))
    to = tmp_path / "net.kmodel"
    words = ("compile", path, "-b", "maix-go", "--data", data, "--input-range", "0", "1")
    result = ascua(*words, "-o", to, "--like", like)
    assert (result.code, result.err) == (0, "")
    assert f"version {version}" in result.out
    assert kmodel.load(to).version == version
    seen = np.load(data)
    made = k210.compile_like(graph, seen, Range(0, 1), Like(like)).network
    assert to.read_bytes() == kmodel.write(made)
    again = ascua(*words, "-o", to, "--like", like, "--kmodel", version, "--json")
    assert json.loads(again.out)["kmodel"] == version


def test_what_nncase_did_not_is_refused_beside_its_name(tmp_path: Path) -> None:
    path = model_file(tmp_path, NETWORKS["mobilenet_v1"])
    data = save(tmp_path / "x.npy", samples(8, 48, 48, 3))
    to = tmp_path / "net.kmodel"
    words = ("compile", path, "-b", "maix-go", "--data", data, "--input-range", "0", "1", "-o", to)
    old, new = ("--like", "nncase-0.1.0-rc5"), ("--like", "nncase-0.2.0-beta2")
    for more, said in (
        ((*old, "--kmodel", "4"), "--kmodel 4: nncase-0.1.0-rc5 wrote version 3"),
        ((*new, "--kmodel", "3"), "--kmodel 3: nncase-0.2.0-beta2 wrote version 4"),
        ((*old, "--no-bias-correction"), "--no-bias-correction: nncase-0.1.0-rc5 corrected no"),
        ((*new, "--bias-correction"), "--bias-correction: nncase-0.2.0-beta2 corrected no"),
        ((*new, "--weight-bits", "16"), "--weight-bits 16: version 3 alone has such weights"),
    ):
        refused(ascua(*words, *more), 1, said, "Leave it out")
    quantised = model_file(tmp_path, small(), "int8")
    refused(ascua("compile", quantised, "-b", "maix-go", "-o", to, *new), 1,
            "it is quantised already, and nncase-0.2.0-beta2 took float networks")  # fmt: skip
    refused(ascua("compile", quantised, "-b", "host", "-o", tmp_path / "lib", *new), 1,
            "--like: host takes no kmodel")  # fmt: skip
    assert not to.exists()
    assert ascua(*words, *old, "--weight-bits", "16").code == 0
    assert kmodel.load(to).weight_bits == 16


def test_what_is_compiled_is_the_same_again(tmp_path: Path) -> None:
    path, data, _ = floats(tmp_path)
    words = ("compile", path, "-b", "maix-bit", "--data", data, "--input-range", "0", "1")
    made = [tmp_path / "a.kmodel", tmp_path / "b.kmodel"]
    assert [ascua(*words, "-o", to).code for to in made] == [0, 0]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert ascua(*words, "-o", tmp_path / "c.kmodel", "--no-bias-correction").code == 0
    assert (tmp_path / "c.kmodel").read_bytes() != made[0].read_bytes()


def test_a_quantised_network_is_compiled_by_its_own_scales(tmp_path: Path) -> None:
    """Bytes of int8 inputs are 128 more; outputs are the real values of what TFLite gives."""
    graph = prepare(small())
    path, to = model_file(tmp_path, small(), "int8"), tmp_path / "net.kmodel"
    x = samples(20, *graph.inputs[0].shape[1:])
    result = ascua("compile", path, "-b", "maix-go", "-o", to)
    assert (result.code, result.err) == (0, "")
    assert "by the scales of the model" in result.out
    (found,) = kpu.run(kmodel.load(to), x)
    (y,) = reference(graph, [(x[:, None].astype(np.int16) - 128).astype(np.int8)])
    q = graph.outputs[0].q
    expected = (y.reshape(20, -1).astype(np.float32) - q.zero_point) * np.float32(q.scale)
    np.testing.assert_allclose(found, expected, atol=6 * q.scale)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9


def test_what_is_not_compiled(tmp_path: Path) -> None:
    path, data, graph = floats(tmp_path)
    to = tmp_path / "net.kmodel"
    compiled = ("compile", path, "-b", "maix-go", "-o", to)
    reals = save(tmp_path / "r.npy", np.load(data).astype(np.float32) / 255)
    (tmp_path / "empty").mkdir()
    for more, said in (
        ((), ("is calibrated on images", "`--data D`")),
        (("--data", reals, "--input-range", "0", "1"), ("it holds real values",)),
        (("--data", tmp_path / "empty"), ("no images",)),
        (("--data", data, "--input-range", "1", "1"), ("not an ascending range",)),
    ):
        refused(ascua(*compiled, *more), 1, *said)
    assert not to.exists()
    quantised = model_file(tmp_path, small(), "int8")
    refused(ascua("compile", quantised, "-b", "maix-go", "-o", to, "--data", data), 1,
            "it is quantised already", "Leave out `--data`")  # fmt: skip
    refused(ascua(*compiled, "--data", data, "--input-range", "0", "1", "--weight-bits", "16"), 1,
            "Add `--kmodel 3`")  # fmt: skip
    refused(ascua("compile", quantised, "-b", "host", "-o", tmp_path / "lib", "--data", data), 1,
            "--data: host takes no kmodel")  # fmt: skip
    refused(ascua("compile", quantised, "-b", "maix-go", "-o", to, "--name", "x"), 1,
            "--name: it is for a library in C")  # fmt: skip
    to.write_text("mine")
    refused(ascua(*compiled, "--data", data, "--input-range", "0", "1"), 1, "is no kmodel")
    assert to.read_text() == "mine"
    assert graph.ops


def test_maps_and_firmware_need_room_too(path: Path, tmp_path: Path) -> None:
    """A board's memory of the KPU, and what firmware in C leaves of RAM."""
    board = tmp_path / "tiny.toml"
    text = (Path(k210.__file__).parent / "boards/maix-go.toml").read_text()
    board.write_text(text.replace("0x200000, use", "0x100, use"))
    refused(ascua("analyze", path, "-b", board), 3, "bytes of kpu (maps of layer 0)")
    huge = model(4, [v4.MemoryCopy(u8(0, 8), u8(8, 8))], [u8(8, 8)], constants=bytes(5_600_000),
                 inputs=(Port(u8(0, 8), (1, 1, 1, 8)),))  # fmt: skip
    (tmp_path / "huge.kmodel").write_bytes(kmodel.write(huge))
    result = ascua("analyze", tmp_path / "huge.kmodel", "-b", "maix-go")
    refused(result, 3, "bytes beside firmware in C (the file 5,600,")


def test_a_kmodel_is_told_as_such_where_none_is_taken(path: Path, tmp_path: Path) -> None:
    refused(ascua("compile", path, "-b", "host", "-o", tmp_path / "lib"), 1, "is a kmodel, which")
