"""What the kernels of LOGISTIC and TANH share: a number in Q4, or TFLM's table in steps of 1/24."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from ascua.kernels._exponential import reach
from ascua.kernels._kernel import Const, O
from ascua.kernels._lut import LutS8
from ascua.kernels._rounding import rescale
from ascua.kernels._unary import Unary


class SigmoidS8(LutS8[O]):
    """The function of a number in Q4; -128 and 127 where the input is beyond."""

    @abstractmethod
    def curve(self, x: int) -> int:
        """The output of x in Q4."""

    def function(self, op: O) -> Callable[[int], int]:
        zero = op.x.q.zero_point
        fraction, shift = math.frexp(op.x.q.scale * 2**27)
        multiplier, most = round(fraction * 2**31), reach(4, shift)

        def value(x: int) -> int:
            x -= zero
            if abs(x) >= most:
                return 127 if x > -most else -128
            return self.curve(rescale(x, multiplier, shift))

        return value


class SigmoidS16(Unary[O]):
    """Looks the table up and interpolates."""

    name = "sigmoid_s16"
    types = ("int16",)
    bits: ClassVar[int]
    """Of an input, behind a step of the table."""
    exact: ClassVar[tuple[int, ...]]
    """The powers of two that TFLM takes scales for as they are."""

    def params(self, op: O) -> Mapping[str, int | float]:
        multiplier, shift = self.scaling(op.x.q.scale)
        return {**super().params(op), "multiplier": multiplier, "shift": shift, "bits": self.bits}

    def scaling(self, scale: float) -> tuple[int, int]:
        """Multiplier, and shift to the right, to steps of 1 / (3 * 4096)."""
        for power in self.exact:
            if _is_power(scale, power):
                return 3 << (power + 12), 0
        real, shift = scale * 3 * 4096, 0
        while real * 2 <= 32767 and shift <= 30:
            real, shift = real * 2, shift + 1
        return int(real), shift

    def consts(self, op: O) -> tuple[Const, ...]:  # noqa: ARG002
        return (Const("table", TABLE, "uint16_t"),)


def _is_power(scale: float, power: int) -> bool:
    """Whether TFLM takes `scale` for 2**power: its logarithm, in single precision, is near."""
    single = np.float32
    octaves = single(math.log(scale)) * (single(1) / single(math.log(2)))
    return bool(abs(octaves - single(power)) < single(1e-3))


def _sigmoid(steps: float) -> float:
    """Of a number of 24ths, in Q16."""
    return 2**15 * (1 + math.tanh(steps / 48))


TABLE = np.array(
    [
        # Half of the error that interpolation makes in the middle goes to both ends.
        *(
            round((3 * _sigmoid(i) + 2 * _sigmoid(i + 0.5) - _sigmoid(i + 1)) / 4)
            for i in range(255)
        ),
        2**16 - 1,
    ],
    np.uint16,
)
"""sigmoid(i / 24) in Q16: a constant of TFLM, the same for every network."""
