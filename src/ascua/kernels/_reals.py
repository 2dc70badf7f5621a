"""What float operators make of one value, each rounded to single precision.

Written apart from `eval`, as `_lut.py` is: two witnesses of a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ascua.ir import Op, Tensor
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.ceil import Ceil
from ascua.ops.cos import Cos
from ascua.ops.dequantize import Dequantize
from ascua.ops.div import Div
from ascua.ops.elu import Elu
from ascua.ops.exp import Exp
from ascua.ops.floor import Floor
from ascua.ops.floor_div import FloorDiv
from ascua.ops.floor_mod import FloorMod
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.log import Log
from ascua.ops.logistic import Logistic
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.neg import Neg
from ascua.ops.prelu import Prelu
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.round import Round
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.sin import Sin
from ascua.ops.sqrt import Sqrt
from ascua.ops.square import Square
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub
from ascua.ops.tanh import Tanh

INFINITY, NAN = math.inf, math.nan

CLAMPS = {"RELU": (0.0, INFINITY), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


def of_int8(chain: tuple[Op, ...], end: Tensor, x: int) -> float:
    """What a chain of float operators, behind a DEQUANTIZE, makes of an int8 value."""
    known: dict[Tensor, float] = {}
    for op in chain:
        if isinstance(op, Dequantize):
            value = (x - op.x.q.zero_point) * op.x.q.scale
        else:
            read = [float(t.values.item()) if t.const else known[t] for t in op.inputs if t]
            value = _clamped(op, SCALARS[type(op)](op, *read))
        known[op.y] = single(value)
    return known[end]


def single(x: float) -> float:
    """x in single precision."""
    with np.errstate(over="ignore"):
        return float(np.float32(x))


def _clamped(op: Op, y: float) -> float:
    low, high = CLAMPS.get(getattr(op, "activation", "NONE"), (-INFINITY, INFINITY))
    return min(max(single(y), low), high)


def _divided(a: float, b: float) -> float:
    """a / b as IEEE 754 has it where b is 0."""
    if b:
        return a / b
    if not a or math.isnan(a):
        return NAN
    return math.copysign(INFINITY, a) * math.copysign(1.0, b)


def _modulo(a: float, b: float) -> float:
    if not b or math.isinf(a):
        return NAN
    rest = math.fmod(a, b)
    return rest + b if rest and (rest < 0) != (b < 0) else rest


def _whole(function: Callable[[float], int]) -> Callable[[Op, float], float]:
    """Of a function that rounds: infinities and NaN stay as they are."""
    return lambda _, x: float(function(x)) if math.isfinite(x) else x


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else INFINITY


def _log(x: float) -> float:
    if x > 0:
        return math.log(x)
    return NAN if x < 0 else -INFINITY


def _root(x: float) -> float:
    return math.sqrt(x) if x >= 0 else NAN


def _logistic(_: Op, x: float) -> float:
    return 1 / (1 + _exp(-x)) if x >= 0 else _exp(x) / (1 + _exp(x))


SCALARS: Mapping[type[Op], Callable[..., Any]] = {
    Abs: lambda _, x: abs(x),
    Add: lambda _, a, b: a + b,
    Ceil: _whole(math.ceil),
    Cos: lambda _, x: math.cos(x),
    Div: lambda _, a, b: _divided(a, b),
    Elu: lambda _, x: math.expm1(x) if x < 0 else x,
    Exp: lambda _, x: _exp(x),
    Floor: _whole(math.floor),
    FloorDiv: lambda op, a, b: _whole(math.floor)(op, _divided(a, b)),
    FloorMod: lambda _, a, b: _modulo(a, b),
    HardSwish: lambda _, x: single(x * min(max(single(x + 3), 0), 6)) / 6,
    LeakyRelu: lambda op, x: x if x > 0 else x * single(op.alpha),
    Log: lambda _, x: _log(x),
    Logistic: _logistic,
    Maximum: lambda _, a, b: a if a > b else b,
    Minimum: lambda _, a, b: a if a < b else b,
    Mul: lambda _, a, b: a * b,
    Neg: lambda _, x: -x,
    Prelu: lambda _, x, alpha: x if x >= 0 else x * alpha,
    Relu: lambda _, x: max(x, 0.0),
    Relu6: lambda _, x: min(max(x, 0.0), 6.0),
    Round: _whole(round),
    Rsqrt: lambda _, x: _divided(1.0, single(_root(x))),
    Sin: lambda _, x: math.sin(x),
    Sqrt: lambda _, x: _root(x),
    Square: lambda _, x: x * x,
    SquaredDifference: lambda _, a, b: single(a - b) ** 2,
    Sub: lambda _, a, b: a - b,
    Tanh: lambda _, x: math.tanh(x),
}
"""What each operator makes of its values, before it is rounded."""
