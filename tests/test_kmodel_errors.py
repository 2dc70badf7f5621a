"""What kmodel files are refused for, and in which words."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ascua import kmodel
from ascua.errors import InputError, ModelError, Unsupported
from ascua.kmodel import v3, v4
from tests.support.kmodel_layers import (
    LAYERS3,
    LAYERS4,
    YU,
    U,
    X,
    Y,
    layers,
    operators,
    read,
    refused,
    said,
)
from tests.support.kmodels import Make, conv3, conv4, file3, file4, layer

ONE3 = file3([conv3(main_out=0)])
ONE4 = file4([conv4(main_out=0)])
SECOND = {"ic": 16, "src": 64, "dst": 128}
"""A convolution behind that of `conv3()`."""
TOP = (1 << 32) - 1


def patched(data: bytes, at: int, form: str, *values: Any) -> bytes:
    """`data` with other bytes at `at`."""
    new = struct.pack(f"<{form}", *values)
    return data[:at] + new + data[at + len(new) :]


# Header


def test_other_data_behind_a_kmodel() -> None:
    """The command that is named cuts them off."""
    with pytest.raises(Unsupported, match=r"goes on behind its last layer") as caught:
        read(ONE3 + b"more")
    assert f"head -c {len(ONE3)} FILE" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["is empty"]),
        (b"\3\0\0", ["is no kmodel"]),
        (b"\x1c\0\0\0TFL3" + bytes(100), ["is no kmodel", "LDMK"]),
        (ONE3[:20], ["header", "main_mem_usage takes 4 bytes from byte 20, and 0 are left"]),
        (patched(ONE3, 4, "I", 2), ["header: flags is 2, not from 0 to 1"]),
        (patched(ONE3, 12, "I", TOP), ["the number of layers is 4294967295"]),
        (patched(ONE3, 24, "I", TOP), ["the number of outputs is 4294967295"]),
        (patched(ONE3, 12, "I", 4000), ["the layers' headers takes 32000 bytes"]),
        (file3([]), ["it has 0 layers, not 1 to 4096"]),
        (file3([conv3(main_out=0)], []), ["it has 0 outputs, not 1 to 64"]),
        (patched(ONE4, 28, "I", TOP), ["the number of inputs is 4294967295"]),
        (patched(ONE4, 16, "I", TOP), ["constants takes 4294967295 bytes"]),
        (file4([conv4(main_out=0)], inputs=[]), ["it has 0 inputs"]),
        (patched(ONE3, 36, "I", 26), ["layer 0: no layer has the type 26"]),
        (patched(ONE3, 40, "I", TOP), ["layer 0 (K210Conv): its body has 4294967295 bytes"]),
        (layers(*[layer(15, "4I", 1, 0, 1024, 7)] * 2)[:-17], ["layer 1 (Softmax)", "15 are left"]),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, list) else "file",
)
def test_damaged_headers(data: bytes, words: Sequence[str]) -> None:
    refused(data, *words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (struct.pack("<8I", 0x4B4D444C, 5, *[0] * 6), ["kmodel version 5", "versions 3 and 4"]),
        (struct.pack("<8I", 5, *[0] * 7), ["kmodel version 5"]),
        (struct.pack("<8I", 1, *[0] * 7), ["kmodel version 1"]),
        (patched(ONE3, 8, "I", 1), ["arch is 1, and 0 is the K210"]),
        (patched(ONE4, 12, "I", 0), ["target is 0, and 1 is the K210"]),
        (patched(ONE4, 8, "I", 1), ["flags is 1, and 0 is all that is known"]),
        (patched(ONE3, 36, "I", 6), ["layer 0: QuantizedGlobalAveragePool2d (6): no runtime"]),
        (operators(layer(0x1001, "8I", *X, *Y)), ["layer 0: operator 0x1001"]),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "file",
)
def test_what_ascua_does_not_take(data: bytes, words: Sequence[str]) -> None:
    refused(data, *words, kind=Unsupported)


def test_another_version_is_answered_with_what_to_try() -> None:
    with pytest.raises(Unsupported) as e:
        kmodel.read(struct.pack("<8I", 0x4B4D444C, 5, *[0] * 6), "my.kmodel")
    assert "V3 is what nncase 0.1" in e.value.things_to_try[0]
    assert "V4" in e.value.things_to_try[0]


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        kmodel.load(tmp_path / "no.kmodel")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        kmodel.load(tmp_path)
    large = tmp_path / "large.kmodel"
    with large.open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(ModelError, match="larger than 16 MiB, the flash of K210 boards"):
        kmodel.load(large)


# Bodies


def test_bodies_of_another_size() -> None:
    size = struct.unpack("<I", ONE3[40:44])[0]
    for change, words in (
        (8, "its fields end at"),
        (-8, "takes"),
        (-500, "the registers takes 96 bytes"),
    ):
        data = patched(ONE3 + bytes(8), 40, "I", size + change)
        refused(data, "layer 0 (K210Conv)", words)


def test_gaps_that_are_not_zero() -> None:
    for data, at, name in (
        (ONE3, struct.unpack("<I", ONE3[56:60])[0] - 1, "weights_off"),
        (layers(layer(*LAYERS3[v3.QuantizedMaxPool2d][0])), -1, "the next layer"),
    ):
        at %= len(data)
        assert data[at] == 0
        refused(patched(data, at, "B", 1), f"a gap before {name}", "not zero", kind=Unsupported)
    gap = ONE4.index(struct.pack("<Q", (0 - 3) & 0xFFFFFF)) - 1
    refused(patched(ONE4, gap, "B", 1), "a gap before bwsx_base_addr", kind=Unsupported)


@pytest.mark.parametrize("name", ["layer", "weights", "bn", "act"])
def test_offsets_of_v3(name: str) -> None:
    far, near = (file3([conv3(main_out=0, **{f"off_{name}": by})]) for by in (1 << 20, 1))
    refused(far, "layer 0 (K210Conv)", f"{name}_off is", "outside of what is left")
    refused(near, f"{name}_off is", "no multiple of")
    at = 52 + 4 * ["layer", "weights", "bn", "act"].index(name)
    refused(patched(ONE3, at, "I", 0), f"{name}_off is 0, outside of what is left")


def test_a_block_elsewhere_in_the_body() -> None:
    data = file3([conv3(main_out=0, off_layer=8)])
    refused(data, "layer_off is", "compilers put that block at", kind=Unsupported)
    data = file4([conv4(main_out=0, bwsx_base_addr=40 + 256)])
    refused(data, "bwsx_base_addr skips to 512", "that block at 256", kind=Unsupported)


@pytest.mark.parametrize("name", ["bwsx_base_addr", "active_addr", "para_start_addr"])
def test_addresses_of_parameters(name: str) -> None:
    refused(file3([conv3(main_out=0, **{name: 1})]), f"{name} is 1, and the chip's runtime sets it")
    refused(file4([conv4(main_out=0, **{name: 1})]), f"{name} skips 1 bytes, to")
    refused(file4([conv4(main_out=0, **{name: TOP})]), f"{name} skips 4294967295 bytes, out of")


# Registers


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kernel_type": 2}, "kernel_type is 2, none of 0 (1x1), 1 (3x3)"),
        ({"depth_wise_layer": 1}, "it is depthwise, from 4 channels to 16"),
        ({"pool_type": 10}, "pool_type is 10, none of 0 to 9"),
        ({"pool_type": 1}, "o_row_wid is 7, not 3, which is 8 // 2 - 1, by the pooling"),
        ({"o_row_wid": 6}, "o_row_wid is 6, not 7"),
        ({"o_col_high": 6}, "o_col_high is 6, not 7"),
        ({"channel_switch_addr": 9}, "channel_switch_addr is 9, not 8, the lines of a channel"),
        ({"row_switch_addr": 2}, "row_switch_addr is 2, not 1, the lines of a row of a map of 8x8"),
        ({"coef_group": 2}, "coef_group is 2, not 4, the channels that share a line"),
        ({"wb_channel_switch_addr": 9}, "wb_channel_switch_addr is 9, not 8"),
        ({"wb_row_switch_addr": 2}, "wb_row_switch_addr is 2, not 1"),
        ({"wb_group": 1}, "wb_group is 1, not 4"),
        ({"o_ch_num_coef": 16}, "o_ch_num_coef is 16, not 15, the most of 16 kernels"),
        ({"o_ch_num_coef": 7}, "para_size is 64, not 32, the bytes of 8 kernels of 4"),
        ({"para_size": 63}, "para_size is 63, not 64"),
        ({"load_time": 1}, "load_time is 1, not 0, for 16 kernels, 16 a load"),
        ({"channel_byte_num": 62}, "channel_byte_num is 62, not 63"),
        ({"dma_total_byte": 0}, "dma_total_byte is 0, not 1023, of an output of 1024 bytes"),
        ({"iw": 3, "ow": 1, "pool": 3}, "o_row_wid is 0, not -1, as pooling leaves nothing of 3"),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, dict) else "",
)
def test_registers_that_contradict_each_other(changed: dict[str, int], words: str) -> None:
    refused(file3([conv3(main_out=0, **changed)]), "layer 0 (K210Conv): ", words)
    refused(file4([conv4(main_out=0, **changed)]), "layer 0 (kpu_conv2d): ", words)


def test_fewer_kernels_a_load_than_there_is_room_for() -> None:
    changed = {"o_ch_num_coef": 7, "para_size": 32, "load_time": 1}
    assert read(file3([conv3(main_out=0, **changed)])).layers[0].conv.loads == 2
    changed = {"dw": 1, "oc": 4, "o_ch_num_coef": 1, "para_size": 2, "load_time": 1}
    refused(file3([conv3(main_out=0, **changed)], [(0, 8)]), "depthwise weights are loaded at once")


def test_a_copy_that_is_announced_and_has_no_place() -> None:
    refused(
        file4([conv4(main_out=0, send_data_out=0)]), "send_data_out is 0, and main_out has 1024"
    )
    data = file4([conv4(send_data_out=1)], [(2, 1, 4096, 64)])
    refused(data, "send_data_out is 1, and main_out has 0 bytes")


def test_bits_of_no_field() -> None:
    words, _, bn = struct.unpack("<3I", ONE3[52:64])
    refused(patched(ONE3, words, "Q", 1 << 63), "bits 0x8000000000000000 of register word 0")
    refused(patched(ONE3, bn, "Q", 1 << 60), "bits 60 to 63 of a word of the batch normalisation")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"full_add": 1}, "full_add is set, and what it does is not known"),
        ({"first_stride": 1}, "first_stride is set"),
        ({"load_act": 0}, "load_act is 0, and what the KPU computes then is not known"),
        ({"iw": 3, "ow": 3}, "its input is 3 wide and 8 high; the KPU takes 4 to 512"),
        ({"ih": 3, "oh": 3}, "its input is 8 wide and 3 high"),
        ({"dw": 1, "oc": 4, "pool": 5, "ow": 4, "oh": 4}, "it is depthwise and pools"),
    ],
)
def test_what_is_read_and_cannot_be_executed(changed: dict[str, int], words: str) -> None:
    model = read(file3([conv3(main_out=0, **changed)], [(0, 64)]))
    with pytest.raises(Unsupported) as e:
        kmodel.executable(model)
    said(e.value, "layer 0 (K210Conv): ", words)


def test_layers_that_no_runtime_executes() -> None:
    found = {kind for kind in LAYERS3 if read(layers(layer(*LAYERS3[kind][0]))).layers[1].check()}
    assert found == {v3.MaxPool2d}
    found = {
        kind for kind in LAYERS4 if read(operators(layer(*LAYERS4[kind][0]))).layers[0].check()
    }
    assert found == {v4.NnilUnaryMethod, v4.Conv2dTranspose}
    (code, form, *values), _ = LAYERS4[v4.ResizeImage]
    values[:8] = *U, *YU[:3], 20
    values[14] = v4.ResizeMode.BILINEAR
    bilinear = read(operators(layer(code, form, *values))).layers[0]
    assert bilinear.check() == "how it rounds bytes between pixels is not known"
    data = file4([conv4(main_out=0, batches=2)])
    assert read(data).layers[0].check() == "it takes 2 images at once"


# Memory


def softmax(source: int, target: int, count: int = 4) -> tuple[int, Make]:
    """A V3 layer from `source` to `target`."""
    return layer(15, "4I", 1, source, target, count)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([conv3(main_out=8000)], "layer 0 (K210Conv): its output at bytes 8000 to 9024 of main"
         " memory leaves main memory, which has 8192 bytes"),
        ([conv3(main_out=0, src=32767)], "an input at lines 32767 to 32775 of KPU RAM leaves"),
        ([conv3(main_out=0, dst=32767)], "at lines 32767 to 32799 of KPU RAM leaves KPU RAM"),
        ([conv3(main_out=0, dst=7)], "at lines 7 to 39 of KPU RAM overlaps its input at lines 0"),
        ([conv3(main_out=0), softmax(2, 1024)], "at bytes 2 to 18 of main memory does not consist"
         " of units of 4 bytes"),
        ([conv3(main_out=0), softmax(1016, 2048)], "layer 1 (Softmax): its input at bytes 1016 to"
         " 1032 of main memory is read, and nobody wrote byte 1024 before"),
        ([conv3(main_out=0), softmax(0, 8)], "its output at bytes 8 to 24 of main memory overlaps"
         " its input at bytes 0 to 16"),
        ([conv3(main_out=0), layer(12, "4I2f", 1, 0, 0, 4, 1, 0)], "layer 1 (Dequantize): its"
         " output at bytes 0 to 16 of main memory overlaps its input at bytes 0 to 4"),
        ([conv3(main_out=0), conv3(ic=16, src=65, dst=128)], "layer 1 (K210Conv): its input at"
         " lines 65 to 97 of KPU RAM is read, and nobody wrote byte 0 of line 96 before"),
        ([conv3(main_out=0), conv3(ic=16, iw=9, ow=9, src=64, dst=128)], "is read, and nobody wrote"
         " byte 8 of line 64 before"),
        ([conv3(main_out=0, oc=7), conv3(ic=8, src=64, dst=128)], "wrote byte 48 of line 72"),
        ([softmax(0, 1024)], "layer 0 is Softmax: the runtime begins with K210Conv or"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_memory_of_v3(made: list[tuple[int, Make]], words: str) -> None:
    refused(file3(made), words)


def test_what_lies_beside_each_other_is_taken() -> None:
    """In place, in another memory, in lines that hold other maps, and 4x4 maps of one pixel."""
    pad = layer(10241, "4I", 0, 0, 96, 16)
    padded = conv3(main_out=2048, ic=16, iw=4, ih=4, ow=4, oh=4, src=96, dst=200)
    again = conv3(main_out=0, ic=16, src=64, dst=0)
    read(file3([conv3(main_out=0), softmax(0, 0), softmax(4, 4), pad, padded, again]))


def test_outputs() -> None:
    made = [conv3(main_out=0)]
    refused(file3(made, [(512, 1024)]), "outputs: output 0 at bytes 512", "nobody wrote byte 1024")
    refused(file3(made, [(0, 64), (32, 64)]), "the outputs at bytes 0 to 64", "32 to 96", "overlap")
    refused(file3(made, [(0, 9000)]), "leaves main memory")
    refused(file3(made, [(0, 10)]), "does not consist of units of 4 bytes")
    refused(file4([conv4(main_out=0)], [(2, 1, 4096, 64)]), "output 0 is in KPU RAM, not in main")


@pytest.mark.parametrize(
    ("where", "shape", "words"),
    [
        ((2, 1, 0, 511), (1, 4, 8, 8), "4x8x8 takes 512 bytes from a multiple of 64"),
        ((2, 1, 1, 512), (1, 4, 8, 8), "it has 512 from 1"),
        ((2, 1, 0, 512), (2, 4, 8, 8), "is one image of bytes"),
        ((2, 0, 0, 512), (1, 4, 8, 8), "is one image of bytes"),
        ((1, 1, 0, 255), (1, 4, 8, 8), "an input of 1x4x8x8 has 255 bytes"),
        ((0, 1, 0, 256), (1, 4, 8, 8), "leaves the constants, which has 0 bytes"),
        ((3, 1, 0, 256), (1, 4, 8, 8), "input memory is 3, none of 0 const, 1 main, 2 kpu"),
        ((2, 2, 0, 256), (1, 4, 8, 8), "input dtype is 2, none of 0 f32, 1 u8"),
        ((2, 1, 0, 256), (1, 4, 0, 8), "an input's shape is 0, not from 1"),
        ((2, 1, 64, 512), (1, 4, 8, 8), "nobody wrote byte 0 of line 0"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_inputs_of_v4(where: Sequence[int], shape: Sequence[int], words: str) -> None:
    refused(file4([conv4(main_out=0)], inputs=[(where, shape)]), words)


def test_inputs_that_overlap() -> None:
    inputs = [((1, 1, 0, 8), (1, 1, 2, 4)), ((1, 1, 4, 8), (1, 1, 2, 4))]
    refused(file4([conv4(main_out=0)], inputs=inputs), "the inputs at bytes 0 to 8", "overlap")


# Fields of layers


def changed3(kind: type[v3.LayerV3], *changes: tuple[int, Any]) -> bytes:
    """A file of the kind's example, some words of its body changed."""
    (code, form, *values), _ = LAYERS3[kind]
    for i, value in changes:
        values[i] = value
    return layers(layer(code, form, *values))


def changed4(kind: type[v4.LayerV4], *changes: tuple[int, Any]) -> bytes:
    """The same of an operator of V4."""
    (code, form, *values), _ = LAYERS4[kind]
    for i, value in changes:
        values[i] = value
    return operators(layer(code, form, *values))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (changed3(v3.Add, (0, 2)), "layer 1 (Add): flags is 2, not from 0 to 1"),
        (changed3(v3.Add, (4, 0)), "count is 0, not from 1"),
        (changed3(v3.QuantizedAdd, (13, 64)), "out_shift is 64, not from 0 to 63"),
        (changed3(v3.MaxPool2d, (15, 3)), "act is 3, none of 0 linear, 1 relu, 2 relu6"),
        (changed3(v3.MaxPool2d, (8, 3)), "it pools 2 channels to 3"),
        (changed3(v3.MaxPool2d, (6, 4)), "windows lie outside of the image: out_width is 4"),
        (changed3(v3.AveragePool2d, (13, 2)), "windows lie outside of the image"),
        (changed3(v3.Quantize, (4, float("nan"))), "scale is nan, which is no finite number"),
        (changed3(v3.Dequantize, (5, float("inf"))), "bias is inf, which is no finite number"),
        (changed3(v3.Quantize, (4, 0)), "scale is 0"),
        (changed3(v3.Concat, (2, TOP)), "the number of parts is 4294967295"),
        (changed3(v3.Concat, (2, 3)), "parts.bytes takes 4 bytes"),
        (changed3(v3.FullyConnected, (3, TOP)), "weights takes 51539607540 bytes"),
        (changed3(v3.K210Upload, (4, 1 << 17)), "height is 131072, not from 1 to 65536"),
        (changed4(v4.Binary, (12, 6)), "layer 0 (binary): op is 6, none of 0 add, 1 sub"),
        (changed4(v4.Binary, (18, 3)), "(1, 3, 1, 1) do not broadcast to (1, 2, 3, 4)"),
        (changed4(v4.Binary, (25, float("nan"))), "act_min is nan"),
        (changed4(v4.QuantizedBinary, (1, 0)), "a is of the type f32, not u8"),
        (changed4(v4.QuantizedBinary, (7, 23)), "b has 23 bytes, and 1x2x3x4 of u8 take 24"),
        (changed4(v4.Concat, (3, 100)), "its output has 100 bytes, and 8x3 of f32 take 96"),
        (changed4(v4.Concat, (10, 28)), "part 0 has 28 bytes, and 8x1 of f32 take 32"),
        (changed4(v4.Conv2d, (7, 104)), "its output has 104 bytes, and 1x3x3x3 of f32 take 108"),
        (changed4(v4.QuantizedConv2d, (12, 1)), "weights takes 8 bytes"),
        (changed4(v4.QuantizedConv2d, (9, 3)), "3 and 2 channels are no 2 groups"),
        (changed4(v4.Conv2dTranspose, (7, 44)), "its output has 44 bytes"),
        (changed4(v4.Conv2dTranspose, (16, 2), (9, 5)), "5 and 1 channels are no 2 groups"),
        (changed4(v4.Conv2d, (14, -1)), "pad_h is -1, not from 0"),
        (changed4(v4.Dequantize, (9, 0)), "scale is 0"),
        (changed4(v4.Quantize, (1, 1)), "its input is of the type u8, not f32"),
        (changed4(v4.Matmul, (12, 3)), "a has 32 bytes, and 3x4 of f32 take 48"),
        (changed4(v4.QuantizedMatmul, (18, 64)), "shift is 64, not from 0 to 63"),
        (changed4(v4.Pad, (12, -2)), "its padding (-2, 0) leaves nothing of 1"),
        (changed4(v4.Pad, (20, 1)), "its input is of the type f32, not u8"),
        (changed4(v4.Reduce, (15, 2)), "(1, 2, 3, 4) does not reduce to (1, 1, 2, 4)"),
        (changed4(v4.ReduceWindow2d, (13, 2)), "some of its windows lie outside of the image"),
        (changed4(v4.ReduceWindow2d, (17, 7)), "and 1x2x0x3 of f32 take 0"),
        (changed4(v4.MemoryCopy, (7, 92)), "its output has 92 bytes, and 24 of f32 take 96"),
        (changed4(v4.ResizeImage, (12, 0)), "oh is 0, not from 1"),
        (changed4(v4.Softmax, (8, 5)), "its input has 96 bytes, and 4x5 of f32 take 80"),
        (changed4(v4.Transpose, (12, 1)), "perm is (1, 2, 3, 1), no order of four axes"),
        (changed4(v4.StridedSlice, (20, 0)), "strides is (0, 1, 2, -2)"),
        (changed4(v4.StridedSlice, (12, 1)), "its output has 16 bytes, and 0x2x1x2 of f32 take 0"),
        (changed4(v4.Unary, (8, 10)), "op is 10, none of 0 abs"),
        (changed4(v4.Unary, (4, 0), (6, 0)), "is written, and only main memory can be"),
        (changed4(v4.Unary, (0, 2)), "its input is in KPU RAM, where no layer of the CPU"),
        (changed4(v4.TableLookup1d, (7, 255)), "its table has 255 bytes, and 256 of u8 take 256"),
        (changed4(v4.TableLookup1d, (6, 16)), "at bytes 16 to 272 of the constants leaves the"),
        (changed4(v4.KpuUpload, (7, 191)), "its output is not the 192 bytes of KPU RAM that 2x3x4"),
        (changed4(v4.KpuUpload, (8, 2)), "it uploads 2 images, and KPU RAM takes one"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_fields_of_layers(data: bytes, words: str) -> None:
    refused(data, words)
