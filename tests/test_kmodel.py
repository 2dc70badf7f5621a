"""Kmodel files: what is read, what is written back."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import kmodel
from ascua.kmodel import Layout, Range, v3, v4
from ascua.kmodel.memory import f32
from ascua.kmodel.registers import Registers, layout
from tests.support.command import MODELS
from tests.support.kmodel_layers import LAYERS3, LAYERS4, layers, operators, read, refused
from tests.support.kmodels import (
    CONV,
    FIELDS,
    conv3,
    conv4,
    file3,
    file4,
    layer,
    registers,
    weights,
)

REAL = sorted((MODELS / "k210").rglob("*.kmodel"))
real = pytest.mark.parametrize("path", REAL, ids=lambda p: f"{p.parent.name}/{p.stem}")
present = pytest.mark.skipif(not REAL, reason="../shared/models/k210 is absent")

MAIN_MEMORY = kmodel.Memory.MAIN
KPU_LINES = {"mbnet25": 7168, "mbnet50": 14336, "mbnet75": 21504}
MAIN = {"mbnet25": 62_720, "mbnet50": 125_440, "mbnet75": 188_160}


# The real files


@present
@real
def test_real_files_come_back_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    start = time.process_time()
    model = kmodel.read(data, str(path))
    assert time.process_time() - start < 0.3
    assert kmodel.write(model) == data
    kmodel.executable(model)


@present
@real
def test_memory_of_real_files(path: Path) -> None:
    model = kmodel.load(path)
    used = kmodel.usage(model)
    assert used.file_bytes == path.stat().st_size
    assert used.kpu_lines == KPU_LINES[path.stem]
    assert used.kpu_bytes == 64 * used.kpu_lines
    assert used.kpu_layer == 3
    assert used.main_bytes == MAIN[path.stem]
    assert [f.verdict for f in used.fits] == ["fits"] * 4


@present
def test_layers_of_a_real_v3_file() -> None:
    model = kmodel.load(MODELS / "k210/kmodelV3/mbnet25.kmodel")
    titles = [each.title for each in model.layers]
    assert len(titles) == 35
    assert titles[27:] == [
        "Dequantize", "GlobalAveragePool2d", "Quantize", "K210AddPadding", "K210Conv",
        "K210RemovePadding", "Dequantize", "Softmax",
    ]  # fmt: skip
    first, last = model.layers[0].conv, model.layers[31].conv
    assert (first.x, first.y, first.k, first.pool) == (
        Layout(224, 224, 3), Layout(112, 112, 8), 3, 5,
    )  # fmt: skip
    assert (first.registers.arg_x, first.registers.shr_x) == (-5406720, 15)
    assert model.layers[1].conv.depthwise
    assert (last.loads, last.registers.o_ch_num_coef + 1) == (9, 120)
    assert last.weights.shape == (1000, 256, 1, 1)
    assert last.activation.start[0] == -(1 << 35)
    assert (last.activation.mul[10], last.activation.shift[10]) == (1024, 20)
    assert model.inputs[0].shape == (1, 3, 224, 224)
    assert model.inputs[0].range.start == 30080 * 64


@present
def test_layers_of_a_real_v4_file() -> None:
    model = kmodel.load(MODELS / "k210/kmodelV4/mbnet25.kmodel")
    assert len(model.layers) == 43
    assert len(model.constants) == 256_008
    assert model.inputs[0] == kmodel.Port(Range(*map(int, (2, 1, 0, 172_032))), (1, 3, 224, 224))
    product, binary = model.layers[30], model.layers[34]
    assert isinstance(product, v4.QuantizedMatmul)
    assert (product.a_cols, product.b_cols, product.b_offset) == (256, 1000, -164)
    assert (product.mul, product.shift, product.out_offset) == (2929176, 32, 198)
    assert product.bias.shape == (1000,)
    assert isinstance(binary, v4.QuantizedBinary)
    assert binary.op is v4.BinaryOp.SUB
    assert (binary.a_offset, binary.a_mul, binary.a_shift) == (-198, 26911, 10)
    assert (binary.out_offset, binary.out_mul, binary.out_shift) == (255, 165822880, 32)
    assert model.layers[26].main_out == Range(*map(int, (1, 1, 0, 12_544)))


# Small files


BIG = {"iw": 16, "ih": 4, "ic": 1024, "ow": 16, "oh": 4, "oc": 1024, "dst": 2048}
SIZES = {
    "1x1": {},
    "3x3": {"k": 3},
    "depthwise": {"k": 3, "dw": 1, "oc": 4},
    "wide": {"iw": 65, "ow": 65, "dst": 256},
    "pooled": {"iw": 65, "ih": 9, "ow": 32, "oh": 4, "pool": 5, "dst": 256},
    "by four": {"iw": 33, "ih": 16, "ow": 8, "oh": 4, "pool": 3},
    "step 1": {"iw": 17, "ow": 17, "pool": 8},
    "in 35 loads": BIG,
    "in 50 loads": {**BIG, "k": 3, "ic": 512, "oc": 300},
}
"""Of convolutions, beside that of `CONV`."""


@pytest.mark.parametrize("changed", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("version", [3, 4])
def test_a_convolution(version: int, changed: dict[str, int]) -> None:
    size = {**CONV, **changed}
    x = Layout(size["iw"], size["ih"], size["ic"])
    if version == 3:
        data = file3([conv3(main_out=16, **changed)], [(16, 8)], main=1 << 20)
    else:
        inputs = [((2, 1, 0, 64 * x.lines), (1, x.channels, x.height, x.width))]
        data = file4([conv4(main_out=16, **changed)], [(1, 0, 16, 8)], inputs, main=1 << 20)
    model = read(data)
    (found,) = model.layers
    conv = found.conv
    words = registers(size, main=True, send_data_out=int(version == 4))
    assert conv.registers == unpacked(words)
    assert conv.x == x
    assert conv.y == Layout(size["ow"], size["oh"], size["oc"])
    assert (conv.k, conv.pool, conv.depthwise) == (size["k"], size["pool"], bool(size["dw"]))
    check_parameters(conv, size)
    assert found.reads[0].start == 0
    assert found.writes[0].start == 64 * size["dst"]
    count = size["ow"] * size["oh"] * size["oc"]
    assert (found.writes[1].start, found.writes[1].bytes) == (16, count)
    assert model.inputs[0].shape == (1, x.channels, x.height, x.width)
    kmodel.executable(model)


def check_parameters(conv: kmodel.Conv, size: dict[str, int]) -> None:
    """Its arrays are those that the tests' files have."""
    oc, k = size["oc"], size["k"]
    assert conv.weights.shape == (oc, 1 if size["dw"] else size["ic"], k, k)
    assert conv.weights.tobytes() == weights(size)
    assert conv.norms.mul.tolist() == [i - 3 for i in range(oc)]
    assert conv.norms.add.tolist() == [-1000 * i for i in range(oc)]
    assert conv.norms.shift.tolist() == [i % 16 for i in range(oc)]
    assert conv.activation.start.tolist() == [i - (1 << 35) for i in range(16)]
    assert conv.activation.mul.tolist() == [-i for i in range(16)]
    assert conv.activation.shift.tolist() == list(range(16))
    assert conv.activation.bias.tolist() == [10 * i for i in range(16)]


def test_convolutions_in_a_row() -> None:
    """Without a copy in main memory; of the second, the input is the first one's output."""
    second = {"ic": 16, "src": 64, "dst": 128}
    for data in (
        file3([conv3(), conv3(main_out=0, **second)]),
        file4([conv4(), conv4(main_out=0, **second)]),
    ):
        first, last = read(data).layers
        assert first.writes == last.reads
        assert len(first.writes) == 1


def unpacked(words: list[int]) -> Registers:
    """The fields, taken out bit by bit from the places that the tests know."""
    found = {}
    for name, bits in layout().items():
        if name in FIELDS:
            assert FIELDS[name] == (bits.word, bits.low)
        width = bits.high - bits.low + 1
        value = words[bits.word] >> bits.low & (1 << width) - 1
        found[name] = value - (1 << width) if bits.signed and value >> width - 1 else value
    return Registers(**found)


def test_registers_fill_their_words() -> None:
    """No field lies on another; those of which the tests have a place lie there."""
    taken = [0] * 12
    for name, bits in layout().items():
        assert not taken[bits.word] & bits.mask, name
        taken[bits.word] |= bits.mask
    assert FIELDS.keys() <= layout().keys()


def test_weights_of_16_bits() -> None:
    data = file3([conv3(main_out=0, bits=16, k=3)], flags=0)
    model = read(data)
    assert model.weight_bits == 16
    assert model.layers[0].conv.weights.dtype == np.uint16
    assert model.layers[0].conv.weights.tobytes() == weights({**CONV, "k": 3, "bits": 16})


def test_header_of_v3() -> None:
    model = read(file3([conv3(main_out=8)], [(16, 4), (8, 8), (8, 8)]))
    assert (model.version, model.weight_bits, model.main_bytes, model.max_start) == (3, 8, 8192, 5)
    assert [(o.start, o.bytes) for o in model.outputs] == [(16, 4), (8, 8), (8, 8)]
    assert model.name == "my.kmodel"


def test_header_of_v4() -> None:
    constants = bytes(range(13))
    inputs = [((1, 0, 4096, 24), (1, 3, 2, 1)), ((2, 1, 0, 512), (1, 4, 8, 8))]
    model = read(file4([conv4(main_out=0)], [(1, 1, 0, 9)], inputs, constants=constants))
    assert (model.version, model.main_bytes, model.constants) == (4, 8192, constants)
    assert model.reserved == 0xABCD
    assert [p.shape for p in model.inputs] == [(1, 3, 2, 1), (1, 4, 8, 8)]
    assert model.inputs[0].range == Range(MAIN_MEMORY, kmodel.DType.F32, 4096, 24)
    assert model.outputs == (Range(MAIN_MEMORY, kmodel.DType.U8, 0, 9),)


def test_unused_bits_of_an_activation_table_come_back() -> None:
    model = read(file4([conv4(main_out=0, top=0xB)]))
    assert model.layers[0].conv.activation.unused.tolist() == [0xB] * 16
    assert model.layers[0].conv.activation.start[5] == 5 - (1 << 35)


@pytest.mark.parametrize("kind", LAYERS3, ids=lambda k: k.__name__)
def test_a_layer_of_v3(kind: type[v3.LayerV3]) -> None:
    body, wanted = LAYERS3[kind]
    model = read(layers(layer(*body)))
    check_fields(model.layers[1], kind, wanted)


def test_every_layer_of_v3_has_an_example() -> None:
    assert {*LAYERS3, v3.K210Conv} == set(v3.LAYERS.values())
    assert not v3.UNKNOWN.keys() & v3.LAYERS.keys()


@pytest.mark.parametrize("kind", LAYERS4, ids=lambda k: k.__name__)
def test_an_operator_of_v4(kind: type[v4.LayerV4]) -> None:
    body, wanted = LAYERS4[kind]
    model = read(operators(layer(*body)))
    check_fields(model.layers[0], kind, wanted)


def check_fields(found: kmodel.Layer, kind: type[kmodel.Layer], wanted: dict[str, Any]) -> None:
    """It is of that kind, and its fields are what is wanted."""
    assert type(found) is kind
    for name, value in wanted.items():
        field = getattr(found, name)
        assert (field.tolist() if isinstance(field, np.ndarray) else field) == value, name


def test_every_operator_of_v4_has_an_example() -> None:
    assert {*LAYERS4, v4.KpuConv2d} == set(v4.LAYERS.values())
    assert not v4.UNKNOWN.keys() & v4.LAYERS.keys()


def test_a_program_is_the_rest_of_its_body() -> None:
    body = LAYERS4[v4.NnilUnaryMethod][0]
    (found, _) = read(operators(layer(*body))).layers
    assert found.program == b"\1\2\3\4\5\6\0\0"


# The end of the file


def test_a_last_padding_that_is_missing_stays_missing() -> None:
    data = layers(layer(14, "4I", 1, 0, 1024, 7))
    assert read(data).missing == 0
    data = layers(layer(*LAYERS3[v3.QuantizedMaxPool2d][0]))
    for missing in range(5):
        assert read(data[: len(data) - missing]).missing == missing
    refused(data[:-5], "layer 1 (QuantizedMaxPool2d)", "pad_height", "3 are left")


# Memory


@pytest.mark.parametrize(
    ("width", "groups", "row_lines", "pitch"),
    [(4, 4, 1, 16), (16, 4, 1, 16), (17, 2, 1, 32), (32, 2, 1, 32), (33, 1, 1, 64), (64, 1, 1, 64),
     (65, 1, 2, 64), (512, 1, 8, 64)],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 4, 5, 7])
def test_where_pixels_lie(
    width: int, groups: int, row_lines: int, pitch: int, channels: int
) -> None:
    found = Layout(width, 3, channels)
    assert (found.groups, found.row_lines, found.pitch) == (groups, row_lines, pitch)
    assert found.lines == row_lines * 3 * -(-channels // min(channels, groups))
    pixels = np.zeros((found.lines, 64), bool)
    flat = pixels.reshape(-1)
    for c in range(channels):
        for y in range(3):
            at = (c // groups) * row_lines * 3 * 64 + (c % groups) * pitch + y * row_lines * 64
            flat[at : at + width] = True
    bits = found.masks[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    assert (bits.astype(bool) == pixels).all()
    assert found.at(7).start == 7 * 64
    assert found.at(7).bytes == 64 * found.lines


def test_budgets() -> None:
    """5.2 MB: with luck in C, not in MicroPython; 200 kB under MicroPython's, V4 is not sure."""
    constants = bytes(3_200_000)
    model = replace(read(file4([conv4(main_out=0)], constants=constants)), main_bytes=2_000_000)
    verdicts = {f.budget.name: f.verdict for f in kmodel.usage(model).fits}
    assert verdicts == {
        "SRAM": "fits", "C": "may fit", "MicroPython": "does not fit", "flash": "fits",
    }  # fmt: skip
    used = kmodel.usage(replace(model, main_bytes=100_000))
    room = {f.budget.name: f for f in used.fits}
    assert room["MicroPython"].verdict == "may fit"
    assert room["MicroPython"].bytes == room["C"].bytes + 360_000
    assert room["flash"].bytes == used.file_bytes
    assert all(b.source for b in kmodel.BUDGETS)


def test_memory_of_a_file_without_the_kpu() -> None:
    dense = layer(*LAYERS3[v3.FullyConnected][0])
    model = read(file3([dense], [(1024, 12)]))
    assert model.inputs == (kmodel.Port(f32(0, 2), (1, 2, 1, 1)),)
    used = kmodel.usage(model)
    assert (used.kpu_lines, used.kpu_layer) == (0, None)


def test_memory_of_the_kpu_is_its_layers_alone() -> None:
    """The convolution has 8 + 32 lines; the sum behind it moves more bytes."""
    used = kmodel.usage(read(layers(layer(1, "5I", 1, 0, 0, 1024, 256))))
    assert (used.kpu_lines, used.kpu_layer) == (40, 0)
