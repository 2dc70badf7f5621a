"""Small int8 networks for plans that go by rows: residuals, concat, strides, kernels to 7."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from ascua import geometry
from ascua.ir import Graph, Op, Quant, Tensor
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.concatenation import Concatenation
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.maximum import Maximum
from ascua.ops.mean import Mean
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from ascua.ops.softmax import Softmax
from ascua.ops.split import Split
from ascua.ops.transpose import Transpose
from tests.support import constant

MOST_BYTES = 3000
"""Of one tensor."""
OUTPUTS = 2
"""One in so many networks has an output in its midst."""

Shape = tuple[int, ...]
Kernel = int | tuple[int, int]


class RowNet:
    """Grows a network; each method appends an operator behind `x`, and answers what it makes."""

    def __init__(self, shape: Shape, seed: int = 0, prefix: str = "", zero: int = -7) -> None:
        self.rng = np.random.default_rng(seed)
        self.prefix = prefix
        self.quant = Quant((float(np.float32(0.05)),), (zero,))
        self.ops: list[Op] = []
        self.inputs: list[Tensor] = []
        self.named = 0
        self.input = self.new_input(shape)

    def name(self, stem: str) -> str:
        self.named += 1
        return f"{self.prefix}{stem}{self.named}"

    def new_input(self, shape: Shape) -> Tensor:
        """Another input."""
        self.inputs.append(self.tensor(shape, "x"))
        return self.inputs[-1]

    def tensor(self, shape: Shape, stem: str = "t", quant: Quant | None = None) -> Tensor:
        """What the next operator makes: all have one scale, unless their operator has its own."""
        return Tensor(self.name(stem), shape, "int8", quant or self.quant)

    def graph(self, *outputs: Tensor) -> Graph:
        """The network; its outputs are what nobody reads, and `outputs`."""
        read = {t for op in self.ops for t in op.inputs}
        made = [t for op in self.ops for t in op.outputs]
        kept = [t for t in made if t not in read or t in outputs]
        return Graph(f"{self.prefix}net", tuple(self.inputs), tuple(kept), tuple(self.ops))

    def append(self, op: Op) -> Tensor:
        """The operator's first output."""
        reason = op.check()
        assert reason is None, reason
        self.ops.append(op)
        return op.y

    def weights(self, shape: Shape, taps: int) -> Tensor:
        """Weights that neither vanish nor saturate."""
        values = self.rng.integers(-127, 128, shape).astype(np.int8)
        return constant(self.name("w"), values, [1.6 / 127 / taps**0.5])

    def conv(
        self,
        x: Tensor,
        oc: int,
        k: Kernel = 3,
        stride: int | tuple[int, int] = 1,
        padding: geometry.Padding = "SAME",
        dilation: int = 1,
        act: Any = "NONE",
    ) -> Tensor:
        """A convolution; of no channels, a depthwise one."""
        (kh, kw), (sy, sx) = _pair(k), _pair(stride)
        _, h, w, ic = x.shape
        rows = geometry.axis(h, kh, sy, dilation, padding)
        columns = geometry.axis(w, kw, sx, dilation, padding)
        y = self.tensor((1, rows.out, columns.out, oc or ic))
        how = ((sy, sx), (dilation, dilation), padding, act)
        if oc == 0:
            filters = self.weights((1, kh, kw, ic), kh * kw)
            return self.append(DepthwiseConv2D((x, filters), (y,), *how, 1))
        filters = self.weights((oc, kh, kw, ic), kh * kw * ic)
        return self.append(Conv2D((x, filters), (y,), *how))

    def pool(
        self, x: Tensor, k: Kernel, stride: int, padding: geometry.Padding = "SAME",
        kind: Any = MaxPool2D,
    ) -> Tensor:  # fmt: skip
        """A pool."""
        k = _pair(k)
        h, w = (
            geometry.axis(n, size, stride, 1, padding).out
            for n, size in zip(x.shape[1:3], k, strict=True)
        )
        y = self.tensor((1, h, w, x.shape[3]))
        return self.append(kind((x,), (y,), k, (stride, stride), padding, "NONE"))

    def add(self, a: Tensor, b: Tensor, act: Any = "NONE") -> Tensor:
        """A sum."""
        return self.append(Add((a, b), (self.tensor(a.shape),), act))

    def maximum(self, a: Tensor, b: Tensor) -> Tensor:
        """The greater values."""
        return self.append(Maximum((a, b), (self.tensor(a.shape),)))

    def relu(self, x: Tensor) -> Tensor:
        """A function of each value."""
        return self.append(Relu((x,), (self.tensor(x.shape),)))

    def leaky(self, x: Tensor) -> Tensor:
        """Another one."""
        return self.append(LeakyRelu((x,), (self.tensor(x.shape),), 0.2))

    def swish(self, x: Tensor) -> Tensor:
        """Another one."""
        return self.append(HardSwish((x,), (self.tensor(x.shape),)))

    def concat(self, *xs: Tensor) -> Tensor:
        """Channels side by side."""
        shape = (*xs[0].shape[:-1], sum(x.shape[-1] for x in xs))
        return self.append(Concatenation(xs, (self.tensor(shape),), len(shape) - 1, "NONE"))

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Both halves of the channels."""
        axis = constant(self.name("axis"), np.array(3, np.int32))
        shape = (*x.shape[:3], x.shape[3] // 2)
        self.append(Split((axis, x), (self.tensor(shape), self.tensor(shape))))
        return self.ops[-1].outputs

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        """The same bytes."""
        return self.append(Reshape((x,), (self.tensor(shape, quant=x.quant),), shape))

    def turned(self, x: Tensor) -> Tensor:
        """Rows as columns: an operator of the whole tensor."""
        order = constant(self.name("order"), np.array([0, 2, 1, 3], np.int32))
        _, h, w, c = x.shape
        return self.append(Transpose((x, order), (self.tensor((1, w, h, c)),)))

    def mean(self, x: Tensor) -> Tensor:
        """Over rows and columns."""
        axes = constant(self.name("axes"), np.array([1, 2], np.int32))
        y = self.tensor((1, x.shape[3]))
        return self.append(Mean((x, axes), (y,), keep_dims=False))

    def dense(self, x: Tensor, oc: int) -> Tensor:
        """A product with a matrix."""
        filters = self.weights((oc, x.size), x.size)
        return self.append(
            FullyConnected((x, filters, None), (self.tensor((1, oc)),), False, "NONE")
        )

    def softmax(self, x: Tensor) -> Tensor:
        """Probabilities."""
        y = self.tensor(x.shape, quant=Quant((1 / 256,), (-128,)))
        return self.append(Softmax((x,), (y,), 1.0))


def _pair(n: Kernel) -> tuple[int, int]:
    return (n, n) if isinstance(n, int) else n


def inverted(size: int = 24, c: int = 4, k: int = 5, blocks: int = 2) -> Graph:
    """Maps of few channels, made wide for a depthwise convolution each: cheap to make again."""
    net = RowNet((1, size, size, 3))
    x = net.conv(net.input, c, 3, 2)
    for _ in range(blocks):
        x = net.add(net.conv(net.conv(net.conv(x, 6 * c, 1), 0, k), c, 1), x)
    return net.graph(net.pool(x, size // 2, size // 2, kind=AveragePool2D))


def row_net(seed: int, most: int = 8, prefix: str = "", largest: int = 14) -> Graph:
    """The network of `seed`: `most` operators at most, and `largest` rows or columns."""
    rng = Random(f"rows {seed}")
    flat = rng.random() < 0.15
    shape = (1, rng.randint(3, largest), 1 if flat else rng.randint(1, largest), rng.randint(1, 8))
    net = RowNet(shape, rng.randrange(2**32), prefix, rng.choice((-7, 0, 5, -128)))
    live, x = [net.input], net.input
    if rng.random() < 0.1:
        live.append(net.new_input(shape))
    if rng.random() < 0.05:
        net.new_input((1, 5))  # nobody reads it
    wanted = rng.randint(2, most)
    while len(net.ops) < wanted:
        before = len(net.ops)
        made = rng.choice(KINDS)(net, x, live, rng)
        if len(net.ops) > most or max(t.bytes for op in net.ops for t in op.outputs) > MOST_BYTES:
            del net.ops[before:]
            if rng.random() < 0.2:
                break
            continue
        live += [made] * (len(made.shape) == 4)
        x = live[-1] if rng.random() < 0.75 else rng.choice(live)
    if net.ops and x.size and len(net.ops) + 3 <= most and rng.random() < 0.4:
        net.softmax(net.dense(net.mean(x), 4) if rng.random() < 0.5 else net.dense(x, 4))
    if not net.ops:
        net.relu(x)
    midst = rng.choice([op.y for op in net.ops])
    return net.graph(*([midst] if rng.randrange(OUTPUTS) == 0 else []))


def _windows(x: Tensor, rng: Random) -> tuple[Kernel, int, geometry.Padding]:
    k = rng.choice((1, 1, 2, 3, 3, 3, 5, 7, (3, 1), (1, 3), (4, 2)))
    stride = rng.choice((1, 1, 1, 2, 2, 3))
    padding: geometry.Padding = rng.choice(("SAME", "SAME", "VALID"))
    fits = all(n >= size for n, size in zip(x.shape[1:3], _pair(k), strict=True))
    return k, stride, padding if fits else "SAME"


def _conv(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    k, stride, padding = _windows(x, rng)
    dilation = 2 if padding == "SAME" and stride == 1 and rng.random() < 0.1 else 1
    return net.conv(x, rng.choice((1, 2, 3, 4, 4, 6, 8, 9, 12)), k, stride, padding, dilation)


def _depthwise(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    k, stride, padding = _windows(x, rng)
    return net.conv(x, 0, k, stride, padding)


def _pool(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    k, stride, padding = _windows(x, rng)
    return net.pool(x, k, stride, padding, rng.choice((MaxPool2D, AveragePool2D)))


def _function(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    return rng.choice((net.relu, net.leaky, net.swish))(x)


def _sum(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:
    others = [t for t in live if t.shape == x.shape] or [x]
    return rng.choice((net.add, net.add, net.maximum))(rng.choice(others), x)


def _residual(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    c = x.shape[3]
    y = x
    if rng.random() < 0.6:
        y = net.conv(y, rng.choice((2, 4, 8)), rng.choice((1, 3)))
        y = net.conv(y, 0, rng.choice((3, 5, 7))) if rng.random() < 0.5 else y
    return net.add(net.conv(y, c, rng.choice((1, 3, 5))), x)


def _shortcut(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    c = rng.choice((2, 4, 8))
    y = net.conv(x, c, 3, 2)
    return net.add(net.conv(y, c, 3) if rng.random() < 0.5 else y, net.conv(x, c, 1, 2))


def _concat(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:
    others = [t for t in live if t.shape[:3] == x.shape[:3]] or [x]
    y = rng.choice(others)
    return net.concat(net.conv(y, 3, rng.choice((1, 3))) if rng.random() < 0.5 else y, x)


def _split(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:
    if x.shape[3] % 2:
        return _conv(net, x, live, rng)
    a, b = net.split(x)
    live.append(b)
    return a


def _view(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:
    _, h, w, c = x.shape
    shapes = [(1, h * w, 1, c), (1, w, h, c), (1, 1, h * w, c), (1, h, w * c, 1), (1, h, 1, w * c)]
    return _conv(net, net.reshape(x, rng.choice(shapes)), live, rng)


def _whole(net: RowNet, x: Tensor, live: list[Tensor], rng: Random) -> Tensor:  # noqa: ARG001
    if rng.random() < 0.5:
        return net.turned(x)
    y = net.dense(x, rng.choice((4, 12, 24)))
    h = rng.choice((1, 2, 4))
    c = 2 - y.size // h % 2
    return net.reshape(y, (1, h, y.size // h // c, c))


Grower = Callable[[RowNet, Tensor, list[Tensor], Random], Tensor]
KINDS: tuple[Grower, ...] = (
    *(_conv,) * 3, *(_depthwise,) * 2, _pool, *(_function,) * 2, _sum, *(_residual,) * 2, _shortcut,
    _concat, _split, _view, _whole,
)  # fmt: skip
