"""The operators that Ascua knows, one module each; a new one is found in its file.

A module with an underscore is no operator: several have it in common. What others than operators
need of one is named here.
"""

from __future__ import annotations

from ascua.discovery import concrete
from ascua.ir import Op
from ascua.ops import _activation, _conditions
from ascua.ops._comparisons import Comparison
from ascua.ops._convolution import Convolution
from ascua.ops._pooling import Pool2D
from ascua.ops._reductions import Reduction
from ascua.ops._weighted import Weighted

__all__ = [
    "OPERATORS", "Comparison", "Convolution", "Pool2D", "Reduction", "Weighted", "on_floats",
]  # fmt: skip

OPERATORS: dict[str, type[Op]] = {
    kind.tflite: kind
    for kind in concrete(__name__, __path__, Op)  # type: ignore[type-abstract]
    if hasattr(kind, "tflite") and kind.tflite.isupper()
}
"""Every operator by its name in TFLite; those that passes make have small letters."""


def on_floats(op: Op) -> str | None:
    """None, or why Ascua cannot take `op`, of which all is float32."""
    if "float32" in op.types or not op.floats:
        return op.check()
    if reason := op.malformed():
        return reason
    if isinstance(op, Convolution | Pool2D) and (reason := _conditions.image(op.x)):
        return reason
    if reason := _activation.unsupported(getattr(op, "activation", "NONE")):
        return reason
    beside = () if op.elementwise or isinstance(op, Weighted) else ("int32",)
    reasons = (_conditions.dtype(t, "float32", *beside) for t in op.inputs if t is not None)
    return _conditions.first(*reasons)
