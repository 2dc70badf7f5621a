"""Float and int8 networks become kmodels: every byte as evaluated, and near to the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua import kmodel, quantize
from ascua.errors import DoesNotFit, Unsupported
from ascua.ir import Array, Graph, Quant
from ascua.kmodel import Kmodel, v3, v4
from ascua.kpu import Simulator
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.passes import prepare
from ascua.quantize.floats import evaluated
from ascua.quantize.options import DEFAULT, Options
from ascua.targets.k210.affines import Pixels
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.block import Affine
from ascua.targets.k210.budgets import check_budget
from ascua.targets.k210.compiling import quantized, quantized_already
from ascua.targets.k210.convert import bytes_of
from ascua.targets.k210.fused import Fused
from ascua.targets.k210.lower import lowered
from ascua.targets.k210.numbers import Corrected
from ascua.targets.k210.ops import Runtime
from ascua.targets.k210.structure import structured
from tests.support.float_nets import NETWORKS, Net
from tests.support.kpu import slow
from tests.support.tools import require_tool

RUNTIMES: dict[str, Runtime] = {name: 3 if i % 2 else 4 for i, name in enumerate(NETWORKS)}
"""In which version a float network is compiled; its int8 twin is in the other."""
OTHER: dict[Runtime, Runtime] = {3: 4, 4: 3}
SYMMETRIC = Pixels(1 / 127.5, -1.0)
"""Pixels from -1 to 1."""


def converted(
    graph: Graph,
    xs: list[Array],
    pixels: Pixels,
    runtime: Runtime,
    options: Options = DEFAULT,
    bits: int = 8,
) -> Graph:
    """A network in the K210's operators."""
    return quantized(graph, xs, pixels, runtime, options, bits).chip


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


@pytest.mark.parametrize("name", NETWORKS)
def test_float_networks(name: str) -> None:
    graph, runtime = NETWORKS[name], RUNTIMES[name]
    xs = images(graph)
    small = converted(graph, [xs], SYMMETRIC, runtime)
    _, ys = simulated(small, runtime, xs[:2])
    floats = evaluated(graph, [real(xs[:2], SYMMETRIC, graph)])
    for y, wanted in zip(ys, floats, strict=True):
        assert cosine(y, planes(wanted)) > 0.99


@pytest.mark.parametrize("name", NETWORKS)
def test_int8_networks(name: str) -> None:
    graph, runtime = NETWORKS[name], OTHER[RUNTIMES[name]]
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


def titles(graph: Graph, runtime: Runtime) -> list[str]:
    """The types of the layers of a network's kmodel."""
    xs = images(graph)
    small = converted(graph, [xs], SYMMETRIC, runtime, Options(bias_correction=False))
    return [layer.title for layer in lowered(small, runtime).layers]


def test_mobilenet_leaves_the_kpu_once() -> None:
    """No upload, no matrix by the CPU: between its passes nothing is copied."""
    passes = ["K210Conv"] * 7
    assert titles(NETWORKS["mobilenet_v1"], 3) == [
        *passes, "Dequantize", "GlobalAveragePool2d", "Quantize", "K210AddPadding", "K210Conv",
        "K210RemovePadding", "Dequantize", "Softmax",
    ]  # fmt: skip
    assert titles(NETWORKS["mobilenet_v1"], 4) == [
        *["kpu_conv2d"] * 7, "dequantize", "reduce", "quantize", "pad", "kpu_upload", "kpu_conv2d",
        "strided_slice", "dequantize", "softmax",
    ]  # fmt: skip


def test_squeezenet_is_joined_by_where_its_maps_lie() -> None:
    """No layer copies channels side by side."""
    found = titles(NETWORKS["squeezenet"], 3)
    assert "QuantizedConcat" not in found
    assert "K210Upload" not in titles(NETWORKS["mobilenet_v1"], 3)


def test_parts_that_share_lines_are_joined_by_the_cpu() -> None:
    net = Net((16, 16, 3))
    parts = net.conv(net.input, 5), net.conv(net.input, 8)
    found = titles(net.graph(net.conv(net.concat(*parts), 4)), 3)
    assert found.count("K210Upload") == 1
    assert "QuantizedConcat" not in found  # copies in main memory lie side by side


def test_corrected_biases_come_nearer() -> None:
    graph = NETWORKS["mobilenet_v1"]
    xs = images(graph, 24)
    wanted = evaluated(graph, [real(xs[8:], SYMMETRIC, graph)])[0]
    error = []
    for correction in (False, True):
        options = Options(bias_correction=correction)
        small = converted(graph, [xs[:8]], SYMMETRIC, 3, options)
        ys = Simulator(lowered(small, 3)).run([xs[8:]])[0]
        error.append(float(np.abs(ys - planes(wanted)).mean()))
    assert error[1] < error[0]


def test_weights_of_16_bits_come_nearer() -> None:
    graph = NETWORKS["resnet"]
    xs = images(graph)
    wanted = evaluated(graph, [real(xs, SYMMETRIC, graph)])[0]
    error = []
    for bits in (8, 16):
        small = converted(graph, [xs], SYMMETRIC, 3, bits=bits)
        model, ys = simulated(small, 3, xs)
        assert model.weight_bits == bits
        error.append(float(np.abs(ys[0] - planes(wanted)).mean()))
    assert error[1] < error[0]


@pytest.mark.parametrize("pixels", [Pixels(1 / 255, 0.0), Pixels(1.0, -100.0), SYMMETRIC])
def test_what_pixels_mean_is_in_the_first_pass(pixels: Pixels) -> None:
    net = Net((16, 16, 3))
    graph = net.graph(net.conv(net.input, 8, act="NONE"))
    xs = images(graph)
    _, ys = simulated(converted(graph, [xs], pixels, 4), 4, xs)
    wanted = evaluated(graph, [real(xs, pixels, graph)])[0]
    spread = float(np.ptp(wanted))
    assert np.abs(ys[0] - planes(wanted)).max() < spread / 100


def refused(graph: Graph, runtime: Runtime) -> str:
    """Why a network is refused."""
    with pytest.raises(Unsupported) as e:
        lowered(converted(graph, [images(graph)], SYMMETRIC, runtime), runtime)
    assert "Things to try" in str(e.value)
    return str(e.value)


def test_what_neither_has_is_refused_by_name() -> None:
    net = Net((16, 16, 3))
    x = net.conv(net.input, 4)
    text = refused(net.graph(net.resize(x, 24, 24, half_pixel_centers=True)), 3)
    assert "RESIZE_NEAREST_NEIGHBOR 't1': the runtime would take other pixels" in text
    net = Net((16, 16, 3))
    x = net.conv(net.input, 4)
    text = refused(net.graph(net.softmax(x)), 3)
    assert "SOFTMAX 't1'" in text
    net = Net((16, 16, 3))
    x = net.pad(net.conv(net.input, 4), (1, 0), (0, 0))
    text = refused(net.graph(x), 3)
    assert "PAD 't1': neither the KPU nor the runtime of kmodels V3 has it" in text
    assert "--kmodel 4" in text


def test_a_frame_around_a_map_is_the_cpus_in_v4() -> None:
    net = Net((16, 16, 3))
    x = net.pad(net.conv(net.input, 4), (1, 0), (0, 2))
    graph = net.graph(net.pool(x, 2, 2))
    xs = images(graph)
    simulated(converted(graph, [xs], SYMMETRIC, 4), 4, xs[:2])


def test_pixels_that_are_resized_without_half_pixel_centers_or_by_whole_factors() -> None:
    net = Net((16, 16, 3))
    x = net.conv(net.input, 4)
    graph = net.graph(net.resize(x, 32, 32, half_pixel_centers=True), net.resize(x, 10, 24))
    for runtime in (3, 4):
        xs = images(graph)
        simulated(converted(graph, [xs], SYMMETRIC, runtime), runtime, xs[:2])


def wide(channels: int) -> Graph:
    """Two passes over maps of 112x112."""
    net = Net((112, 112, 3))
    return net.graph(net.mean(net.conv(net.conv(net.input, channels), 0)))


def test_maps_as_large_as_kpu_ram_fit() -> None:
    """MobileNet's largest: 64 channels in and out take 28,672 of 32,768 lines; 73 take 32,704."""
    graph = wide(73)
    small = converted(graph, [images(graph, 1)], SYMMETRIC, 3, Options(bias_correction=False))
    first, second = (kmodel.write(lowered(small, 3)) for _ in range(2))
    assert first == second
    assert kmodel.usage(kmodel.read(first, "x")).kpu_lines == 2 * 73 * 224


def test_kpu_ram_that_is_too_small_is_told_by_how_much_and_where() -> None:
    graph = wide(80)
    small = converted(graph, [images(graph, 1)], SYMMETRIC, 3, Options(bias_correction=False))
    with pytest.raises(DoesNotFit) as e:
        lowered(small, 3)
    over = 2 * 80 * 224 * 64 - (2 << 20)
    assert f"net: at 't1' KPU RAM holds 2,293,760 bytes, {over:,} more than its" in str(e.value)
    assert "'t0' (1,146,880) and 't1' (1,146,880)" in str(e.value)


def test_firmware_without_room_is_told_by_how_much() -> None:
    net = Net((8, 8, 512))
    x = net.conv(net.input, 1024, 1)
    for _ in range(4):
        x = net.conv(x, 1024, 1)
    graph = net.graph(net.mean(x))
    small = converted(graph, [images(graph, 1)], SYMMETRIC, 4, Options(bias_correction=False))
    model = lowered(small, 4)
    check_budget(model, "C")
    with pytest.raises(DoesNotFit) as e:
        check_budget(model, "MicroPython")
    fit = next(f for f in kmodel.usage(model).fits if f.budget.name == "MicroPython")
    assert f"{fit.bytes - 4_000_000:,} too many" in str(e.value)
    assert "the runtime of V4 files 360,000" in str(e.value)


def test_a_vector_too_long_for_the_kpu_is_the_cpus() -> None:
    net = Net((16, 16, 3))
    x = net.dense(net.flat(net.conv(net.input, 20)), 6, "RELU")
    graph = net.graph(net.softmax(net.dense(x, 4)))
    xs = images(graph)
    for runtime, kind in ((3, v3.FullyConnected), (4, v4.Matmul)):
        model, _ = simulated(converted(graph, [xs], SYMMETRIC, runtime), runtime, xs[:2])
        assert sum(isinstance(layer, kind) for layer in model.layers) == 1


@pytest.mark.parametrize("runtime", [3, 4])
def test_an_activation_that_the_cpu_has_not_is_refused(runtime: Runtime) -> None:
    net = Net((16, 16, 3))
    x = net.leaky(net.dense(net.flat(net.conv(net.input, 20)), 6))
    text = refused(net.graph(x), runtime)
    assert "FULLY_CONNECTED 't2': the CPU multiplies it, which has no leaky_relu(0.1)" in text


def test_an_image_that_the_cpu_reads_first_goes_through_the_kpu_in_v3() -> None:
    net = Net((16, 16, 4))
    graph = net.graph(net.add(net.conv(net.input, 4), net.input))
    xs = images(graph)
    for runtime in (3, 4):
        simulated(converted(graph, [xs], SYMMETRIC, runtime), runtime, xs[:2])


def test_a_scaling_before_the_first_pass_is_what_pixels_mean() -> None:
    net = Net((16, 16, 3))
    x = net.scaled(net.scaled(net.input, Mul, 2.0), Add, -1.0)
    graph = net.graph(net.conv(x, 8, act="NONE"))
    xs = images(graph)
    _, ys = simulated(converted(graph, [xs], Pixels(1 / 255, 0.0), 3), 3, xs)
    wanted = evaluated(graph, [real(xs, Pixels(1 / 255, 0.0), graph)])[0]
    assert np.abs(ys[0] - planes(wanted)).max() < float(np.ptp(wanted)) / 100


def test_both_steps_of_the_correction() -> None:
    """Of inputs that are 0.1 less than they should be, each by itself finds what is missing."""
    net = Net((8, 8, 3))
    graph = structured(net.graph(net.conv(net.input, 4, 1, act="NONE")))
    (op,) = graph.ops
    assert isinstance(op, Fused)
    pixels = bytes_of(graph.inputs[0])
    xs = images(graph).reshape(-1, *graph.inputs[0].shape)
    x, y = Affine(0.01, 0), Affine(0.1, 128)
    found = Corrected(graph, [x.real(xs).astype("f4") + np.float32(0.1)], [pixels], [xs], 3)
    missing = 0.1 * op.kernel.weights.sum(axis=(1, 2, 3))
    block = found.of(op, op.kernel.bias, x, y)
    assert np.allclose(found.sums_off(op, block, pixels, x, 0.0), missing, atol=0.01)
    assert np.allclose(found.outputs_off(op, block, pixels, y), missing, atol=0.02)


@pytest.mark.parametrize("runtime", [3, 4])
def test_a_sum_of_int8_is_cut_where_its_scale_goes_on(runtime: Runtime) -> None:
    net = Net((8, 8, 4))
    x = net.conv(net.input, 4, act="NONE")
    graph = net.graph(net.add(x, net.conv(x, 4, act="NONE"), "RELU"))
    xs = images(graph)
    ints = prepare(quantize.quantize(graph, [real(xs, SYMMETRIC, graph)]))
    last = ints.ops[-1]
    assert isinstance(last, Add)
    y = replace(last.y, quant=Quant(last.y.q.scales, (-20,)))  # bytes for what RELU cuts off
    ints = replace(ints, ops=(*ints.ops[:-1], replace(last, outputs=(y,))), outputs=(y,))
    _, ys = simulated(quantized_already(ints, runtime), runtime, xs)
    assert ys[0].min() == 0
    assert ys[0].max() > 0
