"""The zoo's networks at their real sizes on the K210: every byte as evaluated, near to floats."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from ascua import k210, kmodel, quantize, tflite, zoo
from ascua.ir import Array, Graph
from ascua.kmodel import Kmodel
from ascua.kpu import Simulator
from ascua.model import load_model
from ascua.passes import prepare
from ascua.quantize.floats import evaluated
from ascua.quantize.options import Options
from ascua.quantize.rules import Range
from ascua.targets.k210.affines import Pixels
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.compiling import quantized_already
from ascua.targets.k210.ops import Runtime
from ascua.train.export import export_float
from tests.support.command import MODELS
from tests.test_k210_compile import cosine, images, real

CALIBRATION = 1
NEAR = 0.999
"""The least correlation of outputs with those in floats."""
NEAR_BYTES = 0.998
"""And with those that are bytes in the file: its probabilities have 256 steps."""
UNIT = Range(0.0, 1.0)
PIXELS = Pixels(1 / 255, 0.0)
"""What pixels are to the zoo's networks."""
UINT8 = MODELS / "mobilenet_v1_0.25_128_quant.tflite"


class Case(NamedTuple):
    """A network, its input and its classes."""

    family: str
    image: tuple[int, int, int]
    classes: int
    arguments: Mapping[str, Any] = MappingProxyType({})


def mobilenet_v1(alpha: float) -> Case:
    """With the chip's padding."""
    arguments = {"alpha": alpha, "padding": "k210", "softmax": True}
    return Case("mobilenet_v1", (224, 224, 3), 1000, arguments)


def mobilenet_v2(image: tuple[int, int, int], **arguments: Any) -> Case:
    """The narrowest one that has weights."""
    return Case("mobilenet_v2", image, 1000, {"alpha": 0.35, **arguments})


SMALL = {
    "mobilenet_v1 0.25": mobilenet_v1(0.25),
    "squeezenet 1.1, 67": Case("squeezenet", (67, 67, 3), 100),
    "resnet8": Case("resnet8", (32, 32, 3), 10),
    "yolo, 160x96": Case("yolo", (96, 160, 3), 30),
    "mobilenet_v2 0.35, 96": mobilenet_v2(
        (96, 96, 3), groups=((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2)), last=320
    ),
}
LARGE = {
    **{f"mobilenet_v1 {alpha:g}": mobilenet_v1(alpha) for alpha in (0.5, 0.75, 1.0)},
    "squeezenet 1.1": Case("squeezenet", (227, 227, 3), 1000),
    "yolo": Case("yolo", (224, 320, 3), 30),
    "mobilenet_v2 0.35": mobilenet_v2((224, 224, 3)),
}
BY_TURNS: list[tuple[str, Runtime]] = [(n, 3 if i % 2 else 4) for i, n in enumerate(SMALL)]
EVERY: list[tuple[str, Runtime]] = list(itertools.product(SMALL | LARGE, (3, 4)))


def yolo(image: tuple[int, int, int], channels: int) -> Any:
    """Leaky convolutions with pools between them, the last of stride 1, and a head of 1x1."""
    layers = zoo.import_keras().layers
    x = inputs = layers.Input(image)
    for i, (width, stride) in enumerate(((16, 2), (32, 2), (64, 2), (128, 2), (128, 1))):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.LeakyReLU(negative_slope=0.1)(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(2, stride, padding="same", name=f"pool{i}")(x)
    x = layers.Conv2D(channels, 1)(x)
    return zoo.import_keras().Model(inputs, x, name="yolo")


@cache
def floats(name: str) -> Graph:
    """The float .tflite file of a network with random weights, biases and normalisations."""
    case = (SMALL | LARGE)[name]
    if case.family == "yolo":
        model = yolo(case.image, case.classes)
    else:
        model = zoo.build(case.family, case.image, case.classes, seed=3, **case.arguments)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        for variable in layer.weights:
            if len(variable.shape) == 1:
                low, high = (0.5, 1.5) if variable.name in ("gamma", "moving_variance") else (-1, 1)
                variable.assign(rng.uniform(low, high, variable.shape) / 2)
    return tflite.read(export_float(model))


def same_bytes(chip: Graph, network: Kmodel, xs: Array) -> list[Array]:
    """The outputs of a kmodel, which are those of its graph's `eval`."""
    found = Simulator(kmodel.read(kmodel.write(network), network.name)).run([xs])
    values, _ = chip.eval([xs.reshape(len(xs), *chip.inputs[0].shape)])
    for y, t in zip(found, chip.outputs, strict=True):
        assert y.tobytes() == planes(values[t.name]).tobytes()
    return found


def correlation(a: Array, b: Array) -> float:
    """Of two arrays (n, elements), in the mean."""
    return cosine(a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True))


def check(name: str, runtime: Runtime) -> None:
    """The kmodel of a network computes what it should."""
    graph = floats(name)
    xs = images(graph, CALIBRATION + 1)
    made = k210.compile_floats(graph, xs[:CALIBRATION], UNIT, runtime)
    (y,) = same_bytes(made.steps.chip, made.network, xs[CALIBRATION:])
    (wanted,) = evaluated(graph, [real(xs[CALIBRATION:], PIXELS, graph)])
    assert correlation(y, planes(wanted)) > NEAR


@pytest.mark.train
@pytest.mark.parametrize(("name", "runtime"), BY_TURNS)
def test_one_network_of_each_kind(name: str, runtime: Runtime) -> None:
    pytest.importorskip("keras")
    check(name, runtime)


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.parametrize(("name", "runtime"), [case for case in EVERY if case not in BY_TURNS])
def test_every_network_in_both_versions(name: str, runtime: Runtime) -> None:
    pytest.importorskip("keras")
    check(name, runtime)


@pytest.mark.train
@pytest.mark.parametrize("runtime", [3, 4])
def test_a_uint8_file(runtime: Runtime) -> None:
    """As TensorFlow 1 made them: a scale and a zero point for all weights of a layer."""
    pytest.importorskip("keras")
    graph = floats("resnet8")
    xs = images(graph, CALIBRATION + 2)
    given = [real(xs[:CALIBRATION], PIXELS, graph)]
    small = quantize.quantize(graph, given, Options("uint8-per-tensor"), UNIT)
    check_integers(prepare(tflite.read(tflite.write(small))), runtime, xs[CALIBRATION:])


@pytest.mark.parametrize("runtime", [3, 4])
def test_a_real_uint8_file(runtime: Runtime) -> None:
    if not UINT8.exists():
        pytest.skip(f"there is no {UINT8.name} beside the repository")
    graph = load_model(UINT8).graph
    check_integers(graph, runtime, images(graph, 2))


def check_integers(graph: Graph, runtime: Runtime, xs: Array) -> None:
    """A quantised network's kmodel computes what it does, nearly to the byte."""
    network = k210.compile_quantized(graph, runtime)
    (y,) = same_bytes(quantized_already(graph, runtime), network, xs)
    values, _ = graph.eval([xs.reshape(len(xs), *graph.inputs[0].shape)])
    t = graph.outputs[0]
    wanted = (values[t.name].astype(np.float64) - t.q.zero_point) * t.q.scale
    assert correlation(y, planes(wanted)) > NEAR_BYTES
