"""Nodes that compute each element by itself, or of two elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf, isclose
from typing import Any

import numpy as np

from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.layout import Value
from ascua.convert.onnx.nodes import node
from ascua.convert.onnx.nodes._broadcasting import Operand, pair
from ascua.ir import Op
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.ceil import Ceil
from ascua.ops.cos import Cos
from ascua.ops.div import Div
from ascua.ops.elu import Elu
from ascua.ops.exp import Exp
from ascua.ops.floor import Floor
from ascua.ops.gelu import Gelu
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.log import Log
from ascua.ops.logistic import Logistic
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.prelu import Prelu
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.round import Round
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.sin import Sin
from ascua.ops.sub import Sub
from ascua.ops.tanh import Tanh


def scalar(x: float) -> Constant:
    """A constant of one element."""
    return Constant(np.array(x, np.float32))


def single(b: Builder, kind: Callable[..., Op], v: Value, name: str, **fields: Any) -> Value:
    """What `kind` makes of each element, wherever it lies."""
    y = b.add(kind, (v.tensor,), v.tensor.shape, name, v.tensor.dtype, **fields)
    return replace(v, tensor=y)


def _single(name: str, kind: Callable[..., Op]) -> None:
    @node(name)
    def handler(n: Node, b: Builder) -> None:
        b.known[n.y] = single(b, kind, b.value(n), n.y)


def _pair(name: str, kind: Callable[..., Op], **fields: Any) -> None:
    @node(name)
    def handler(n: Node, b: Builder) -> None:
        """Of more than two operands, two at a time."""
        y = b.found(n, 0)
        for i in range(1, len(n.inputs)):
            last = i == len(n.inputs) - 1
            y = pair(n, b, kind, (y, b.found(n, i)), n.y if last else f"{n.y}/{i}", **fields)
        b.known[n.y] = y


for _name, _kind in (("Relu", Relu), ("Sigmoid", Logistic), ("Tanh", Tanh), ("Abs", Abs),
                     ("HardSwish", HardSwish), ("Exp", Exp), ("Log", Log), ("Sin", Sin),
                     ("Cos", Cos), ("Floor", Floor), ("Ceil", Ceil), ("Round", Round)):  # fmt: skip
    _single(_name, _kind)
for _name, _two in (("Add", partial(Add, activation="NONE")), ("Max", Maximum), ("Min", Minimum),
                    ("Sub", partial(Sub, activation="NONE")),
                    ("Sum", partial(Add, activation="NONE"))):  # fmt: skip
    _pair(_name, _two)


def times(n: Node, b: Builder, operands: tuple[Operand, Operand], name: str) -> Value:
    """The product."""
    return pair(n, b, partial(Mul, activation="NONE"), operands, name)


@node("Mul")
def mul(n: Node, b: Builder) -> None:
    """MUL; x times the hard sigmoid of x is HARD_SWISH."""
    x, y = b.found(n, 0), b.found(n, 1)
    for one, other in ((0, 1), (1, 0)):
        if b.hard.get(n.inputs[one]) == n.inputs[other]:
            b.known[n.y] = single(b, HardSwish, b.value(n, other), n.y)
            return
    b.known[n.y] = times(n, b, (x, y), n.y)


@node("Div")
def div(n: Node, b: Builder) -> None:
    """DIV, or MUL by the reciprocal of a constant; of a square root, RSQRT."""
    if n.inputs[1] in b.roots:
        root = single(b, Rsqrt, b.roots[n.inputs[1]], f"{n.y}/rsqrt")
        b.known[n.y] = times(n, b, (b.found(n, 0), root), n.y)
        return
    divisor = b.found(n, 1)
    if isinstance(divisor, Value):
        operands = b.found(n, 0), divisor
        b.known[n.y] = pair(n, b, partial(Div, activation="NONE"), operands, n.y)
        return
    with np.errstate(divide="ignore"):
        parts = Constant((1 / divisor.values.astype(np.float64)).astype(np.float32))
    b.known[n.y] = times(n, b, (b.found(n, 0), parts), n.y)


@node("Sqrt")
def sqrt(n: Node, b: Builder) -> None:
    """Nothing by itself: what divides by it multiplies by RSQRT."""
    b.roots[n.y] = b.value(n)


@node("Reciprocal")
def reciprocal(n: Node, b: Builder) -> None:
    """RSQRT, of a square root."""
    if n.inputs[0] not in b.roots:
        n.refuse("it divides by what is computed, and TFLM has no such kernel for integers")
    b.known[n.y] = single(b, Rsqrt, b.roots[n.inputs[0]], n.y)


@node("Pow")
def power(n: Node, b: Builder) -> None:
    """MUL of a value by itself, where the exponent is 2."""
    exponent = b.fixed(n, 1, "exponent")
    if exponent.values.size != 1 or float(exponent.values.ravel()[0]) != 2:
        n.refuse("its exponent is not 2")
    x = b.value(n)
    b.known[n.y] = times(n, b, (x, x), n.y)


@node("Neg")
def neg(n: Node, b: Builder) -> None:
    """MUL by -1."""
    b.known[n.y] = times(n, b, (b.value(n), scalar(-1)), n.y)


@node("Gelu")
def gelu(n: Node, b: Builder) -> None:
    """GELU, by the error function or by a tanh."""
    approximate = n.get("approximate", b"none") in (b"tanh", "tanh")
    b.known[n.y] = single(b, Gelu, b.value(n), n.y, approximate=approximate)


@node("LeakyRelu")
def leaky_relu(n: Node, b: Builder) -> None:
    """LEAKY_RELU."""
    b.known[n.y] = single(b, LeakyRelu, b.value(n), n.y, alpha=float(n.get("alpha", 0.01)))


@node("Elu")
def elu(n: Node, b: Builder) -> None:
    """ELU, whose alpha is 1."""
    if n.get("alpha", 1.0) != 1:
        n.refuse(f"its alpha is {n.get('alpha'):g}; 1 is taken")
    b.known[n.y] = single(b, Elu, b.value(n), n.y)


@node("PRelu")
def prelu(n: Node, b: Builder) -> None:
    """PRELU."""
    b.known[n.y] = pair(n, b, Prelu, (b.value(n), b.fixed(n, 1, "slope")), n.y)


@node("Clip")
def clip(n: Node, b: Builder) -> None:
    """RELU, RELU6, or MAXIMUM and MINIMUM of constants."""
    low, high = (_limit(n, b, i, name) for i, name in ((1, "min"), (2, "max")))
    v = b.value(n)
    low, high = -inf if low is None else low, inf if high is None else high
    if low == 0 and high in (6, inf):
        b.known[n.y] = single(b, Relu6 if high == 6 else Relu, v, n.y)
        return
    if low > -inf:
        v = pair(n, b, Maximum, (v, scalar(low)), n.y if high == inf else f"{n.y}/least")
    if high < inf:
        v = pair(n, b, Minimum, (v, scalar(high)), n.y)
    b.known[n.y] = v


def _limit(n: Node, b: Builder, i: int, name: str) -> float | None:
    """An end of Clip: an input, before opset 11 an attribute; None where there is none."""
    if n.has(i):
        found = float(b.fixed(n, i, name).values.ravel()[0])
    elif (said := n.get(name)) is not None:
        found = float(said)
    else:
        return None
    return None if abs(found) >= np.finfo(np.float32).max else found


@node("HardSigmoid")
def hard_sigmoid(n: Node, b: Builder) -> None:
    """RELU6 of six times the line, and a sixth of that."""
    alpha, beta = float(n.get("alpha", 0.2)), float(n.get("beta", 0.5))
    x = v = b.value(n)
    if not isclose(6 * alpha, 1, rel_tol=1e-6):
        v = times(n, b, (v, scalar(6 * alpha)), f"{n.y}/steep")
    v = pair(n, b, partial(Add, activation="RELU6"), (v, scalar(6 * beta)), f"{n.y}/line")
    b.known[n.y] = times(n, b, (v, scalar(1 / 6)), n.y)
    if x is b.found(n, 0) and isclose(6 * alpha, 1, rel_tol=1e-6) and beta == 0.5:
        b.hard[n.y] = n.inputs[0]
