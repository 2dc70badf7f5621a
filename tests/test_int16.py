"""Whole networks of int16 activations and int8 weights, from files to boards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.boards import Board
from ascua.ir import Array, Graph, Tensor
from ascua.passes import prepare
from ascua.plan import plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import check_everywhere, featured, generated_c, oracle, reference, samples
from tests.support.everything import class_part, image_part
from tests.support.examples import small
from tests.support.tools import require_board
from tests.support.wide import widened

BOARDS = ("lm3s6965evb", "microbit", "mps3-an547", "riscv32-virt", "riscv64-linux", "arm-linux")
"""One of each family: ARMv7-M, ARMv6-M, ARMv8.1-M, both widths of RISC-V, a process on Arm."""


def classifier() -> Graph:
    """From a float image to float probabilities, in int16."""
    x = Tensor("image", (1, 6, 6, 2), "float32")
    first = image_part(x)
    ops = (*first, *class_part(first[-1].y))
    return widened(Graph("classifier", (x,), ops[-1].outputs, ops))


def test_small_network() -> None:
    check_everywhere(widened(small()), n=8)


def test_classifier() -> None:
    check_everywhere(classifier(), n=8)


def on_board(board: Board, graph: Graph, xs: list[Array], build: Path) -> list[Array]:
    """The outputs of `graph` (n, *shape) on `board`."""
    outcome = run(board, emit(plan(graph, board), "net"), pack(xs), len(xs[0]), build_dir=build)
    return unpack(outcome.outputs, graph, len(xs[0]))


@pytest.mark.emulator
@pytest.mark.parametrize("name", BOARDS)
def test_boards(name: str, tmp_path: Path) -> None:
    board = boards.load(name)
    require_board(board)
    for made in (widened(small()), classifier()):
        model = tflite.write(made)
        graph = prepare(tflite.read(model))
        xs = samples(graph, 2)
        for y, expected in zip(
            on_board(board, graph, xs, tmp_path), oracle(model, xs), strict=True
        ):
            np.testing.assert_array_equal(y, expected)


def test_line_buffers_are_twice_as_large() -> None:
    """Three rows of 11 columns of 3 channels: 99 elements, in whole words."""
    board = featured(boards.load("host"), frozenset())
    narrow, wide = (plan(prepare(g), board).calls[0].lines for g in (small(), widened(small())))
    assert narrow is not None
    assert wide is not None
    assert narrow.bytes == 100
    assert wide.bytes == 200


def test_what_a_user_includes_has_int16() -> None:
    graph = prepare(tflite.read(tflite.write(widened(small()))))
    header = emit(plan(graph, boards.load("host")), "net").text("include/net.h")
    assert "void net_invoke(const int16_t *in, int16_t *out);" in header
    assert "int16_t[1][9][9][3]" in header


@pytest.mark.train
@pytest.mark.parametrize("bias", ["int64", "int32"])
def test_a_network_from_the_converter(bias: str) -> None:
    tf = pytest.importorskip("tensorflow")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    x = keras.Input(batch_shape=(1, 12, 12, 3))
    a = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2)(x)))
    b = layers.Conv2D(8, 1, activation="relu6")(a)
    if bias == "int64":  # The converter gives depthwise convolutions none of int32 that TFLM takes.
        b = layers.DepthwiseConv2D(3, padding="same", activation="relu")(b)
    c = layers.MaxPooling2D()(layers.Concatenate()([layers.Add()([a, b]), b]))
    c = layers.Multiply()([c, layers.Activation("sigmoid")(c)])
    c = layers.AveragePooling2D((2, 1))(layers.ZeroPadding2D(1)(layers.LeakyReLU()(c)))
    y = layers.Dense(9, activation="tanh")(layers.GlobalAveragePooling2D()(c))
    y = layers.Dense(5, activation="softmax")(layers.Flatten()(y))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(x, y))
    data = np.random.default_rng(1).normal(0, 1, (20, 1, 12, 12, 3)).astype(np.float32)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([v] for v in data)
    op_set = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, op_set)]
    if bias == "int32":
        converter._experimental_full_integer_quantization_bias_type = tf.int32
    converter.inference_input_type = converter.inference_output_type = tf.int16
    model = converter.convert()
    graph = prepare(tflite.read(model))
    biases = {t.dtype for op in graph.ops for t in op.inputs[2:] if t is not None}
    assert biases == {bias}
    xs = samples(graph, 4)
    for ys in (reference(graph, xs), generated_c(graph, xs)):
        np.testing.assert_array_equal(ys[0], oracle(model, xs)[0])
