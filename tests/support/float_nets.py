"""Small float networks of TFLite's operators with random weights, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ascua import geometry
from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.concatenation import Concatenation
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mean import Mean
from ascua.ops.pad import Pad
from ascua.ops.reshape import Reshape
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.softmax import Softmax


class Net:
    """Grows a network; each method appends a layer behind `x`, and answers what it makes."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.input = Tensor("input", (1, *shape), "float32")
        self.ops: list[Op] = []

    def graph(self, *outputs: Tensor, name: str = "net") -> Graph:
        """The network."""
        return Graph(name, (self.input,), outputs, tuple(self.ops))

    def tensor(self, shape: tuple[int, ...]) -> Tensor:
        """What the next layer makes."""
        return Tensor(f"t{len(self.ops)}", shape, "float32")

    def constant(self, values: Array) -> Tensor:
        """Weights, or numbers that say how."""
        name = f"c{len(self.ops)}/{values.ndim}"
        return Tensor(name, values.shape, values.dtype.name, None, values)

    def append(self, op: Op) -> Tensor:
        """The operator's output."""
        self.ops.append(op)
        return op.y

    def conv(
        self,
        x: Tensor,
        oc: int,
        k: int | tuple[int, int] = 3,
        stride: int = 1,
        padding: geometry.Padding = "SAME",
        act: Any = "RELU6",
        dilation: int = 1,
        groups: int = 1,
    ) -> Tensor:
        """A convolution; of no channels, a depthwise one."""
        kh, kw = (k, k) if isinstance(k, int) else k
        c = x.shape[3]
        own = oc == 0
        shape = (1, kh, kw, c) if own else (oc, kh, kw, c // groups)
        taps = kh * kw * (1 if own else c // groups)
        w = self.rng.normal(0, (2 / taps) ** 0.5, shape).astype(np.float32)
        b = self.rng.normal(0.2, 0.3, c if own else oc).astype(np.float32)
        rows = geometry.axis(x.shape[1], kh, stride, dilation, padding)
        columns = geometry.axis(x.shape[2], kw, stride, dilation, padding)
        y = self.tensor((1, rows.out, columns.out, len(b)))
        inputs = (x, self.constant(w), self.constant(b))
        how = ((stride, stride), (dilation, dilation), padding, act)
        if own:
            return self.append(DepthwiseConv2D(inputs, (y,), *how, 1))
        return self.append(Conv2D(inputs, (y,), *how))

    def pad(self, x: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
        """Zeros around a map."""
        paddings = np.array([(0, 0), rows, columns, (0, 0)], np.int32)
        y = self.tensor((1, x.shape[1] + sum(rows), x.shape[2] + sum(columns), x.shape[3]))
        return self.append(Pad((x, self.constant(paddings)), (y,)))

    def channels(self, x: Tensor, before: int, after: int) -> Tensor:
        """More channels, of zeros."""
        paddings = np.array([(0, 0), (0, 0), (0, 0), (before, after)], np.int32)
        y = self.tensor((*x.shape[:3], x.shape[3] + before + after))
        return self.append(Pad((x, self.constant(paddings)), (y,)))

    def pool(
        self,
        x: Tensor,
        k: int,
        stride: int,
        padding: geometry.Padding = "VALID",
        kind: Any = MaxPool2D,
    ) -> Tensor:
        """A pool."""
        h, w = (geometry.axis(n, k, stride, 1, padding).out for n in x.shape[1:3])
        y = self.tensor((1, h, w, x.shape[3]))
        return self.append(kind((x,), (y,), (k, k), (stride, stride), padding, "NONE"))

    def average(self, x: Tensor, k: int, stride: int) -> Tensor:
        """Means of windows."""
        return self.pool(x, k, stride, kind=AveragePool2D)

    def mean(self, x: Tensor) -> Tensor:
        """Over rows and columns."""
        axes = self.constant(np.array([1, 2], np.int32))
        return self.append(Mean((x, axes), (self.tensor((1, x.shape[3])),), keep_dims=False))

    def add(self, a: Tensor, b: Tensor, act: Any = "NONE") -> Tensor:
        """A residual."""
        return self.append(Add((a, b), (self.tensor(a.shape),), act))

    def scaled(self, x: Tensor, kind: Any, value: float) -> Tensor:
        """A product or a sum with one number."""
        constant = self.constant(np.array([value], np.float32))
        return self.append(kind((x, constant), (self.tensor(x.shape),), "NONE"))

    def concat(self, *xs: Tensor) -> Tensor:
        """Channels side by side."""
        y = self.tensor((*xs[0].shape[:3], sum(x.shape[3] for x in xs)))
        return self.append(Concatenation(xs, (y,), 3, "NONE"))

    def leaky(self, x: Tensor, alpha: float = 0.1) -> Tensor:
        """A leaky ReLU of its own."""
        return self.append(LeakyRelu((x,), (self.tensor(x.shape),), alpha))

    def resize(self, x: Tensor, h: int, w: int, **how: bool) -> Tensor:
        """Nearest neighbors."""
        size = self.constant(np.array([h, w], np.int32))
        y = self.tensor((1, h, w, x.shape[3]))
        return self.append(ResizeNearestNeighbor((x, size), (y,), **how))

    def dense(self, x: Tensor, classes: int, act: Any = "NONE") -> Tensor:
        """A product with a matrix."""
        w = self.rng.normal(0, (2 / x.size) ** 0.5, (classes, x.size)).astype(np.float32)
        inputs = (x, self.constant(w), self.constant(self.rng.normal(size=classes).astype("f4")))
        y = self.tensor((1, classes))
        return self.append(FullyConnected(inputs, (y,), keep_num_dims=False, activation=act))

    def flat(self, x: Tensor) -> Tensor:
        """A vector."""
        return self.append(Reshape((x,), (self.tensor((1, x.size)),)))

    def softmax(self, x: Tensor) -> Tensor:
        """Probabilities."""
        return self.append(Softmax((x,), (self.tensor(x.shape),), 1.0))

    def logistic(self, x: Tensor) -> Tensor:
        """Between 0 and 1."""
        return self.append(Logistic((x,), (self.tensor(x.shape),)))


def mobilenet_v1(size: int, *, same: bool = False) -> Graph:
    """A short one with the K210's padding, or with TensorFlow's."""
    net = Net((size, size, 3))

    def halved(x: Tensor, oc: int) -> Tensor:
        if same:
            return net.conv(x, oc, 3, 2)
        return net.conv(net.pad(x, (1, 1), (1, 1)), oc, 3, 2, "VALID")

    x = halved(net.input, 8)
    x = net.conv(net.conv(x, 0), 16, 1)
    x = net.conv(halved(x, 0), 24, 1)
    x = net.conv(halved(x, 0), 32, 1)
    return net.graph(net.softmax(net.dense(net.mean(x), 10)))


def mobilenet_v2(size: int) -> Graph:
    """Two inverted residuals, one with a sum."""
    net = Net((size, size, 3), 1)
    x = net.conv(net.pad(net.input, (1, 1), (1, 1)), 8, 3, 2, "VALID")
    a = net.conv(net.conv(net.conv(x, 24, 1), 0), 8, 1, act="NONE")
    b = net.conv(net.conv(net.conv(a, 24, 1), 0), 8, 1, act="NONE")
    x = net.conv(net.add(a, b), 32, 1)
    return net.graph(net.softmax(net.dense(net.mean(x), 10)))


def shortcut(size: int) -> Graph:
    """A residual whose shortcut takes each second pixel and adds channels of zeros."""
    net = Net((size, size, 3), 5)
    x = net.conv(net.input, 8, act="RELU")
    y = net.conv(x, 16, 3, 2, act="NONE")
    x = net.add(net.channels(net.pool(x, 1, 2, "SAME"), 4, 4), y, "RELU6")
    return net.graph(net.logistic(net.dense(net.mean(x), 3)))


def broad(size: int) -> Graph:
    """More channels than one pass has, as MobileNetV2 ends."""
    net = Net((size, size, 3), 6)
    x = net.conv(net.conv(net.input, 8), 1280, 1)
    return net.graph(net.softmax(net.dense(net.mean(x), 6)))


def resnet(size: int) -> Graph:
    """Two stages with TensorFlow's strides."""
    net = Net((size, size, 3), 2)
    x = net.conv(net.input, 8, act="RELU")
    y = net.conv(net.conv(x, 8, act="RELU"), 8, act="NONE")
    x = net.add(x, y, "RELU")
    y = net.conv(net.conv(x, 16, 3, 2, act="RELU"), 16, act="NONE")
    x = net.add(net.conv(x, 16, 1, 2, act="NONE"), y, "RELU")
    pooled = net.average(x, x.shape[1], 1)
    return net.graph(net.softmax(net.dense(net.flat(pooled), 10)))


def squeezenet(size: int) -> Graph:
    """A stem without padding, pools of 3x3, two fire modules."""
    net = Net((size, size, 3), 3)
    x = net.pool(net.conv(net.input, 16, 3, 2, "VALID", "RELU"), 3, 2)
    for _ in range(2):
        s = net.conv(x, 8, 1, act="RELU")
        x = net.concat(net.conv(s, 16, 1, act="RELU"), net.conv(s, 16, 3, act="RELU"))
    x = net.pool(x, 3, 2)
    return net.graph(net.softmax(net.mean(net.conv(x, 10, 1, act="RELU"))))


def yolo(size: int) -> Graph:
    """Leaky convolutions, pools, the last one of stride 1, a head of 1x1 and a branch."""
    net = Net((size, size, 3), 4)
    x = net.input
    for oc in (8, 16):
        x = net.pool(net.leaky(net.conv(x, oc, act="NONE")), 2, 2)
    route = x = net.leaky(net.conv(x, 32, act="NONE"))
    x = net.pool(x, 2, 2)
    x = net.pool(net.leaky(net.conv(x, 32, act="NONE")), 2, 1, "SAME")
    head = net.conv(x, 18, 1, act="NONE")
    up = net.resize(net.leaky(net.conv(x, 8, 1, act="NONE")), *route.shape[1:3])
    second = net.conv(net.concat(up, route), 18, 1, act="NONE")
    return net.graph(head, second)


NETWORKS = {
    "mobilenet_v1": mobilenet_v1(48), "mobilenet_v1_same": mobilenet_v1(48, same=True),
    "mobilenet_v2": mobilenet_v2(32), "resnet": resnet(32), "squeezenet": squeezenet(66),
    "yolo": yolo(40),
    "shortcut": shortcut(32), "broad": broad(8),
}  # fmt: skip
