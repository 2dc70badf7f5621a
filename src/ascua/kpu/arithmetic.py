"""How a network is computed where runtimes and compilers differ, and what the CPU computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Kmodel, Layer
from ascua.kpu.floats import F32, fma
from ascua.kpu.rounding import Rounding

Compute: TypeAlias = Callable[..., Array]
"""From the elements of all ranges that a layer reads, in order, to those that it writes."""

DEFAULTS: dict[int, Rounding] = {3: "half-up", 4: "half-even"}
"""As each version's emulator rounds; which one the chip does is not known."""


@dataclass(frozen=True)
class Arithmetic:
    """The KPU's rounding, and what the CPU's compiler made of floats.

    `fused`: a product and the sum that it goes into are rounded once, as GCC's code for the chip
    does. Without, they are what a build on a PC or with -ffp-contract=off gives. V4's runtime has
    code of its own for the chip, which comes with it: `dequantize` and `quantize` of `version4`.
    """

    rounding: Rounding
    fused: bool = False

    @classmethod
    def of(cls, model: Kmodel, rounding: Rounding | None, *, fused: bool) -> Arithmetic:
        """With the rounding of the model's version where none is said."""
        return cls(rounding or DEFAULTS[model.version], fused)

    def madd(self, a: Array | F32, b: Array | F32, c: Array | F32) -> Array:
        """a * b + c in float32."""
        if self.fused:
            return fma(a, b, c)
        total: Array = np.multiply(a, b, dtype=np.float32) + c
        return total


@singledispatch
def compute(layer: Layer, how: Arithmetic) -> Compute:
    """What the CPU computes for `layer`, one of those that its `check` lets through."""
    raise NotImplementedError(f"{layer.title} under {how}")
