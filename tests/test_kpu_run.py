"""Whole kmodels on the simulator: small ones by hand, the real ones by what is known of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ascua import kmodel, kpu
from ascua.errors import AscuaError, DoesNotFit, InputError, Unsupported
from ascua.ir import Array
from ascua.kmodel import DType, Kmodel, Layer, Memory, Port, Range, v3, v4
from ascua.kmodel.memory import f32, u8
from ascua.kpu.ram import DTYPES
from tests import test_kmodel_damaged as damaging
from tests.support.command import MODELS
from tests.support.convolutions import RELU, conv

K210 = MODELS / "k210"
HALVES = [(1 << 10, 0, 0)]
"""Batch normalisation before `RELU` that makes a sum half of itself."""


def model(version: int, layers: list[Layer], outputs: list[Range], **changes: Any) -> Kmodel:
    inputs = changes.pop("inputs", kmodel.model.v3_inputs(tuple(layers)))
    args = {"name": "net.kmodel", "main_bytes": 256} | changes
    return Kmodel(version=version, inputs=inputs, outputs=tuple(outputs), layers=tuple(layers),
                  **args)  # fmt: skip


def samples(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


ONE = np.array([2, 1, 1, 2], np.int64).reshape(2, 2, 1, 1)
"""Two channels of two: twice the first and the second, and the other way round."""


def test_a_network_of_version_3() -> None:
    """Camera images (h, w, c) become planes; the map goes to main memory, then to floats."""
    first = v3.K210Conv(1, 0, conv(ONE, (4, 5), norms=HALVES * 2, segments=RELU))
    floats = v3.Dequantize(1, 0, 40, 40, 0.5, 1.0)
    net = model(3, [first, floats], [f32(40, 40)])
    x = samples(3, 4, 5, 2) // 4
    (y,) = kpu.run(net, x)
    assert y.dtype == np.float32
    for image, out in zip(x.astype(int), y, strict=True):
        sums = np.stack([2 * image[..., 0] + image[..., 1], image[..., 0] + 2 * image[..., 1]])
        assert (out.reshape(2, 4, 5) == ((sums + 1) >> 1) * 0.5 + 1).all()


def test_layers_one_by_one() -> None:
    """Maps as (c, h, w), values in a row; the generator computes as it goes."""
    first = v3.K210Conv(1, 0, conv(ONE, (4, 5), norms=HALVES * 2, segments=RELU))
    net = model(3, [first, v3.Dequantize(1, 0, 40, 40, 0.5, 1.0)], [f32(40, 40)])
    x = samples(4, 5, 2) // 4
    (one, map_), (two, floats) = kpu.Simulator(net).layers([x])
    assert (one, two) == net.layers
    assert map_.shape == (2, 4, 5)
    assert map_.dtype == np.uint8
    assert (floats == map_.reshape(-1) * 0.5 + 1).all()
    assert (kpu.run(net, x[None])[0][0] == floats).all()


def test_layers_answer_values_of_their_own() -> None:
    """What a later layer writes over is not seen in what an earlier one answered."""
    shape = (1, 1, 2, 2)
    same, half = (f32(0, 4), f32(16, 4))
    layers: list[Layer] = [
        v4.MemoryCopy(same, half),
        v4.Transpose(half, same, shape, (0, 1, 2, 3)),
        v4.Unary(same, same, v4.UnaryOp.NEG),
        v4.Unary(half, half, v4.UnaryOp.SQUARE),
    ]
    net = model(4, layers, [same], inputs=(Port(same, shape),))
    x = np.arange(1, 5, dtype=np.float32).reshape(2, 2, 1)
    found = [y.tolist() for y in [y for _, y in kpu.Simulator(net).layers([x])]]
    assert found == [[1, 2, 3, 4], [1, 2, 3, 4], [-1, -2, -3, -4], [1, 4, 9, 16]]


def test_padded_maps_of_version_3() -> None:
    """A fully connected layer as compilers write it: 1 x 1 over maps of 4 x 4, of which one pixel.

    The other 15 pixels are what KPU RAM held, here the input image.
    """
    first = v3.K210Conv(1, 0, conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU))
    padding = v3.K210AddPadding(0, 3, 0, 2)
    dense = conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU, image_dst_addr=8)
    layers: list[Layer] = [
        first, padding, v3.K210Conv(1, 32, dense), v3.K210RemovePadding(1, 32, 64, 2),
        v3.Dequantize(1, 64, 68, 2, 1.0, 0.0),
    ]  # fmt: skip
    net = model(3, layers, [f32(68, 2)])
    x = samples(1, 4, 4, 2) // 8
    found = [y for _, y in kpu.Simulator(net).layers([x[0]])]
    image = np.moveaxis(x[0], 2, 0).astype(int)
    a, b = found[0].reshape(-1)[3:5].tolist()
    assert found[1][:, 0, 0].tolist() == [a, b]
    assert (found[1][:, 1:] == image[:, 1:]).all()
    expected = [(2 * a + b + 1) >> 1, (a + 2 * b + 1) >> 1]
    assert found[2][:, 0, 0].tolist() == expected
    assert kpu.run(net, x)[0].tolist() == [expected]


def test_uploads_of_version_3() -> None:
    first = v3.K210Conv(1, 0, conv(ONE, (4, 5), norms=HALVES * 2, segments=RELU))
    upload = v3.K210Upload(0, 0, 100, 4, 5, 2)
    again = conv(ONE, (5, 4), norms=HALVES * 2, segments=RELU, image_src_addr=100)
    net = model(3, [first, upload, v3.K210Conv(1, 40, again),
                    v3.Dequantize(1, 40, 80, 40, 1.0, 0.0)], [f32(80, 40)])  # fmt: skip
    x = samples(1, 4, 5, 2) // 8
    found = [y for _, y in kpu.Simulator(net).layers([x[0]])]
    assert (found[1].reshape(-1) == found[0].reshape(-1)).all()
    assert found[1].shape == (2, 5, 4)
    a, b = found[1].astype(int)
    assert (found[2] == np.stack([2 * a + b + 1, a + 2 * b + 1]) >> 1).all()


def test_quantized_add_writes_eight_bytes_at_a_time() -> None:
    first = v3.K210Conv(1, 0, conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU))
    add = v3.QuantizedAdd(1, 0, 16, 40, 5, 0, 1, 0, 0, 1, 0, 0, 1, 0)
    layers: list[Layer] = [first, add, v3.Dequantize(1, 40, 48, 8, 1.0, 0.0)]
    net = model(3, layers, [f32(48, 8)], main_bytes=80)
    x = samples(1, 4, 4, 2) // 8
    found = [y for _, y in kpu.Simulator(net).layers([x[0]])]
    y = found[0].reshape(-1).astype(int)
    assert found[1].tolist() == (y[:5] + y[16:21]).tolist()
    assert found[2].tolist() == (y[:8] + y[16:24]).tolist()
    last = replace(add, out=75)  # the workspace ends behind the five bytes
    end = model(3, [first, last], [f32(0, 1)], main_bytes=80)
    assert [y for _, y in kpu.Simulator(end).layers([x[0]])][1].tolist() == found[1].tolist()


def test_a_first_layer_of_floats() -> None:
    w, b = np.array([[1, 2, 3]], np.float32), np.array([4], np.float32)
    dense = v3.FullyConnected(1, 0, 12, 3, 1, v3.FusedActivation.LINEAR, w, b)
    net = model(3, [dense], [f32(12, 1)])
    x = np.array([1, 10, 100], np.float32).reshape(1, 1, 1, 3)
    assert kpu.run(net, x)[0].tolist() == [[325]]


def version_4(copied: Range | None = None) -> tuple[list[Layer], tuple[Port, ...]]:
    """A convolution of the KPU, whose map of 2 x 4 x 5 goes to main memory too."""
    main = copied or u8(8, 40)
    layer = conv(ONE, (4, 5), norms=HALVES * 2, segments=RELU, send_data_out=1)
    port = Port(layer.source, (1, 2, 4, 5))
    return [v4.KpuConv2d(main, 1, 0, layer)], (port,)


def test_a_network_of_version_4() -> None:
    """Halves to even; the output is what the file says, here bytes, and floats beside them."""
    layers, inputs = version_4()
    layers.append(v4.Dequantize(u8(8, 40), f32(48, 40), zero_point=3, scale=2.0))
    net = model(4, layers, [u8(8, 40), f32(48, 40)], inputs=inputs)
    x = samples(2, 4, 5, 2) // 4
    bytes_, floats = kpu.run(net, x)
    for image, y in zip(x.astype(int), bytes_, strict=True):
        sums = np.stack([2 * image[..., 0] + image[..., 1], image[..., 0] + 2 * image[..., 1]])
        assert (y.reshape(2, 4, 5) == np.rint(sums / 2)).all()
    assert bytes_.dtype == np.uint8
    assert (floats == (bytes_.astype(np.float32) - 3) / 2).all()
    up = kpu.Simulator(net, rounding="half-up").run([x])[0]
    assert (up - bytes_).max() == 1


def test_uploads_and_constants_of_version_4() -> None:
    table = Range(Memory.CONST, DType.U8, 4, 256)
    layers, inputs = version_4()
    again = conv(ONE, (4, 5), norms=HALVES * 2, segments=RELU, image_src_addr=100,
                 image_dst_addr=200, send_data_out=1)  # fmt: skip
    layers += [
        v4.TableLookup1d(u8(8, 40), table, u8(48, 40)),
        v4.KpuUpload(u8(48, 40), again.source, (1, 2, 4, 5)),
        v4.KpuConv2d(u8(88, 40), 1, 0, again),
    ]
    constants = bytes(4) + bytes(range(256))[::-1]
    net = model(4, layers, [u8(88, 40)], inputs=inputs, constants=constants)
    x = samples(4, 5, 2) // 8 + 200
    found = [y for _, y in kpu.Simulator(net).layers([x])]
    assert (found[1] == 255 - found[0].reshape(-1)).all()
    a, b = found[2].astype(int)
    assert (found[3] == np.rint(np.stack([2 * a + b, a + 2 * b]) / 2)).all()


def test_inputs_in_main_memory() -> None:
    """Two, of floats: each (h, w, c), and stored as planes."""
    shape = (1, 2, 1, 3)
    ports = (Port(f32(0, 6), shape), Port(f32(24, 6), shape))
    layer = v4.Binary(f32(0, 6), f32(24, 6), f32(48, 6), v4.BinaryOp.SUB, shape, shape, shape,
                      -np.inf, np.inf)  # fmt: skip
    net = model(4, [layer], [f32(48, 6)], inputs=ports)
    a, b = (np.arange(6, dtype=np.float32).reshape(1, 1, 3, 2) * k for k in (3, 1))
    assert kpu.Simulator(net).run([a, b])[0].tolist() == [[0, 4, 8, 2, 6, 10]]


def test_progress_and_samples_apart() -> None:
    """What one sample leaves in memory, the next does not see."""
    layers, inputs = version_4()
    net = model(4, layers, [u8(8, 40)], inputs=inputs)
    heard: list[tuple[int, int]] = []
    x = samples(5, 4, 5, 2)
    (y,) = kpu.run(net, x, lambda *done: heard.append(done))
    assert heard == [(i, 5) for i in range(1, 6)]
    assert (kpu.run(net, x[::-1])[0] == y[::-1]).all()
    assert kpu.run(net, x[:0])[0].shape == (0, 40)


def test_memory_is_empty_before_each_sample() -> None:
    """The 15 pixels beside a padded one are zeros, whatever the sample before left there."""
    first = v3.K210Conv(1, 0, conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU))
    padding = v3.K210AddPadding(0, 0, 50, 2)
    there = conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU, image_src_addr=50,
                 image_dst_addr=60)  # fmt: skip
    back = conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU, image_src_addr=4,
                image_dst_addr=50)  # fmt: skip
    layers: list[Layer] = [first, padding, v3.K210Conv(1, 32, there), v3.K210Conv(0, 0, back),
                           v3.Dequantize(1, 32, 64, 32, 1.0, 0.0)]  # fmt: skip
    (y,) = kpu.run(model(3, layers, [f32(64, 32)]), samples(2, 4, 4, 2) // 8)
    assert (y.reshape(2, 2, 16)[:, :, 1:] == 0).all()


def test_what_is_wrong_with_inputs_is_said() -> None:
    layers, inputs = version_4()
    simulator = kpu.Simulator(model(4, layers, [u8(8, 40)], inputs=inputs))
    for x in (samples(1, 5, 4, 2), samples(1, 2, 4, 5), samples(1, 4, 5, 2).astype(np.float32),
              samples(4, 5, 2)):  # fmt: skip
        with pytest.raises(InputError, match=r"net\.kmodel: input 0 is .* uint8 \(n, 4, 5, 2\)"):
            simulator.run([x])
    with pytest.raises(InputError, match="2 inputs are given, and the model has 1"):
        simulator.run([samples(1, 4, 5, 2)] * 2)


def test_what_no_runtime_executes_is_named() -> None:
    first = v3.K210Conv(1, 0, conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU))
    pool = v3.MaxPool2d(1, 0, 64, 2, 2, 2, 1, 1, 2, 2, 2, 2, 2, 0, 0, v3.FusedActivation.LINEAR)
    with pytest.raises(Unsupported, match=r"net\.kmodel: layer 1 \(MaxPool2d\): .*execute"):
        kpu.Simulator(model(3, [first, pool], [f32(64, 2)]))


def test_an_input_of_several_samples_is_refused() -> None:
    x, y = f32(0, 24), f32(96, 6)
    mean = v4.Reduce(x, y, v4.ReduceOp.MEAN, (2, 3, 2, 2), (2, 3, 1, 1), 0.0)
    net = model(4, [mean], [y], inputs=(Port(x, (2, 3, 2, 2)),))
    kmodel.check(net)
    with pytest.raises(Unsupported, match=r"net\.kmodel: input 0 takes 2 samples at a time"):
        kpu.Simulator(net)


def test_a_workspace_that_the_chip_has_no_room_for() -> None:
    first = v3.K210Conv(1, 0, conv(ONE, (4, 4), norms=HALVES * 2, segments=RELU))
    net = model(3, [first, v3.Dequantize(1, 0, 32, 32, 1.0, 0.0)], [f32(32, 32)])
    with pytest.raises(DoesNotFit, match=r"net\.kmodel: its workspace takes 6291457 bytes"):
        kpu.Simulator(replace(net, main_bytes=(6 << 20) + 1))
    assert kpu.Simulator(replace(net, main_bytes=6 << 20))


def test_damaged_files_run_or_are_refused() -> None:
    """What is read of the damaged files of `test_kmodel_damaged`."""
    ran = 0
    for seed in range(1, 1000):
        if seed % damaging.REAL == 0:
            continue
        try:
            simulator = kpu.Simulator(kmodel.read(damaging.damaged(seed)), fused=bool(seed % 2))
        except AscuaError:
            continue
        ports = zip(simulator.shapes, simulator.model.inputs, strict=True)
        xs = [np.full((1, *shape), 77, DTYPES[port.range.dtype]) for shape, port in ports]
        simulator.run(xs)
        ran += 1
    assert ran > 50


def real(version: int, name: str) -> Kmodel:
    path = K210 / f"kmodelV{version}" / f"{name}.kmodel"
    if not path.exists():
        pytest.skip(f"there is no {path.parent.name}/{path.name} beside the repository")
    return kmodel.load(path)


def picture() -> Array:
    """Black and colored areas with sharp edges, (224, 224, 3)."""
    y, x = np.mgrid[:224, :224]
    waves = [np.sin(x / a) * np.cos(y / b) for a, b in ((21, 26), (23, 25), (25, 24))]
    return np.stack([255 * (v > 0) for v in waves], -1).astype(np.uint8)


def test_the_real_file_of_version_3() -> None:
    """Its shapes; logits of 0.887 at most, many at once: a finding of the file's specification."""
    net = real(3, "mbnet25")
    found = [(layer, y) for layer, y in kpu.Simulator(net).layers([picture()])]
    maps = [y.shape for layer, y in found if isinstance(layer, v3.K210Conv)]
    assert maps[:6] == [(8, 112, 112), (8, 112, 112), (16, 112, 112), (16, 112, 112), (32, 56, 56),
                        (32, 56, 56)]  # fmt: skip
    assert maps[-3:] == [(256, 7, 7), (256, 7, 7), (1000, 4, 4)]
    logits, (_, softmax) = found[-2][1], found[-1]
    assert 0.887 < logits.max() < 0.888
    assert (logits == logits.max()).sum() > 5
    assert abs(softmax.sum() - 1) < 1e-5
    assert (kpu.run(net, picture()[None])[0][0] == softmax).all()


def test_the_real_file_of_version_4() -> None:
    """Probabilities are whole multiples of 1 / 335.154."""
    net = real(4, "mbnet25")
    (y,) = kpu.run(net, picture()[None])
    steps = y[0] * 335.1540832519531
    assert np.allclose(steps, np.rint(steps), atol=1e-4)
    assert 0 < steps.max() <= 255


@pytest.mark.parametrize(("name", "seconds"), [("mbnet25", 0.25), ("mbnet75", 1.0)])
@pytest.mark.parametrize("version", [3, 4])
def test_real_files_are_fast(version: int, name: str, seconds: float) -> None:
    """A tenth or so of what is allowed, of one core."""
    simulator, x = kpu.Simulator(real(version, name)), picture()[None]
    took = []
    for _ in range(3):
        begin = time.process_time()
        simulator.run([x])
        took.append(time.process_time() - begin)
    assert min(took) <= seconds
