"""Weights that others trained: read from files, put into a network by name or order, frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError, did_you_mean, first_line
from ascua.zoo import deep_compression, files, registry
from ascua.zoo.normalization import settle
from ascua.zoo.registry import Shape
from ascua.zoo.tensorflow import import_keras, quiet

Arrays = tuple[NDArray[np.float32], ...]

CAFFE = "fire2/squeeze1x1"
"""The published SqueezeNets have a layer of this name; the zoo's, saved by Keras 3, cannot."""
MEAN_BGR = (104.0, 117.0, 123.0)
"""What Caffe's networks want subtracted from blue, green and red."""


@dataclass(frozen=True)
class LoadedWeights:
    """What became of a file of weights."""

    layers: int
    """That got weights from it."""
    fresh: str | None
    """Why the last layer got none and has to be trained; None if it did."""


def obtain(source: str, name: str, shape: Shape, arguments: Mapping[str, Any]) -> Path:
    """The file that `source` says: its path, or `imagenet` for those that Keras publishes.

    Downloads lie where Keras keeps them (~/.keras/models). Raises InputError where there are none
    for the network `name` of these `arguments`, and where they cannot be downloaded.
    """
    if source != "imagenet":
        return Path(source)
    url = registry.imagenet(name, shape, arguments)
    file = url.rpartition("/")[2]
    try:
        with quiet():
            return Path(import_keras().utils.get_file(file, url, cache_subdir="models"))
    except Exception as e:
        raise InputError(
            f"{url}: cannot be downloaded: {first_line(e)}",
            [
                "Download it elsewhere, and give the file's path instead of `imagenet`.",
                f"Or put it into ~/.keras/models as {file}.",
            ],
        ) from e


def load_weights(model: Any, path: Path) -> LoadedWeights:
    """Put the weights in the file `path` into the Keras `model`, in place.

    It is an .h5 of Keras 2 or 3, a .keras file, or the Deep Compression file of SqueezeNet 1.0.
    Layers match by name, or else by their order. The last layer with weights is the head: where
    the file has none for it, or one of other classes, it stays as it is. Weights that want Caffe's
    images (blue, green, red in 0..255 less a mean) are changed to want red, green, blue in 0..1.
    Raises InputError for a file that cannot be read or belongs to another network.
    """
    try:
        published = _read(path)
    except InputError:
        if not _loads_itself(model, path):
            raise
        return LoadedWeights(sum(1 for layer in model.layers if layer.weights), None)
    given = {name.replace("/", "_"): arrays for name, arrays in published.items()}
    layers = [layer for layer in model.layers if layer.weights]
    if not layers or not given:
        raise InputError(f"{path}: no weights for {model.name}.")
    *body, head = layers
    names = [layer.name for layer in body]
    named = set(names) <= set(given)
    found = [given[n] for n in names] if named else list(given.values())[: len(body)]
    if len(found) < len(body):
        raise InputError(
            f"{path}: {len(given)} layers with weights, but {model.name} has {len(layers)}.",
            [f"Give weights of {model.name}, or its arguments (`ascua models {model.name}`)."],
        )
    for layer, arrays in zip(body, found, strict=True):
        _assign(layer, arrays, path)
    rest = list(given.values())[len(body) :]
    if named:
        rest = [arrays for name, arrays in given.items() if name not in names]
    fresh = _assign_head(head, rest)
    settle(model)
    if CAFFE in published:
        _from_caffe(body[0])
    return LoadedWeights(len(body) + (fresh is None), fresh)


def freeze(model: Any, up_to: int | str) -> int:
    """Let training leave the first `up_to` layers alone, or all up to the one of that name.

    A number counts from the input, which is layer 1. Answers how many parameters are frozen.
    Raises InputError for a layer that is not there, or when nothing would be left to train.
    """
    names = [layer.name for layer in model.layers]
    if isinstance(up_to, str) and up_to not in names:
        raise InputError(f"{model.name} has no layer {up_to!r} to freeze up to.",
                         did_you_mean(up_to, names))  # fmt: skip
    count = names.index(up_to) + 1 if isinstance(up_to, str) else up_to
    if not 0 <= count <= len(names):
        raise InputError(
            f"{model.name} has {len(names)} layers: {count} cannot be frozen.",
            [f"Give a number from 1 to {len(names) - 1}, or a layer's name."],
        )
    for layer in model.layers[:count]:
        layer.trainable = False
    if not model.trainable_weights:
        raise InputError(
            f"{model.name}: frozen up to {up_to!r}, nothing is left to train.",
            [f"Freeze less: the last layer is {names[-1]!r}."],
        )
    return sum(int(np.prod(w.shape)) for layer in model.layers[:count] for w in layer.weights)


def _read(path: Path) -> dict[str, Arrays]:
    """Arrays of each layer that has some, by its name, in the file's order."""
    kind = files.kind(path)
    if kind == "hdf5":
        return _read_h5(path)
    if kind == "zip":
        layers = files.load_keras(path).layers
        return {x.name: tuple(x.get_weights()) for x in layers if x.weights}
    return deep_compression.read(path)


def _loads_itself(model: Any, path: Path) -> bool:
    """Whether `path` is this very network, whose classes Keras does not know: it is then loaded."""
    if files.kind(path) != "zip":
        return False
    try:
        with quiet():
            model.load_weights(path)
    except Exception:  # Keras has no error of its own for a wrong file
        return False
    return True


def _read_h5(path: Path) -> dict[str, Arrays]:
    """Of an .h5 file: groups of layers, with the names of their arrays in order."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = file.get("model_weights", file)
            if "layer_names" not in group.attrs:
                raise InputError(
                    f"{path}: an .h5 file without names of layers.",
                    ["Save the whole model with `model.save('model.keras')` and give that file."],
                )
            found = {}
            for name in _texts(group.attrs["layer_names"]):
                arrays = [group[name][w][()] for w in _texts(group[name].attrs["weight_names"])]
                if arrays:
                    found[name] = tuple(np.asarray(a, np.float32) for a in arrays)
            return found
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as e:
        raise InputError(
            f"{path}: cannot be read as Keras' weights: {e}.",
            ["Download it anew: the file may be cut off."],
        ) from e


def _texts(values: Sequence[str | bytes]) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]


def _assign(layer: Any, arrays: Arrays, path: Path) -> None:
    """Give `layer` these arrays. Raises InputError where their shapes are not its own."""
    wanted = [tuple(w.shape) for w in layer.weights]
    shaped = _shaped(arrays, wanted)
    if shaped is None:
        raise InputError(
            f"{path}: layer {layer.name!r} has weights {_list(a.shape for a in arrays)}, the "
            f"network wants {_list(wanted)}.",
            ["Check that the network's arguments (alpha, width, version, ...) are the file's."],
        )
    layer.set_weights(shaped)


def _shaped(arrays: Sequence[NDArray[Any]], wanted: Sequence[tuple[int, ...]]) -> Any:
    """The arrays in the `wanted` shapes, where they differ in sides of 1 only; otherwise None."""
    if len(arrays) != len(wanted):
        return None
    for a, shape in zip(arrays, wanted, strict=True):
        if [n for n in a.shape if n != 1] != [n for n in shape if n != 1]:
            return None
    return [a.reshape(shape) for a, shape in zip(arrays, wanted, strict=True)]


def _assign_head(head: Any, rest: Sequence[Arrays]) -> str | None:
    """Give the last layer the last arrays of a file; answers why not, where they do not fit."""
    if not rest:
        return "the file has none for it"
    wanted = [tuple(w.shape) for w in head.weights]
    shaped = _shaped(rest[-1], wanted)
    if shaped is None:
        return f"the file's has {rest[-1][-1].shape[-1]:,} outputs, not {wanted[-1][-1]:,}"
    head.set_weights(shaped)
    return None


def _from_caffe(first: Any) -> None:
    """Let the first convolution, which does not pad, take red, green, blue in 0..1."""
    kernel, bias = first.get_weights()
    mean = np.array(MEAN_BGR, np.float64)[None, None, :, None]
    shift = (kernel.astype(np.float64) * mean).sum((0, 1, 2))
    first.set_weights([255 * kernel[:, :, ::-1], bias - shift])


def _list(shapes: Any) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)
