"""Samples and networks as users bring them: files, names of data sets, or what a program holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ascua import arrays, convert, tflite
from ascua.convert import Network
from ascua.errors import InputError
from ascua.files import networks
from ascua.inputs import Held, taken_labels
from ascua.ir import Array
from ascua.model import Model, model_of

Data = Path | str | Array | Sequence[Array] | Mapping[str, Array]
"""A data set's name, a folder of images by class, an .npy or .npz file; or the arrays themselves:
one an input, in order or by the inputs' names."""
FILES = (".npy", ".npz")


@dataclass(frozen=True, eq=False)
class DataSource:
    """Where samples are, and their labels."""

    data: Data
    labels: Path | str | Array | None = None
    data_dir: Path | None = None
    skip_damaged: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.data) if isinstance(self.data, Path | str) else "the data"

    def arrays(self) -> Held | None:
        """The arrays by name, of a file too; None of what is to be looked for by name."""
        if isinstance(self.data, Path | str):
            path = Path(self.data)
            return arrays.read(path) if path.suffix in FILES else None
        if isinstance(self.data, Mapping):
            return {name: np.asarray(a) for name, a in self.data.items()}
        if isinstance(self.data, np.ndarray):
            return {"": self.data}
        if not isinstance(self.data, list | tuple):
            raise InputError(
                f"The data are a {type(self.data).__name__}.",
                ["Give an array of samples, one for each input, or the name of a data set."],
            )
        return {f"arr_{i}": np.asarray(a) for i, a in enumerate(self.data)}

    def labelled(self, samples: int, classes: int | None) -> Array | None:
        """The labels (n,) of so many samples, where they are given. Raises InputError."""
        if self.labels is None:
            return None
        if isinstance(self.labels, Path | str):
            path = Path(self.labels)
            return taken_labels(arrays.read(path), str(path), samples, classes)
        return taken_labels({"": np.asarray(self.labels)}, "the labels", samples, classes)

    def refuse_labels(self) -> None:
        """Raise InputError where labels are given beside a data set, which has its own."""
        if self.labels is not None:
            raise InputError(
                f"--labels: {self.name} has labels of its own, if any.",
                ["Leave them out: they go with an .npy or .npz file, or arrays."],
            )


def network(said: Any) -> tuple[Network, str]:
    """The network in a file of any form, or a Keras model; and what messages call it.

    Raises InputError, ModelError, Unsupported, ToolMissing.
    """
    if isinstance(said, Path | str):
        return convert.network(Path(said)), str(said)
    if not hasattr(said, "save") or not hasattr(said, "inputs"):
        raise InputError(
            f"A {type(said).__name__} is no network.",
            ["Give the path of a file, or a Keras model."],
        )
    from ascua.train.export import export_float
    from ascua.zoo import first_layers

    name = str(said.name)
    content = export_float(said, name)
    return Network(tflite.read(content, name), content, networks.KERAS, first_layers(said)), name


def load_model(said: Any, *, smaller: bool = True) -> Model:
    """The integer network in a file of any form, ready for a board.

    Of a float one `quantize_model` makes one. Unless it is to be `smaller`, the file's own graph is
    planned. Raises ModelError, Unsupported or InputError.
    """
    found, name = network(said)
    return model_of(found.graph, Path(name), found.content, smaller=smaller)
