"""TILE: as LiteRT has it, and by operators that TFLM has."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import passes, tflite, zoo
from ascua.ir import Graph, Tensor
from ascua.ops.reshape import Reshape
from ascua.ops.tile import Tile
from ascua.quantize import quantize
from ascua.train.export import export_float
from tests.support import activation, constant, generated_c, litert, network, oracle, reference


def tile(shape: tuple[int, ...], multiples: tuple[int, ...]) -> Tile:
    y = activation("y", tuple(n * m for n, m in zip(shape, multiples, strict=True)), 0.07, -5)
    times = constant("multiples", np.array(multiples, np.int32))
    return Tile((activation("x", shape, 0.07, -5), times), (y,), version=2)


CASES = (
    ((5,), (3,)), ((1, 4, 3), (1, 2, 1)), ((1, 2, 3, 4), (1, 2, 3, 1)), ((2, 1, 3), (1, 4, 1)),
    ((2, 3), (2, 2)), ((1, 1, 1, 5), (1, 3, 2, 1)),
)  # fmt: skip


@pytest.mark.train
@pytest.mark.parametrize(("shape", "multiples"), CASES, ids=str)
def test_values_equal_litert(shape: tuple[int, ...], multiples: tuple[int, ...]) -> None:
    graph = network(tile(shape, multiples))
    xs = [np.random.default_rng(1).integers(-128, 128, (3, *shape)).astype(np.int8)]
    (expected,) = litert(tflite.write(graph), xs)
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)
    np.testing.assert_array_equal(generated_c(graph, xs)[0], expected)


def repeated(x: Tensor, rows: int, columns: int) -> Graph:
    """What Keras makes of UpSampling2D: each dimension in turn, as a new one that is tiled."""
    _, h, w, c = x.shape
    a, b, d, e = (activation(n, s, 0.07, -5) for n, s in (
        ("a", (1, h, 1, w, c)), ("b", (1, h, rows, w, c)),
        ("d", (1, h * rows, w, 1, c)), ("e", (1, h * rows, w, columns, c)),
    ))  # fmt: skip
    y = activation("y", (1, h * rows, w * columns, c), 0.07, -5)
    down = constant("down", np.array([1, 1, rows, 1, 1], np.int32))
    across = constant("across", np.array([1, 1, 1, columns, 1], np.int32))
    return network(
        Reshape((x,), (a,)), Tile((a, down), (b,)), Reshape((b,), (d,)), Tile((d, across), (e,)),
        Reshape((e,), (y,)),
    )  # fmt: skip


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (3, 1), (1, 2)])
def test_repeated_pixels_are_a_larger_image(rows: int, columns: int) -> None:
    graph = repeated(activation("x", (1, 3, 4, 5), 0.07, -5), rows, columns)
    prepared = passes.prepare(graph)
    assert [op.kind for op in prepared.ops] == ["resize_nearest_neighbor"]
    xs = [np.random.default_rng(1).integers(-128, 128, (3, 1, 3, 4, 5)).astype(np.int8)]
    expected = xs[0].repeat(rows, axis=2).repeat(columns, axis=3)
    np.testing.assert_array_equal(oracle(tflite.write(prepared), xs)[0], expected)
    np.testing.assert_array_equal(generated_c(graph, xs)[0], expected)


def test_a_new_dimension_is_broadcast() -> None:
    prepared = passes.prepare(network(tile((2, 1, 3), (1, 4, 1))))
    assert [op.kind for op in prepared.ops] == ["broadcast_to"]


@pytest.mark.train
@pytest.mark.parametrize("layer", ["UpSampling2D", "UpSampling1D"])
def test_keras_layers_are_quantised_for_tflm(layer: str) -> None:
    keras = zoo.import_keras()
    inputs = keras.Input((6, 5, 4) if layer == "UpSampling2D" else (6, 4))
    made = getattr(keras.layers, layer)(3)(keras.layers.Dense(4)(inputs))
    graph = tflite.read(export_float(keras.Model(inputs, made), "net"))
    assert "TILE" in {op.tflite for op in graph.ops}
    rng = np.random.default_rng(1)
    small = quantize(graph, [rng.normal(size=(8, *graph.inputs[0].shape)).astype(np.float32)])
    xs = [rng.integers(-128, 128, (4, *small.inputs[0].shape)).astype(np.int8)]
    np.testing.assert_array_equal(reference(small, xs)[0], oracle(tflite.write(small), xs)[0])


def test_refuses() -> None:
    x, y = activation("x", (2, 3)), activation("y", (4, 3))
    op = Tile((x, constant("m", np.array([2], np.int32))), (y,))
    assert "not one positive number a dimension" in (op.check() or "")
    op = Tile((x, constant("m", np.array([2, 2], np.int32))), (y,))
    assert "instead of [4, 6]" in (op.check() or "")
