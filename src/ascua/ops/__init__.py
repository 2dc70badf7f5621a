"""The operators that Ascua knows, one module each; a new one is found in its file."""

from __future__ import annotations

from ascua.discovery import concrete
from ascua.ir import Op

OPERATORS: dict[str, type[Op]] = {
    kind.tflite: kind
    for kind in concrete(__name__, __path__, Op)  # type: ignore[type-abstract]
    if hasattr(kind, "tflite")
}
"""Every operator by its name in TFLite."""
