"""The operators that Ascua knows, one module each; a new one is found in its file.

A module with an underscore is no operator: several have it in common. What others than operators
need of one is named here.
"""

from __future__ import annotations

from ascua.discovery import concrete
from ascua.ir import Op
from ascua.ops._comparisons import Comparison
from ascua.ops._convolution import Convolution
from ascua.ops._pooling import Pool2D
from ascua.ops._reductions import Reduction
from ascua.ops._weighted import Weighted

__all__ = ["OPERATORS", "Comparison", "Convolution", "Pool2D", "Reduction", "Weighted"]

OPERATORS: dict[str, type[Op]] = {
    kind.tflite: kind
    for kind in concrete(__name__, __path__, Op)  # type: ignore[type-abstract]
    if hasattr(kind, "tflite")
}
"""Every operator by its name in TFLite."""
