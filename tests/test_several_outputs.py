"""Networks with two inputs and two outputs, from the file to the board and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ascua import boards, tflite, validation
from ascua.executors.reference import Reference, reference
from ascua.ir import Array, Graph
from ascua.ops.add import Add
from ascua.ops.relu import Relu
from ascua.ops.split import Split
from ascua.plan import plan
from tests.support import Answering, activation, check_everywhere, constant, oracle, samples
from tests.support.command import ascua, model_file


def two() -> Graph:
    """(image, other) to (the rest, the sum): three parts of the image, one of them unread."""
    image, other = activation("image", (1, 3, 4, 6), 0.05, 3), activation("other", (1, 3, 4, 2))
    parts = tuple(replace(other, name=n, quant=image.quant) for n in ("part", "unread", "rest"))
    axis = constant("axis", np.array(3, np.int32))
    positive = Relu((parts[0],), (replace(parts[0], name="positive"),))
    total = Add((positive.y, other), (activation("total", other.shape, 0.09, -7),), "NONE")
    ops = (Split((axis, image), parts), positive, total)
    return Graph("two", (image, other), (parts[2], total.y), ops)


def test_equals_tflm() -> None:
    check_everywhere(two())


def test_the_reference_keeps_what_is_asked_for() -> None:
    xs = samples(two(), 2)
    assert set(two().eval(xs)[0]) == {"rest", "total"}
    assert {"part", "unread", "positive"} <= set(two().eval(xs, keep=True)[0])


def test_the_plan_gives_all_outputs_their_place() -> None:
    step = plan(two(), boards.load("lm3s6965evb")).steps[0]
    places = [(b.offset, b.offset + b.bytes) for b in step.buffers]
    assert len(places) == 4
    assert all(a[1] <= b[0] for a, b in zip(sorted(places), sorted(places)[1:], strict=False))


def test_run_with_an_npz_of_inputs_and_of_outputs(tmp_path: Path) -> None:
    graph = two()
    model, given, taken = model_file(tmp_path, graph), tmp_path / "x.npz", tmp_path / "y.npz"
    xs = samples(graph, 3)
    np.savez(given, image=xs[0], other=xs[1])
    result = ascua(
        "run", model, "--board", "host", "--inputs", given, "--outputs", taken,
        "--build-dir", tmp_path / "build",
    )  # fmt: skip
    assert result.code == 0, result.err
    expected = oracle(tflite.write(graph), xs)
    with np.load(taken) as table:
        assert table.files == ["rest", "total"]
        for name, y in zip(table.files, expected, strict=True):
            np.testing.assert_array_equal(table[name].reshape(y.shape), y)


def test_the_first_difference_may_be_in_any_output() -> None:
    graph = two()
    xs = samples(graph, 2)

    def wrong(part: Graph, xs: Sequence[Array]) -> list[Array]:
        """As if the last part of SPLIT went wrong."""
        ys = [np.array(y) for y in reference(part, xs)]
        for t, y in zip(part.outputs, ys, strict=True):
            if t.name == "rest":
                y[1, 0, 2, 3, 1] ^= 1
        return ys

    executor = Answering(wrong)
    found = validation.first_difference(graph, xs, executor, Reference())
    assert found is not None
    assert (found.layer, found.op, found.mismatched) == ("rest", "split", 1)
    layers = dict(validation.layer_by_layer(graph, xs, executor, Reference()))
    first = layers[graph.ops[0]]
    assert first is not None
    assert first.index == (1, 0, 2, 3, 1)
