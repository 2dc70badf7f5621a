"""Samples and networks as users bring them: files, names of data sets, or what a program holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ascua import arrays, convert, recipes, tflite
from ascua.convert import Network
from ascua.errors import InputError, first_line
from ascua.files import networks
from ascua.inputs import Held, short, taken_labels
from ascua.ir import Array, Tensor
from ascua.model import Model, model_of
from ascua.recipes import Recipe

if TYPE_CHECKING:
    from ascua.data import Dataset

Data = Path | str | Array | Iterable[Any] | Mapping[str, Any]
"""A data set's name, a recipe, a folder of images by class, an .npy or .npz file; or the arrays:
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

    def arrays(self, inputs: Sequence[Tensor]) -> Held | None:
        """The arrays of a network's inputs by name, of a file too; None of a data set's name.

        Raises InputError for what is no array, for names that are no inputs, and for a file that
        cannot be read.
        """
        if isinstance(self.data, Path | str):
            path = Path(self.data)
            return arrays.read(path) if path.suffix in FILES else None
        if isinstance(self.data, Mapping):
            known = {name for t in inputs for name in (t.name, short(t.name))}
            if unknown := [name for name in self.data if len(inputs) > 1 and name not in known]:
                raise InputError(
                    f"The network has no input called {unknown[0]!r}.",
                    [f"Its inputs: {', '.join(short(t.name) for t in inputs)}."],
                )
            return {str(name): _array(a, f"{name!r}") for name, a in self.data.items()}
        if hasattr(self.data, "__array__") or hasattr(self.data, "numpy"):
            return {"": _array(self.data, "the data")}
        if not isinstance(self.data, Iterable):
            raise InputError(
                f"The data are a {type(self.data).__name__}.",
                ["Give an array of samples, one for each input, or the name of a data set."],
            )
        listed = list(self.data)
        if len(inputs) == 1 and len(listed) != 1:
            return {"": _array(listed, "the data")}  # a list of samples
        return {f"arr_{i}": _array(a, f"array {i} of the data") for i, a in enumerate(listed)}

    def labelled(self, samples: int, classes: int | None) -> Array | None:
        """The labels (n,) of so many samples, where they are given. Raises InputError."""
        if self.labels is None:
            return None
        if isinstance(self.labels, Path | str):
            path = Path(self.labels)
            return taken_labels(arrays.read(path), str(path), samples, classes)
        return taken_labels({"": _array(self.labels, "the labels")}, "the labels", samples, classes)

    def recipe(self) -> Recipe | None:
        """The recipe whose data are meant: `--data pump.toml`, or its name."""
        if not isinstance(self.data, Path | str):
            return None
        named = str(self.data) in recipes.names()
        return recipes.load(str(self.data)) if named or self.name.endswith(".toml") else None

    def dataset(self, recipe: Recipe, shape: tuple[int, ...]) -> Dataset:
        """The data of `recipe`, of that shape. Raises InputError."""
        from ascua.train import load_data

        found = load_data(recipe, self.data_dir, skip_damaged=self.skip_damaged)
        if found.shape != shape:
            raise InputError(
                f"{self.name}: its {found.noun} are {list(found.shape)}, the network takes"
                f" {list(shape)}.",
                ["Name the recipe that the network was trained by."],
            )
        return found

    def refuse_labels(self) -> None:
        """Raise InputError where labels are given beside a data set, which has its own."""
        if self.labels is not None:
            raise InputError(
                f"--labels: {self.name} has labels of its own, if any.",
                ["Leave them out: they go with an .npy or .npz file, or arrays."],
            )


def _array(said: Any, name: str) -> Array:
    """An array of numbers, of whatever library. Raises InputError."""
    try:
        found = np.asarray(said.numpy() if hasattr(said, "numpy") else said)
    except Exception as e:  # libraries and ragged lists raise whatever they like
        raise InputError(
            f"{name}: it is no array of numbers: {first_line(e)}", ["Give a NumPy array."]
        ) from e
    if found.dtype.kind not in "biuf":
        raise InputError(
            f"{name}: it is no array of numbers, but of {found.dtype}.", ["Give a NumPy array."]
        )
    return found


def network(said: Any) -> tuple[Network, str]:
    """The network in a file of any form, a Keras model, or a model of Ascua's; and its name.

    Raises InputError, ModelError, Unsupported, ToolMissing.
    """
    if isinstance(said, Path | str):
        return convert.network(Path(said)), str(said)
    if hasattr(said, "content") and hasattr(said, "model"):  # a Quantized
        return Network(said.model.original, said.content, networks.TFLITE), said.name
    if isinstance(said, Model):
        return Network(said.original, b"", networks.TFLITE), said.title
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


def load_model(said: Any, *, smaller: bool = True, floats: bool = False) -> Model:
    """The integer network in a file of any form, ready for a board.

    Of a float one `quantize_model` makes one, or it is taken as it is where `floats` are wanted.
    Unless it is to be `smaller`, the file's own graph is planned. Raises ModelError, Unsupported or
    InputError.
    """
    if isinstance(said, Model):
        return said
    if hasattr(said, "content") and hasattr(said, "model"):  # a Quantized
        return cast(Model, said.model)
    found, name = network(said)
    return model_of(found.graph, Path(name), found.content, smaller=smaller, floats=floats)
