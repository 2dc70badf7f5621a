"""Float and int8 networks become kmodels: every byte as evaluated, and near to the network."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import kmodel, quantize
from ascua.ir import Array, Graph
from ascua.kmodel import Kmodel
from ascua.kpu import Simulator
from ascua.passes import prepare
from ascua.quantize.floats import evaluated
from ascua.targets.k210.affines import Pixels
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.compiling import quantized, quantized_already
from ascua.targets.k210.lower import lowered
from ascua.targets.k210.ops import Runtime
from tests.support.float_nets import NETWORKS
from tests.support.kpu import slow
from tests.support.tools import require_tool

SYMMETRIC = Pixels(1 / 127.5, -1.0)
"""Pixels from -1 to 1."""


def images(graph: Graph, n: int = 6) -> Array:
    """Smooth random images (n, h, w, c), as photographs are."""
    rng = np.random.default_rng(3)
    _, h, w, c = graph.inputs[0].shape
    coarse = rng.uniform(0, 255, (n, h // 4 + 1, w // 4 + 1, c))
    x = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :h, :w] + rng.normal(0, 8, (n, h, w, c))
    return np.clip(x, 0, 255).astype(np.uint8)


def real(xs: Array, pixels: Pixels, graph: Graph) -> Array:
    """What pixels mean, as the float network takes it."""
    values = xs.astype(np.float32) * np.float32(pixels.scale) + np.float32(pixels.offset)
    return values.reshape(len(xs), *graph.inputs[0].shape)


def simulated(graph: Graph, runtime: Runtime, xs: Array) -> tuple[Kmodel, list[Array]]:
    """The kmodel of a graph, whose outputs are those of `eval` in both simulators."""
    data = kmodel.write(lowered(graph, runtime))
    model = kmodel.read(data, graph.name)
    found = Simulator(model).run([xs])
    values, _ = graph.eval([xs.reshape(len(xs), *graph.inputs[0].shape)])
    wanted = [planes(values[t.name]) for t in graph.outputs]
    for y, e in zip(found, wanted, strict=True):
        assert y.tobytes() == e.tobytes()
    require_tool("cc")
    other = slow.run(data, np.ascontiguousarray(xs[0].transpose(2, 0, 1)))
    for raw, e in zip(other, wanted, strict=True):
        assert np.allclose(np.frombuffer(raw, np.float32), e[0], 1e-6, 1e-6)
    return model, wanted


def cosine(a: Array, b: Array) -> float:
    """Of two arrays (n, elements), in the mean."""
    a, b = a.reshape(len(a), -1).astype(np.float64), b.reshape(len(b), -1).astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / norms).mean())


@pytest.mark.parametrize("runtime", [3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_float_networks(name: str, runtime: Runtime) -> None:
    graph = NETWORKS[name]
    xs = images(graph)
    small = quantized(graph, [xs], SYMMETRIC, runtime)
    _, ys = simulated(small, runtime, xs[:2])
    floats = evaluated(graph, [real(xs[:2], SYMMETRIC, graph)])
    for y, wanted in zip(ys, floats, strict=True):
        assert cosine(y, planes(wanted)) > 0.99


@pytest.mark.parametrize("runtime", [3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_int8_networks(name: str, runtime: Runtime) -> None:
    graph = NETWORKS[name]
    xs = images(graph)
    ints = prepare(quantize.quantize(graph, [real(xs, SYMMETRIC, graph)]))
    given = quantized_already(ints, runtime)
    q = ints.inputs[0].q
    _, ys = simulated(given, runtime, xs[:2])
    shifted = (xs[:2].astype(np.int64) - 128).astype(np.int8)
    values, _ = ints.eval([shifted.reshape(2, *ints.inputs[0].shape)])
    for y, t in zip(ys, ints.outputs, strict=True):
        wanted = (values[t.name].astype(np.float64) - t.q.zero_point) * t.q.scale
        assert cosine(y, planes(wanted)) > 0.995
    assert q.scale > 0
