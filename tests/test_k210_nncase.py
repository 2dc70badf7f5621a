"""Kmodels with the numbers that nncase chose: beside the real files, and by hand."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import numpy as np
import pytest

from ascua import kmodel, tflite
from ascua.cli import options
from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Tensor
from ascua.kmodel import Activation, Conv, Kmodel, v3, v4
from ascua.kmodel.v4 import BinaryOp
from ascua.ops.mean import Mean
from ascua.ops.mul import Mul
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.quantize.floats import evaluated
from ascua.quantize.rules import Range
from ascua.quantize.simplify import simplify
from ascua.targets.k210 import curves, ops4
from ascua.targets.k210.affines import Pixels
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.block import Affine
from ascua.targets.k210.fused import Fused, Kernel
from ascua.targets.k210.lower import lowered
from ascua.targets.k210.nncase import beta2, rc5
from ascua.targets.k210.nncase.calibrating import Seen, averaged, covered
from ascua.targets.k210.nncase.compiling import VERSIONS, Like, chip, passes_of, quantized_like
from ascua.targets.k210.nncase.converting import terms
from ascua.targets.k210.nncase.numbers import Quantization
from ascua.targets.k210.nncase.softmax import Div, Exp, expanded
from tests.support.command import MODELS
from tests.support.float_nets import NETWORKS, Net
from tests.test_k210_compile import SYMMETRIC, cosine, images, real, simulated

REAL = MODELS / "k210"
present = pytest.mark.skipif(not REAL.exists(), reason="../shared/models/k210 is absent")
RC5, BETA2 = (Like(version) for version in VERSIONS)

PARTS = (
    2047, 2044, 2046, 2048, 2047, 2047, 2047, 2047, 2047, 2047, 2047, 2048, 2047, 2047, 2047, 2046,
    2047, 2046, 2047, 2047, 2047, 2046, 2047, 2045, 2046, 2045, 2047,
)  # fmt: skip
"""Of 2048, what calibration left of [0, 6] behind each convolution of the V4 file."""


@cache
def source() -> Graph:
    """What the real mbnet25 files were compiled from: 27 convolutions and a dense layer."""
    return simplify(tflite.load(REAL / "mbnet25.tflite"))


@cache
def original(version: int) -> Kmodel:
    """A real file."""
    return kmodel.load(REAL / f"kmodelV{version}/mbnet25.kmodel")


def convs(model: Kmodel) -> list[Conv]:
    """The KPU's layers of a file."""
    return [each.conv for each in model.layers if isinstance(getattr(each, "conv", None), Conv)]


def dense(passes: Graph) -> Fused:
    """The pass of the fully connected layer."""
    return next(op for op in passes.ops if isinstance(op, Fused) and op.dense)


def same_table(a: Activation, b: Activation) -> bool:
    return all((getattr(a, f) == getattr(b, f)).all() for f in ("start", "mul", "shift", "bias"))


def registers(conv: Conv) -> dict[str, int]:
    """All but where maps lie, which is any place that is free."""
    named = asdict(conv.registers)
    return {k: v for k, v in named.items() if k not in ("image_src_addr", "image_dst_addr")}


def numbers(layer: kmodel.Layer) -> dict[str, object]:
    """What a layer of the CPU says but for where it reads and writes, and its flags."""
    left = ("flags", "input", "out", "main_out", "a", "b", "kpu_out")
    return {
        k: v.tolist() if isinstance(v, np.ndarray) else v
        for k, v in vars(layer).items()
        if k not in left
    }


# Version 3


def covering(scale: float, low: float) -> Range:
    """The range of bytes of that step, from that number on."""
    return Range(low, low + 255 * scale)


@present
def test_v3_is_the_real_file_but_for_places_given_its_ranges() -> None:
    """The CPU's layers say theirs, that of the dense pass follows from its factors."""
    file, passes = original(3), passes_of(source(), RC5)
    quantize, dequantize = (
        next(each for each in reversed(file.layers) if isinstance(each, kind))
        for kind in (v3.Quantize, v3.Dequantize)
    )
    ranges = {op.y: Range(0.0, 6.0) for op in passes.ops}
    (mean,) = (op for op in passes.ops if isinstance(op, Mean))
    last, factors = dense(passes), convs(file)[27].norms
    ranges[mean.y] = covering(quantize.scale, quantize.bias)
    step = (dequantize.scale - dequantize.bias / 236) / 2  # of which both are the float32
    ranges[last.y] = covering(step, -236 * step)
    w = rc5.weights_of(last.kernel.weights)
    steps = w.stretch * w.scale / quantize.scale / rc5.POST
    low, high = (((factors.mul + d) / 2.0**factors.shift * steps) for d in (-0.5, 0.5))
    scale = (low.max() + high.min()) / 2
    assert low.max() < high.min()
    padded = {last.y: covering(1 / scale, -233 / scale)}

    made = lowered(chip(passes, Seen(ranges, padded), Pixels(1 / 255, 0.0), RC5), 3)

    assert [type(layer) for layer in made.layers] == [type(layer) for layer in file.layers]
    assert (len(kmodel.write(made)), made.main_bytes) == (len(kmodel.write(file)), file.main_bytes)
    for own, conv in zip(convs(made), convs(file), strict=True):
        assert (own.weights == conv.weights).all()
        for field in ("mul", "add", "shift"):
            assert (getattr(own.norms, field) == getattr(conv.norms, field)).all(), field
        assert same_table(own.activation, conv.activation)
        assert registers(own) == registers(conv)
    for layer, other in zip(made.layers, file.layers, strict=True):
        if not isinstance(layer, v3.K210Conv):
            assert numbers(layer) == numbers(other), layer.title


@present
def test_every_real_v3_table_is_the_one() -> None:
    tables = [
        conv.activation
        for path in (REAL / "kmodelV3").iterdir()
        for conv in convs(kmodel.load(path))
    ]
    assert len(tables) == 84
    assert all(same_table(table, rc5.table()) for table in tables)


# Version 4


@present
def test_v4_is_the_real_file_but_for_places_and_last_bits_given_its_ranges() -> None:
    """Every number of the CPU's layers is the same, softmax's seven among them."""
    file, passes = original(4), passes_of(source(), BETA2)
    ranges = {op.y: Range(0.0, 6.0) for op in passes.ops}
    parts = iter(PARTS)
    ranges |= {
        op.y: Range(0.0, 6.0 * next(parts) / beta2.BINS)
        for op in passes.ops
        if isinstance(op, Fused) and not op.dense
    }
    scales = [
        (each.scale, each.zero_point)
        for each in file.layers
        if isinstance(each, v4.Quantize | v4.Dequantize)
    ]
    _, pooled, logits, most, times, power, total, probabilities = scales
    found = {Mean: pooled, Fused: logits, ReduceMax: most, Sub: times, Mul: times, Exp: power,
             Sum: total, Div: probabilities}  # fmt: skip
    for op in passes.ops:
        if type(op) in found and (not isinstance(op, Fused) or op.dense):
            scale, zero = found[type(op)]
            ranges[op.y] = Range(-zero / scale, (255 - zero) / scale)

    made = lowered(chip(passes, Seen(ranges, {}), SYMMETRIC, Like(VERSIONS[1], l2=True)), 4)

    assert [type(layer) for layer in made.layers] == [type(layer) for layer in file.layers]
    assert (len(kmodel.write(made)), made.main_bytes) == (len(kmodel.write(file)), file.main_bytes)
    differ, channels = 0, 0
    for own, conv in zip(convs(made), convs(file), strict=True):
        assert (own.weights == conv.weights).all()
        assert (own.norms.shift == conv.norms.shift).all()
        mul, add = own.norms.mul - conv.norms.mul, own.norms.add - conv.norms.add
        assert max(np.abs(mul).max(), np.abs(add).max()) <= 1
        differ += int(((mul != 0) | (add != 0)).sum())
        channels += len(mul)
        assert same_table(own.activation, conv.activation)
        assert registers(own) == registers(conv)
    assert channels == 2736
    assert differ <= 95  # the order in which nncase evaluates float32 is not known
    for layer, other in zip(made.layers, file.layers, strict=True):
        if not isinstance(layer, v4.KpuConv2d):
            assert numbers(layer) == numbers(other), layer.title
    assert sorted(constants(made)) == sorted(constants(file))


def constants(model: Kmodel) -> list[bytes]:
    """What layers read of the file: the factor of softmax, and the matrix."""
    return [
        model.constants[each.b.start : each.b.end]
        for each in model.layers
        if isinstance(each, v4.QuantizedBinary | v4.QuantizedMatmul)
        and each.b.memory is kmodel.Memory.CONST
    ]


@present
def test_v4_weights_of_the_dense_layer_by_the_least_squared_error() -> None:
    weights = dense(passes_of(source(), BETA2)).kernel.weights[:, :, 0, 0]
    whole = beta2.range_of(weights)
    r = beta2.least_squares(beta2.histogram(weights, whole), whole)
    width = (whole.high - whole.low) / beta2.BINS
    assert [round((end - whole.low) / width) for end in r] == [192, 1977]
    scale, zero = beta2.quantization(r)
    assert (round(scale, 3), zero) == (402.829, 164)


# Whole networks


@present
@pytest.mark.parametrize("like", [RC5, BETA2], ids=VERSIONS)
def test_the_real_network_has_the_real_layers(like: Like) -> None:
    graph = source()
    xs = images(graph, 2)
    made = lowered(quantized_like(graph, [xs], SYMMETRIC, like).chip, like.runtime)
    file = original(like.runtime)
    assert [layer.title for layer in made.layers] == [layer.title for layer in file.layers]


TAKEN = {
    RC5: ("mobilenet_v1", "mobilenet_v1_same", "squeezenet", "broad"),
    BETA2: ("mobilenet_v1", "mobilenet_v1_same", "mobilenet_v2", "resnet", "squeezenet", "yolo",
            "broad"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("like", "name"), [(like, name) for like, names in TAKEN.items() for name in names],
    ids=lambda v: v if isinstance(v, str) else v.version,
)  # fmt: skip
def test_networks_are_near_to_floats_on_the_simulator(like: Like, name: str) -> None:
    graph = NETWORKS[name]
    xs = images(graph)
    made = quantized_like(graph, [xs], SYMMETRIC, like)
    _, ys = simulated(made.chip, like.runtime, xs[:2])
    for y, wanted in zip(ys, evaluated(graph, [real(xs[:2], SYMMETRIC, graph)]), strict=True):
        assert cosine(y, planes(wanted)) > 0.99


REFUSED = {
    (RC5, "mobilenet_v2"): "ADD 't8': how nncase-0.1.0-rc5 added two maps is not on record",
    (RC5, "yolo"): "CONV_2D 't0': its activation is leaky_relu(0.1), more than the range",
    (RC5, "shortcut"): "ADD 't4': how nncase-0.1.0-rc5 added",
    (BETA2, "shortcut"): "FULLY_CONNECTED 't6': its activation is sigmoid, more than the range",
}


@pytest.mark.parametrize(("like", "name"), REFUSED, ids=str)
def test_what_nncase_had_no_numbers_for_is_refused_by_name(like: Like, name: str) -> None:
    graph = NETWORKS[name]
    refused(graph, like, REFUSED[like, name])


def refused(graph: Graph, like: Like, words: str) -> None:
    """A network is refused, and `--like` is to be left out."""
    with pytest.raises(Unsupported) as e:
        quantized_like(graph, [images(graph)], SYMMETRIC, like)
    assert words in str(e.value)
    assert "Leave out `--like`" in str(e.value)


def test_an_activation_by_itself_is_refused() -> None:
    net = Net((16, 16, 3))
    y = net.leaky(net.mean(net.conv(net.input, 4)))
    for like in (RC5, BETA2):
        refused(net.graph(y), like, "has no activation that follows no convolution")


def test_a_range_without_0_where_zeros_are_around_is_refused() -> None:
    net = Net((8, 8, 3))
    x = net.conv(net.input, 4, 1, act="NONE")
    net.ops[-1].inputs[2].values[:] = 50.0  # type: ignore[union-attr]
    refused(net.graph(net.conv(x, 4)), RC5, "CONV_2D 't1': the range of its input is without the 0")
    pooled = net.graph(net.conv(net.pool(x, 2, 2), 4, 1), net.conv(x, 5, 1))
    refused(pooled, RC5, "MOVE 't2': the range of its input is without the 0")
    made = quantized_like(net.graph(net.conv(x, 4, 1)), [images(net.graph(x))], SYMMETRIC, RC5)
    assert made.chip.ops


def test_weights_without_a_scale_are_refused() -> None:
    """A channel of negative weights stretched to 0, which is the greatest of all."""
    net = Net((8, 8, 2))
    graph = net.graph(net.conv(net.input, 2, 1, act="NONE"))
    w = net.ops[-1].inputs[1].values  # type: ignore[union-attr]
    w[:, 0, 0] = [[-1.0, 0.0], [-1.0, -0.5]]
    refused(graph, RC5, "CONV_2D 't0': its weights or its ranges are out of reach")


def test_weights_of_16_bits() -> None:
    graph = NETWORKS["mobilenet_v1"]
    xs = images(graph)
    made = quantized_like(graph, [xs], SYMMETRIC, Like(VERSIONS[0], bits=16))
    model, _ = simulated(made.chip, 3, xs[:2])
    assert model.weight_bits == 16


def test_the_option_names_the_versions() -> None:
    def verb() -> None: ...

    (option,) = options.like()(verb).__click_params__  # type: ignore[attr-defined]
    assert tuple(option.type.choices) == VERSIONS


# Calibration


def one_pass() -> tuple[Graph, Tensor]:
    """A convolution that gives its input, and what it makes."""
    net = Net((4, 4, 1))
    y = net.conv(net.input, 1, 1, act="NONE")
    net.ops[0].inputs[1].values[:] = 1.0  # type: ignore[union-attr]
    net.ops[0].inputs[2].values[:] = 0.0  # type: ignore[union-attr]
    passes = passes_of(net.graph(y), BETA2)
    return passes, y


def constants_of(*values: float) -> Array:
    """Images (n, 1, 4, 4, 1), zero but for one pixel."""
    xs = np.zeros((len(values), 1, 4, 4, 1), np.float32)
    xs[:, 0, 0, 0, 0] = values
    return xs


def test_the_first_image_sets_the_range_and_others_move_it() -> None:
    passes, y = one_pass()
    assert averaged(passes, [constants_of(1.0)]).ranges[y] == Range(0.0, 1.0)
    found = averaged(passes, [constants_of(1.0, 3.0, -2.0)]).ranges[y]
    assert found.high == pytest.approx((1.0 * 0.99 + 0.03) * 0.99)
    assert found.low == pytest.approx(-0.02)


def test_a_dense_pass_has_the_range_of_its_whole_map_too() -> None:
    net = Net((4, 4, 3))
    y = net.dense(net.mean(net.conv(net.input, 4)), 3)
    net.ops[-1].inputs[2].values[:] = [-70.0, 0.0, 80.0]  # type: ignore[union-attr]
    net.ops[-1].inputs[1].values[:] *= 100  # type: ignore[union-attr]
    graph = net.graph(y)
    x = real(images(graph, 3), SYMMETRIC, graph)
    seen = averaged(passes_of(graph, RC5), [x])
    whole = [
        rc5.range_of(np.concatenate([v.reshape(-1), np.float32([-70.0, 0.0, 80.0])]))
        for v in evaluated(graph, [x])[0]
    ]
    wanted = rc5.moved(rc5.moved(whole[0], whole[1]), whole[2])
    assert seen.padded[y] == pytest.approx(wanted)
    assert [*seen.padded] == [y]
    assert seen.ranges[y] != seen.padded[y]


def test_the_range_of_all_images_or_a_part_of_it() -> None:
    passes, y = one_pass()
    xs = constants_of(1.0, 3.0, -2.0)
    seen = []
    assert covered(passes, [xs], lambda i, n: seen.append((i, n)), l2=False).ranges[y] == (-2, 3)
    assert seen[-1] == (3, 3)
    rng = np.random.default_rng(0)
    xs = rng.standard_t(2, (40, 1, 4, 4, 1)).astype(np.float32)
    whole = covered(passes, [xs], l2=False).ranges[y]
    part = covered(passes, [xs], l2=True).ranges[y]
    assert part == beta2.least_squares(beta2.histogram(xs, whole), whole)
    assert whole.low < part.low < part.high < whole.high


def test_softmax_in_steps_is_softmax() -> None:
    net = Net((8, 8, 3))
    x = net.dense(net.mean(net.conv(net.input, 4)), 7)
    graph = net.graph(net.softmax(x))
    steps = expanded(graph)
    assert len(steps.ops) == len(graph.ops) + 5
    xs = real(images(graph), SYMMETRIC, graph)
    assert np.allclose(evaluated(steps, [xs])[0], evaluated(graph, [xs])[0], atol=1e-6)


# By hand


def test_fixed_point_of_both_versions() -> None:
    values = np.array([0.0, 1.0, 1 / 1024, -165.0, 3.75, 2.0**-30])
    for fixed in (rc5.rounded, beta2.rounded):
        mul, shift = fixed(values, 16, 20)
        assert mul.tolist() == [0, 2**14, 1024, -165 * 2**7, 3.75 * 2**13, 0]
        assert shift.tolist() == [0, 14, 20, 7, 13, 20]
    halves = np.array([0.5, 1.5, -2.5]) * 2.0**-20
    assert rc5.rounded(halves, 16, 20)[0].tolist() == [0, 2, -2]
    assert beta2.rounded(halves, 16, 20)[0].tolist() == [1, 2, -3]


def test_ranges_of_both_versions() -> None:
    assert rc5.range_of(np.array([-101.0, 2.0, 5.0])) == Range(2.0, 5.0)
    assert rc5.range_of(np.array([101.0])) == Range(-6.0, 6.0)
    assert rc5.range_of(np.array([3.0, 3.0])) == Range(2.0, 4.0)
    assert rc5.quantization(Range(2.0, 4.0)) == (127.5, -255)
    assert beta2.range_of(np.float32([2.0, 5.0])) == Range(0.0, 5.0)
    assert beta2.range_of(np.float32([-2.0, -2.0])) == Range(-2.0, pytest.approx(0.0, abs=1e-30))
    assert beta2.fixed_up(Range(-5e3, 5e3)) == Range(-1e3, 1e3)
    assert beta2.fixed_up(Range(0.5, 0.5)) == Range(0.0, pytest.approx(0.6))
    assert beta2.fixed_up(Range(0.5, 0.501)) == Range(0.0, pytest.approx(0.51))


def test_weights_of_one_sign_and_of_none() -> None:
    real = np.float32([[1, 2], [0.25, 0.5], [-1e-30, 0]]).reshape(3, 2, 1, 1)
    for weights in (rc5.weights_of(real), beta2.weights_of(real)):
        assert weights.q.dtype == np.uint8
        back = (weights.q - float(weights.zero)) / weights.scale
        back /= weights.stretch[:, None, None, None]
        assert np.abs(back - real).max() <= 0.01


def test_the_least_squared_error() -> None:
    """Against a loop over one range's parts, for the range found and for others near it."""
    values = np.random.default_rng(0).standard_t(3, 20_000).astype(np.float32)
    whole = beta2.range_of(values)
    counts = beta2.histogram(values, whole)
    assert counts.sum() == 20_000
    width = (whole.high - whole.low) / beta2.BINS

    def loss(low: int, high: int) -> float:
        total = 0.0
        for i, count in enumerate(counts):
            level = min(max(round((i - low) * 255 / (high - low)), 0), 255)
            total += count * (i - low - level * (high - low) / 255) ** 2
        return total

    r = beta2.least_squares(counts, whole)
    low, high = (round((end - whole.low) / width) for end in r)
    assert 0 < low < high < beta2.BINS
    least = loss(low, high)
    for down, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (7, 7), (-40, 40), (-low, 2048 - high)):
        assert loss(low + down, high + up) >= least


def test_halves_go_away_from_zero_in_single_precision() -> None:
    odd = 2.0**23 + 1  # where 1/2 more is no float32
    assert beta2.away(np.float32([odd, -odd, 0.5, -2.5])).tolist() == [odd, -odd, 1, -3]
    assert beta2.away(np.float32(0.49999997)) == 0


def test_a_table_of_several_pieces() -> None:
    y = beta2.quantization(Range(-1.0, 6.0))
    table = beta2.table([(-10.0, 0.1, -1.0), (0.0, 1.0, 0.0)], y, 1024.0)
    scale = 255 / 7
    assert table.start[:3].tolist() == [-(2**35), round(-10 * scale * 1024), 0]
    assert table.mul[:3].tolist() == [0, round(0.1 * 2**10), 2**10]
    assert table.bias[:4].tolist() == [0, 0, 36, 255]
    assert table.start[3:].tolist() == [2**35 - 17 + e for e in range(3, 16)]


@pytest.mark.parametrize(
    ("curve", "ends", "wanted"),
    [
        (curves.RELU6, (0.0, 6.0), [(0, 1, 0)]), (curves.RELU6, (0.0, 5.0), [(0, 1, 0)]),
        (curves.RELU, (0.0, 9.0), [(0, 1, 0)]), (curves.LINEAR, (-3.0, 5.0), [(-3, 1, -3)]),
        (curves.LINEAR, (0.0, 5.0), [(0, 1, 0)]), (curves.LINEAR, (-3.0, 0.0), [(-3, 1, -3)]),
        (curves.RELU6, (-2.0, 8.0), [(0, 1, 0), (6, 0, 6)]),
        (curves.RELU_N1_TO_1, (-1.0, 1.0), [(-1, 1, -1)]),
        (curves.leaky_relu(0.5), (-1.0, 4.0), [(-2, 0.5, -1), (0, 1, 0)]),
        (curves.leaky_relu(0.5), (0.0, 4.0), [(0, 1, 0)]),
    ],
)  # fmt: skip
def test_pieces_within_the_bytes_of_the_output(
    curve: curves.Curve, ends: tuple[float, float], wanted: list[tuple[float, float, float]]
) -> None:
    found = beta2.pieces(curve, Affine.of(*ends))
    assert np.allclose(found, wanted, atol=0.02)
    assert len(found) == len(wanted)


def test_a_relu_whose_bytes_go_below_zero_stays_one() -> None:
    """As where it is joined with a linear map."""
    kernel = Kernel(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32))
    y = Affine.of(-1.0, 1.0)
    block = beta2.block(kernel, Affine.of(-1.0, 1.0), y, curves.RELU)
    assert block.activation.bias[0] == y.zero
    net = Net((8, 8, 3))
    joined = net.concat(net.conv(net.input, 2, act="RELU"), net.conv(net.input, 2, act="NONE"))
    graph = net.graph(net.conv(joined, 4))
    refused(graph, RC5, "CONV_2D 't0': its activation is relu, more than the range")
    xs = images(graph)
    _, ys = simulated(quantized_like(graph, [xs], SYMMETRIC, BETA2).chip, 4, xs[:2])
    wanted = evaluated(graph, [real(xs[:2], SYMMETRIC, graph)])[0]
    assert cosine(ys[0], planes(wanted)) > 0.99


@pytest.mark.parametrize("function", [BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.DIV])
def test_terms_make_the_function(function: BinaryOp) -> None:
    x = Tensor("x", (1, 256), "uint8")
    b_low = 1.0 if function is BinaryOp.DIV else -2.0
    a, b, y = (beta2.quantization(beta2.fixed_up(r))
               for r in (Range(-3.0, 5.0), Range(b_low, 4.0), Range(-20.0, 20.0)))  # fmt: skip
    if function is BinaryOp.DIV:
        a = beta2.quantization(Range(0.0, 5.0))
    op = ops4.Binary((x, x), (x,), function, *terms(function, a, b, y), runtime=4)
    p = np.arange(256, dtype=np.uint8).reshape(1, 1, 256)
    q = np.flip(p) // 2 + 128
    found = op.eval(p, q)[0, 0]
    real_a, real_b = (Quantization(*n).affine.real(v[0, 0]) for n, v in ((a, p), (b, q)))
    wanted = (
        ops4.FUNCTIONS[function](real_a, real_b)
        if function is not BinaryOp.DIV
        else (real_a / real_b)
    )
    expected = np.clip(np.rint(wanted * y.scale + y.zero), 0, 255)
    assert np.abs(found.astype(np.int64) - expected).max() <= 1


def test_a_division_by_zero_is_the_chips() -> None:
    a, b = np.array([0, 7, 9]), np.array([2, 2, 0])
    assert ops4.quotients(a, b).tolist() == [0, 4, -1]
