"""Kernels of SOFTMAX: probabilities of the classes along the last axis."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels.kernel import Const, Kernel
from ascua.ops.softmax import (
    EXPONENTIALS,
    RECIPROCALS,
    Softmax,
)


class SoftmaxS8(Kernel[Softmax]):
    """gemmlowp's exponential and reciprocal, computed: no table of the exponential is stored."""

    name = "softmax_s8"

    def params(self, op: Softmax) -> Mapping[str, int]:
        multiplier, shift, least = op.scaling()
        depth = op.x.shape[-1]
        return {
            "rows": op.x.size // depth,
            "depth": depth,
            "multiplier": multiplier,
            "shift": shift,
            "least": least,
        }


class SoftmaxS16(Kernel[Softmax]):
    """Looks exponentials and reciprocals up in two tables, and interpolates.

    The tables are those of `eval`: they are constants of TFLM, the same for every network.
    """

    name = "softmax_s16"
    types = ("int16",)

    def params(self, op: Softmax) -> Mapping[str, int]:
        multiplier, shift = op.wide_scaling()
        depth = op.x.shape[-1]
        rows = op.x.size // depth
        return {"rows": rows, "depth": depth, "multiplier": multiplier, "shift": shift}

    def consts(self, op: Softmax) -> tuple[Const, ...]:  # noqa: ARG002
        return (
            Const("exponentials", EXPONENTIALS, "int16_t"),
            Const("reciprocals", RECIPROCALS, "int16_t"),
        )
