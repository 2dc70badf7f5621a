"""Turns the arrays and files that users bring into a model's inputs, outputs and labels."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from ascua import arrays, files
from ascua.errors import InputError, brief
from ascua.files.kinds import NPY, NPZ
from ascua.ir import ITEMSIZE, Array, Graph, Tensor, limits
from ascua.labels import check_range, is_index
from ascua.ops.quantize import Quantize
from ascua.pixels import BYTE, outside, said

log = logging.getLogger(__name__)


def pseudo_random(graph: Graph) -> list[Array]:
    """One fixed sample (1, *shape) an input, the same in every run and on every machine.

    x = 12345; for each element x = (1664525 x + 1013904223) mod 2**32, byte = x >> 24; taken as
    int8 bits, or byte / 255 for a float input; x >> 16 as int16 bits, x as int32, x >> 31 as bool.
    """
    x = 12345
    result: list[Array] = []
    for t in graph.inputs:
        bits = {"float32": 8, "bool": 1}.get(t.dtype, 8 * ITEMSIZE[t.dtype])
        values = np.empty(t.size, f"uint{max(bits, 8)}")
        for i in range(t.size):
            x = (1664525 * x + 1013904223) % 2**32
            values[i] = x >> max(32 - bits, 0)
        sample = values / np.float32(255) if t.dtype == "float32" else values.view(t.dtype)
        result.append(sample.reshape(1, *t.shape).astype(t.dtype, copy=False))
    return result


Held = Mapping[str, Array]
"""Arrays by name; a single one may be called anything."""


def load(path: Path, graph: Graph) -> list[Array]:
    """The samples in an .npy or .npz file, as `taken` has them. Raises InputError."""
    return taken(arrays.read(path), graph, str(path))


def taken(found: Held, graph: Graph, path: str) -> list[Array]:
    """The samples `found` in what is called `path`, as (n, *shape) of each input's dtype.

    An .npz holds an array an input, by the input's name (`left` for `serving_default_left:0`), or
    in order where they have none. Raises InputError. Real values
    that are scaled otherwise than the input's are warned of.
    """
    if len(found) == 1 and len(graph.inputs) == 1:
        ordered = list(found.values())
    elif (named := _by_name(found, graph)) is not None:
        ordered = named
    elif [*found] == [f"arr_{i}" for i in range(len(graph.inputs))]:
        ordered = list(found.values())
    else:
        names = ", ".join(f"'{short(t.name)}'" for t in graph.inputs)
        raise InputError(
            f"{path}: it holds {brief(', '.join(map(repr, found)), 200)}, and the model has"
            f" {len(graph.inputs)} inputs: {names}.",
            [
                f"An .npz with one array an input, of these names: `numpy.savez(path,"
                f" **{{{names.split(', ')[0]}: ...}})`."
            ],
        )
    xs = [
        convert(a, t, f"{path}: input '{t.name}'")
        for a, t in zip(ordered, graph.inputs, strict=True)
    ]
    for a, t in zip(ordered, graph.inputs, strict=True):
        _doubt(path, a, t, calibrated(graph, t))
        _doubt_bytes(path, a, t)
    if len({len(x) for x in xs}) > 1:
        counts = ", ".join(f"'{t.name}' {len(x)}" for x, t in zip(xs, graph.inputs, strict=True))
        raise InputError(f"{path}: the inputs have different numbers of samples: {counts}.")
    return xs


def short(name: str) -> str:
    """An input's name without what converters put around it: `serving_default_left:0` is `left`."""
    return name.removeprefix("serving_default_").partition(":")[0] or name


def _by_name(found: Mapping[str, Array], graph: Graph) -> list[Array] | None:
    """The arrays of the inputs, by their names or their short ones; None where one is missing."""
    ordered = []
    for t in graph.inputs:
        name = next((n for n in (t.name, short(t.name)) if n in found), None)
        if name is None:
            return None
        ordered.append(found[name])
    return ordered


def convert(a: Array, t: Tensor, where: str) -> Array:
    """`a` of shape (n, ...) or (...) as samples (n, *t.shape) in the dtype of `t`.

    The model's own dtype is taken as it is; uint8 for an int8 model is value - 128; float32 is
    quantised with the model's parameters, half away from zero, clipped. Raises InputError.
    """
    inner = _inner(t)
    if a.shape == t.shape or (a.shape == inner and inner):
        a = a.reshape(1, *t.shape)
    elif a.ndim and (a.shape[1:] == inner or a.shape[1:] == t.shape):
        a = a.reshape(len(a), *t.shape)
    else:
        raise InputError(
            f"{where}: the array has the shape {list(a.shape)}, the model takes"
            f" [{', '.join(map(str, ('N', *inner)))}].",
            _otherwise(a, t),
        )
    if len(a) == 0:
        raise InputError(f"{where}: the array holds no sample.")
    return _as_dtype(a, t, where)


def calibrated(graph: Graph, t: Tensor) -> Tensor | None:
    """What holds the values of the input `t` as integers: itself, or what a QUANTIZE makes."""
    if t.dtype == "float32":
        made = [op.y for op in graph.ops if op.inputs[0] is t]
        if len(made) != 1 or not isinstance(graph.ops[0], Quantize):
            return None
        t = made[0]
    return t if t.quant is not None and t.dtype in ("int8", "uint8", "int16") else None


def _doubt(path: str, a: Array, t: Tensor, held: Tensor | None) -> None:
    """Say so where the real values `a` are scaled as those are not that set the range of `t`."""
    if held is None or not np.issubdtype(a.dtype, np.floating):
        return
    if wrong := outside(np.asarray(a, np.float32), reach(held), held.q.scale):
        log.warning(
            "warning: %s: the input '%s' was calibrated for %s; %s. Were they scaled as in"
            " training?", path, brief(t.name), said(reach(held)), wrong,
        )  # fmt: skip


def _doubt_bytes(path: str, a: Array, t: Tensor) -> None:
    """Say so where the bytes `a` can hardly be pixels: (x / 255).astype("uint8") is 0 and 1."""
    camera = t.dtype != "uint8" or t.quant is None  # else any byte may be what the input holds
    if camera and a.dtype == np.uint8 and (wrong := outside(a, BYTE)):
        log.warning(
            "warning: %s: the input '%s' takes pixels 0..255; %s. Were they scaled before they"
            " became uint8?", path, brief(t.name), wrong,
        )  # fmt: skip


def reach(t: Tensor) -> tuple[float, float]:
    """The least and the greatest real value that the quantised `t` can hold."""
    low, high = (t.q.scale * (end - t.q.zero_point) for end in limits(t.dtype))
    return float(low), float(high)


def same_types(found: Held, graph: Graph) -> bool:
    """Whether the arrays `found` have the dtypes of the inputs of `graph`."""
    kinds = sorted(str(a.dtype) for a in found.values())
    return kinds == sorted(t.dtype for t in graph.inputs)


def _inner(t: Tensor) -> tuple[int, ...]:
    """The shape of one sample: without the batch of 1, where there is one."""
    return t.shape[1:] if t.shape[:1] == (1,) else t.shape


def _otherwise(a: Array, t: Tensor) -> list[str]:
    """How `a` of another shape becomes samples of `t`, where that can be said."""
    inner = _inner(t)
    if len(inner) == 3 and a.shape[-3:] == (inner[2], *inner[:2]) and a.ndim in (3, 4):
        axes = (1, 2, 0) if a.ndim == 3 else (0, 2, 3, 1)
        return [f"Channels come last: array.transpose{axes}."]
    if len(inner) == 3 and a.ndim == 4 and a.shape[3] == inner[2]:
        return [f"Resize the images to {inner[0]}x{inner[1]}, as they were for the training."]
    if inner and a.ndim > 1 and a.size == len(a) * t.size:
        return [f"Reshape it: array.reshape(-1, {', '.join(map(str, inner))})."]
    if len(inner) == 3 and inner[2] == 3 and a.shape[1:] in (inner[:2], (*inner[:2], 1)):
        return [f"Gray images: numpy.repeat(array.reshape(-1, {inner[0]}, {inner[1]}, 1), 3, -1)."]
    own = a[0].size if a.ndim else 1
    return [f"A sample of it has {own:,} values, one of the model {t.size:,}: give those it took in"
            " training."]  # fmt: skip


def _as_dtype(a: Array, t: Tensor, where: str) -> Array:
    floats = np.issubdtype(a.dtype, np.floating)
    if floats and not np.isfinite(a).all():
        raise InputError(
            f"{where}: it holds NaN or infinite values.",
            ["Check how the data was scaled before it was saved."],
        )
    if t.dtype == "bool" and a.dtype == np.bool_:  # a file may hold any bytes for true
        truth: Array = np.ascontiguousarray(a).view(np.uint8) != 0
        return truth
    if a.dtype == np.dtype(t.dtype):
        return np.ascontiguousarray(a, np.dtype(t.dtype))
    if t.dtype == "int8" and a.dtype == np.uint8:
        return (a ^ np.uint8(128)).view(np.int8)
    quantised = t.dtype in ("int8", "uint8", "int16") and t.quant is not None
    if floats and (t.dtype == "float32" or quantised):
        single = np.clip(a, *_FLOAT32).astype(np.float32)
        return single if t.dtype == "float32" else quantize(single, t)
    raise InputError(
        f"{where}: the array is {a.dtype}, the model takes {t.dtype}.",
        ["float32, scaled as in training: array.astype('float32') / 255, where that was 0..1."]
        if t.dtype == "float32"
        else ["int8 as the model has it, uint8 (value - 128), or float32 (quantised for you)."]
        if t.dtype == "int8"
        else [f"{t.dtype} as the model has it, or float32 (quantised for you)."]
        if quantised
        else ["Bytes 0..255, of pixels 0..1: (array * 255).round().astype('uint8')."]
        if t.dtype == "uint8"
        else [f"Convert it: array.astype('{t.dtype}')."],
    )


_FLOAT32 = (-np.finfo(np.float32).max, np.finfo(np.float32).max)


def quantize(a: Array, t: Tensor) -> Array:
    """Real values as those of tensor `t`: round half away(a / scale) + zero point, clipped."""
    with np.errstate(over="ignore"):
        steps = a.astype(np.float32) / np.float32(t.q.scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps))
    values: Array = np.clip(rounded + t.q.zero_point, *limits(t.dtype)).astype(t.dtype)
    return values


def classes(output: Tensor) -> int | None:
    """How many classes `output` tells apart; None for one index, whose classes nothing counts."""
    return None if is_index(np.dtype(output.dtype), output.size) else output.size


def load_labels(path: Path, samples: int, classes: int | None) -> Array:
    """Class indices (n,) int64, below `classes` if known, from an .npy file. Raises InputError."""
    return taken_labels(arrays.read(path), str(path), samples, classes)


def taken_labels(found: Held, path: str, samples: int, classes: int | None) -> Array:
    """As `load_labels`, of the array `found` in what is called `path`."""
    held = list(found.values())
    labels: Array = held[0] if len(held) == 1 else np.empty(0)
    if len(held) != 1 or not np.issubdtype(labels.dtype, np.integer):
        kind = str(labels.dtype) if len(held) == 1 else f"{len(held)} arrays"
        raise InputError(
            f"{path}: labels are one array of whole numbers; this is {kind}.",
            ["Save the index of the right class of each sample: array.astype('int64')."],
        )
    if labels.size != samples or max(labels.shape, default=1) != samples:
        raise InputError(
            f"{path}: {samples} samples need {samples} labels; the array has the shape"
            f" {list(labels.shape)}.",
            ["One class index a sample; of one-hot rows: array.argmax(axis=1)."],
        )
    labels = labels.reshape(-1).astype(np.int64)
    check_range(labels, classes, f"{path}: the")
    return labels


def check_outputs(
    path: Path, graph: Graph, *, inputs: tuple[Path, ...] = (), force: bool = False
) -> None:
    """Raise InputError unless outputs of `graph` can be written to `path`: before a long run."""
    _output(path, inputs, force=force).check()
    if len(graph.outputs) > 1 and path.suffix != ".npz":
        raise InputError(
            f"{path}: the model has {len(graph.outputs)} outputs.",
            [f"Name an .npz file: `--outputs {path.with_suffix('.npz')}`."],
        )


def _output(path: Path, inputs: tuple[Path, ...], *, force: bool) -> files.Output:
    kind = NPZ if path.suffix == ".npz" else NPY
    said = f"--outputs OUT{'.npz' if kind is NPZ else '.npy'}"
    return files.Output(path, kind, said, inputs, force=force)


def save_outputs(
    path: Path, graph: Graph, ys: Sequence[Array], *, inputs: tuple[Path, ...] = (),
    force: bool = False,
) -> None:  # fmt: skip
    """Write outputs (n, *shape) as .npy, or as .npz by tensor name; all or nothing.

    `inputs` are what the command has read: they are replaced with `force` alone.
    """
    arrays = {t.name: y.reshape(len(y), *_inner(t)) for t, y in zip(graph.outputs, ys, strict=True)}

    def fill(to: Path) -> None:
        with to.open("wb") as f:
            if path.suffix == ".npz":
                _save_npz(f, arrays)
            else:
                np.save(f, next(iter(arrays.values())))

    _output(path, inputs, force=force).write(fill)
    log.debug("%s", path)


def _save_npz(f: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """As numpy.savez, which cannot take every name of a tensor as a keyword."""
    with zipfile.ZipFile(f, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def real_images(a: Array, t: Tensor, image: tuple[float, float]) -> Array:
    """uint8 images (n, ...) as samples (n, *t.shape) in float32; `image` is what 0 and 255 are."""
    low, high = image
    real = np.float32(low) + a.astype(np.float32) * np.float32((high - low) / 255)
    return real.reshape(len(a), *t.shape)


def taken_pixels(found: Held, graph: Graph, path: str) -> Array | None:
    """The one array in `found` as (n, *shape) of the input, if it is uint8."""
    only: Array = np.empty(0)
    if len(found) == len(graph.inputs) == 1:
        only = next(iter(found.values()))
    if only.dtype != np.uint8:
        return None
    t = graph.inputs[0]
    x = convert(only, Tensor(t.name, t.shape, "uint8"), f"{path}: input '{t.name}'")
    _doubt_bytes(path, only, t)
    return x
