"""Passes with real numbers become operators of the K210 with those of nncase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op, Tensor
from ascua.kmodel.v4 import BinaryOp, ReduceOp
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.targets.k210 import ops4
from ascua.targets.k210.block import Affine, Block
from ascua.targets.k210.convert import Converter
from ascua.targets.k210.curves import Curve
from ascua.targets.k210.fused import Fused
from ascua.targets.k210.nncase import beta2, rc5
from ascua.targets.k210.nncase.numbers import Quantization, clips
from ascua.targets.k210.nncase.softmax import Div, Exp
from ascua.targets.k210.numbers import Plain
from ascua.targets.k210.ops4 import Factor, Scaling
from ascua.targets.k210.structure import FUSED, curve_of, named

BITS = 32
"""Of the factors of outputs, and their largest shift; those of terms have half."""
F = np.float32


def unlike(where: str, why: str) -> Unsupported:
    """The error that nncase had no numbers for something."""
    return Unsupported(
        f"{where}: {why}.",
        [
            "Leave out `--like`: Ascua has numbers of its own for it.",
            "Give the network to the other version of nncase.",
        ],
    )


def check(passes: Graph, version: str) -> None:
    """Raise Unsupported for an operator of which no numbers of that nncase are known."""
    for op in passes.ops:
        if curve_of(op) is not None:
            raise unlike(named(op), f"{version} has no activation that follows no convolution")
        if isinstance(op, Add) and version == "nncase-0.1.0-rc5":
            raise unlike(named(op), f"how {version} added two maps is not on record")


def limited(where: str, curve: Curve, y: Affine) -> None:
    """Raise Unsupported unless an activation is no more than where the bytes of `y` end."""
    if not clips(curve, y):
        raise unlike(where, f"its activation is {curve.name}, more than the range of its output")


class Rc5Blocks(Plain):
    """Those of 0.1.0-rc5; what is `padded` has other bytes in the KPU than the file says behind."""

    def __init__(self, padded: Mapping[Tensor, Affine], bits: int) -> None:
        super().__init__(bits)
        self.padded = padded

    def block(self, op: Fused, source: Tensor, x: Affine, y: Affine, rest: float) -> Block:  # noqa: ARG002
        """As `Blocks` has it; `rest` stays where it is."""
        y = self.padded.get(op.y, y)
        limited(op.source, op.curve, y)
        try:
            return rc5.block(op.kernel, x, y, pool=op.pool, bits=self.bits)
        except ValueError as e:
            raise unlike(op.source, str(e)) from None


class Beta2Blocks(Plain):
    """Those of 0.2.0-beta2."""

    def block(self, op: Fused, source: Tensor, x: Affine, y: Affine, rest: float) -> Block:  # noqa: ARG002
        """As `Blocks` has it; `rest` stays where it is."""
        if not op.curve.straight:
            raise unlike(op.source, f"its activation is {op.curve.name}, which is no straight line")
        try:
            return beta2.block(op.kernel, x, y, op.curve, pool=op.pool)
        except ValueError as e:
            raise unlike(op.source, str(e)) from None


class Beta2(Converter):
    """Converts as 0.2.0-beta2, which left products and sums of vectors to the CPU, in bytes."""

    def __init__(
        self,
        graph: Graph,
        sources: Sequence[Tensor],
        affines: Mapping[Tensor, Affine],
        *,
        l2: bool,
    ) -> None:
        super().__init__(graph, sources, affines, {}, Beta2Blocks(), 4)
        self.l2 = l2

    def add(self, op: Op) -> None:
        """As `Converter` has it."""
        match op:
            case Fused() if op.dense:
                self.matmul(op)
            case Add():
                self.binary(op, BinaryOp.ADD)
            case Sub():
                self.binary(op, BinaryOp.SUB)
            case Mul():
                self.binary(op, BinaryOp.MUL)
            case Div():
                self.binary(op, BinaryOp.DIV)
            case ReduceMax():
                self.reduced(op, ReduceOp.MAX)
            case Sum():
                self.reduced(op, ReduceOp.SUM)
            case Exp():
                self.emit(ops4.Exp((self.f32(op.x),), (self.as_floats(op.y),), runtime=4))
                self.u8(op.y)  # where the original has it: before the sum
            case _:
                self.convert(op)

    def constant(self, values: Array) -> tuple[Array, Quantization]:
        """Bytes of float32 `values`, which have a range as activations have."""
        r = beta2.range_of(values)
        if self.l2:
            r = beta2.least_squares(beta2.histogram(values, r), r)
        return beta2.quantized(values, r), beta2.quantization(r)

    def steps(self, t: Tensor) -> Quantization:
        """What the bytes of `t` mean."""
        return Quantization.of(self.affine(t))

    def matmul(self, op: Fused) -> None:
        """A product with a matrix."""
        limited(op.source, op.curve, self.affine(op.y))
        kernel = op.kernel
        w, own = self.constant(kernel.weights.reshape(kernel.oc, -1))
        x, y = self.steps(op.x), self.steps(op.y)
        unit = F(x.scale) * F(own.scale)
        bias = beta2.away(kernel.bias * unit)
        if np.abs(bias).max() > np.iinfo(np.int32).max:
            raise unlike(op.source, "its bias is out of reach of nncase's integers")
        made = ops4.Matmul(
            (self.u8(op.x),), (self.as_bytes(op.y),), w.T, bias.astype(np.int32),
            -x.zero, -own.zero, Scaling(y.zero, factor(F(y.scale) / unit)), runtime=4,
        )  # fmt: skip
        self.emit(made)

    def binary(self, op: Add | Sub | Mul | Div, function: BinaryOp) -> None:
        """A function of two tensors, or of one and a number."""
        a, b = op.inputs
        assert a is not None
        assert b is not None
        if a.const or (b.size != 1 and b.shape != a.shape) or a.shape != op.y.shape:
            raise self.lacks(op, "its operands have two shapes, or the first is a constant")
        if not isinstance(op, Div):
            limited(named(op), FUSED[op.activation], self.affine(op.y))
        byte, second = None, None
        if b.const:
            q, second = self.constant(b.values.astype(F).reshape(-1))
            byte = int(q[0])
        numbers = terms(function, self.steps(a), second or self.steps(b), self.steps(op.y))
        xs = tuple(self.u8(t) for t in (a, b) if not t.const)
        self.emit(ops4.Binary(xs, (self.as_bytes(op.y),), function, *numbers, byte, runtime=4))

    def reduced(self, op: ReduceMax | Sum, function: ReduceOp) -> None:
        """One float of a vector."""
        if op.y.size != 1:
            raise self.lacks(op, f"it leaves {list(op.y.shape)} of {list(op.x.shape)}")
        x, y = self.f32(op.x), self.as_floats(op.y)
        self.emit(ops4.Reduce((x,), (y,), function, runtime=4))


def factor(real: beta2.Real, bits: int = BITS) -> Factor:
    """As nncase writes one."""
    mul, shift = beta2.rounded(real, bits, BITS)
    return Factor(int(mul), int(shift))


def terms(
    function: BinaryOp, a: Quantization, b: Quantization, y: Quantization
) -> tuple[Scaling, Scaling, Scaling]:
    """How bytes become terms of one unit, and what the function makes of them a byte."""
    sa, sb, sy = F(a.scale), F(b.scale), F(y.scale)
    by_a, by_b = (factor(s, BITS // 2) for s in (sa, sb))
    match function:
        case BinaryOp.MUL:
            factors = ops4.ONE, ops4.ONE, factor(sy / (sa * sb))
        case BinaryOp.DIV:
            factors = by_b, ops4.ONE, factor(sy / sa)
        case _:
            factors = by_b, by_a, factor(sy / (sa * sb))
    return (
        Scaling(-a.zero, factors[0]), Scaling(-b.zero, factors[1]), Scaling(y.zero, factors[2]),
    )  # fmt: skip
