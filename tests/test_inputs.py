"""Arrays and files of users become samples, labels and outputs; what is wrong is said."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascua import inputs
from ascua.errors import InputError
from ascua.ir import Array, Graph, Quant, Tensor
from ascua.labels import accuracy
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.samples import as_inputs
from tests.support import activation, network

X = activation("x", (1, 2, 3), 0.5, 10)
FLOAT = Tensor("x", (1, 2, 3), "float32")


def one_input(x: Tensor = X) -> Graph:
    return network(Relu((x,), (replace(x, name="y"),)))


def two() -> Graph:
    """Inputs a (1, 2) and b (1, 3), outputs y and z."""
    a, b = activation("a", (1, 2)), activation("dir/b", (1, 3))
    ops = (Relu((a,), (replace(a, name="y"),)), Relu((b,), (replace(b, name="dir/../z"),)))
    return Graph("two", (a, b), (ops[0].y, ops[1].y), ops)


def test_pseudo_random_is_the_documented_generator() -> None:
    x, expected = 12345, []
    for _ in range(6):
        x = (1664525 * x + 1013904223) % 2**32
        expected.append(x >> 24)
    found = inputs.pseudo_random(one_input())[0]
    assert (found.shape, found.dtype) == ((1, 1, 2, 3), np.int8)
    assert found.view(np.uint8).reshape(-1).tolist() == expected
    floats = inputs.pseudo_random(one_input(FLOAT))[0]
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats.reshape(-1), np.float32(expected) / np.float32(255))


@pytest.mark.parametrize(("dtype", "shift"), [("int16", 16), ("int32", 0), ("bool", 31)])
def test_pseudo_random_of_other_types(dtype: str, shift: int) -> None:
    x, expected = 12345, []
    for _ in range(6):
        x = (1664525 * x + 1013904223) % 2**32
        expected.append(x >> shift)
    found = inputs.pseudo_random(one_input(Tensor("x", (1, 2, 3), dtype)))[0]
    assert found.dtype == dtype
    bits = found.astype(np.int64).reshape(-1) % 2 ** (32 - shift)
    assert bits.tolist() == expected


def test_inputs_of_truth_and_of_whole_numbers() -> None:
    truth, whole = (Tensor("x", (1, 2, 3), dtype) for dtype in ("bool", "int32"))
    odd = np.array([[0, 1, 2], [255, 128, 0]], np.uint8)
    found = inputs.convert(odd.view(np.bool_), truth, "here")
    assert found.dtype == np.bool_
    assert found.view(np.uint8).reshape(-1).tolist() == [0, 1, 1, 1, 1, 0]
    exact = inputs.convert(odd.astype(np.int32), whole, "here")
    assert (exact.dtype, exact.reshape(-1).tolist()) == (np.int32, odd.reshape(-1).tolist())
    for a, t in ((odd, truth), (odd / 2, truth), (odd, whole), (odd / 2, whole)):
        with pytest.raises(InputError, match=f"{a.dtype}, the model takes {t.dtype}") as caught:
            inputs.convert(a, t, "here")
        assert f"astype('{t.dtype}')" in str(caught.value)


def test_pseudo_random_goes_on_from_input_to_input() -> None:
    a, b = inputs.pseudo_random(two())
    whole = inputs.pseudo_random(one_input(activation("x", (1, 5))))[0].reshape(-1)
    assert [*a.reshape(-1), *b.reshape(-1)] == whole.tolist()


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (1, 1, 2, 3)])
def test_one_sample(shape: tuple[int, ...]) -> None:
    a = np.arange(6, dtype=np.int8).reshape(shape)
    found = inputs.convert(a, X, "here")
    assert found.shape == (1, 1, 2, 3)
    assert found.reshape(-1).tolist() == list(range(6))


@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 1, 2, 3)])
def test_samples(shape: tuple[int, ...]) -> None:
    assert inputs.convert(np.zeros(shape, np.int8), X, "here").shape == (5, 1, 2, 3)


@pytest.mark.parametrize(
    ("tensor", "shape", "samples"),
    [((1, 4), (4,), 1), ((1, 4), (4, 4), 4), ((1, 1), (1,), 1), ((1, 1), (3, 1), 3),
     ((4, 3), (4, 3), 1), ((4, 3), (2, 4, 3), 2), ((1,), (5,), 5), ((), (), 1)],
)  # fmt: skip
def test_shapes_at_the_edge(tensor: tuple[int, ...], shape: tuple[int, ...], samples: int) -> None:
    t = replace(X, shape=tensor)
    assert inputs.convert(np.zeros(shape, np.int8), t, "here").shape == (samples, *tensor)


def test_uint8_is_shifted() -> None:
    a = np.array([[0, 1, 127], [128, 254, 255]], np.uint8)
    assert inputs.convert(a, X, "here").reshape(-1).tolist() == [-128, -127, -1, 0, 126, 127]


@given(st.integers(-400, 400), st.sampled_from([0.5, 0.25, 3.0]), st.integers(-128, 127))
def test_floats_are_quantised_half_away_and_clipped(quarters: int, scale: float, zero: int) -> None:
    value = Fraction(quarters, 4)
    steps = value / Fraction(scale)
    rounded = int(abs(steps) + Fraction(1, 2)) * (1 if steps >= 0 else -1)
    expected = min(max(rounded + zero, -128), 127)
    t = activation("x", (1, 1), scale, zero)
    for dtype in (np.float16, np.float32, np.float64, ">f4"):
        assert inputs.convert(np.array([[float(value)]], dtype), t, "here").item() == expected


def test_huge_floats_are_clipped_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a = np.array([1e300, -1e300, 3e38, -3e38, 1e-300, 0]).reshape(1, 2, 3)
        found = inputs.convert(a, X, "here").reshape(-1)
        assert found.tolist() == [127, -128, 127, -128, 10, 10]
        tiny = activation("x", (1, 1), 1e-30)
        assert inputs.convert(np.float32([[1e30]]), tiny, "here").item() == 127


def test_float_models_take_floats_as_they_are() -> None:
    a = np.arange(6).reshape(2, 3) / 7
    found = inputs.convert(a, FLOAT, "here")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.reshape(2, 3), a.astype(np.float32))
    with pytest.raises(InputError, match=r"uint8, the model takes float32") as caught:
        inputs.convert(a.astype(np.uint8), FLOAT, "here")
    assert "astype('float32')" in str(caught.value)
    with pytest.raises(InputError, match="NaN"):
        inputs.convert(np.full((2, 3), np.nan, np.float32), FLOAT, "here")


def test_arrays_by_name_or_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    a, b = np.ones((4, 2), np.int8), np.full((4, 3), 2, np.int8)
    np.savez(path, **{"dir/b": b, "a": a})
    for x, value in zip(inputs.load(path, two()), (1, 2), strict=True):
        assert np.unique(x).tolist() == [value]
    np.savez(path, a, b)
    assert [x.shape for x in inputs.load(path, two())] == [(4, 1, 2), (4, 1, 3)]
    np.savez(path, whatever=np.zeros((2, 3), np.int8))
    assert inputs.load(path, one_input())[0].shape == (1, 1, 2, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ([np.zeros((1, 2), np.int8)], "it holds 'arr_0', and the model has 2 inputs"),
        ([np.zeros((4, 2), np.int8), np.zeros((5, 3), np.int8)], "'a' 4, 'dir/b' 5"),
        ([np.zeros((4, 2), np.int8), np.zeros((4, 4), np.int8)], r"input 'dir/b': .*\[4, 4\]"),
        ([np.zeros((4, 2), np.int8), np.full((4, 3), None)], "not a complete"),
    ],
)
def test_wrong_archives(arrays: list[Array], words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, *arrays)
    with pytest.raises(InputError, match=words) as caught:
        inputs.load(path, two())
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("compress", [np.savez, np.savez_compressed])
def test_damaged_archives_are_an_error_in_words(compress: object, tmp_path: Path) -> None:
    """Bytes cut off or changed: the samples, or an InputError; never anything else."""
    held = io.BytesIO()
    compress(held, np.zeros((4, 2), np.int8), np.zeros((4, 3), np.int8))  # type: ignore[operator]
    good, rng = held.getvalue(), random.Random(5)
    path = tmp_path / "x.npz"
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        path.write_bytes(bad[: rng.choice([len(bad), rng.randrange(len(bad))])])
        with contextlib.suppress(InputError):
            inputs.load(path, two())


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.npy"
    for a in (np.array([0, 2, 1], np.uint8), np.array([[0], [2], [1]])):
        np.save(path, a)
        found = inputs.load_labels(path, 3, 3)
        assert (found.dtype, found.tolist()) == (np.int64, [0, 2, 1])


def test_accuracy() -> None:
    scores = np.array([[3, 1], [0, 9], [5, 5], [1, 2]], np.int8)
    assert accuracy(scores, np.array([0, 1, 0, 0])) == 0.75
    assert accuracy(scores.reshape(4, 1, 1, 2), np.array([0, 1, 0, 0])) == 0.75
    with pytest.raises(InputError, match="label 2 is outside the model's 2 classes"):
        accuracy(scores, np.array([0, 1, 0, 2]))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_a_class_as_output_is_compared_with_the_label(dtype: str, tmp_path: Path) -> None:
    found = np.array([[3], [0], [7], [1], [5]], dtype)
    assert accuracy(found, np.array([3, 0, 7, 2, 4])) == 0.6
    assert inputs.classes(Tensor("y", (1,), dtype)) is None
    assert inputs.classes(Tensor("y", (1, 4), "int8")) == 4
    assert inputs.classes(Tensor("y", (1, 1), "int8")) == 1
    np.save(tmp_path / "labels.npy", np.array([3, 0, 900]))
    assert inputs.load_labels(tmp_path / "labels.npy", 3, None).tolist() == [3, 0, 900]
    np.save(tmp_path / "labels.npy", np.array([3, 0, -1]))
    with pytest.raises(InputError, match="label -1 is below 0"):
        inputs.load_labels(tmp_path / "labels.npy", 3, None)


def test_outputs_survive_a_file(tmp_path: Path) -> None:
    ys = [np.arange(3 * n, dtype=np.int8).reshape(3, 1, n) for n in (2, 3)]
    inputs.save_outputs(tmp_path / "y.npz", two(), ys)
    with np.load(tmp_path / "y.npz") as table:
        assert sorted(table.files) == ["dir/../z", "y"]
        np.testing.assert_array_equal(table["y"], ys[0][:, 0])
        np.testing.assert_array_equal(table["dir/../z"], ys[1][:, 0])
    one = [np.arange(12, dtype=np.int8).reshape(2, 1, 2, 3)]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "y.npy").symlink_to(tmp_path / "elsewhere/y.npy")
    for name in ("y.npy", "y.npz", "y"):
        inputs.save_outputs(tmp_path / name, one_input(), one)
    assert np.load(tmp_path / "y.npy").shape == (2, 2, 3)
    with (tmp_path / "y").open("rb") as f:
        assert np.load(f).shape == (2, 2, 3)
    with np.load(tmp_path / "y.npz") as table:
        assert table["y"].shape == (2, 2, 3)
    assert (tmp_path / "y.npy").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["elsewhere", "y", "y.npy", "y.npz"]


def calibrated_for(low: float, high: float, dtype: str = "int8") -> Graph:
    """A network whose input was calibrated for that range; float32 with a QUANTIZE behind it."""
    scale = (high - low) / 255
    t = activation("x", (1, 10), scale, round(-128 - low / scale))
    y = replace(t, name="y")
    if dtype == "int8":
        return network(Relu((t,), (y,)))
    real = Tensor("real", (1, 10), "float32")
    return network(Quantize((real,), (t,)), Relu((t,), (y,)))


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_values_of_another_scale_are_warned_of(
    dtype: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """0..255 for 0..1 saturates, 0..1 for 0..255 vanishes, -1..1 for 0..1 loses a half."""
    unit = np.random.default_rng(1).random((20, 10)).astype(np.float32)
    sparse = (255 * unit * (unit > 0.9)).astype(np.float64)
    path = tmp_path / "x.npy"
    for low, high, x, words in (
        (0, 1, unit, ""),
        (0, 1, unit * 1.2, ""),
        (-1, 1, unit, ""),
        (0, 1, 255 * unit, "were they scaled"),
        (0, 1, sparse, "were they scaled"),
        (0, 255, unit, "8 of 256 steps"),
        (0, 255, sparse, ""),
        (0, 1, 2 * unit - 1, "lie outside"),
        (0, 1, np.zeros((2, 10), np.float32), ""),
        (0, 1, (255 * unit).astype(np.uint8), ""),
        (0, 1, (unit > 0.5).astype(np.uint8), "before they became uint8"),
    ):
        if dtype == "float32" and x.dtype == np.uint8:
            continue
        np.save(path, x)
        caplog.clear()
        inputs.load(path, calibrated_for(low, high, dtype))
        told = [r.getMessage() for r in caplog.records]
        assert len(told) == bool(words), (low, high, told)
        assert all(words.lower() in text.lower() for text in told)
        assert all("'x'" in text or "'real'" in text for text in told)


def test_images_go_into_any_input() -> None:
    """As bytes where it has bytes, else as real values in the range that it was calibrated for."""
    images = np.arange(0, 250, 25, dtype=np.uint8).reshape(1, 10)
    for low, high in ((0, 1), (-1, 1), (0, 255)):
        x = as_inputs(calibrated_for(low, high), images)[0]
        np.testing.assert_array_equal(x.reshape(1, 10), images.astype(int) - 128)
        real = as_inputs(calibrated_for(low, high, "float32"), images)[0]
        np.testing.assert_allclose(real.reshape(1, 10), low + (high - low) * (images / 255),
                                   atol=(high - low) / 100)  # fmt: skip
    t = Tensor("x", (1, 10), "uint8", Quant((1.0,), (0,)))
    x = as_inputs(network(Relu((t,), (replace(t, name="y"),))), images)[0]
    np.testing.assert_array_equal(x.reshape(1, 10), images)
