"""One small network for each operator; the contract tests run over all of them.

`small` is a whole network, for boards and golden files.
"""

from __future__ import annotations

import numpy as np

from ascua.ir import Graph
from ascua.ops import OPERATORS
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.arg_max import ArgMax
from ascua.ops.arg_min import ArgMin
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.ceil import Ceil
from ascua.ops.conv2d import Conv2D
from ascua.ops.cos import Cos
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.elu import Elu
from ascua.ops.equal import Equal
from ascua.ops.exp import Exp
from ascua.ops.floor import Floor
from ascua.ops.floor_div import FloorDiv
from ascua.ops.floor_mod import FloorMod
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.greater import Greater
from ascua.ops.greater_equal import GreaterEqual
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.less import Less
from ascua.ops.less_equal import LessEqual
from ascua.ops.log import Log
from ascua.ops.logical_and import LogicalAnd
from ascua.ops.logical_not import LogicalNot
from ascua.ops.logical_or import LogicalOr
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.neg import Neg
from ascua.ops.not_equal import NotEqual
from ascua.ops.prelu import Prelu
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.reshape import Reshape
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.round import Round
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.sin import Sin
from ascua.ops.softmax import Softmax
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.sqrt import Sqrt
from ascua.ops.square import Square
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.ops.tanh import Tanh
from tests.ops.test_add import binary
from tests.ops.test_arg_max import arg
from tests.ops.test_batch_matmul import product
from tests.ops.test_broadcast_to import broadcast
from tests.ops.test_cast import chain
from tests.ops.test_concatenation import concatenation
from tests.ops.test_conv2d import conv
from tests.ops.test_cumsum import cumsum
from tests.ops.test_depth_to_space import blocks
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_div import by_constants
from tests.ops.test_fully_connected import dense
from tests.ops.test_gather import gather
from tests.ops.test_gather_nd import gather_nd
from tests.ops.test_l2_normalization import normalization
from tests.ops.test_less import comparison
from tests.ops.test_log_softmax import log_softmax
from tests.ops.test_logical_and import logical
from tests.ops.test_maximum import ONE
from tests.ops.test_mean import mean
from tests.ops.test_mirror_pad import mirror
from tests.ops.test_pack import pack
from tests.ops.test_pad import pad
from tests.ops.test_quantize import between, edges
from tests.ops.test_reduce_max import extreme
from tests.ops.test_relu import unary
from tests.ops.test_reshape import expand_dims, reshape, squeeze
from tests.ops.test_resize_bilinear import resize
from tests.ops.test_reverse_v2 import reverse
from tests.ops.test_select_v2 import select
from tests.ops.test_shape import flatten
from tests.ops.test_slice import cut, strided
from tests.ops.test_softmax import softmax
from tests.ops.test_space_to_batch_nd import dilated, to_batch, to_space
from tests.ops.test_split import split, split_v, unpack
from tests.ops.test_transpose import transpose
from tests.ops.test_transpose_conv import transpose_conv
from tests.support import activation, as_int4, constant, network
from tests.support.islands import two, wide
from tests.support.pairs import pair
from tests.support.pools import pool
from tests.support.unsigned import as_uint8
from tests.support.wide import widened

STEPS: dict[str, tuple[float, float]] = {"scales": (0.05, 0.05)}
"""Where values are compared: no scale changes an answer."""

EXAMPLES: dict[str, tuple[Graph, ...]] = {
    "ABS": (network(unary(Abs, (0.05, -3), (0.04, -100))),),
    "ADD": (network(binary(Add, (1, 4, 5, 6), (1, 4, 5, 6))),
            network(binary(Add, (1, 4, 5, 6), (1, 1, 1, 6))),
            network(binary(Add, (1, 4, 5, 6), (1, 4, 5, 6), scales=(0.0473, 0.0291, 0.0613)))),
    "ARG_MAX": (network(arg(ArgMax)),),
    "ARG_MIN": (network(arg(ArgMin, axis=1)),),
    "AVERAGE_POOL_2D": (pool(AveragePool2D),
                        pool(AveragePool2D, window=(6, 7), padding="VALID"),
                        pool(AveragePool2D, c=9)),
    "BATCH_MATMUL": (network(product()),
                     network(product((2, 4, 6), (2, 5, 6), adj_y=True, const="a"))),
    "BATCH_TO_SPACE_ND": (
        network(to_space((4, 2, 3, 3), (2, 2), [(1, 0), (0, 1)])), dilated(),
    ),
    "CAST": (chain("float32", "int32", "int16", "int8", "bool", "int8"),),
    "CONCATENATION": (network(concatenation(3, (1, 2, 3, 4), (1, 2, 3, 1))),),
    "CONV_2D": (
        conv(), conv(kh=1, kw=1, ic=8, oc=8), as_int4(conv()), conv(ih=9, iw=17, ic=2, oc=3),
        conv(ih=9, iw=13, stride=(2, 2)), conv(ic=6, oc=10, groups=2),
        as_int4(conv(ic=6, oc=10, groups=2)),
    ),
    "CUMSUM": (network(cumsum()),),
    "DEPTHWISE_CONV_2D": (depthwise(), depthwise(kh=5, kw=2), as_int4(depthwise())),
    "DEPTH_TO_SPACE": (network(blocks(DepthToSpace, 2, 2, 3, 3)),),
    "DEQUANTIZE": (edges(),),
    "DIV": (network(by_constants()),),
    "ELU": (network(unary(Elu, (0.05, -3), (0.04, 9))),),
    **{
        kind.tflite: (network(comparison(kind, (1, 4, 5), (5,), **STEPS)),)
        for kind in (Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual)
    },
    "EXPAND_DIMS": (network(expand_dims((1, 6), (1, 6, 1), 2)),),
    "FULLY_CONNECTED": (dense(), as_int4(dense())),
    "HARD_SWISH": (network(unary(HardSwish, (0.05, -3), (0.04, -90))),),
    "L2_NORMALIZATION": (network(normalization()),),
    "LEAKY_RELU": (network(unary(LeakyRelu, (0.05, -3), (0.04, 9), 0.1)),),
    "LOGICAL_AND": (network(logical(LogicalAnd, (1, 4, 5), (4, 1), const="b")),),
    "LOGICAL_NOT": (network(logical(LogicalNot, (1, 4, 5))),),
    "LOGICAL_OR": (network(logical(LogicalOr, (1, 4, 5), (5,))),),
    "LOGISTIC": (network(unary(Logistic, (0.05, -3), (1 / 256, -128))),),
    "LOG_SOFTMAX": (network(log_softmax()),),
    "MAXIMUM": (network(pair(Maximum, (1, 4, 5, 6), (1, 1, 1, 6), **ONE)),
                network(pair(Maximum, (1, 4, 5, 6), (1, 4, 5, 6), **ONE))),
    "MAX_POOL_2D": (pool(MaxPool2D), pool(MaxPool2D, c=17)),
    "MEAN": (mean(), mean((1, 5, 6, 9))),
    "MINIMUM": (network(pair(Minimum, (1, 4, 5, 6), (1, 4, 5, 6), **ONE)),),
    "MUL": (network(binary(Mul, (1, 4, 5, 6), (1, 4, 5, 6))),
            network(binary(Mul, (1, 4, 5, 6), (1, 1, 1, 6)))),
    "PACK": (flatten(), network(pack((1, 2, 3), 3, 1))),
    "PAD": (network(pad((1, 4, 5, 3), [(0, 0), (1, 1), (1, 2), (0, 0)])),),
    "PADV2": (network(pad((1, 4, 5, 3), [(0, 0), (2, 1), (0, 0), (0, 0)], 99)),),
    "PRELU": (network(pair(Prelu, (1, 4, 5, 6), (1, 1, 6), const="b")),),
    "QUANTIZE": (edges(),),
    "REDUCE_MAX": (network(extreme(ReduceMax)),),
    "REDUCE_MIN": (network(extreme(ReduceMin)),),
    "RELU": (network(unary(Relu, (0.05, -3))),),
    "RELU6": (network(unary(Relu6, (0.05, -3))),),
    "RESHAPE": (network(reshape((1, 2, 3), (1, 6))),),
    "RSQRT": (network(unary(Rsqrt, (0.05, -128), (0.05, -128))),),
    "RESIZE_BILINEAR": (network(resize(ResizeBilinear, (4, 5), (8, 10))),),
    "RESIZE_NEAREST_NEIGHBOR": (network(resize(ResizeNearestNeighbor, (4, 5), (8, 10))),),
    "SELECT_V2": (
        network(select((1, 4, 5, 1), (1, 4, 5, 6), (6,))),
        network(select((1, 1, 5, 6), (1, 4, 5, 6), (), const="b")),
    ),
    "SHAPE": (flatten(),),
    "SLICE": (network(cut((1, 4, 5, 6), (0, 1, 2, 3), (1, 2, -1, 2))),),
    "SOFTMAX": (softmax(),),
    "SPACE_TO_BATCH_ND": (network(to_batch((1, 4, 6, 3), (2, 2), [(0, 0), (0, 0)])),),
    "SPACE_TO_DEPTH": (network(blocks(SpaceToDepth, 2, 2, 3, 3)),),
    "SPLIT": (network(split((1, 4, 3, 6), 3, 3)),),
    "SPLIT_V": (network(split_v((1, 2, 3, 7), 3, [3, -1, 2])),),
    "SQUARED_DIFFERENCE": (network(pair(SquaredDifference, (1, 4, 5, 6), (1, 4, 5, 6))),),
    "SQUEEZE": (network(squeeze((1, 2, 1, 3), (1, 2, 3), 2)),),
    "STRIDED_SLICE": (
        flatten(), network(strided((1, 6, 5, 3), (0, 5, 1, 0), (1, 0, 5, 3), (1, -2, 2, 1)))
    ),
    "SUM": (mean(axes=(1, 3), y_scale=0.5, kind=Sum),),
    "TANH": (network(unary(Tanh, (0.05, -3), (1 / 128, 0))),),
    "BROADCAST_TO": (network(broadcast((1, 4, 1, 3), (1, 4, 5, 3))),),
    "GATHER": (network(gather((1, 4, 5, 3), 2, (4, 0, 0, 2))),),
    "GATHER_ND": (network(gather_nd((1, 4, 5, 3), [[(0, 3, 4), (0, 0, 0), (0, 1, 2)]])),),
    "MIRROR_PAD": (
        network(mirror((1, 4, 5, 3), [(0, 0), (1, 2), (2, 1), (0, 0)], symmetric=False)),
    ),
    "REVERSE_V2": (network(reverse((1, 4, 5, 3), (1, 2))),),
    "TRANSPOSE": (network(transpose((1, 4, 5, 3), (0, 3, 1, 2))),),
    "TRANSPOSE_CONV": (transpose_conv(oc=6),),
    "UNPACK": (network(unpack((1, 3, 4), 1)),),
    "SUB": (network(pair(Sub, (1, 4, 5, 6), (1, 1, 1, 6), "NONE", const="a")),),
    **{
        kind.tflite: (wide(kind, 60), wide(kind, 256, "int8"))
        for kind in (Ceil, Cos, Exp, Floor, Log, Neg, Round, Sin, Sqrt, Square)
    },
    **{kind.tflite: (two(kind, 60),) for kind in (FloorDiv, FloorMod)},
}  # fmt: skip
"""By the operator's name in TFLite; between them, every kernel is chosen on some board."""


def _wide() -> dict[str, tuple[Graph, ...]]:
    """An example of int16 for each operator that takes it; more for QUANTIZE and CONV_2D."""
    found = {}
    for name, graphs in EXAMPLES.items():
        if "int16" in OPERATORS[name].types:
            # Not the chain of shapes that a Flatten makes: its data is int32.
            graph = next(g for g in graphs if all(op.tflite != "SHAPE" for op in g.ops))
            found[name] = (widened(graph),)
    ops = between("int8", "int16", 0.05, 0.0003, -7), between("int16", "int8", 0.0003, 0.05, -7)
    found["QUANTIZE"] += tuple(network(op) for op in ops)
    found["CONV_2D"] += (widened(conv(ic=6, oc=10, groups=2)),)
    return found


WIDE = _wide()
"""Networks of int16 activations, in the same way."""

FOLDED = frozenset({"GELU", "REDUCE_PROD", "TILE"})
"""Operators that TFLM has not: shapes fold away, and others are as LiteRT has them."""

ALL = {name: (*graphs, *WIDE.get(name, ())) for name, graphs in EXAMPLES.items()}


UINT8: dict[str, Graph] = {
    "uint8_average_pool_2d": as_uint8(pool(AveragePool2D)),
    "uint8_conv_2d": as_uint8(conv()),
    "uint8_conv_2d_1": as_uint8(conv(ic=6, oc=10, groups=2)),
    "uint8_depthwise_conv_2d": as_uint8(depthwise()),
    "uint8_depthwise_conv_2d_1": as_uint8(depthwise(kh=5, kw=2)),
    "uint8_fully_connected": as_uint8(dense()),
    "uint8_transpose_conv": as_uint8(transpose_conv(oc=6)),
}
"""Networks of TensorFlow 1, for the kernels that no int8 network needs; their oracle is LiteRT."""


def small() -> Graph:
    """A residual network with every kind of step: rows, whole tensors, element-wise, views."""
    rng = np.random.default_rng(7)

    def weights(name: str, *shape: int, axis: int = 0) -> tuple[object, object]:
        w = rng.integers(-127, 128, shape).astype(np.int8)
        channels = shape[axis]
        scales = list(rng.uniform(0.002, 0.01, channels))
        b = rng.integers(-500, 500, channels).astype(np.int32)
        return constant(f"{name}/w", w, scales, axis), constant(f"{name}/b", b)

    x = activation("image", (1, 9, 9, 3), 1 / 255, -128)
    a = activation("conv", (1, 9, 9, 8), 0.02, -128)
    b = activation("depthwise", (1, 9, 9, 8), 0.02, -128)
    c = activation("pointwise", (1, 9, 9, 8), 0.03, -5)
    d = activation("sum", (1, 9, 9, 8), 0.04, -60)
    e = activation("pool", (1, 4, 4, 8), 0.04, -60)
    f = activation("flat", (1, 128), 0.04, -60)
    g = activation("logits", (1, 5), 0.1, 3)
    y = activation("probabilities", (1, 5), 1 / 256, -128)
    return network(
        Conv2D((x, *weights("conv", 8, 3, 3, 3)), (a,), (1, 1), (1, 1), "SAME", "RELU"),
        DepthwiseConv2D(
            (a, *weights("depthwise", 1, 3, 3, 8, axis=3)), (b,), (1, 1), (1, 1), "SAME", "RELU", 1
        ),
        Conv2D((b, *weights("pointwise", 8, 1, 1, 8)), (c,), (1, 1), (1, 1), "VALID", "NONE"),
        Add((a, c), (d,), "NONE"),
        MaxPool2D((d,), (e,), (2, 2), (2, 2), "VALID", "NONE"),
        Reshape((e,), (f,)),
        FullyConnected((f, *weights("dense", 5, 128)), (g,), False, "NONE"),
        Softmax((g,), (y,), 1.0),
    )
