"""Networks of ONNX nodes compute what onnxruntime computes, within float rounding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from tests.support.onnx_nets import Net, compared, operators

NETWORKS: dict[str, tuple[Callable[[], tuple[Net, str]], list[str] | None]] = {}
"""By name: what builds each, and the operators that it becomes, where that matters."""


def network(*wanted: str) -> Callable[[Callable[[], tuple[Net, str]]], Any]:
    def enter(build: Callable[[], tuple[Net, str]]) -> Any:
        NETWORKS[build.__name__] = (build, list(wanted) or None)
        return build

    return enter


@network("CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX")
def classifier() -> tuple[Net, str]:
    n = Net(1, 3, 8, 10)
    x = n.Relu(n.Conv("x0", n.weights(5, 3, 3, 3), n.weights(5), pads=[1, 1, 1, 1]))
    x = n.Flatten(n.MaxPool(x, kernel_shape=[2, 2], strides=[2, 2]))
    return n, n.Softmax(n.Gemm(x, n.weights(7, 100), n.weights(7), transB=1))


@network("PAD", "DEPTHWISE_CONV_2D", "CONV_2D", "MEAN", "RESHAPE", "FULLY_CONNECTED")
def separable() -> tuple[Net, str]:
    n = Net(1, 4, 8, 10)
    x = n.Conv("x0", n.weights(8, 1, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2], group=4)
    x = n.BatchNormalization(x, *(n.weights(8) for _ in range(3)), n.const(np.full(8, 0.5)))
    x = n.Clip(x, n.const(0.0), n.const(6.0))
    x = n.Conv(x, n.weights(6, 8, 1, 1))
    x = n.Reshape(n.GlobalAveragePool(x), n.ints(1, -1))
    return n, n.Add(n.MatMul(x, n.weights(6, 3)), n.weights(3))


@network()
def functions() -> tuple[Net, str]:
    n = Net(1, 3, 4, 5)
    x = n.Conv("x0", n.weights(4, 3, 1, 1))
    some = [n.Sin(x), n.Cos(x), n.Floor(x), n.Ceil(x), n.Round(x)]
    above = n.Add(n.Abs(x), n.const(1.0))
    return n, n.Sum(*some, n.Log(above), n.Exp(n.Neg(above)), n.Div(x, above))


@network("CONV_2D", "CONV_2D", "ADD")
def residual() -> tuple[Net, str]:
    n = Net(1, 4, 7, 7)
    x = n.Relu(n.Conv("x0", n.weights(4, 4, 3, 3), auto_pad="SAME_UPPER"))
    x = n.Conv(x, n.weights(4, 4, 3, 3), n.weights(4), auto_pad="SAME_LOWER")
    return n, n.Relu(n.Add(x, "x0"))


@network("MEAN", "CONV_2D", "CONV_2D", "LOGISTIC", "MUL")
def squeeze_excite() -> tuple[Net, str]:
    n = Net(1, 6, 5, 5)
    s = n.Relu(n.Conv(n.ReduceMean("x0", axes=[2, 3]), n.weights(2, 6, 1, 1)))
    return n, n.Mul("x0", n.Sigmoid(n.Conv(s, n.weights(6, 2, 1, 1), n.weights(6))))


@network("CONV_2D", "HARD_SWISH", "CONV_2D", "HARD_SWISH")
def mobile_v3() -> tuple[Net, str]:
    n = Net(1, 3, 6, 6, opset=14)
    x = n.HardSwish(n.Conv("x0", n.weights(4, 3, 1, 1)))
    x = n.Conv(x, n.weights(5, 4, 1, 1))
    return n, n.Mul(x, n.HardSigmoid(x, alpha=1 / 6))


@network("CONV_2D", "CONV_2D", "CONV_2D", "CONCATENATION", "MAX_POOL_2D")
def fire() -> tuple[Net, str]:
    n = Net(1, 3, 9, 9)
    s = n.Relu(n.Conv("x0", n.weights(2, 3, 1, 1)))
    a = n.Relu(n.Conv(s, n.weights(4, 2, 1, 1)))
    b = n.Relu(n.Conv(s, n.weights(4, 2, 3, 3), pads=[1, 1, 1, 1]))
    return n, n.MaxPool(n.Concat(a, b, axis=1), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)


@network()
def shuffled_channels() -> tuple[Net, str]:
    n = Net(1, 4, 6, 5)
    x = n.Conv("x0", n.weights(8, 2, 1, 1), group=2)
    x = n.Transpose(n.Reshape(x, n.ints(1, 2, 4, 6, 5)), perm=[0, 2, 1, 3, 4])
    return n, n.Conv(n.Reshape(x, n.ints(1, 8, 6, 5)), n.weights(3, 8, 3, 3))


@network("RESHAPE", "CONV_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX")
def sequence() -> tuple[Net, str]:
    n = Net(1, 4, 9)
    x = n.Relu(n.Conv("x0", n.weights(6, 4, 3), pads=[1, 1]))
    return n, n.Softmax(n.MatMul(n.Transpose(x, perm=[0, 2, 1]), n.weights(6, 5)))


@network()
def one_dimension() -> tuple[Net, str]:
    n = Net(1, 2, 12)
    x = n.Conv("x0", n.weights(4, 1, 5), pads=[2, 2], group=2, strides=[2])
    x = n.MaxPool(n.Relu(x), kernel_shape=[2], strides=[2])
    x = n.AveragePool(x, kernel_shape=[3])
    return n, n.Flatten(n.ConvTranspose(x, n.weights(4, 2, 3), strides=[2]))


@network()
def framed_pool() -> tuple[Net, str]:
    """Padding around values that may be negative."""
    n = Net(1, 2, 9, 8)
    x = n.Conv("x0", n.weights(3, 2, 1, 1))
    return n, n.MaxPool(x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


@network("CONV_2D", "PAD", "AVERAGE_POOL_2D", "AVERAGE_POOL_2D")
def averages() -> tuple[Net, str]:
    n = Net(1, 2, 8, 8)
    x = n.Relu(n.Conv("x0", n.weights(3, 2, 1, 1)))
    pads = [1, 1, 1, 1]
    x = n.AveragePool(x, kernel_shape=[3, 3], pads=pads, count_include_pad=1)
    return n, n.AveragePool(x, kernel_shape=[3, 3], pads=pads)


@network("CONV_2D", "TRANSPOSE_CONV", "CONV_2D")
def decoder() -> tuple[Net, str]:
    n = Net(1, 3, 4, 5)
    x = n.Relu(n.Conv("x0", n.weights(4, 3, 1, 1)))
    x = n.Relu(n.ConvTranspose(x, n.weights(4, 3, 2, 2), n.weights(3), strides=[2, 2]))
    return n, n.Conv(x, n.weights(2, 3, 3, 3), pads=[1, 1, 1, 1])


@network("TRANSPOSE_CONV", "SLICE")
def cut_off_decoder() -> tuple[Net, str]:
    n = Net(1, 3, 4, 5)
    return n, n.ConvTranspose(
        "x0", n.weights(3, 2, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]
    )


@network("RESIZE_NEAREST_NEIGHBOR", "CONV_2D", "RESIZE_BILINEAR")
def larger() -> tuple[Net, str]:
    n = Net(1, 2, 4, 5)
    x = n.Resize("x0", "", n.const([1, 1, 2, 2]), mode="nearest",
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    x = n.Conv(x, n.weights(3, 2, 3, 3))
    return n, n.Resize(x, "", "", n.ints(1, 3, 12, 16), mode="linear")


@network()
def larger_in_other_ways() -> tuple[Net, str]:
    n = Net(1, 2, 4, 5, opset=13)
    x = n.Resize("x0", "", n.const([1, 1, 2, 3]), mode="nearest")
    x = n.Resize(x, "", n.const([1, 1, 2, 2]), mode="linear",
                 coordinate_transformation_mode="align_corners")  # fmt: skip
    return n, n.Resize(x, "", "", n.ints(1, 2, 24, 20), mode="linear",
                       coordinate_transformation_mode="asymmetric")  # fmt: skip


@network()
def pixel_shuffle() -> tuple[Net, str]:
    n = Net(1, 3, 4, 4)
    x = n.DepthToSpace(n.Conv("x0", n.weights(8, 3, 1, 1)), blocksize=2, mode="CRD")
    x = n.SpaceToDepth(n.Conv(x, n.weights(3, 2, 1, 1)), blocksize=2)
    return n, n.DepthToSpace(x, blocksize=2)


@network()
def activations() -> tuple[Net, str]:
    n = Net(1, 3, 6, 5)
    x = n.PRelu(n.Conv("x0", n.weights(4, 3, 1, 1)), n.const(np.full((4, 1, 1), 0.2)))
    x = n.Elu(n.LeakyRelu(x, alpha=0.3))
    x = n.Tanh(n.Conv(x, n.weights(4, 4, 1, 1)))
    x = n.Max(n.Min(n.Abs(x), n.const(0.7)), n.const(-0.2), n.Neg(x))
    x = n.Clip(x, n.const(-1.0), n.const(0.5))
    return n, n.Mul(n.HardSigmoid(x), n.Sigmoid(x))


@network()
def arithmetic() -> tuple[Net, str]:
    n = Net(1, 3, 4, 4)
    x = n.Div(n.Sub("x0", n.const(np.ones((3, 1, 1)))), n.const([[[[2.0]], [[3.0]], [[4.0]]]]))
    y = n.Sub(n.const(1.0), n.Pow(x, n.const(2.0)))
    return n, n.Sum(x, y, n.Mul(x, y))


@network()
def reductions() -> tuple[Net, str]:
    n = Net(1, 3, 4, 5)
    x = n.Conv("x0", n.weights(4, 3, 1, 1))
    rows = n.ReduceMax(x, axes=[3], keepdims=0)
    columns = n.ReduceSum(rows, n.ints(2), keepdims=0)
    least = n.ReduceMin(n.ReduceMean(x, axes=[1], keepdims=0), axes=[1], keepdims=0)
    return n, n.Concat(columns, least, n.Flatten(n.GlobalMaxPool(x)), axis=1)


@network()
def normalised_layers() -> tuple[Net, str]:
    n = Net(1, 6, 8)
    x = n.LayerNormalization("x0", n.weights(8), n.weights(8))
    return n, n.Add(x, n.MatMul(x, n.weights(8, 8)))


@network()
def normalised_by_hand() -> tuple[Net, str]:
    """As PyTorch wrote layer norms before opset 17."""
    n = Net(1, 6, 8, opset=13)
    less = n.Sub("x0", n.ReduceMean("x0", axes=[-1]))
    variance = n.ReduceMean(n.Pow(less, n.const(2.0)), axes=[-1])
    root = n.Sqrt(n.Add(variance, n.const(1e-5)))
    return n, n.Mul(n.Div(less, root), n.weights(8))


@network()
def normalised_instances() -> tuple[Net, str]:
    n = Net(1, 3, 5, 5)
    x = n.Conv("x0", n.weights(4, 3, 3, 3))
    return n, n.InstanceNormalization(x, n.weights(4), n.weights(4))


@network()
def attention() -> tuple[Net, str]:
    n = Net(1, 6, 8)

    def heads(order: list[int]) -> str:
        x = n.Reshape(n.MatMul("x0", n.weights(8, 8)), n.ints(0, 0, 2, 4))
        return str(n.Transpose(x, perm=order))

    scores = n.Div(n.MatMul(heads([0, 2, 1, 3]), heads([0, 2, 3, 1])), n.const(2.0))
    x = n.MatMul(n.Softmax(scores), heads([0, 2, 1, 3]))
    x = n.Reshape(n.Transpose(x, perm=[0, 2, 1, 3]), n.ints(1, 6, 8))
    return n, n.MatMul(x, n.weights(8, 4))


@network()
def parts() -> tuple[Net, str]:
    n = Net(1, 6, 8, 8)
    a, b = n.node("Split", "x0", n.ints(2, 4), outputs=2, axis=1)
    a = n.Slice(a, n.ints(1, -6), n.ints(7, 100), n.ints(2, 3), n.ints(2, 1))
    b = n.Gather(n.Conv(b, n.weights(2, 4, 1, 1)), n.const(3, np.int64), axis=2)
    return n, n.Concat(n.Flatten(a), n.Flatten(b), axis=1)


@network()
def frames() -> tuple[Net, str]:
    n = Net(1, 2, 4, 5)
    x = n.Conv(n.Pad("x0", n.ints(0, 0, 1, 2, 0, 0, 0, 1)), n.weights(3, 2, 3, 3))
    return n, n.Pad(x, n.ints(0, 1, 0, 0, 0, 0, 2, 0), n.const(0.5))


@network()
def computed_shapes() -> tuple[Net, str]:
    """As PyTorch writes `x.view(x.size(0), -1)`, with a batch that is not known."""
    n = Net("batch", 2, 4, 4)
    x = n.Relu(n.Conv("x0", n.weights(3, 2, 3, 3)))
    size = n.Unsqueeze(n.Gather(n.Shape(x), n.const(0, np.int64), axis=0), n.ints(0))
    flat = n.Reshape(x, n.Concat(size, n.ints(-1), axis=0))
    return n, n.Gemm(flat, n.weights(12, 5), n.weights(5), alpha=0.5, beta=2.0)


@network("CONV_2D", "SOFTMAX")
def segmentation() -> tuple[Net, str]:
    n = Net(1, 3, 6, 6)
    return n, n.Softmax(n.Conv("x0", n.weights(4, 3, 3, 3), pads=[1, 1, 1, 1]), axis=1)


@network("CONV_2D", "RESHAPE", "FULLY_CONNECTED", "RESHAPE")
def channels_last_already() -> tuple[Net, str]:
    """As tf2onnx and keras2onnx write Keras' networks."""
    n = Net(1, 6, 6, 3, opset=11)
    x = n.Transpose("x0", perm=[0, 3, 1, 2])
    x = n.Relu(n.Conv(x, n.weights(4, 3, 3, 3), dilations=[2, 2]))
    x = n.Reshape(n.Transpose(x, perm=[0, 2, 3, 1]), n.ints(1, 16))
    return n, n.Unsqueeze(n.MatMul(x, n.weights(16, 2)), axes=[2])


@network("FULLY_CONNECTED", "FULLY_CONNECTED")
def perceptron() -> tuple[Net, str]:
    n = Net(1, 20)
    x = n.Dropout(n.Gemm("x0", n.weights(20, 8), n.weights(8)))
    x = n.BatchNormalization(x, *(n.weights(8) for _ in range(3)), n.const(np.full(8, 0.5)))
    return n, n.Gemm(n.Identity(n.Relu(x)), n.weights(8, 3), n.const(0.1))


@network()
def older_softmax() -> tuple[Net, str]:
    n = Net(1, 2, 3, 4, opset=11)
    return n, n.Softmax(n.Cast("x0", to=1), axis=2)


@network()
def ranked() -> tuple[Net, str]:
    n = Net(1, 4, 6, 6)
    x = n.Conv("x0", n.weights(5, 4, 3, 3))
    return n, n.Squeeze(
        n.Unsqueeze(n.Flatten(n.Expand(x, n.ints(1, 1, 1, 1))), n.ints(0)), n.ints(0)
    )


@network("FULLY_CONNECTED", "TRANSPOSE")
def turned_matrix() -> tuple[Net, str]:
    n = Net(4, 3)
    return n, n.Transpose(n.MatMul("x0", n.weights(3, 4)), perm=[1, 0])


@network()
def turned_rows() -> tuple[Net, str]:
    n = Net(1, 4, 3)
    return n, n.Transpose(n.MatMul("x0", n.weights(3, 4)), perm=[0, 2, 1])


@network()
def turned_first() -> tuple[Net, str]:
    n = Net(1, 4, 4)
    return n, n.MatMul(n.Transpose("x0", perm=[0, 2, 1]), n.weights(4, 5))


@network()
def turned_image() -> tuple[Net, str]:
    n = Net(1, 3, 6, 6)
    return n, n.Conv(n.Transpose("x0", perm=[0, 1, 3, 2]), n.weights(4, 3, 2, 3))


@network()
def turned_answer() -> tuple[Net, str]:
    n = Net(1, 3, 6, 6)
    return n, n.Transpose(n.Conv("x0", n.weights(4, 3, 2, 3)), perm=[0, 1, 3, 2])


@network("CONV_2D")
def exported_by_keras() -> tuple[Net, str]:
    n = Net(1, 6, 5, 3)
    x = n.Conv(n.Transpose("x0", perm=[0, 3, 1, 2]), n.weights(4, 3, 2, 3))
    return n, n.Transpose(n.Relu(x), perm=[0, 2, 3, 1])


@network()
def rows_that_no_tap_reaches() -> tuple[Net, str]:
    n = Net(1, 3, 5, 4)
    how = {"strides": [2, 2], "output_padding": [1, 1]}
    return n, n.ConvTranspose("x0", n.weights(3, 4, 2, 2), n.weights(4), **how)


@network()
def uneven_transposed_convolution() -> tuple[Net, str]:
    n = Net(1, 3, 5, 4)
    how = {"strides": [2, 2], "pads": [1, 0, 0, 1], "output_padding": [1, 0]}
    x = n.ConvTranspose("x0", n.weights(3, 4, 3, 3), **how)
    return n, n.ConvTranspose(x, n.weights(4, 2, 2, 3), strides=[3, 2], pads=[0, 1, 1, 0])


@network()
def cut_across_channels() -> tuple[Net, str]:
    n = Net(1, 2, 3, 4)
    return n, n.Relu(n.Reshape("x0", n.ints(1, 4, 6)))


@network("CONV_2D", "DEPTHWISE_CONV_2D")
def without_biases() -> tuple[Net, str]:
    n = Net(1, 4, 6, 6)
    x = n.Conv("x0", n.weights(4, 2, 3, 3), group=2)
    return n, n.Conv(x, n.weights(4, 1, 3, 3), group=4)


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_to_onnxruntime(name: str, tmp_path: Path) -> None:
    build, wanted = NETWORKS[name]
    net, y = build()
    graph = compared(net.model(y), tmp_path)
    if wanted is not None:
        assert operators(graph) == wanted
    assert graph.outputs[0].name == y


def test_there_are_thirty() -> None:
    assert len(NETWORKS) >= 30
