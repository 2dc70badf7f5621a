"""The layers of kmodel V3 (nncase 0.1): addresses in main memory are bytes of the workspace.

Fields named `input`, `out`, `a` and `b` are such addresses; tensors there are CHW without padding.
"""

from ascua.kmodel.v3.elementwise import (
    Add,
    Channels,
    ChannelwiseDequantize,
    Dequantize,
    L2Normalization,
    Logistic,
    Quantize,
    QuantizedAdd,
    Requantize,
    Softmax,
)
from ascua.kmodel.v3.kpu import K210AddPadding, K210Conv, K210RemovePadding, K210Upload
from ascua.kmodel.v3.layer import LAYERS, UNKNOWN, LayerV3
from ascua.kmodel.v3.moves import (
    Concat,
    QuantizedConcat,
    QuantizedResizeNearestNeighbor,
    ResizeNearestNeighbor,
    TensorflowFlatten,
)
from ascua.kmodel.v3.windows import (
    AveragePool2d,
    FullyConnected,
    FusedActivation,
    GlobalAveragePool2d,
    MaxPool2d,
    Pool2d,
    QuantizedMaxPool2d,
)

__all__ = [
    "LAYERS",
    "UNKNOWN",
    "Add",
    "AveragePool2d",
    "Channels",
    "ChannelwiseDequantize",
    "Concat",
    "Dequantize",
    "FullyConnected",
    "FusedActivation",
    "GlobalAveragePool2d",
    "K210AddPadding",
    "K210Conv",
    "K210RemovePadding",
    "K210Upload",
    "L2Normalization",
    "LayerV3",
    "Logistic",
    "MaxPool2d",
    "Pool2d",
    "Quantize",
    "QuantizedAdd",
    "QuantizedConcat",
    "QuantizedMaxPool2d",
    "QuantizedResizeNearestNeighbor",
    "Requantize",
    "ResizeNearestNeighbor",
    "Softmax",
    "TensorflowFlatten",
]
