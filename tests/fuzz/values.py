"""Generators of operators that compute each value from one or two, or one of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ascua.ir import Op, Quant, Tensor
from ascua.ops import Reduction
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.arg_max import ArgMax
from ascua.ops.arg_min import ArgMin
from ascua.ops.cast import Cast
from ascua.ops.cumsum import Cumsum
from ascua.ops.dequantize import Dequantize
from ascua.ops.div import Div
from ascua.ops.elu import Elu
from ascua.ops.equal import Equal
from ascua.ops.exp import Exp
from ascua.ops.floor_div import FloorDiv
from ascua.ops.floor_mod import FloorMod
from ascua.ops.greater import Greater
from ascua.ops.greater_equal import GreaterEqual
from ascua.ops.hard_swish import HardSwish
from ascua.ops.l2_normalization import L2Normalization
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.less import Less
from ascua.ops.less_equal import LessEqual
from ascua.ops.log import Log
from ascua.ops.log_softmax import LogSoftmax
from ascua.ops.logical_and import LogicalAnd
from ascua.ops.logical_not import LogicalNot
from ascua.ops.logical_or import LogicalOr
from ascua.ops.logistic import Logistic
from ascua.ops.maximum import Maximum
from ascua.ops.mean import Mean
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.not_equal import NotEqual
from ascua.ops.prelu import Prelu
from ascua.ops.quantize import Quantize
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.select_v2 import SelectV2
from ascua.ops.softmax import Softmax
from ascua.ops.sqrt import Sqrt
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.ops.tanh import Tanh
from tests.fuzz.builder import LEAST_SCALE, Builder, reach
from tests.fuzz.weights import ACTIVATIONS

BYTES = Quant((1 / 256,), (-128,))
HALVES = Quant((1 / 128,), (0,))
LOGARITHMS = Quant((16 / 256,), (127,))
"""What shares, sines and logarithms of shares are quantised by."""


def unary(b: Builder, kind: type[Op], *options: float, quant: Quant | None = None) -> None:
    """A function of one value."""
    x = b.any()
    y = b.activation(x.shape, quant or b.quant(reach(x)))
    b.add(kind((x,), (y,), *options))


def relu6(b: Builder) -> None:
    x = b.any()
    b.add(Relu6((x,), (b.like(x),)))


def leaky_relu(b: Builder) -> None:
    alpha = b.draw.pick((0.125, 0.01, 0.3, 1.0, 0.0, -0.5, 3.0))
    unary(b, LeakyRelu, float(np.float32(alpha)))


def rsqrt(b: Builder) -> None:
    x = b.chosen(lambda t: t.dtype == b.dtype and t.q.zero_point == -128)
    x = x or b.new_input(b.shape(), Quant((b.scale(),), (-128,)))
    b.add(Rsqrt((x,), (b.activation(x.shape, b.quant(2 / x.q.scale**0.5)),)))


def other(
    b: Builder, x: Tensor, quant: Quant | None, const: bool
) -> tuple[Tensor, tuple[int, ...]]:
    """A tensor that goes together with x, and the shape of both together."""
    shape = [1 if b.draw.one_in(4) else d for d in x.shape]
    if b.draw.one_in(2):
        shape = list(x.shape)
    elif b.draw.one_in(4):
        shape = shape[b.draw.integer(0, len(shape) - 1) :]
    elif x.size < 40 and len(shape) < 5 and b.draw.one_in(3):
        shape = [b.size(3), *(d if d > 1 else b.size(4) for d in x.shape)]
    together = np.broadcast_shapes(x.shape, tuple(shape))
    if const:
        q = quant or b.quant()
        return b.constant(b.bytes(shape, -128), q.scales, q.zero_point), together
    return b.exactly(shape, quant), together


def binary(b: Builder, kind: type[Op], fused: bool = True, product: bool = False) -> None:
    """A function of two values, with scales of their own."""
    a = b.any()
    c, shape = other(b, a, None, const=b.draw.one_in(4))
    far = 0.3 * reach(a) * reach(c) if product else reach(a) + reach(c)
    y = b.activation(shape, b.quant(far))
    pair = (c, a) if b.draw.one_in(2) else (a, c)
    b.add(kind(pair, (y,), *([b.draw.pick(ACTIVATIONS)] if fused else [])))


def div(b: Builder) -> None:
    """A quotient whose output is as fine as TFLM's arithmetic wants it."""
    a = b.any(1, 4)
    c, shape = other(b, a, None, const=b.draw.one_in(4))
    over, under = (c, a) if b.draw.one_in(2) else (a, c)
    steps = 2.0 ** b.draw.integer(6, 12) * (1 + b.draw.integer(0, 7) / 8)
    scale = float(np.float32(max(over.q.scale / under.q.scale / steps, LEAST_SCALE)))
    y = b.activation(shape, Quant((scale,), (b.zero(),)))
    b.add(Div((over, under), (y,), b.draw.pick(ACTIVATIONS)))


def squared_difference(b: Builder) -> None:
    a = b.any()
    c, shape = other(b, a, None, const=b.draw.one_in(4))
    y = b.activation(shape, b.quant(0.2 * (reach(a) + reach(c)) ** 2))
    b.add(SquaredDifference((c, a) if b.draw.one_in(2) else (a, c), (y,)))


def extreme_of_two(b: Builder, kind: type[Op]) -> None:
    """MAXIMUM or MINIMUM, where all are quantised alike."""
    a = b.any()
    c, shape = other(b, a, a.quant, const=b.draw.one_in(4))
    b.add(kind((c, a) if b.draw.one_in(2) else (a, c), (b.like(a, shape),)))


def prelu(b: Builder) -> None:
    x = b.any(2, 4)
    shape = [*(1 if b.draw.one_in(2) else d for d in x.shape[1:-1]), x.shape[-1]]
    quant = b.quant()
    alpha = b.constant(b.bytes(shape, -128), quant.scales, quant.zero_point)
    b.add(Prelu((x, alpha), (b.activation(x.shape, b.quant(reach(x))),)))


def quantize(b: Builder) -> None:
    if b.draw.one_in(4):
        x = given(b, b.shape(), "float32")
    else:
        x = b.chosen(lambda t: t.dtype in (b.dtype, "float32")) or b.new_input(b.shape())
    b.add(Quantize((x,), (b.activation(x.shape, b.quant(reach(x) if x.quant else 4.0)),)))


def dequantize(b: Builder) -> None:
    x = b.any()
    b.add(Dequantize((x,), (Tensor(b.name("f"), x.shape, "float32"),)))


def typed(b: Builder, shape: Sequence[int], dtype: str) -> Tensor:
    """What an operator shall compute in any type, quantised where it is that of the network."""
    if dtype == b.dtype:
        return b.activation(shape)
    return Tensor(b.name("t"), tuple(shape), dtype)


def given(b: Builder, shape: Sequence[int], dtype: str) -> Tensor:
    """Another input of the network, of any type."""
    if dtype == b.dtype:
        return b.new_input(shape)
    x = Tensor(b.name("x"), tuple(shape), dtype)
    b.inputs.append(x)
    b.live.append(x)
    return x


def cast(b: Builder) -> None:
    types = [t for t in Cast.types if t in ("bool", "int32", "float32", b.dtype)]
    x = b.chosen(lambda t: t.dtype in types) or given(b, b.shape(), b.draw.pick(types))
    b.add(Cast((x,), (typed(b, x.shape, b.draw.pick(types)),)))


def comparison(b: Builder, kind: type[Op]) -> None:
    """Whether values are below others, or any such."""
    a = b.any()
    c, shape = other(b, a, None, const=b.draw.one_in(4))
    pair = (c, a) if b.draw.one_in(2) else (a, c)
    b.add(kind(pair, (Tensor(b.name("t"), shape, "bool"),)))


def truth(b: Builder) -> Tensor:
    """A tensor of bool."""
    return b.chosen(lambda t: t.dtype == "bool") or given(b, b.shape(), "bool")


def logical(b: Builder, kind: type[Op]) -> None:
    """A truth of two others."""
    a = truth(b)
    fitting = b.chosen(lambda t: t.dtype == "bool" and within(t.shape, a.shape))
    c = fitting or given(b, [1 if b.draw.one_in(3) else n for n in a.shape], "bool")
    pair = (c, a) if b.draw.one_in(2) else (a, c)
    b.add(kind(pair, (Tensor(b.name("t"), a.shape, "bool"),)))


def logical_not(b: Builder) -> None:
    x = truth(b)
    b.add(LogicalNot((x,), (Tensor(b.name("t"), x.shape, "bool"),)))


def within(small: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a tensor of one shape can be repeated to have another."""
    ends = shape[len(shape) - len(small) :]
    return len(small) <= len(shape) and all(a in (1, b) for a, b in zip(small, ends, strict=True))


def select(b: Builder) -> None:
    a = b.any()
    c, shape = other(b, a, a.quant, const=b.draw.one_in(3))
    sizes = [n if b.draw.one_in(2) else 1 for n in shape][b.draw.integer(0, len(shape)) :]

    def fits(t: Tensor) -> bool:
        return t.dtype == "bool" and within(t.shape, shape)

    condition = b.chosen(fits) or given(b, sizes, "bool")
    pair = (c, a) if b.draw.one_in(2) else (a, c)
    b.add(SelectV2((condition, *pair), (b.like(a, shape),)))


def softmax(b: Builder) -> None:
    x = b.any(1, 4)
    beta = b.draw.pick((1.0, 0.5, 2.0, 0.01, 10.0))
    b.add(Softmax((x,), (b.activation(x.shape, BYTES),), float(np.float32(beta))))


def log_softmax(b: Builder) -> None:
    x = b.any(1, 4)
    b.add(LogSoftmax((x,), (b.activation(x.shape, LOGARITHMS),)))


def l2_normalization(b: Builder) -> None:
    x = b.any(1, 4)
    b.add(L2Normalization((x,), (b.activation(x.shape, HALVES),)))


def axes(b: Builder, x: Tensor) -> list[int]:
    """Some axes of x, at least one."""
    rank = len(x.shape)
    some = [a for a in range(rank) if b.draw.one_in(2)] or [b.draw.integer(0, rank - 1)]
    return [a - rank if b.draw.one_in(4) else a for a in some]


def reduction(b: Builder, kind: type[Reduction]) -> None:
    """Values along some axes made one."""
    x = b.any()
    named, keep = axes(b, x), b.draw.one_in(2)
    gone = {a % len(x.shape) for a in named}
    shape = [1 if a in gone else d for a, d in enumerate(x.shape) if keep or a not in gone]
    if not shape:
        keep, shape = True, [1] * len(x.shape)
    count = x.size // max(1, int(np.prod([d for a, d in enumerate(x.shape) if a not in gone])))
    far = {"SUM": count**0.5, "MEAN": max(count, 1) ** -0.5}
    quant = b.quant(reach(x) * far[kind.tflite]) if kind.tflite in far else x.q
    b.add(kind((x, b.integers(named)), (b.activation(shape, quant),), keep))


def cumsum(b: Builder) -> None:
    x = b.any()
    axis = b.draw.integer(0, len(x.shape) - 1)
    y = b.activation(x.shape, b.quant(reach(x) * x.shape[axis] ** 0.5))
    named = axis - len(x.shape) if b.draw.one_in(3) else axis
    b.add(Cumsum((x, b.integers([named])), (y,), b.draw.one_in(3), b.draw.one_in(3)))


def arg(b: Builder, kind: type[ArgMax]) -> None:
    """The index of the greatest or the least."""
    x = b.any(2, 4)
    axis = b.draw.integer(0, len(x.shape) - 1)
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    named = axis - len(x.shape) if b.draw.one_in(3) else axis
    b.add(kind((x, b.integers([named])), (Tensor(b.name("i"), shape, "int32"),)))


abs_ = partial(unary, kind=Abs)
relu = partial(unary, kind=Relu)
elu = partial(unary, kind=Elu)
hard_swish = partial(unary, kind=HardSwish)
logistic = partial(unary, kind=Logistic, quant=BYTES)
tanh = partial(unary, kind=Tanh, quant=HALVES)
add = partial(binary, kind=Add)
sub = partial(binary, kind=Sub)
mul = partial(binary, kind=Mul, product=True)
maximum = partial(extreme_of_two, kind=Maximum)
minimum = partial(extreme_of_two, kind=Minimum)
mean = partial(reduction, kind=Mean)
sum_ = partial(reduction, kind=Sum)
reduce_max = partial(reduction, kind=ReduceMax)
reduce_min = partial(reduction, kind=ReduceMin)
arg_max = partial(arg, kind=ArgMax)
arg_min = partial(arg, kind=ArgMin)
equal = partial(comparison, kind=Equal)
greater = partial(comparison, kind=Greater)
greater_equal = partial(comparison, kind=GreaterEqual)
less = partial(comparison, kind=Less)
less_equal = partial(comparison, kind=LessEqual)
not_equal = partial(comparison, kind=NotEqual)
logical_and = partial(logical, kind=LogicalAnd)
logical_or = partial(logical, kind=LogicalOr)


def real(kind: type[Op]) -> Callable[[Builder], None]:
    """Between DEQUANTIZE and QUANTIZE: a table, for nothing else reads the floats."""

    def add(b: Builder) -> None:
        x = b.any()
        f, g = (Tensor(b.name("f"), x.shape, "float32") for _ in range(2))
        b.append(Dequantize((x,), (f,)))
        divisor = np.float32(b.draw.pick((1.0, -0.5, 0.3, 7.0)))
        other = (b.constant(np.array(divisor)),) if kind in (FloorDiv, FloorMod) else ()
        if kind in (Log, Sqrt):
            size, above = (Tensor(b.name("f"), x.shape, "float32") for _ in range(2))
            b.append(Abs((f,), (size,)))
            b.append(Add((size, b.constant(np.array(0.5, np.float32))), (above,), "NONE"))
            f = above
        if kind is Exp:
            low = Tensor(b.name("f"), x.shape, "float32")
            b.append(Minimum((f, b.constant(np.array(5.0, np.float32))), (low,)))
            f = low
        b.append(kind((f, *other), (g,)))
        b.add(Quantize((g,), (b.activation(x.shape),)))

    return add
