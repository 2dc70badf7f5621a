"""Networks with an open batch compute shapes: they run as those with a batch of 1."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite, zoo
from ascua.ir import Tensor
from ascua.model import load_model
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from ascua.ops.shape import Shape
from ascua.ops.strided_slice import StridedSlice
from ascua.passes import drop_dead, fold_constants, prepare
from ascua.validation import validate
from tests.support import activation, constant, network, oracle, reference
from tests.support.command import MODELS

CASE = MODELS.parent / "cases/dense_reshape.tflite"


def export(batch: int | None) -> bytes:
    """An int8 .tflite of a Keras network, with an open batch or one of a size."""
    keras, tf = zoo.import_keras(), pytest.importorskip("tensorflow")
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((10, 4), batch_size=batch)
    x = keras.layers.Dense(8, activation="relu")(x)
    x = keras.layers.Reshape((5, 2, 8))(x)
    x = keras.layers.Conv2D(4, 2)(x)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, x))
    rng = np.random.default_rng(2)
    images = [[rng.normal(size=(1, 10, 4)).astype(np.float32)] for _ in range(20)]
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings(action="ignore"):
        return bytes(converter.convert())


@pytest.mark.train
def test_it_equals_the_export_with_a_batch_of_one() -> None:
    opened, one = tflite.read(export(None)), export(1)
    assert {"SHAPE", "REDUCE_PROD"} <= {op.tflite for op in opened.ops}
    xs = [np.random.default_rng(3).integers(-128, 128, (20, 1, 10, 4)).astype(np.int8)]
    (expected,) = oracle(one, xs)
    np.testing.assert_array_equal(reference(prepare(opened), xs)[0], expected)
    whole = tflite.write(drop_dead(fold_constants(opened)))
    np.testing.assert_array_equal(oracle(whole, xs)[0], expected)


@pytest.mark.skipif(not CASE.exists(), reason="the case is not there")
def test_validate_asks_tflm_with_the_shapes_of_a_batch_of_one(tmp_path: Path) -> None:
    model = load_model(CASE)
    xs = [np.random.default_rng(3).integers(-128, 128, (3, *t.shape)).astype(np.int8)
          for t in model.graph.inputs]  # fmt: skip
    (check,) = validate(model, xs, [], tmp_path)
    assert (check.executor, check.against, check.mismatched_bytes) == (
        "reference",
        "tflite-micro",
        0,
    )


def first(t: Tensor, count: int, name: str) -> tuple[Shape, StridedSlice, Tensor]:
    """The first `count` sizes of a tensor, computed."""
    sizes = Tensor(f"{name}_shape", (len(t.shape),), "int32")
    some = Tensor(name, (count,), "int32")
    bounds = [constant(f"{name}_{n}", np.array([v], np.int32))
              for n, v in (("begin", 0), ("end", count), ("stride", 1))]  # fmt: skip
    return Shape((t,), (sizes,)), StridedSlice((sizes, *bounds), (some,)), some


def test_shapes_go_on_through_elementwise_operators() -> None:
    """A file may have 1 where a size follows from computed shapes, in more tensors than one."""
    x = activation("x", (1, 6, 4))
    flat, positive = activation("flat", (1, 4)), activation("positive", (1, 4))
    shape, part, sizes = first(x, 3, "sizes")
    graph = network(
        shape, part,
        Reshape((x, constant("rows", np.array([-1, 4], np.int32))), (flat,)),
        Relu((flat,), (positive,)),
        Reshape((positive, sizes), (activation("y", (1, 6, 4)),)),
    )  # fmt: skip
    prepared = prepare(graph)
    assert [t.shape for op in prepared.ops for t in op.outputs] == [(6, 4), (6, 4), (1, 6, 4)]
    xs = [np.random.default_rng(1).integers(-128, 128, (4, 1, 6, 4)).astype(np.int8)]
    zero = x.q.zero_point
    np.testing.assert_array_equal(reference(prepared, xs)[0], np.maximum(xs[0], zero))


def test_what_does_not_fit_stays_as_it_is() -> None:
    x, y = activation("x", (1, 6, 4)), activation("y", (1, 5))
    op = Reshape((x, constant("rows", np.array([-1, 5], np.int32))), (y,))
    (kept,) = fold_constants(network(op)).ops
    assert kept is op
