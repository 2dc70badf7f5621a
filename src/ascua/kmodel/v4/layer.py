"""What all operators of kmodel V4 have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import DType, Memory, Range

Four: TypeAlias = tuple[int, int, int, int]

LAYERS: dict[int, type[LayerV4]] = {}
"""By the number of the operator."""
UNKNOWN = {code: f"operator {code:#x}, of nncase's CPU target" for code in range(0x1001, 0x1006)}
"""Operators that have a number, and that no file for the K210 holds."""


@dataclass(frozen=True, eq=False)
class LayerV4(Layer):
    """An operator of a V4 file."""

    def __init_subclass__(cls, code: int | None = None, title: str = "") -> None:
        if code is not None:
            cls.code, cls.title = code, title
            LAYERS[code] = cls


@dataclass(frozen=True, eq=False)
class FromOne(LayerV4):
    """An operator from one range to another."""

    input: Range
    out: Range

    @property
    def reads(self) -> tuple[Range, ...]:
        return (self.input,)

    @property
    def writes(self) -> tuple[Range, ...]:
        return (self.out,)

    def sized(self, x: DType, y: DType, shape: Sequence[int], out: Sequence[int]) -> str | None:
        """None, or what of input and output is not of these types and shapes."""
        return misfit("its input", self.input, x, shape) or misfit("its output", self.out, y, out)

    def alike(self, x: DType, y: DType) -> str | None:
        """None, or what of input and output is not of these types and the same length."""
        count = (self.input.count,)
        return self.sized(x, y, count, count)


@dataclass(frozen=True, eq=False)
class FromTwo(LayerV4):
    """An operator from two ranges to another."""

    a: Range
    b: Range
    out: Range

    @property
    def reads(self) -> tuple[Range, ...]:
        return self.a, self.b

    @property
    def writes(self) -> tuple[Range, ...]:
        return (self.out,)

    def sized(
        self, dtype: DType, a: Sequence[int], b: Sequence[int], out: Sequence[int]
    ) -> str | None:
        """None, or what of inputs and output is not of this type and these shapes."""
        return (
            misfit("a", self.a, dtype, a)
            or misfit("b", self.b, dtype, b)
            or misfit("its output", self.out, dtype, out)
        )


def misfit(what: str, r: Range, dtype: DType, shape: Sequence[int]) -> str | None:
    """None, or why `r` does not hold a tensor of that type and shape on the CPU's side."""
    if r.memory is Memory.KPU:
        return f"{what} is in KPU RAM, where no layer of the CPU has tensors"
    if r.dtype is not dtype:
        return f"{what} is of the type {r.dtype.name.lower()}, not {dtype.name.lower()}"
    wanted = math.prod(shape) * dtype.bytes
    if r.bytes != wanted or not wanted:
        size = "x".join(map(str, shape))
        return f"{what} has {r.bytes} bytes, and {size} of {dtype.name.lower()} take {wanted}"
    return None
