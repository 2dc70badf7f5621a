"""Convolutions in groups, from Keras to integers, as ResNeXt and ShuffleNet have them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ascua
from ascua import tflite, zoo
from ascua.ir import Graph
from ascua.ops.conv2d import Conv2D
from ascua.passes import optimize, prepare
from ascua.passes.duplicates import firsts
from ascua.quantize.fidelity import outputs
from ascua.train.aware import export_aware, quantization_aware
from tests.support import (
    activation,
    check_everywhere,
    check_reference,
    constant,
    network,
)

X = np.random.default_rng(0).normal(0, 1, (48, 8, 8, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def net() -> Any:
    """Two groups with batch normalisation, four pointwise ones, a shuffle, three with a stride."""
    keras = pytest.importorskip("keras")
    zoo.import_keras()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    x = first = keras.Input((8, 8, 6), batch_size=1)
    x = layers.Conv2D(8, 3, padding="same", groups=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((8, 8, 4, 3))(layers.Conv2D(12, 1, groups=4)(x))
    x = layers.Reshape((8, 8, 12))(layers.Permute((1, 2, 4, 3))(x))
    x = layers.Conv2D(12, 3, strides=2, groups=3, activation="relu6")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(first, layers.Dense(4, activation="softmax")(x))


def groups(graph: Graph) -> list[int]:
    """Of each convolution."""
    return [op.groups for op in graph.ops if isinstance(op, Conv2D)]


@pytest.mark.train
def test_quantised(net: Any) -> None:
    small = tflite.read(ascua.quantize_model(net, X).content)
    assert groups(small) == [2, 4, 3]
    check_everywhere(small)
    (got,) = outputs(small, [X[:, None]])
    np.testing.assert_allclose(got[:, 0], net.predict(X, batch_size=1, verbose=0), atol=0.02)


@pytest.mark.train
def test_trained_with_rounding(net: Any) -> None:
    aware = quantization_aware(net, X[:16])
    aware.compile("adam", loss="sparse_categorical_crossentropy")
    aware.fit(X, np.arange(48) % 4, batch_size=16, epochs=1, verbose=0)
    small = tflite.read(export_aware(aware))
    assert groups(small) == [2, 4, 3]
    check_reference(small)


@pytest.mark.train
def test_converted_by_tensorflow(net: Any) -> None:
    tf = zoo.import_tensorflow()
    lite = tf.lite
    converter = lite.TFLiteConverter.from_keras_model(net)
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in X)
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings(action="ignore"):
        small = tflite.read(converter.convert())
    assert groups(small) == [2, 4, 3]
    prepare(small)
    check_reference(small)


def test_equal_filters_of_other_groups_make_other_channels() -> None:
    filters = np.ones((4, 3, 3, 2), np.int8)
    x, y = activation("x", (1, 4, 4, 4)), activation("y", (1, 4, 4, 4))
    layer = Conv2D((x, constant("w", filters, [0.01])), (y,), (1, 1), (1, 1), "SAME", "NONE")
    graph = network(layer)
    assert firsts(graph)[y].tolist() == [0, 0, 2, 2]
    assert optimize(graph).savings == ()
