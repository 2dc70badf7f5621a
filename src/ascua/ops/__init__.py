"""The operators that Ascua knows, one module each; a new one is imported here."""

from __future__ import annotations

from ascua.ir import Op
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.arg_max import ArgMax
from ascua.ops.arg_min import ArgMin
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.batch_matmul import BatchMatMul
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.concatenation import Concatenation
from ascua.ops.conv2d import Conv2D
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.dequantize import Dequantize
from ascua.ops.elu import Elu
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.hard_swish import HardSwish
from ascua.ops.l2_normalization import L2Normalization
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.maximum import Maximum
from ascua.ops.mean import Mean
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.pack import Pack
from ascua.ops.pad import Pad, PadV2
from ascua.ops.prelu import Prelu
from ascua.ops.quantize import Quantize
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.reshape import Reshape
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.shape import Shape
from ascua.ops.slice import Slice
from ascua.ops.softmax import Softmax
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.split import Split, SplitV
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.squeeze import Squeeze
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.ops.tanh import Tanh
from ascua.ops.transpose import Transpose
from ascua.ops.transpose_conv import TransposeConv
from ascua.ops.unpack import Unpack

_ALL: tuple[type[Op], ...] = (
    Abs,
    Add,
    ArgMax,
    ArgMin,
    AveragePool2D,
    BatchMatMul,
    BatchToSpaceND,
    Concatenation,
    Conv2D,
    DepthToSpace,
    DepthwiseConv2D,
    Dequantize,
    Elu,
    ExpandDims,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    MaxPool2D,
    Maximum,
    Mean,
    Minimum,
    Mul,
    Pack,
    Pad,
    PadV2,
    Prelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Relu,
    Relu6,
    Reshape,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Rsqrt,
    Shape,
    Slice,
    Softmax,
    SpaceToBatchND,
    SpaceToDepth,
    Split,
    SplitV,
    SquaredDifference,
    Squeeze,
    StridedSlice,
    Sub,
    Sum,
    Tanh,
    Transpose,
    TransposeConv,
    Unpack,
)

OPERATORS: dict[str, type[Op]] = {op.tflite: op for op in _ALL}
"""Every operator by its name in TFLite."""
