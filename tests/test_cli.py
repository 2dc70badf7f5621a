"""The command line: what each verb prints, what --json holds, what -v, -vv and -vvv add."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, cli, measure
from ascua.ir import Array, Graph
from ascua.model import load_model
from ascua.ops import OPERATORS
from ascua.ops.arg_max import ArgMax
from ascua.ops.conv2d import Conv2D
from ascua.samples import unpack
from tests.ops.test_arg_max import arg
from tests.ops.test_conv2d import conv
from tests.support import fake_photos, network, reference, samples
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small
from tests.support.tools import require_board

M3 = "lm3s6965evb"
MEASUREMENT = {
    "schema", "board", "goal", "by_rows", "patch",
    "model_sha256", "macs", "macs_model", "flash_bytes", "weights_bytes",
    "code_bytes", "ram_bytes", "layers", "expected", "samples", "instructions", "instructions_min",
    "instructions_max", "cycles", "counted_on", "estimate", "checked_samples", "mismatched_bytes",
    "accuracy", "tools",
}  # fmt: skip
LAYER = {"name", "op", "kernel", "macs", "instructions", "cycles", "output_shape"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"), small())


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests here, so that each program is compiled once."""
    return tmp_path_factory.mktemp("build")


def one_object(out: str, *keys: str) -> dict[str, Any]:
    """The object on stdout, which has these keys and no others, and no warning."""
    found = json.loads(out)
    assert isinstance(found, dict)
    assert found.pop("warnings") == []
    assert set(found) == set(keys)
    assert found["schema"] == measure.SCHEMA
    return found


def run_host(model: Path, build: Path, *more: object) -> Any:
    require_board(boards.load("host"))
    return ascua("run", model, "--board", "host", "--build-dir", build, *more)


def test_the_list_of_verbs_says_what_their_help_says() -> None:
    listed = ascua("--help").out
    for name, (_, text) in cli.VERBS.items():
        found = cli.verb(name)
        assert found.name == name
        assert found.get_short_help_str(200) == text
        assert f"  {name} " in listed


def test_help_and_import_load_little() -> None:
    """Whole tenths of a second of every command's time: what a verb needs comes with the verb."""
    code = "import sys, {}; print(len([m for m in sys.modules if m.startswith('ascua.')]))"
    for module, most in (("ascua", 0), ("ascua.cli", 4)):
        done = subprocess.run([sys.executable, "-c", code.format(module)], capture_output=True,
                              text=True, check=True)  # fmt: skip
        assert int(done.stdout) <= most, module


def test_documented_keys() -> None:
    """docs/json.md has a row for each key that is tested here."""
    page = (Path(__file__).parents[1] / "docs/json.md").read_text(encoding="utf-8")
    ram = {f"ram_bytes.{part}" for part in ("arena", "least", "static", "stack", "total")}
    for key in (MEASUREMENT - {"ram_bytes"}) | LAYER | ram:
        assert f"`{key}`" in page or f"`{key}[]`" in page, key


def test_analyze(model: Path) -> None:
    result = ascua("analyze", model, "--board", M3)
    assert (result.code, result.err) == (0, "")
    words = ("conv2d_pairs", "9x9x8", "softmax_s8", "arena", "decided by", "whole tensors alone")
    for text in (*words, f"flash of {M3}", f"RAM of {M3}", f"It fits {M3}."):
        assert text in result.out
    assert all(len(line.rstrip()) <= 100 for line in result.out.splitlines())


def test_analyze_names_what_the_fullest_step_holds(model: Path) -> None:
    loaded = load_model(model)
    planned = loaded.plan(boards.load("host"))
    out = ascua("analyze", model).out
    step = planned.fullest()
    assert f"step {planned.steps.index(step)}: {step.op.kind} '{step.op.name}'" in out
    assert sum(b.bytes for b in planned.live(step)) == planned.arena.bound
    for b in planned.live(step):
        assert f"{b.bytes:,}  " in out
    assert f"{planned.arena.whole_tensors:,} bytes" in out
    assert f"{planned.macs:,}" in out


def test_analyze_json(model: Path) -> None:
    found = one_object(ascua("analyze", model, "--json").out, *MEASUREMENT)
    assert found["board"] is None
    assert found["macs"] == small().macs()
    assert set(found["ram_bytes"]) == {"arena", "static", "stack", "total"}
    assert [set(layer) for layer in found["layers"]] == [LAYER] * 7
    unknown = ("flash_bytes", "code_bytes", "samples", "instructions", "accuracy", "tools")
    assert [found[key] for key in unknown] == [None] * len(unknown)


def test_run_json_and_outputs(model: Path, build: Path, tmp_path: Path) -> None:
    x = samples(small(), 5)[0]
    np.save(tmp_path / "x.npy", x[:, 0])
    expected = reference(small(), [x])[0]
    np.save(tmp_path / "labels.npy", expected.reshape(5, -1).argmax(axis=1))
    result = run_host(
        model, build, "--inputs", tmp_path / "x.npy", "--labels", tmp_path / "labels.npy",
        "--outputs", tmp_path / "y.npy", "--json",
    )  # fmt: skip
    assert (result.code, result.err) == (0, "")
    found = one_object(result.out, *MEASUREMENT)
    assert (found["samples"], found["mismatched_bytes"], found["accuracy"]) == (5, 0, 1.0)
    assert found["checked_samples"] == 5
    assert list(found["tools"]) == ["cc"]
    y = np.load(tmp_path / "y.npy")
    assert (y.shape, y.dtype) == ((5, 5), np.int8)
    np.testing.assert_array_equal(y, expected[:, 0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.npy", "x.npy", "y.npy"]


def test_run_says_how_many_samples_it_compared(model: Path, build: Path, tmp_path: Path) -> None:
    x = samples(small(), 5)[0]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "labels.npy", np.zeros(5, np.int64))
    given = ("--inputs", tmp_path / "x.npy", "--labels", tmp_path / "labels.npy")
    said = {}
    for n in (2, 5, 6):
        told = one_object(run_host(model, build, *given, "--check", n, "--json").out, *MEASUREMENT)
        assert (told["samples"], told["mismatched_bytes"]) == (5, 0)
        assert told["checked_samples"] == min(n, 5)
        assert told["accuracy"] is not None
        result = run_host(model, build, *given, "--check", n)
        assert result.code == 0, result.err
        said[n] = result.out
    assert "0 (2 of 5 samples compared)" in said[2]
    assert "accuracy, on host" in said[2]
    assert "int8 reference" not in said[2], "of all samples, and it has not computed all"
    assert "compared" not in said[5]
    assert "accuracy, int8 reference" in said[5]
    assert said[6] == said[5] == run_host(model, build, *given).out
    for n in ("0", "-3", "some"):
        refused(run_host(model, build, *given, "--check", n), 1, "--check", n)


def test_run_claims_only_what_it_compared(
    model: Path, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 5 samples the board has a wrong byte in sample 3, at index 3."""

    def faulty(*given: Any) -> list[Array]:
        ys = [y.copy() for y in unpack(*given)]
        ys[0][3].reshape(-1)[1] ^= 1
        return ys

    monkeypatch.setattr("ascua.executors.board.unpack", faulty)
    np.save(tmp_path / "x.npy", samples(small(), 5)[0])
    given = (model, build, "--inputs", tmp_path / "x.npy", "--check")
    for n, compared in ((1, "1 of 5"), (2, "2 of 5"), (3, "3 of 5")):
        result = run_host(*given, n)
        assert (result.code, f"0 ({compared} samples compared)" in result.out) == (0, True)
    result = run_host(*given, 4)  # 0, 1, 2, 4
    assert result.code == 0
    for more in ((5,), (9,)):
        result = run_host(*given, *more)
        refused(result, 4, "1 output bytes of host differ from the reference.")
        assert "compared" not in result.out + result.err
    np.save(tmp_path / "x.npy", samples(small(), 7)[0])
    result = run_host(*given, 3)  # 0, 3, 6
    refused(
        result, 4, "1 output bytes of host differ from the reference (3 of 7 samples compared)."
    )


def test_vvv_looks_at_the_sample_that_differs(
    model: Path, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*given: Any) -> list[Array]:
        ys = [y.copy() for y in unpack(*given)]
        if len(ys[0]) == 7:
            ys[0][3] ^= 1
        return ys

    monkeypatch.setattr("ascua.executors.board.unpack", faulty)
    np.save(tmp_path / "x.npy", samples(small(), 7)[0])
    result = run_host(model, build, "--inputs", tmp_path / "x.npy", "--check", 3, "-vvv")
    assert "sample 3, layer by layer" in result.err


def of_digits() -> Graph:
    """Ten scores of an image of 8 x 8, from one convolution."""
    return conv(ih=8, iw=8, ic=1, oc=10, kh=8, kw=8, padding="VALID", scale=0.001)


def test_run_takes_a_recipe_s_test_set(build: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    from ascua import data

    digits = data.load("digits")
    x = (digits.x_test.astype(int) - 128).astype(np.int8)[:, None]
    scores = reference(of_digits(), [x])[0].reshape(360, 10)
    right = float(np.mean(scores.argmax(axis=1) == digits.y_test))
    assert 0 < right < 1
    model = model_file(tmp_path, of_digits(), "scores")
    found = json.loads(run_host(model, build, "--recipe", "digits-dscnn", "--json").out)
    assert (found["samples"], found["accuracy"], found["mismatched_bytes"]) == (360, right, 0)


def test_run_takes_a_folder_of_pictures(build: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    fake_photos.classes(tmp_path / "photos", {"cat": 3, "dog": 4}, "PNG")
    (tmp_path / "photos" / "cat" / "IMG_1.heic").write_bytes(b"of a telephone")
    model = model_file(tmp_path, conv(ih=8, iw=8, oc=2, kh=8, kw=8, padding="VALID"), "scores")
    result = run_host(model, build, "--data", tmp_path / "photos", "--json")
    found = json.loads(result.out)
    assert (found["samples"], found["mismatched_bytes"]) == (7, 0)
    assert found["accuracy"] * 7 == pytest.approx(round(found["accuracy"] * 7))
    assert "left out 1 of 8 pictures, such as IMG_1.heic" in found["warnings"][0]
    one = model_file(tmp_path, conv(ih=8, iw=8, oc=1, kh=8, kw=8, padding="VALID"), "one")
    refused(run_host(one, build, "--data", tmp_path / "photos"), 1, "label 1 is outside")


def test_run_compares_the_class_with_the_label(build: Path, tmp_path: Path) -> None:
    """A network that ends in ARG_MAX: as many are right as where the scores come out."""
    graph = of_digits()
    best = arg(ArgMax, (1, 1, 1, 10), name="best")
    best = replace(best, inputs=(graph.ops[0].y, best.inputs[1]))
    model = model_file(tmp_path, network(*graph.ops, best), "best")
    x = samples(graph, 20)[0]
    np.save(tmp_path / "x.npy", x)
    labels = reference(graph, [x])[0].reshape(20, 10).argmax(axis=1)
    labels[:5] = (labels[:5] + 1) % 10
    np.save(tmp_path / "labels.npy", labels)
    files = ("--inputs", tmp_path / "x.npy", "--labels", tmp_path / "labels.npy")
    result = run_host(model, build, *files, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["accuracy"] == 0.75


@pytest.mark.emulator
def test_run_on_a_cortex_m3(model: Path, build: Path) -> None:
    require_board(boards.load(M3))
    result = ascua("run", model, "--board", M3, "--build-dir", build, "--json")
    assert result.code == 0, result.err
    found = one_object(result.out, *MEASUREMENT)
    ram = found["ram_bytes"]
    assert ram["total"] == ram["arena"] + ram["static"] + ram["stack"]
    assert found["flash_bytes"] > found["code_bytes"] > 0
    assert found["mismatched_bytes"] == 0
    if found["layers"][0]["instructions"] is not None:
        assert sum(x["instructions"] for x in found["layers"]) <= found["instructions"]
        assert sum(x["cycles"] for x in found["layers"]) <= found["cycles"]["assumed"]


def test_lists() -> None:
    found = one_object(ascua("boards", "--json").out, "schema", "boards")
    assert [b["name"] for b in found["boards"]] == list(boards.names())
    found = one_object(ascua("ops", "--json").out, "schema", "ops")
    assert {o["tflite"] for o in found["ops"]} == set(OPERATORS)
    keys = {"op", "tflite", "max_version", "kernels", "types", "by_type", "summary"}
    assert set(found["ops"][0]) == keys
    found = one_object(ascua("doctor", "--json").out, "schema", "tools")
    keys = {"name", "found", "version", "boards", "install", "needed"}
    assert all(set(t) == keys for t in found["tools"])
    for verb in ("boards", "ops", "doctor"):
        result = ascua(verb)
        assert (result.code, result.err) == (0, "")


def test_validate(model: Path, build: Path) -> None:
    require_board(boards.load("host"))
    result = ascua("validate", model, "--board", "host", "--build-dir", build, "--json")
    assert result.code == 0, result.err
    found = one_object(result.out, "schema", "model_sha256", "samples", "oracle", "executors")
    assert found["samples"] == 4
    assert [e["executor"] for e in found["executors"]][:2] == ["reference", "host"]
    keys = {"executor", "against", "mismatched_bytes", "bytes", "note", "first"}
    assert all(set(e) == keys for e in found["executors"])
    assert "mismatched bytes" in ascua("validate", model, "-b", "host", "--build-dir", build).out


def test_validate_plans_of_least_ram(model: Path, build: Path) -> None:
    require_board(boards.load("host"))
    asked = ("validate", model, "-b", "host", "--build-dir", build, "--json")
    for more in ((), ("--input-by-rows",), ("--patch", "1.5")):
        result = ascua(*asked, "--goal", "ram", *more)
        assert result.code == 0, result.err
        assert json.loads(result.out)["executors"][1]["mismatched_bytes"] == 0
    assert len([*build.glob("*-host-*")]) > 1, "other plans, other programs"


@pytest.mark.parametrize("before", [True, False])
def test_v_shows_the_plan_before_and_after_the_verb(before: bool, model: Path) -> None:
    arguments = ("-v", "analyze", model) if before else ("analyze", model, "-v")
    result = ascua(*arguments, "--json")
    one_object(result.out, *MEASUREMENT)
    assert "conv2d_s8" in result.err
    assert "@" in result.err
    assert ascua("analyze", model).err == ""


def test_vv_shows_commands_and_files(model: Path, tmp_path: Path) -> None:
    result = run_host(model, tmp_path, "-vv", "--outputs", tmp_path / "y.npy")
    assert "cc -std=c11" in result.err
    assert "firmware.elf" in result.err
    assert str(tmp_path / "y.npy") in result.err
    assert "step 0" not in result.err
    result = ascua("compile", model, "-b", "host", "-o", tmp_path / "lib", "-v", "-v")
    written = sorted(str(p) for p in (tmp_path / "lib").rglob("*") if p.is_file())
    assert [line for line in result.err.splitlines() if line.startswith(str(tmp_path))] == written


def test_vvv_shows_each_layer(model: Path, build: Path) -> None:
    lines = run_host(model, build, "-vvv").err.splitlines()
    told = [line for line in lines if line.startswith("host step")]
    kinds = ["conv2d", "depthwise_conv2d", "conv2d", "add", "max_pool2d", "fully_connected",
             "softmax"]  # fmt: skip
    assert [line.split()[3] for line in told] == kinds
    assert all(line.endswith(": equal") for line in told)


def wrong(self: Conv2D, *xs: Array) -> Array:
    """A reference with a fault: the sign of a channel of the second convolution."""
    y = EVAL(self, *xs)
    if self.name == "pointwise":
        y = y.copy()
        y[..., 3] = ~y[..., 3]
    return y


EVAL = Conv2D.eval


def test_a_difference_has_its_exit_code_and_its_layer(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_file(tmp_path, network(*small().ops[:-1]))  # a softmax would hide it
    monkeypatch.setattr(Conv2D, "eval", wrong)
    result = run_host(model, build, "-vvv", "--json")
    assert result.code == 4
    assert json.loads(result.out)["mismatched_bytes"] > 0
    assert "output bytes of host differ from the reference" in result.err
    told = [line for line in result.err.splitlines() if line.startswith("host step")]
    assert [line.endswith(": equal") for line in told[:3]] == [True, True, False]
    assert "81 of 648 values differ, the first at [0, 0, 0, 3]:" in told[2]
    result = ascua("validate", model, "-b", "host", "--build-dir", build)
    assert result.code == 4
    assert "the first layer that differs is conv2d 'pointwise'" in result.out


def test_every_verb_has_help() -> None:
    listed = ascua("--help").out
    verbs = ("analyze", "bench", "boards", "compare", "compile", "demo", "doctor", "models", "ops",
             "quantize", "run", "train", "validate")  # fmt: skip
    for verb in verbs:
        assert f"\n  {verb} " in listed
        result = ascua(verb, "--help")
        assert (result.code, result.err) == (0, "")
        assert "Usage:" in result.out
    assert "..." not in listed.partition("Commands:")[2]
    assert ascua("--version").out.startswith("ascua, version")


def renamed(graph: Graph, name: str) -> Graph:
    """`graph` with another name for its first input."""
    x = graph.inputs[0]
    y = replace(x, name=name)
    ops = tuple(
        replace(op, inputs=tuple(y if t is x else t for t in op.inputs)) for op in graph.ops
    )
    return replace(graph, inputs=(y,), ops=ops)


def test_names_out_of_a_file_cannot_command_the_terminal(tmp_path: Path) -> None:
    model = model_file(tmp_path, renamed(small(), "\x1b[2Jx\r" + "long" * 50))
    result = ascua("analyze", model, "--board", M3)
    assert result.code == 0
    assert "\x1b" not in result.out
    assert all(len(line.rstrip()) <= 100 for line in result.out.splitlines())
