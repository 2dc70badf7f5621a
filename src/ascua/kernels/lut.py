"""The kernel of functions of one int8 value: a table of 256 bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ascua.ir import Op
from ascua.kernels.kernel import Const, Kernel
from ascua.ops.abs import Abs
from ascua.ops.elementwise import INT8
from ascua.ops.elu import Elu
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.tanh import Tanh


class LutS8(
    Kernel[Abs | Elu | HardSwish | LeakyRelu | Logistic | Quantize | Relu | Relu6 | Rsqrt | Tanh]
):
    """Looks each value up.

    The table is the operator's own `eval` of all 256 values: the one place where a kernel shares
    code with the reference, because the tests compare `eval` with TFLM on exactly these values.
    """

    name = "lut_s8"

    def params(self, op: Op) -> Mapping[str, int]:
        return {"n": op.y.size}

    def consts(self, op: Op) -> tuple[Const, ...]:
        return (Const("table", np.ravel(op.eval(INT8[None]))),)
