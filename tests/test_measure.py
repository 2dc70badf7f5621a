"""Measurements: bytes in and out, sums that have to agree, and what is unknown stays unknown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, inputs, measure
from ascua.errors import DoesNotFit, InputError, ModelError, Unsupported
from ascua.executors.reference import Reference
from ascua.ir import Graph, Tensor
from ascua.model import Model, load_model
from ascua.ops.dequantize import Dequantize
from ascua.ops.relu import Relu
from ascua.run import sizes
from ascua.samples import as_inputs, mismatches, pack, sample_vectors, unpack
from tests.support import activation, network, reference, samples
from tests.support.command import model_file
from tests.support.everything import everything
from tests.support.examples import small
from tests.support.tools import require_board

M3 = "lm3s6965evb"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(model_file(tmp_path_factory.mktemp("model"), small()))


def two_types() -> Graph:
    """Inputs a (1, 3) and b (1, 2) of int8; outputs y of int8 and z of float32."""
    a, b = activation("a", (1, 3)), activation("b", (1, 2))
    y, z = replace(a, name="y"), Tensor("z", (1, 2), "float32")
    return Graph("two", (a, b), (y, z), (Relu((a,), (y,)), Dequantize((b,), (z,))))


def test_pack_and_unpack() -> None:
    graph = two_types()
    a = np.arange(6, dtype=np.int8).reshape(2, 1, 3)
    b = np.array([-1, -2, -3, -4], np.int8).reshape(2, 1, 2)
    assert pack([a, b]) == bytes([0, 1, 2, 255, 254, 3, 4, 5, 253, 252])
    ys = reference(graph, [a, b])
    for y, again in zip(ys, unpack(pack(ys), graph, 2), strict=True):
        assert again.dtype == y.dtype
        np.testing.assert_array_equal(again, y)


def test_the_reference_in_chunks_is_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, heard = small(), []
    xs = samples(graph, 7)
    whole = reference(graph, xs)[0]
    monkeypatch.setattr("ascua.executors.reference.CHUNK_BYTES", 8 * 648 * 3)
    parts = Reference().run(graph, xs, progress=lambda *done: heard.append(done)).outputs[0]
    np.testing.assert_array_equal(parts, whole)
    assert heard == [(3, 7), (6, 7), (7, 7)]


def test_mismatches_are_bytes() -> None:
    a = np.array([1.0, 2.0, -0.0], np.float32)
    b = np.array([1.0, 2.5, 0.0], np.float32)
    assert mismatches([a], [a]) == 0
    assert mismatches([a], [b]) == 2
    assert mismatches([np.int8([1, 2]), a], [np.int8([1, 3]), b]) == 3


def test_sample_vectors_are_always_the_same() -> None:
    for graph in (small(), everything()):
        xs = sample_vectors(graph)
        for x, again, fixed in zip(
            xs, sample_vectors(graph), inputs.pseudo_random(graph), strict=True
        ):
            assert len(x) == 4
            np.testing.assert_array_equal(x, again)
            np.testing.assert_array_equal(x[:1], fixed)
            assert x.dtype == fixed.dtype


def test_images_become_inputs() -> None:
    images = np.arange(0, 256, 17, np.uint8).reshape(2, 2, 2, 2)
    x = activation("x", (1, 2, 2, 2))
    found = as_inputs(network(Relu((x,), (replace(x, name="y"),))), images)[0]
    np.testing.assert_array_equal(found.reshape(-1), images.reshape(-1).astype(int) - 128)
    floats = Tensor("x", (1, 2, 2, 2), "float32")
    found = as_inputs(network(Relu((floats,), (replace(floats, name="y"),))), images)[0]
    np.testing.assert_allclose(found.reshape(-1), images.reshape(-1) / 255, rtol=1e-6)


def test_load(tmp_path: Path) -> None:
    path = model_file(tmp_path, small())
    assert load_model(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    x = Tensor("x", (1, 4), "float32")
    path = model_file(tmp_path, network(Relu((x,), (replace(x, name="y"),))), "floats")
    with pytest.raises(Unsupported, match=rf"^{path}: RELU 'y': 'x' is float32"):
        load_model(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match=rf"^{path}: "):
        load_model(path)


def test_sums_agree(model: Model) -> None:
    planned, known = measure.analyze(model, None)
    assert known.board is None
    assert known.macs == sum(layer.macs for layer in known.layers) == small().macs()
    assert known.weights_bytes == sum(layer.weights_bytes for layer in known.layers)
    by_hand = sum(
        t.bytes for op in small().ops if op.macs() for t in op.inputs if t is not None and t.const
    )
    assert known.weights_bytes == by_hand
    channels = sum(op.y.shape[-1] for op in small().ops if op.macs())
    assert planned.payload == known.weights_bytes + 8 * channels
    assert known.ram.total is None


def test_constants_that_are_no_weights_count_nowhere(tmp_path: Path) -> None:
    loaded = load_model(model_file(tmp_path, everything()))
    _, known = measure.analyze(loaded, None)
    assert known.weights_bytes == sum(layer.weights_bytes for layer in known.layers)
    assert {x.weights_bytes for x in known.layers if x.op == "mean"} == {0}


def test_a_host_knows_no_sizes(model: Model, tmp_path: Path) -> None:
    host = boards.load("host")
    require_board(host)
    xs = samples(model.graph, 6)
    labels = np.zeros(6, np.int64)
    result = measure.run_model(model, model.plan(host), xs, labels=labels, build=tmp_path)
    m = result.measurement
    assert (m.samples, m.mismatched_bytes, m.counter) == (6, 0, "none")
    assert m.score == result.score_reference
    assert (m.flash_bytes, m.code_bytes, m.instructions, m.ram.static) == (None,) * 4
    np.testing.assert_array_equal(result.ys[0], reference(model.graph, xs)[0])
    planned = model.plan(host)
    library = measure.compile_model(model, planned, None)
    assert sizes(planned.board, library, tmp_path) is None


def test_some_samples_are_compared(model: Model, tmp_path: Path) -> None:
    host = boards.load("host")
    require_board(host)
    xs, labels = samples(model.graph, 7), np.zeros(7, np.int64)

    def run(check: int | None) -> measure.Run:
        planned = model.plan(host)
        return measure.run_model(model, planned, xs, labels=labels, build=tmp_path, check=check)

    every, some = run(None), run(3)
    assert some.checked.tolist() == [0, 3, 6]
    assert (some.measurement.samples, some.measurement.checked_samples) == (7, 3)
    np.testing.assert_array_equal(some.ys[0], every.ys[0])
    np.testing.assert_array_equal(some.expected[0], every.expected[0][[0, 3, 6]])
    assert some.measurement.score == every.measurement.score == every.score_reference
    assert some.score_reference is None
    assert some.measurement.row()["checked_samples"] == 3
    assert run(7).measurement == run(8).measurement == every.measurement
    with pytest.raises(InputError, match="check: 0 samples cannot be compared"):
        run(0)


@pytest.mark.emulator
def test_sizes_of_a_board_agree(model: Model, tmp_path: Path) -> None:
    board = boards.load(M3)
    require_board(board)
    result = measure.run_model(model, model.plan(board), samples(model.graph, 2), build=tmp_path)
    m, planned = result.measurement, result.plan
    assert m.flash_bytes == (m.code_bytes or 0) + planned.payload
    assert m.ram.arena == planned.arena.bytes
    assert m.ram.total == planned.arena.bytes + (m.ram.static or 0) + (m.ram.stack or 0)
    assert {r.name for r in m.regions} == {memory.name for memory in board.memories}
    again, known = measure.analyze(model, board)
    library = measure.compile_model(model, again, None)
    size = sizes(board, library, tmp_path)
    assert size is not None
    sized = measure.linked(known, again, size)
    assert (sized.flash_bytes, sized.code_bytes) == (m.flash_bytes, m.code_bytes)
    assert sized.ram.stack is None
    assert json.dumps(m.json())


def test_what_does_not_fit_is_not_compiled(model: Model) -> None:
    board = boards.load(M3)
    ram = board.memory("w")
    assert ram is not None
    tiny = tuple(replace(m, bytes=1536) if m is ram else m for m in board.memories)
    with pytest.raises(DoesNotFit, match="1,536"):
        measure.compile_model(model, model.plan(replace(board, memories=tiny)), None)


def test_whole() -> None:
    assert [measure.whole(v) for v in (None, 3.0, 3.5)] == [None, 3, 3.5]
    assert isinstance(measure.whole(3.0), int)
