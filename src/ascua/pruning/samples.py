"""Samples that a ranking looks at, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError
from ascua.pixels import Image

BATCH = 64
"""Samples at a time: of Taylor's ranking also those whose mean loss is looked at."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What a network has for input, and what is right."""

    x: Any
    """(n, ...), an array or what is indexed like one: uint8 images, or floats as the model takes
    them."""
    y: NDArray[np.int64] | None = None
    """Classes (n,) from 0."""
    image: Image | None = None
    """What bytes 0 and 255 are for the model; None: the samples are as it takes them."""

    def batches(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64] | None]]:
        """All of them, as floats."""
        for start in range(0, len(self.x), BATCH):
            at = np.arange(start, min(start + BATCH, len(self.x)))
            x = np.asarray(self.x[at], np.float32)
            if self.image is not None:
                low, high = self.image
                x = x / np.float32(255) * np.float32(high - low) + np.float32(low)
            yield x, None if self.y is None else self.y[at]

    def check(self, model: Any, *, labels: bool) -> None:
        """Raise InputError unless these are samples of `model`, with `labels` if asked."""
        if len(model.inputs) != 1:
            raise InputError(
                f"{model.name}: it has {len(model.inputs)} inputs; what looks at data takes one.",
                ["Use a ranking of weights alone: `--method l1`, `l2`, `bn-scale` or `random`."],
            )
        if not hasattr(self.x, "shape") or not hasattr(self.x, "dtype"):
            raise InputError(
                f"The samples are a {type(self.x).__name__}.", ["Give an array: `np.asarray(x)`."]
            )
        wanted, given = tuple(model.inputs[0].shape[1:]), tuple(self.x.shape[1:])
        same = len(wanted) == len(given)
        if not same or any(w not in (None, g) for w, g in zip(wanted, given, strict=True)):
            raise InputError(
                f"{model.name}: its input is {_dims(wanted)}, the samples are {_dims(given)}.",
                ["Give data that the model was trained on."],
            )
        if not len(self.x):
            raise InputError("There are no samples.", ["Give data with at least one."])
        if labels:
            self._check_labels(model)

    def _check_labels(self, model: Any) -> None:
        if self.y is None:
            raise InputError(
                "These samples have no classes, and the ranking looks at the loss.",
                ["Give labelled data: a data set, a folder of a folder a class, an .npz file."],
            )
        y = np.asarray(self.y)
        if y.shape != (len(self.x),) or y.dtype.kind not in "iu":
            raise InputError(
                f"The classes are {y.dtype} {list(y.shape)}: one integer a sample is wanted.",
                ["Of one-hot rows: `y.argmax(1)`."],
            )
        answer = tuple(model.outputs[0].shape[1:])
        if len(model.outputs) != 1 or len(answer) != 1:
            raise InputError(
                f"{model.name}: a loss of classes needs one output of one number a class.",
                ["Use a ranking that needs no classes: `--method l1`, say."],
            )
        least, most = int(self.y.min()), int(self.y.max())
        if least < 0 or most >= answer[0]:
            raise InputError(
                f"There are classes {least} to {most}, and {model.name} answers {answer[0]}.",
                ["Give the data that the model was trained on."],
            )
        if least == most:
            raise InputError(
                f"All {len(self.y):,} samples are of class {most}: a loss says nothing then.",
                ["Give samples of several classes."],
            )


def _dims(shape: tuple[int | None, ...]) -> str:
    return " x ".join("?" if n is None else str(n) for n in shape) or "a single value"
