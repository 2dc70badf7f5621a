"""The operators of kmodel V4 (nncase 0.2): tensors are ranges of memory, shapes are NCHW."""

from ascua.kmodel.v4.elementwise import (
    Binary,
    BinaryOp,
    Dequantize,
    NnilUnaryMethod,
    Quantize,
    QuantizedBinary,
    Reduce,
    ReduceOp,
    Softmax,
    TableLookup1d,
    Unary,
    UnaryOp,
)
from ascua.kmodel.v4.kpu import KpuConv2d, KpuUpload
from ascua.kmodel.v4.layer import LAYERS, UNKNOWN, LayerV4
from ascua.kmodel.v4.moves import (
    Concat,
    MemoryCopy,
    Pad,
    ResizeImage,
    ResizeMode,
    StridedSlice,
    Transpose,
)
from ascua.kmodel.v4.windows import (
    Conv2d,
    Conv2dTranspose,
    Matmul,
    QuantizedConv2d,
    QuantizedMatmul,
    ReduceWindow2d,
)

__all__ = [
    "LAYERS",
    "UNKNOWN",
    "Binary",
    "BinaryOp",
    "Concat",
    "Conv2d",
    "Conv2dTranspose",
    "Dequantize",
    "KpuConv2d",
    "KpuUpload",
    "LayerV4",
    "Matmul",
    "MemoryCopy",
    "NnilUnaryMethod",
    "Pad",
    "Quantize",
    "QuantizedBinary",
    "QuantizedConv2d",
    "QuantizedMatmul",
    "Reduce",
    "ReduceOp",
    "ReduceWindow2d",
    "ResizeImage",
    "ResizeMode",
    "Softmax",
    "StridedSlice",
    "TableLookup1d",
    "Transpose",
    "Unary",
    "UnaryOp",
]
