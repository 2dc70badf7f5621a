"""The operators that Ascua knows, one module each; a new one is imported here."""

from __future__ import annotations

from ascua.ir import Op
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D

_ALL: tuple[type[Op], ...] = (Conv2D, DepthwiseConv2D)

OPERATORS: dict[str, type[Op]] = {op.tflite: op for op in _ALL}
"""Every operator by its name in TFLite."""
