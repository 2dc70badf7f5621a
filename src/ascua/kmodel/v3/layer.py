"""What all layers of kmodel V3 have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ascua.kmodel.codec import Word
from ascua.kmodel.layers import Layer

FLAGS = Annotated[int, Word("<I", 0, 1)]
"""1: the result is in main memory."""
SIZE = Annotated[int, Word("<I", 1, (1 << 32) - 1)]
PIXELS = Annotated[int, Word("<I", 1, 1 << 16)]
"""Width, height or channels."""

LAYERS: dict[int, type[LayerV3]] = {}
"""By the number of the type."""
UNKNOWN = {
    3: "GlobalMaxPool2d", 4: "QuantizedGlobalMaxPool2d", 6: "QuantizedGlobalAveragePool2d",
    10: "QuantizedAveragePool2d", 19: "QuantizedFullyConnected", 21: "QuantizedTensorflowFlatten",
}  # fmt: skip
"""Types that have a number, and no body that anybody wrote down."""


@dataclass(frozen=True, eq=False)
class LayerV3(Layer):
    """A layer of a V3 file."""

    def __init_subclass__(cls, code: int | None = None, title: str = "") -> None:
        if code is not None:
            cls.code, cls.title = code, title or cls.__name__
            LAYERS[code] = cls
