"""Validation: which executor differs, the first layer that does, and what could not run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, validation
from ascua.errors import DoesNotFit, ToolFailed
from ascua.executors import Executor
from ascua.executors.reference import Reference, reference
from ascua.ir import Array, Graph, Op
from ascua.model import load_model
from ascua.ops.relu import Relu
from ascua.run import tflm
from tests.ops.test_conv2d import conv
from tests.support import Answering, activation, network, samples
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small
from tests.support.tools import require_board
from tests.support.unsigned import as_uint8

CHAIN = network(*small().ops[:-1])
"""A residual network whose last layer shows every fault before it."""
LAYERS = [op for op in CHAIN.ops if not op.view]
XS = samples(CHAIN, 3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"), CHAIN, "chain")


def faulty(name: str, asked: list[str] | None = None) -> Executor:
    """The reference, but the sign of every value of one layer is wrong, and what follows."""

    def execute(graph: Graph, xs: Sequence[Array]) -> list[Array]:
        if asked is not None:
            asked.append(graph.ops[-1].name)
        live = dict(zip(graph.inputs, xs, strict=True))
        for op in graph.ops:
            y = op.eval(*(live[t] for t in op.activations))
            live[op.y] = ~y if op.name == name else y
        return [live[t] for t in graph.outputs]

    return Answering(execute)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda op: op.name)
def test_the_first_layer_that_differs_is_found(layer: Op) -> None:
    asked: list[str] = []
    found = validation.first_difference(CHAIN, XS, faulty(layer.name, asked), Reference())
    assert found is not None
    assert (found.layer, found.op) == (layer.name, layer.kind)
    assert found.mismatched == found.elements == 3 * layer.y.size
    assert len(asked) <= 2 + math.ceil(math.log2(len(LAYERS)))


def test_without_a_difference_there_is_no_layer() -> None:
    truth = Reference()
    assert validation.first_difference(CHAIN, XS, truth, truth) is None


def test_layer_by_layer() -> None:
    rows = list(validation.layer_by_layer(CHAIN, XS, faulty("pointwise"), Reference()))
    assert [op for op, _ in rows] == LAYERS
    equal = [first is None for _, first in rows]
    assert equal == [True, True, False, False, False, False]
    first = rows[2][1]
    assert first is not None
    assert first.index == (0, 0, 0, 0, 0)
    assert first.value == -1 - first.expected


def test_first_value() -> None:
    a = np.zeros((2, 3), np.int8)
    b = a.copy()
    assert validation.first_value(a, b) is None
    b[1, 1], b[1, 2] = 5, 6
    found = validation.first_value(a, b)
    assert found == validation.FirstValue((1, 1), 0, 5, 2, 6)
    nan = np.array([np.nan, 1.0], np.float32)
    assert validation.first_value(nan, nan.copy()) is None
    assert validation.first_value(nan, np.float32([0, 1])) is not None


def test_cut_computes_the_layer() -> None:
    live, _ = CHAIN.eval(XS, keep=True)
    for op in LAYERS:
        part = CHAIN.until(op)
        assert part.outputs == op.outputs
        np.testing.assert_array_equal(part.eval(XS)[0][op.name], live[op.name])


def test_how_far_is_in_quantised_steps_without_zero_points() -> None:
    x = activation("x", (1, 2), 0.5, 10)
    found = validation.difference(Relu((x,), (x,)), np.int8([[13, 10]]), np.int8([[13, 14]]))
    assert (found.mismatched, found.elements, found.max_error) == (1, 2, 4)
    assert found.cosine == pytest.approx(3 / 5)
    assert found.sqnr_db == pytest.approx(10 * math.log10(25 / 16))


def validate(path: Path, build: Path) -> dict[str, validation.Check]:
    model = load_model(path)
    plans = [model.plan(boards.load("host"))]
    return {c.executor: c for c in validation.validate(model, XS, plans, build)}


def test_executors_are_equal(path: Path, tmp_path: Path) -> None:
    require_board(boards.load("host"))
    found = validate(path, tmp_path)
    assert [found[name].mismatched_bytes for name in ("reference", "host")] == [0, 0]
    assert found["host"].bytes == 3 * 5
    assert found["host"].against == ("reference" if tflm.version() is None else "tflite-micro")


def test_a_model_that_tflm_refuses(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[Array]:
        raise ToolFailed("tflite-micro refuses the model:\nreasons")

    monkeypatch.setattr(tflm, "version", lambda: "1")
    monkeypatch.setattr(tflm, "run", refuse)
    found = validate(path, tmp_path)
    assert found["host"].against == "reference"
    assert "refuses" in found["tflite-micro"].note
    unproven(path, tmp_path, "tflite-micro refuses the model:", "reasons")


def test_without_tflm(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm, "version", lambda: None)
    found = validate(path, tmp_path)
    assert found["host"].against == "reference"
    assert "pip install tflite-micro" in found["tflite-micro"].note
    unproven(path, tmp_path, "tflite-micro is not installed", "`pip install tflite-micro`")


def unproven(path: Path, build: Path, *words: str) -> None:
    """`ascua validate` lists what agreed, says that nobody else was asked, and exits 2."""
    args = ("validate", path, "-b", "host", "--build-dir", build)
    result = ascua(*args)
    refused(result, 2, f"{path}: not validated: ", "could not be asked", "reference, host agree",
            "no proof", *words)  # fmt: skip
    rows = [line.split() for line in result.out.splitlines()]
    assert ["host", "reference", "0", "20"] in rows
    result = ascua(*args, "--json")
    assert result.code == 2
    said = json.loads(result.out)
    assert said["oracle"] is None
    assert [e["mismatched_bytes"] for e in said["executors"]] == [0, 0, None]


def test_with_an_oracle(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_as_reference(path, monkeypatch)
    result = ascua("validate", path, "-b", "host", "--build-dir", tmp_path, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["oracle"] == "tflite-micro"


def answer_as_reference(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle that is there and agrees."""
    graph = load_model(path).graph
    monkeypatch.setattr(tflm, "version", lambda: "1")
    monkeypatch.setattr(tflm, "run", lambda _, xs, __: reference(graph, xs))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *_: np.load("absent.npz"), "its answer cannot be read"),
        (lambda *_: [np.zeros((3, 4), np.int8)], "in another shape: [3, 4]"),
        (lambda *_: [], "its answer cannot be read"),
    ],
)
def test_an_oracle_that_answers_nothing_of_use(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object, words: str
) -> None:
    monkeypatch.setattr(tflm, "version", lambda: "1")
    monkeypatch.setattr(tflm, "run", answer)
    unproven(path, tmp_path, words)


def test_a_difference_counts_without_an_oracle_too(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflm, "version", lambda: None)
    wrong = Answering(lambda graph, xs: [~y for y in reference(graph, xs)])
    monkeypatch.setattr(validation, "OnBoard", lambda *_: wrong)
    np.save(tmp_path / "x.npy", XS[0])
    result = ascua("validate", path, "-b", "host", "--inputs", tmp_path / "x.npy")
    refused(result, 4, "outputs differ on host")


def test_a_uint8_network_whose_oracle_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model_file(tmp_path, as_uint8(conv()), "u8")
    monkeypatch.setattr(validation.litert, "version", lambda: None)
    result = ascua("validate", path, "-b", "host", "--build-dir", tmp_path)
    refused(result, 2, "litert could not be asked", "`pip install '.[train]'`")


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise error

    monkeypatch.setattr("ascua.executors.board.run", fail)


def test_a_crash_on_a_board_is_an_error(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(ToolFailed("host: hard fault in net_step_00.\n  more"), monkeypatch)
    assert validate(path, tmp_path)["host"].note == "host: hard fault in net_step_00."
    result = ascua("validate", path, "--build-dir", tmp_path)
    refused(result, 2, "host: hard fault in net_step_00")
    assert "reference" in result.out


def test_a_board_that_is_too_small_is_an_error_where_it_was_asked_for(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_as_reference(path, monkeypatch)
    fail_with(DoesNotFit("chain does not fit."), monkeypatch)
    result = ascua("validate", path, "--build-dir", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert "does not fit" in result.out
    result = ascua("validate", path, "-b", "host", "--build-dir", tmp_path)
    refused(result, 3, "chain does not fit")


def test_a_part_of_the_network_that_cannot_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The difference counts, also where its layer cannot be found."""

    def only_whole(graph: Graph, xs: Sequence[Array]) -> list[Array]:
        if len(graph.ops) < len(load_model(path).graph.ops):
            raise DoesNotFit("this part does not fit")
        return [~y for y in reference(graph, xs)]

    monkeypatch.setattr(validation, "OnBoard", lambda *_: Answering(only_whole))
    found = validate(path, tmp_path)["host"]
    assert found.mismatched_bytes == found.bytes
    assert found.first is None


def test_extras() -> None:
    found = {t.name: t for t in validation.python_extras()}
    assert set(found) == {
        "keras", "tensorflow-cpu", "scikit-learn", "pillow", "tflite-micro", "onnx", "kflash",
    }  # fmt: skip
    assert not any(t.needed for t in found.values())
    assert all((t.version is not None) == t.found for t in found.values())
