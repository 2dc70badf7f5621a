"""`ascua optimize`, and the verbs that plan what is smaller."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from ascua import bench, boards, tflite
from ascua.ir import Graph, Metadata, Signature
from ascua.model import load_model
from ascua.passes import channels as channels_pass
from tests.fuzz import idle
from tests.support import network, oracle
from tests.support.command import ascua, model_file, refused
from tests.support.idle_nets import conv, image, weights
from tests.support.tools import require_board
from tests.test_optimize import HIGH, LOW, example, off_by_one


def two_outputs() -> Graph:
    """Two heads on one layer, with a signature, and metadata of two kinds."""
    a = conv(image(), weights(4, 3, 3, 3), [LOW, 5, HIGH, -9])
    one = conv(a.y, weights(3, 1, 1, 4, seed=5), [1, 2, 3], "one")
    two = conv(a.y, weights(2, 1, 1, 4, seed=6), [1, 2], "two")
    graph = dataclasses.replace(network(a, one, two), outputs=(one.y, two.y))
    ends = (("first", one.y), ("second", two.y))
    signature = Signature("serving_default", (("picture", graph.inputs[0]),), ends)
    data = (Metadata("labels", b"cat\ndog"), Metadata("CONVERSION_METADATA", b"x" * 100))
    return dataclasses.replace(graph, signatures=(signature,), metadata=data)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_file(tmp_path, two_outputs())


def read(path: Path) -> Graph:
    return tflite.load(path)


def test_a_file_is_written(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "out.tflite"
    result = ascua("optimize", model, "-o", to)
    assert result.code == 0, result.err
    assert to.stat().st_size < model.stat().st_size
    for words in (("weights", "128", "64"), ("MACs", "3,200", "1,600"), ("bit for bit",)):
        assert all(w in result.out for w in words), result.out
    assert "pass" not in result.out
    xs = idle.extremes(two_outputs(), 6, 1)
    for y, e in zip(oracle(to.read_bytes(), xs), oracle(model.read_bytes(), xs), strict=True):
        np.testing.assert_array_equal(y, e)


def test_what_a_file_says_stays(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "out.tflite"
    ascua("optimize", model, "-o", to)
    before, after = read(model), read(to)
    for a, b in zip((*before.inputs, *before.outputs), (*after.inputs, *after.outputs),
                    strict=True):  # fmt: skip
        assert (a.name, a.shape, a.quant) == (b.name, b.shape, b.quant)
    (s,) = after.signatures
    assert s.key == "serving_default"
    assert [n for n, _ in s.inputs + s.outputs] == ["picture", "first", "second"]
    assert [m.name for m in after.metadata] == ["labels"]
    assert [op.version for op in after.ops] == [op.version for op in before.ops]
    kept = [t.q.scales for op in after.ops for t in op.inputs if t is not None and t.quant]
    assert all(s in (0.004, float(np.float32(0.004)), float(np.float32(0.03)),
                     float(np.float32(0.05))) for scales in kept for s in scales)  # fmt: skip


def test_the_report_says_why(model: Path, tmp_path: Path) -> None:
    result = ascua("optimize", model, "-o", tmp_path / "out.tflite", "--report")
    assert all(w in result.out for w in ("channels", "2 of 4 channels", "conv2d")), result.out
    assert "same" in result.out
    assert "no kernel reads" in result.out
    less = ascua("optimize", model, "-o", tmp_path / "one.tflite", "--report", "--keep", "one")
    assert "1 operator" in less.out


def test_json(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "out.tflite"
    found = json.loads(ascua("optimize", model, "-o", to, "--json").out)
    assert set(found) == {
        "schema", "tflite", "model_sha256", "outputs", "before", "after", "savings", "warnings",
    }  # fmt: skip
    assert found["before"] == {"weights": 128, "macs": 3200, "bytes": model.stat().st_size}
    assert found["after"] == {"weights": 64, "macs": 1600, "bytes": to.stat().st_size}
    assert found["outputs"] == ["one", "two"]
    assert [s["pass"] for s in found["savings"]] == ["channels", "names"]
    assert all(set(s) == {"pass", "layer", "op", "what", "why"} for s in found["savings"])


@pytest.mark.parametrize("name", ["two", "second"])
def test_keep_an_output(model: Path, tmp_path: Path, name: str) -> None:
    """By the name of its tensor, or by that of a signature."""
    to = tmp_path / "out.tflite"
    result = ascua("optimize", model, "-o", to, "--keep", name)
    assert result.code == 0, result.err
    graph = read(to)
    assert [t.name for t in graph.outputs] == ["two"]
    assert len(graph.ops) == 2
    assert [n for n, _ in graph.signatures[0].outputs] == ["second"]
    xs = idle.extremes(graph, 4, 1)
    expected = oracle(model.read_bytes(), xs)[1]
    np.testing.assert_array_equal(oracle(to.read_bytes(), xs)[0], expected)


def test_errors(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "out.tflite"
    refused(ascua("optimize", model, "-o", to, "--keep", "three"), 1,
            "no output 'three'", "'one', 'two', 'first', 'second'")  # fmt: skip
    refused(ascua("optimize", model, "-o", model), 1, "this command reads it", "--out OUT.tflite")
    refused(ascua("optimize", tmp_path / "no.tflite", "-o", to), 1, "No such file")
    (tmp_path / "notes.txt").write_text("mine")
    refused(ascua("optimize", model, "-o", tmp_path / "notes.txt"), 1, "no .tflite file", "--force")
    (tmp_path / "net.kmodel").write_bytes(b"\x03\0\0\0" + bytes(60))
    refused(ascua("optimize", tmp_path / "net.kmodel", "-o", to), 1, "it is a kmodel")
    assert not to.exists()
    assert ascua("optimize", model, "-o", model, "--force").code == 0


def test_a_float_network_is_refused(tmp_path: Path) -> None:
    graph = two_outputs()
    real = dataclasses.replace(graph.inputs[0], dtype="float32", quant=None)
    ops = (dataclasses.replace(graph.ops[0], inputs=(real, *graph.ops[0].inputs[1:])),
           *graph.ops[1:])  # fmt: skip
    path = model_file(tmp_path, dataclasses.replace(graph, inputs=(real,), ops=ops, signatures=()))
    refused(ascua("optimize", path, "-o", tmp_path / "y.tflite"), 1, "its arithmetic is in float")


def test_a_fault_of_a_pass_writes_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels_pass.Read, "bias", off_by_one)
    to = tmp_path / "out.tflite"
    refused(ascua("optimize", model, "-o", to), 4, "not written", "a fault of Ascua's")
    assert not to.exists()


# The verbs that plan.


def test_analyze_says_what_goes(tmp_path: Path) -> None:
    path = model_file(tmp_path, example())
    result = ascua("analyze", path)
    assert "with 62 of 155 weights" in result.out, result.out
    assert "which is what is planned" in result.out
    found = json.loads(ascua("analyze", path, "--json").out)
    assert (found["macs"], found["macs_model"]) == (1550, 3875)
    own = ascua("analyze", path, "--no-optimize")
    assert "without `--no-optimize`" in own.out
    whole = json.loads(ascua("analyze", path, "--json", "--no-optimize").out)
    assert (whole["macs"], whole["macs_model"]) == (3875, 3875)


def test_analyze_says_nothing_where_nothing_goes(tmp_path: Path) -> None:
    a = conv(image(), weights(3, 1, 1, 3), [5, 6, 7])
    assert "same outputs" not in ascua("analyze", model_file(tmp_path, network(a))).out


def test_compile_takes_the_smaller_network(tmp_path: Path) -> None:
    path = model_file(tmp_path, example())
    sizes = []
    for i, options in enumerate(((), ("--no-optimize",))):
        to = tmp_path / f"lib{i}"
        assert ascua("compile", path, "-b", "lm3s6965evb", "-o", to, *options).code == 0
        sizes.append(sum(p.stat().st_size for p in to.rglob("*.c")))
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_boards_agree(tmp_path: Path, verb: str) -> None:
    path = model_file(tmp_path, example())
    for options in ((), ("--no-optimize",)):
        result = ascua(verb, path, "-b", "host", "--build-dir", tmp_path / "build", *options)
        assert result.code == 0, result.err


def test_a_fault_of_a_pass_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run`, `validate` and `-vvv` compare with all that the file computes, through the origins."""
    monkeypatch.setattr(channels_pass.Read, "bias", off_by_one)
    path = model_file(tmp_path, example())
    build = ("--build-dir", tmp_path / "build")
    refused(ascua("run", path, "-b", "host", *build), 4, "differ from the reference")
    result = ascua("validate", path, "-b", "host", "--json", *build, "-vvv")
    assert result.code == 4
    found = json.loads(result.out)["executors"]
    assert [(e["executor"], e["first"]["layer"]) for e in found] == [("reference", "y"),
                                                                     ("host", "y")]  # fmt: skip
    assert "step 0 conv2d 'a': equal" in result.err
    assert "step 1 conv2d 'y': " in result.err
    assert "values differ" in result.err


def test_the_map_of_a_model(tmp_path: Path) -> None:
    loaded = load_model(model_file(tmp_path, example()))
    assert loaded.graph is not loaded.prepared
    part, origins = loaded.in_file(loaded.graph.until(loaded.graph.ops[0]))
    assert [o.channels for o in origins] == [(1, 4)]
    assert part.outputs[0].shape[-1] == 5
    own = load_model(loaded.path, smaller=False)
    assert own.graph is own.prepared


def test_bench_measures_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are other measurements of one file: neither is taken for the other."""
    require_board(boards.load("host"))
    model = load_model(model_file(tmp_path, example()))
    xs = idle.extremes(model.graph, 4, 1)
    case = bench.Case("idle", model, boards.load("host"), xs)
    monkeypatch.setattr(bench, "_peers", lambda *_: iter([case]))
    monkeypatch.setattr(bench, "_chosen", lambda *_, **__: iter([]))

    def macs(smaller: bool) -> tuple[int, int]:
        (found,) = bench.bench(
            (), None, smaller=smaller, folder=tmp_path / "results", build=tmp_path / "build",
            data_dir=None, say=lambda _: None,
        )  # fmt: skip
        return found.macs, found.macs_model

    assert [macs(s) for s in (True, False, True)] == [(1550, 3875), (3875, 3875), (1550, 3875)]
    assert len((tmp_path / "results/idle.jsonl").read_text().splitlines()) == 2
