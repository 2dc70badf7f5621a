"""The kernel of LOGISTIC and TANH on int16."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ascua.kernels.kernel import Const, Kernel
from ascua.ops.logistic import Logistic
from ascua.ops.sigmoids import (
    TABLE,
    scaling,
)
from ascua.ops.tanh import Tanh


class SigmoidS16(Kernel[Logistic | Tanh]):
    """Looks the table up and interpolates.

    The table is that of `eval`: a constant of TFLM, the same for every network.
    """

    name = "sigmoid_s16"
    types = ("int16",)

    def params(self, op: Logistic | Tanh) -> Mapping[str, int]:
        multiplier, shift = scaling(op)
        bits = 8 if op.tflite == "TANH" else 9
        return {"n": op.y.size, "multiplier": multiplier, "shift": shift, "bits": bits}

    def consts(self, op: Logistic | Tanh) -> tuple[Const, ...]:  # noqa: ARG002
        return (Const("table", TABLE.astype(np.uint16), "uint16_t"),)
