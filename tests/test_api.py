"""The package as a Python program uses it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ascua
from ascua import zoo
from tests.support import samples
from tests.support.command import model_file
from tests.support.examples import small
from tests.support.tools import require_board


def test_a_str_one_array_and_lines_that_can_be_read(tmp_path: Path) -> None:
    board = ascua.load_board("host")
    require_board(board)
    path = model_file(tmp_path, small())
    model = ascua.load_model(str(path))
    assert repr(model) == f"Model({str(path)!r}, {model.graph.summary})"
    plan = model.plan(board)
    assert "\n" not in repr(plan)
    assert repr(plan).startswith(f"Plan({model.graph.name!r} on host, ")
    (xs,) = samples(small(), 3)
    run = ascua.run_model(model, plan, xs, build=str(tmp_path / "build"))
    assert run.measurement.mismatched_bytes == 0
    assert repr(run).endswith(", 3 samples)")
    assert len(repr(run)) < 200
    np.testing.assert_array_equal(ascua.reference(model.graph, xs)[0], run.ys[0])


def test_version_and_module() -> None:
    done = subprocess.run([sys.executable, "-m", "ascua", "--version"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert ascua.__version__ in done.stdout


@pytest.fixture
def net() -> Any:
    keras = pytest.importorskip("keras")
    zoo.import_keras()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(3, name="scores")],
        name="net",
    )


X = np.random.default_rng(0).normal(0, 1, (60, 6)).astype(np.float32)
WARNED = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@WARNED
def test_a_keras_model_becomes_integers_and_runs(net: Any, tmp_path: Path) -> None:
    require_board(ascua.load_board("host"))
    y = np.asarray(net(X)).argmax(1)
    small = ascua.quantize_model(net, X, labels=y, samples=50)
    assert repr(small).startswith("Quantized('net', ")
    assert (small.samples, small.scaling, small.judged) == (50, None, 50)
    assert small.fidelity.right is not None
    saved = small.save(str(tmp_path / "net.tflite"))
    again = ascua.load_model(saved)
    assert again.sha256 == small.sha256 == small.model.sha256
    run = ascua.run_model(
        small.model, small.model.plan(ascua.load_board("host")), X, labels=y,
        build=tmp_path / "build",
    )  # fmt: skip
    row = run.measurement.row()
    assert (row["board"], row["mismatched_bytes"], row["samples"]) == ("host", 0, 60)
    assert row["accuracy"] > 0.9
    assert all(v is None or isinstance(v, int | float | str) for v in row.values())
    checks = ascua.validate_model(
        small.model, X[:4], on=[ascua.load_board("host")], build=tmp_path / "build"
    )
    assert all(c.mismatched_bytes in (0, None) for c in checks)
    found = ascua.compare_models(net, saved, X, labels=y, cuts=5)
    assert found.answers is not None
    assert (found.a, found.b, found.samples) == ("net", str(saved), 60)


@WARNED
def test_arrays_come_in_every_form(net: Any, tmp_path: Path) -> None:
    keras = zoo.import_keras()
    plain = ascua.quantize_model(net, X).sha256
    np.save(tmp_path / "x.npy", X)
    for data in ([X], {"x": X}, tmp_path / "x.npy", str(tmp_path / "x.npy")):
        assert ascua.quantize_model(net, data).sha256 == plain
    left, right = keras.Input((2,), name="left"), keras.Input((4,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    two = keras.Model([left, right], keras.layers.Dense(2)(joined), name="two")
    ordered = ascua.quantize_model(two, [X[:, :2], X[:, 2:]])
    named = ascua.quantize_model(two, {"right": X[:, 2:], "left": X[:, :2]})
    assert ordered.sha256 == named.sha256


@WARNED
@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (7, X, "A int is no network.*Keras model"),
        (None, 7, "The data are a int.*array of samples"),
        (None, [[1, 2], [3]], "the data: it is no array of numbers"),
        (None, object(), "The data are a object"),
        (None, X[:, :5], r"(?i)the data.*\[60, 5\].*\[N, 6\]"),
        (None, "no such data", "no such data: neither a data set"),
        (None, X * np.nan, "NaN"),
        (None, np.array(["a"] * 60), "no array of numbers, but of <U1"),
    ],
)
def test_what_cannot_be_is_told(net: Any, model: Any, data: Any, message: str) -> None:
    with pytest.raises(ascua.AscuaError, match=f"(?s){message}"):
        ascua.quantize_model(model or net, data)


@WARNED
def test_a_recipe_is_trained_by_name(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("sklearn")
    recipe = dataclasses.replace(ascua.load_recipe("digits-dscnn"), epochs=1)
    trained = ascua.train_recipe(recipe, out=tmp_path / "t")
    assert trained.tflite.is_file()
    assert ascua.load_model(trained.tflite).classes == tuple("0123456789")
    with pytest.raises(ascua.AscuaError, match="digit"):
        ascua.train_recipe("digit-dscnn")


class Foreign:
    """An array of another library."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def numpy(self) -> np.ndarray:
        return self.values


@WARNED
def test_runs_take_data_and_labels_of_every_form(net: Any, tmp_path: Path) -> None:
    require_board(ascua.load_board("host"))
    y = np.asarray(net(X)).argmax(1)
    small = ascua.quantize_model(net, X)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    build = tmp_path / "build"
    plain = ascua.run_model(small, "host", X, labels=y, build=build)
    assert plain.accuracy_reference is not None
    assert plain.accuracy_reference > 0.9
    for data in (
        [X],
        list(X),
        (x for x in X),
        {"x": X},
        Foreign(X),
        tmp_path / "x.npy",
        X.tolist(),
    ):
        run = ascua.run_model(small, "host", data, build=build)
        np.testing.assert_array_equal(run.ys[0], plain.ys[0])
    for labels in (y[:, None], y.tolist(), Foreign(y), tmp_path / "y.npy"):
        run = ascua.run_model(small.model, "host", X, labels=labels, build=build)
        assert run.measurement.accuracy == plain.measurement.accuracy
    np.testing.assert_array_equal(ascua.reference(small.model, X)[0], plain.expected[0])
    some = ascua.run_model(small, "host", X, build=build, check=7)
    assert (some.measurement.checked_samples, len(some.expected[0]), len(some.ys[0])) == (7, 7, 60)
    assert small.model.plan("host", "size").goal.kind == "size"
    found = ascua.compare_models(net, small, X, labels=y, cuts=2)
    assert "\n" not in repr(found)
    assert len(repr(ascua.compile_model(small.model, small.model.plan("host"), "net"))) < 200
    for on in ("host", ["host"], ascua.load_board("host")):
        assert ascua.validate_model(small, X[:2], on=on, build=build)


@WARNED
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(3)[np.zeros(60, int)], "whole numbers"),
        (np.zeros(59, int), "60 samples need 60 labels"),
        (np.zeros(60) + 0.5, "whole numbers"),
        (["a"] * 60, "no array of numbers"),
        ({1, 2}, "no array of numbers"),
        (np.full(60, 3), "outside the model's 3 classes"),
    ],
)
def test_labels_that_are_none_are_told(net: Any, labels: Any, message: str, tmp_path: Path) -> None:
    small = ascua.quantize_model(net, X)
    with pytest.raises(ascua.AscuaError, match=message):
        ascua.run_model(small, "host", X, labels=labels, build=tmp_path)
    with pytest.raises(ascua.AscuaError, match=message):
        ascua.quantize_model(net, X, labels=labels)


@WARNED
def test_inputs_are_in_the_order_of_keras() -> None:
    keras = pytest.importorskip("keras")
    zoo.import_keras()
    keras.utils.set_random_seed(1)
    last, first = keras.Input((3,), name="temp"), keras.Input((3,), name="accel")
    joined = keras.layers.Concatenate()([keras.layers.Dense(4)(last), first])
    two = keras.Model([last, first], keras.layers.Dense(3)(joined), name="two")
    a, b = X[:, :3], 5 + X[:, 3:]
    small = ascua.quantize_model(two, [a, b])
    real = np.asarray(two([a, b]))
    t = small.model.graph.outputs[0]
    got = ascua.reference(small.model, [a, b])[0].reshape(60, -1).astype(float)
    near = (got - t.q.zero_point) * t.q.scale
    assert np.abs(near - real).max() < 0.1 * np.abs(real).max()
    with pytest.raises(ascua.AscuaError, match=r"no input called 'tmp'.*\n.*\n.*temp, accel"):
        ascua.quantize_model(two, {"tmp": a, "accel": b})
