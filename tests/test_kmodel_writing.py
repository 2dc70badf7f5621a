"""Kmodel files that are made: what one cannot hold is refused as in reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ascua import kmodel
from ascua.errors import ModelError
from ascua.kmodel import Activation, Conv, DType, Kmodel, Memory, Norms, Range, v3, v4
from tests.support.kmodel_layers import LAYERS3, LAYERS4, layers, operators, read, said
from tests.support.kmodels import CONV, conv3, conv4, file3, file4, layer, registers
from tests.test_kmodel import unpacked

THREE = read(file3([conv3(main_out=0)]))
FOUR = read(file4([conv4(main_out=0)]))
Change = Callable[[Kmodel], Kmodel]


def unwritten(model: Kmodel, *words: str) -> None:
    """The model is not written, and the message has all `words`."""
    with pytest.raises(ModelError) as e:
        kmodel.write(model)
    said(e.value, *words)


def with_layer(model: Kmodel, i: int = 0, **changes: Any) -> Kmodel:
    """The model with other fields in layer `i`."""
    found = [*model.layers]
    found[i] = replace(found[i], **changes)
    return replace(model, layers=tuple(found))


def with_conv(model: Kmodel, **changes: Any) -> Kmodel:
    """The model with other parts of its convolution; registers by their names."""
    conv = model.layers[0].conv
    own = {k: changes.pop(k) for k in ("norms", "activation", "weights") if k in changes}
    return with_layer(
        model, conv=replace(conv, registers=replace(conv.registers, **changes), **own)
    )


def of_v3(kind: type[v3.LayerV3]) -> Kmodel:
    """The kind's example, behind a convolution."""
    return read(layers(layer(*LAYERS3[kind][0])))


def of_v4(kind: type[v4.LayerV4]) -> Kmodel:
    """The kind's example."""
    return read(operators(layer(*LAYERS4[kind][0])))


def test_a_convolution_made_by_hand() -> None:
    """From sizes and arrays alone, both versions give the bytes that `struct` gives."""
    oc = CONV["oc"]
    conv = Conv(
        registers=unpacked(registers(CONV, main=True)),
        norms=Norms(
            mul=np.arange(oc) - 3, add=-1000 * np.arange(oc), shift=np.arange(oc, dtype=np.uint8)
        ),
        activation=Activation(
            start=np.arange(16) - (1 << 35), mul=-np.arange(16), shift=np.arange(16),
            bias=10 * np.arange(16),
        ),
        weights=np.arange(oc * 4, dtype=np.uint8).reshape(oc, 4, 1, 1),
    )  # fmt: skip
    out = Range(Memory.MAIN, DType.F32, 0, 1024)
    port = THREE.inputs[0]
    made = v3.K210Conv(flags=1, main_out=0, conv=conv)
    model = Kmodel("my.kmodel", 3, 8192, (port,), (out,), (made,), max_start=5)
    assert kmodel.write(model) == file3([conv3(main_out=0)])
    sent = replace(conv, registers=replace(conv.registers, send_data_out=1))
    made4 = v4.KpuConv2d(Range(Memory.MAIN, DType.U8, 0, 1024), 1, 0, sent)
    model = Kmodel("my.kmodel", 4, 8192, (port,), (out,), (made4,), reserved=0xABCD)
    assert kmodel.write(model) == file4([conv4(main_out=0)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 5}, "there is no version 5, but 3 and 4"),
        ({"version": 4}, "layer 0 (K210Conv) is none of version 4"),
        ({"layers": ()}, "it has 0 layers"),
        ({"outputs": ()}, "it has 0 outputs"),
        ({"layers": THREE.layers * 4097}, "it has 4097 layers, not 1 to 4096"),
        ({"inputs": ()}, "its input is not what its first layer reads"),
        ({"inputs": FOUR.inputs * 2}, "its input is not what its first layer reads"),
        ({"constants": b"1"}, "no constants of its own"),
        ({"weight_bits": 16}, "the weights of layer 0 do not have 16 bits"),
        ({"weight_bits": 4}, "weights of 8 or 16 bits"),
        ({"main_bytes": 1 << 32}, "header: main_mem_usage is 4294967296, not from 0 to 4294967295"),
        ({"max_start": -1}, "max_start_address is -1"),
        ({"missing": 1}, "1 bytes of its last padding are missing, of 0"),
        ({"missing": -1}, "-1 bytes of its last padding"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_models_of_v3(change: dict[str, Any], words: str) -> None:
    unwritten(replace(THREE, **change), words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight_bits": 16}, "its weights have 16 bits, and in V4 they have 8"),
        ({"inputs": ()}, "it has 0 inputs"),
        ({"reserved": 1 << 32}, "reserved is 4294967296"),
        ({"version": 3}, "layer 0 (kpu_conv2d) is none of version 3"),
        ({"outputs": (Range(Memory.MAIN, DType.F32, -4, 4),)}, "output start is -4, not from 0"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_models_of_v4(change: dict[str, Any], words: str) -> None:
    unwritten(replace(FOUR, **change), words)


CHANNELS = np.arange(16)
NORMS = THREE.layers[0].conv.norms
TABLE = THREE.layers[0].conv.activation


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pad_value": 256}, "pad_value is 256, not from 0 to 255"),
        ({"arg_x": -(1 << 23) - 1}, "arg_x is -8388609, not from -8388608 to 8388607"),
        ({"arg_add": 1 << 39}, "arg_add is 549755813888, not from"),
        ({"shr_w": 16}, "shr_w is 16, not from 0 to 15"),
        ({"shr_x": 0.5}, "shr_x is 0.5, not from 0 to 15"),
        ({"norms": replace(NORMS, mul=CHANNELS << 20)}, "norm_mul is 15728640, not from -8388608"),
        ({"norms": replace(NORMS, add=-CHANNELS << 30)}, "norm_add is -16106127360, not from"),
        ({"norms": replace(NORMS, shift=CHANNELS + 1)}, "norm_shift is 16, not from 0 to 15"),
        ({"norms": replace(NORMS, mul=CHANNELS[1:])}, "norm_mul must be 16 integers"),
        ({"norms": replace(NORMS, mul=CHANNELS * 1.0)}, "norm_mul must be 16 integers"),
        ({"activation": replace(TABLE, start=CHANNELS << 40)}, "x_start is 16492674416640"),
        ({"activation": replace(TABLE, mul=CHANNELS << 12)}, "y_mul is 61440, not from -32768"),
        ({"activation": replace(TABLE, shift=-CHANNELS)}, "shift_number is -15, not from 0 to 255"),
        ({"activation": replace(TABLE, unused=CHANNELS + 1)}, "unused is 16, not from 0 to 15"),
        (
            {"activation": replace(TABLE, bias=CHANNELS << 5)},
            "result_bias holds values that are no",
        ),
        ({"weights": np.zeros((16, 4, 3, 3), np.uint8)}, "the weights has the shape (16, 4, 3, 3)"),
        ({"kernel_type": 2}, "kernel_type is 2"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_parameters_of_a_convolution(change: dict[str, Any], words: str) -> None:
    for model in (THREE, FOUR):
        unwritten(with_conv(model, **change), words)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (with_layer(of_v3(v3.Add), 1, flags=2), "layer 1 (Add): flags is 2, not from 0 to 1"),
        (with_layer(of_v3(v3.Add), 1, count=4.0), "count is 4.0, not from 1 to"),
        (with_layer(of_v3(v3.Quantize), 1, scale=1e39), "scale is 1e+39: no number in single"),
        (with_layer(of_v3(v3.Quantize), 1, bias=np.nan), "bias is nan, which is no finite number"),
        (with_layer(of_v3(v3.MaxPool2d), 1, act=3), "act is 3, none of 0 linear, 1 relu"),
        (with_layer(of_v3(v3.Requantize), 1, table=np.arange(256) - 1), "table holds values that"),
        (
            with_layer(of_v3(v3.Requantize), 1, table=np.zeros(256)),
            "table holds values that are no",
        ),
        (
            with_layer(of_v3(v3.Requantize), 1, table=np.zeros(255, "u1")),
            "has the shape (255,), not",
        ),
        (
            with_layer(of_v4(v4.Transpose), perm=(0, 1, 2, 3, 3)),
            "perm has 5 values, not 4",
        ),
        (with_layer(of_v4(v4.ResizeImage), unused=(0, 0)), "unused has 2 values, not 3"),
        (
            with_layer(of_v4(v4.Concat), parts=of_v4(v4.Concat).layers[0].parts * 2),
            "dims has 2 values, not 4",
        ),
        (with_layer(of_v4(v4.Conv2d), act_max=np.nan), "act_max is nan"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_fields_of_layers(model: Kmodel, words: str) -> None:
    unwritten(model, words)


def test_numbers_of_numpy_are_numbers() -> None:
    model = with_layer(of_v3(v3.Quantize), 1, count=np.int64(8), scale=np.float32(0.1))
    (_, found) = read(kmodel.write(model)).layers
    assert found.scale == np.float32(0.1)
    assert found.count == 8
    model = with_layer(of_v4(v4.Conv2d), act_min=-np.inf, act_max=np.inf)
    assert read(kmodel.write(model)).layers[0].act_max == np.inf
