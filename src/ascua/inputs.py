"""Turns the arrays and files that users bring into a model's inputs, outputs and labels."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ascua.errors import InputError
from ascua.ir import Array, Graph, Tensor


def pseudo_random(graph: Graph) -> list[Array]:
    """One fixed sample (1, *shape) an input, the same in every run and on every machine.

    x = 12345; for each element x = (1664525 x + 1013904223) mod 2**32, byte = x >> 24; taken as
    int8 bits, or byte / 255 for a float input.
    """
    x = 12345
    result: list[Array] = []
    for t in graph.inputs:
        values = np.empty(t.size, np.uint8)
        for i in range(t.size):
            x = (1664525 * x + 1013904223) % 2**32
            values[i] = x >> 24
        sample = values / np.float32(255) if t.dtype == "float32" else values.view(t.dtype)
        result.append(sample.reshape(1, *t.shape).astype(t.dtype, copy=False))
    return result


def load(path: Path, graph: Graph) -> list[Array]:
    """The samples in an .npy or .npz file, as (n, *shape) of each input's dtype.

    An .npz holds an array an input, by the input's name or in order. Raises InputError.
    """
    arrays = _read(path)
    if len(arrays) == 1 and len(graph.inputs) == 1:
        ordered = list(arrays.values())
    elif all(t.name in arrays for t in graph.inputs):
        ordered = [arrays[t.name] for t in graph.inputs]
    elif len(arrays) == len(graph.inputs):
        ordered = list(arrays.values())
    else:
        names = ", ".join(f"'{t.name}'" for t in graph.inputs)
        raise InputError(
            f"{path}: it holds {len(arrays)} arrays and the model has {len(graph.inputs)} inputs.",
            [f"An .npz with one array an input, named {names}."],
        )
    xs = [
        convert(a, t, f"{path}: input '{t.name}'")
        for a, t in zip(ordered, graph.inputs, strict=True)
    ]
    if len({len(x) for x in xs}) > 1:
        counts = ", ".join(f"'{t.name}' {len(x)}" for x, t in zip(xs, graph.inputs, strict=True))
        raise InputError(f"{path}: the inputs have different numbers of samples: {counts}.")
    return xs


def _read(path: Path) -> Mapping[str, Array]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except OSError as e:
        if e.strerror:
            raise InputError(f"{path}: cannot be read: {e.strerror}.") from e
        raise _damaged(path) from e
    except (ValueError, EOFError, zipfile.BadZipFile, MemoryError) as e:
        raise _damaged(path) from e


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path}: not a complete .npy or .npz file of numbers.",
        ["Write it with numpy.save(path, array); arrays of objects are not taken."],
    )


def convert(a: Array, t: Tensor, where: str) -> Array:
    """`a` of shape (n, ...) or (...) as samples (n, *t.shape) in the dtype of `t`.

    The model's own dtype is taken as it is; uint8 for an int8 model is value - 128; float32 is
    quantised with the model's parameters, half away from zero, clipped. Raises InputError.
    """
    inner = t.shape[1:] if t.shape[:1] == (1,) else t.shape
    if a.shape == t.shape or (a.shape == inner and inner):
        a = a.reshape(1, *t.shape)
    elif a.shape[1:] == inner or a.shape[1:] == t.shape:
        a = a.reshape(len(a), *t.shape)
    else:
        want = ", ".join(map(str, inner))
        raise InputError(
            f"{where}: the array has the shape {list(a.shape)} and the model takes [N, {want}].",
            [f"Reshape it: array.reshape(-1, {want})."],
        )
    if len(a) == 0:
        raise InputError(f"{where}: the array holds no sample.")
    return _as_dtype(a, t, where)


def _as_dtype(a: Array, t: Tensor, where: str) -> Array:
    if a.dtype == np.dtype(t.dtype):
        if a.dtype == np.float32 and not np.isfinite(a).all():
            raise InputError(f"{where}: it holds NaN or infinite values.")
        return np.ascontiguousarray(a)
    if t.dtype == "int8" and a.dtype == np.uint8:
        return (a.astype(np.int16) - 128).astype(np.int8)
    if a.dtype in (np.float32, np.float64):
        if not np.isfinite(a).all():
            raise InputError(
                f"{where}: it holds NaN or infinite values.",
                ["Check how the data was scaled before it was saved."],
            )
        if t.dtype == "float32":
            return a.astype(np.float32)
        if t.dtype == "int8" and t.quant is not None:
            return quantize(a, t)
    raise InputError(
        f"{where}: the array is {a.dtype} and the model takes {t.dtype}.",
        ["int8 as the model has it, uint8 (value - 128), or float32 (quantised for you)."],
    )


def quantize(a: Array, t: Tensor) -> Array:
    """Real values as int8 of tensor `t`: round half away(a / scale) + zero point, clipped."""
    steps = a.astype(np.float32) / np.float32(t.q.scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps))
    values: Array = np.clip(rounded + t.q.zero_point, -128, 127).astype(np.int8)
    return values


def load_labels(path: Path, samples: int) -> Array:
    """Class indices (n,) int64 from an .npy file. Raises InputError."""
    arrays = list(_read(path).values())
    labels = arrays[0].reshape(-1) if len(arrays) == 1 else np.empty(0)
    if len(arrays) != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: labels are one array of whole numbers.")
    if len(labels) != samples:
        raise InputError(f"{path}: there are {len(labels)} labels for {samples} samples.")
    return labels.astype(np.int64)


def accuracy(scores: Array, labels: Array) -> float:
    """The part of samples (n, ...) whose highest score is at the label. Raises InputError."""
    flat = scores.reshape(len(scores), -1)
    wrong = labels[(labels < 0) | (labels >= flat.shape[1])]
    if len(wrong):
        raise InputError(f"The label {wrong[0]} is outside the model's {flat.shape[1]} classes.")
    return float(np.mean(flat.argmax(axis=1) == labels))


def save_outputs(path: Path, graph: Graph, ys: Sequence[Array]) -> None:
    """Write (n, ...) outputs as .npy, or as .npz by tensor name where there are several."""
    trimmed = {
        t.name: y.reshape(len(y), *(t.shape[1:] if t.shape[:1] == (1,) else t.shape))
        for t, y in zip(graph.outputs, ys, strict=True)
    }
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as f:
            if len(trimmed) == 1:
                np.save(f, next(iter(trimmed.values())))
            else:
                np.savez(f, allow_pickle=False, **trimmed)
        temporary.replace(path)
    except OSError as e:
        raise InputError(f"{path}: cannot be written: {e.strerror}.") from e
    finally:
        temporary.unlink(missing_ok=True)
