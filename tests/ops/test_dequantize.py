"""DEQUANTIZE: the float32 end of a network against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np

from ascua.ir import Tensor
from ascua.ops._elementwise import INT8
from ascua.ops.dequantize import Dequantize
from tests.ops.test_quantize import dequantize
from tests.support import check_everywhere, int16, network, together


def test_dequantize() -> None:
    cases = [(0.05, -3), (1e-40, 127), (1e-45, 1), (3e38, -128), (1e30, 0), (0.1, -128)]
    ops = [dequantize((1, 256), scale, zero) for scale, zero in cases]
    check_everywhere(together(*ops), xs=[INT8.reshape(1, 1, 256).copy() for _ in ops])


def test_every_int16_to_float() -> None:
    every = np.arange(1 << 16).astype(np.uint16).view(np.int16).reshape(1, 1, -1)
    x, y = int16("x", (1, 1 << 16), 0.00037), Tensor("y", (1, 1 << 16), "float32")
    check_everywhere(network(Dequantize((x,), (y,))), xs=[every])
