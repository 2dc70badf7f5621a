"""Every layer of kmodel V3 and V4 as the numbers of its body, and small files of them."""

from __future__ import annotations

from typing import Any

import pytest

from ascua import kmodel
from ascua.errors import AscuaError, ModelError
from ascua.kmodel import Kmodel, v3, v4
from tests.support.kmodels import Make, conv3, conv4, file3, file4, layer

LAYERS3: dict[type[v3.LayerV3], tuple[tuple[Any, ...], dict[str, Any]]] = {
    v3.K210AddPadding: ((10241, "4I", 0, 16, 500, 5), {"input": 16, "kpu_out": 500, "channels": 5}),
    v3.K210RemovePadding: ((10242, "4I", 1, 0, 1024, 4), {"flags": 1, "out": 1024, "channels": 4}),
    v3.K210Upload: (
        (10243, "6I", 0, 8, 500, 5, 4, 2),
        {"input": 8, "kpu_out": 500, "width": 5, "height": 4, "channels": 2},
    ),
    v3.Add: ((1, "5I", 1, 0, 256, 1024, 16), {"a": 0, "b": 256, "out": 1024, "count": 16}),
    v3.QuantizedAdd: (
        (2, "5I9i", 1, 0, 256, 1024, 16, -1, 2, 3, -4, -5, 6, -7, 8, 9),
        {"a_offset": -1, "a_mul": 2, "a_shift": 3, "b_offset": -4, "b_mul": -5, "b_shift": 6,
         "out_offset": -7, "out_mul": 8, "out_shift": 9},
    ),
    v3.GlobalAveragePool2d: ((5, "5I", 1, 0, 1024, 9, 4), {"kernel_size": 9, "channels": 4}),
    v3.MaxPool2d: (
        (7, "16I", 1, 0, 1024, 5, 7, 2, 3, 2, 2, 2, 4, 2, 4, 1, 3, 2),
        {"in_width": 5, "in_height": 7, "in_channels": 2, "out_width": 3, "out_height": 2,
         "out_channels": 2, "kernel_width": 2, "kernel_height": 4, "stride_width": 2,
         "stride_height": 4, "pad_width": 1, "pad_height": 3, "act": v3.FusedActivation.RELU6},
    ),
    v3.QuantizedMaxPool2d: (
        (8, "15I", 1, 0, 1024, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0), {"in_width": 4, "out_width": 2},
    ),
    v3.AveragePool2d: (
        (9, "16I", 1, 0, 1024, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 1),
        {"act": v3.FusedActivation.RELU},
    ),
    v3.Quantize: (
        (11, "4I2f", 1, 0, 1024, 8, 0.5, -1.25),
        {"count": 8, "scale": 0.5, "bias": -1.25},
    ),
    v3.Dequantize: (
        (12, "4I2f", 1, 0, 1024, 8, 0.5, -1.25),
        {"count": 8, "scale": 0.5, "bias": -1.25},
    ),
    v3.Requantize: (
        (13, "4I256B", 1, 0, 1024, 8, *range(255, -1, -1)), {"table": list(range(255, -1, -1))},
    ),
    v3.L2Normalization: ((14, "4I", 1, 0, 1024, 7), {"channels": 7}),
    v3.Softmax: ((15, "4I", 1, 0, 1024, 7), {"channels": 7}),
    v3.Logistic: ((25, "4I", 1, 0, 1024, 7), {"channels": 7}),
    v3.Concat: ((16, "7I", 1, 1024, 2, 8, 16, 64, 8), {"out": 1024}),
    v3.QuantizedConcat: ((17, "7I", 1, 1024, 2, 8, 5, 64, 7), {"out": 1024}),
    v3.FullyConnected: (
        (18, "6I9f", 1, 0, 1024, 2, 3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        {"in_channels": 2, "out_channels": 3, "act": v3.FusedActivation.RELU,
         "weights": [[1, 2], [3, 4], [5, 6]], "bias": [7, 8, 9]},
    ),
    v3.TensorflowFlatten: (
        (20, "6I", 1, 0, 1024, 3, 4, 5), {"width": 3, "height": 4, "channels": 5},
    ),
    v3.ResizeNearestNeighbor: (
        (22, "9I", 1, 0, 1024, 3, 4, 5, 6, 2, 1),
        {"in_width": 3, "in_height": 4, "channels": 5, "out_width": 6, "out_height": 2,
         "align_corners": 1},
    ),
    v3.QuantizedResizeNearestNeighbor: (
        (23, "9I", 1, 0, 1024, 3, 4, 5, 6, 2, 0), {"out_height": 2, "align_corners": 0},
    ),
    v3.ChannelwiseDequantize: (
        (24, "5I4f", 1, 0, 1024, 2, 9, 1, 2, 3, 4),
        {"channels": 2, "channel_size": 9, "scale_bias": [[1, 2], [3, 4]]},
    ),
}  # fmt: skip
"""Of each layer of V3: type, form and words of its body, and what must be read of them."""

X, U, Y, YU = (1, 0, 0, 96), (1, 1, 0, 24), (1, 0, 1024, 96), (1, 1, 1024, 24)
"""Ranges of 24 elements of main memory: floats and bytes in, floats and bytes out."""
S = (1, 2, 3, 4)
FLT_MAX = 3.4028234663852886e38
WINDOW = (1, 1, 0, 1, 2, 3, 2, 1, 1, 1)
"""Pads, kernel (2, 3), stride (2, 1), dilation: 3x4 becomes 2x3."""
LAYERS4: dict[type[v4.LayerV4], tuple[tuple[Any, ...], dict[str, Any]]] = {
    v4.Binary: (
        (0x00, "12II12i2f", *X, *X[:3], 8, *Y, 5, *S, 1, 2, 1, 1, *S, -FLT_MAX, 6.0),
        {"op": v4.BinaryOp.MAX, "a_shape": S, "b_shape": (1, 2, 1, 1), "out_shape": S,
         "act_max": 6.0, "act_min": -FLT_MAX},
    ),
    v4.QuantizedBinary: (
        (0x11, "12II12i9i", *U, *U, *YU, 3, *S, *S, *S, -1, 2, 3, -4, -5, 6, -7, 8, 9),
        {"op": v4.BinaryOp.DIV, "a_offset": -1, "a_mul": 2, "a_shift": 3, "b_offset": -4,
         "b_mul": -5, "b_shift": 6, "out_offset": -7, "out_mul": 8, "out_shift": 9},
    ),
    v4.Concat: (
        (0x01, "7I8I2i", 1, 0, 1024, 96, 16, 2, 2, 1, 0, 0, 32, 1, 0, 32, 64, 1, 2),
        {"inner": 16, "outer": 2, "dims": (1, 2)},
    ),
    v4.Conv2d: (
        (0x02, "8I16i2f9f", *X, *Y[:3], 108, *S, 1, 3, *WINDOW[:4], 1, 1, 2, 2, 1, 1, -6.0, 6.0,
         *range(6), *range(3)),
        {"shape": S, "groups": 1, "oc": 3, "pad_h": (1, 1), "pad_w": (0, 1), "kh": 1, "kw": 1,
         "sh": 2, "sw": 2, "dh": 1, "dw": 1, "act_min": -6.0, "act_max": 6.0, "bias": [0, 1, 2]},
    ),
    v4.QuantizedConv2d: (
        (0x0F, "8I16i5i2i4B", *U, *YU[:3], 8, *S, 2, 2, 0, 0, 0, 0, 2, 1, 1, 2, 1, 1, -1, -2, 3, 4,
         -5, -7, 8, 1, 2, 3, 4),
        {"groups": 2, "oc": 2, "kh": 2, "kw": 1, "sh": 1, "sw": 2, "in_offset": -1,
         "w_offset": -2, "mul": 3, "shift": 4, "out_offset": -5, "bias": [-7, 8],
         "weights": [[[[1], [2]]], [[[3], [4]]]]},
    ),
    v4.Conv2dTranspose: (
        (0x13, "8I19i2f3f", *X, *Y[:3], 48, *S, 1, 1, 3, 4, 1, *WINDOW[:4], 1, 1, 1, 1, 1, 1, 0, 1,
         2, 3, 4),
        {"out_shape": (1, 1, 3, 4), "groups": 1, "weights": [[[[2]], [[3]]]], "bias": [4]},
    ),
    v4.Dequantize: ((0x03, "8Iif", *U, *Y, -3, 0.5), {"zero_point": -3, "scale": 0.5}),
    v4.Quantize: ((0x06, "8Iif", *X, *YU, 3, 42.5), {"zero_point": 3, "scale": 42.5}),
    v4.Matmul: (
        (0x04, "12I3i5f", *X[:3], 32, *X[:2], 32, 48, *Y[:3], 24, 2, 4, 3, 0, 6, 1, 2, 3),
        {"a_rows": 2, "a_cols": 4, "b_cols": 3, "act_max": 6.0, "bias": [1, 2, 3]},
    ),
    v4.QuantizedMatmul: (
        (0x10, "12I11i", *U[:3], 8, *U[:2], 8, 12, *YU[:3], 6, 2, 4, 3, -1, -2, 3, 4, 5, 6, 7, 8),
        {"a_rows": 2, "a_cols": 4, "b_cols": 3, "a_offset": -1, "b_offset": -2, "mul": 3,
         "shift": 4, "out_offset": 5, "bias": [6, 7, 8]},
    ),
    v4.Pad: (
        (0x05, "8I12iIf", *X, *Y[:3], 144, *S, 0, 0, 0, 0, 1, 2, -1, 0, 0, 2.0),
        {"pads": ((0, 0), (0, 0), (1, 2), (-1, 0)), "value": 0x40000000},
    ),
    v4.Reduce: (
        (0x07, "8II8if", *X, *Y[:3], 16, 2, *S, 1, 1, 1, 4, -FLT_MAX),
        {"op": v4.ReduceOp.MAX, "shape": S, "out_shape": (1, 1, 1, 4), "init": -FLT_MAX},
    ),
    v4.ReduceWindow2d: (
        (0x08, "8II14i3f", *X, *Y[:3], 48, 0, *S, *WINDOW, 0.5, -1, 1),
        {"pad_h": (1, 1), "pad_w": (0, 1), "kh": 2, "kw": 3, "sh": 2, "sw": 1, "init": 0.5,
         "act_min": -1, "act_max": 1},
    ),
    v4.MemoryCopy: ((0x09, "8I", *X, *Y), {}),
    v4.ResizeImage: (
        (0x0A, "8I6iI4B", *X, *Y[:3], 80, *S, 5, 2, 1, 1, 7, 8, 9),
        {"oh": 5, "ow": 2, "mode": v4.ResizeMode.NEAREST, "align_corners": 1, "unused": (7, 8, 9)},
    ),
    v4.Softmax: ((0x0B, "8I2if", *X, *Y, 6, 4, 1.5), {"inner": 6, "outer": 4, "beta": 1.5}),
    v4.Transpose: ((0x0C, "8I8i", *X, *Y, *S, 0, 2, 3, 1), {"perm": (0, 2, 3, 1)}),
    v4.StridedSlice: (
        (0x0D, "8I21i", *X, *Y[:3], 16, *S, 0, 0, 1, -1, 1, 2, 9, 0, 1, 1, 2, -2, 0, 4, 0, 0, 0),
        {"begin": (0, 0, 1, -1), "end": (1, 2, 9, 0), "strides": (1, 1, 2, -2), "end_mask": 4},
    ),
    v4.Unary: ((0x0E, "8II", *X, *Y, 7), {"op": v4.UnaryOp.RSQRT}),
    v4.NnilUnaryMethod: ((0x14, "8I6s", *X, *Y, b"\1\2\3\4\5\6"), {}),
    v4.TableLookup1d: ((0x12, "12I", *U, 0, 1, 8, 256, *YU), {}),
    v4.KpuUpload: ((0x2001, "8I4i", *U, 2, 1, 6400, 192, *S), {"shape": S}),
}  # fmt: skip
"""Of each operator of V4: the same."""


def read(data: bytes) -> Kmodel:
    """The kmodel, which is written to the same bytes."""
    model = kmodel.read(data, "my.kmodel")
    assert kmodel.write(model) == data
    return model


def refused(data: bytes, *words: str, kind: type[AscuaError] = ModelError) -> None:
    """The file is refused with one message that has all `words`."""
    with pytest.raises(AscuaError) as e:
        kmodel.read(data, "my.kmodel")
    assert type(e.value) is kind
    said(e.value, *words)


def said(error: AscuaError, *words: str) -> None:
    """The message names the file and has all `words`, and things to try."""
    assert error.what.startswith("my.kmodel: ")
    assert error.things_to_try
    for word in words:
        assert word in error.what, error.what


def layers(*added: tuple[int, Make]) -> bytes:
    """A V3 file of a convolution, whose 1024 bytes go to main memory at 0, and these layers."""
    return file3([conv3(main_out=0), *added])


def operators(*layers: Any) -> bytes:
    """A V4 file of a tensor of 24 floats, these layers, and a copy that is the output."""
    copy = layer(0x09, "8I", *X, 1, 0, 2048, 96)
    return file4([*layers, copy], [(1, 0, 2048, 96)], [(X, S)], constants=bytes(264))


def small() -> list[bytes]:
    """A file of each layer, and some of convolutions."""
    second = {"ic": 16, "src": 64, "dst": 128, "k": 3}
    return [
        *(layers(layer(*body)) for body, _ in LAYERS3.values()),
        *(operators(layer(*body)) for body, _ in LAYERS4.values()),
        layers(*(layer(*body) for body, _ in LAYERS3.values())),
        file3([conv3(), conv3(main_out=0, **second)]),
        file3([conv3(main_out=0, bits=16)], flags=0),
        file3([layer(*LAYERS3[v3.FullyConnected][0])], [(1024, 12)]),
        file4([conv4(), conv4(main_out=0, **second)]),
    ]
