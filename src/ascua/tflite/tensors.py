"""The tensors of a .tflite file: their shapes, values and quantisation, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tflite as schema

from ascua.errors import Unsupported, brief
from ascua.ir import ITEMSIZE, Array, Quant, Tensor, storage
from ascua.tflite.tables import BLOCKWISE, File, external

MAX_ELEMENTS = 1 << 28
"""A larger tensor is taken for a damaged shape."""
MAX_COMPUTED = 1 << 23
"""So is a larger one whose values the file does not hold."""
MAX_DIMENSIONS = 8
"""More than any operator of TFLite takes."""

_QUANTIZED = ("int4", "int8", "uint8", "int16")
"""Types whose values mean nothing without a scale and a zero point."""

_DTYPES = {v: k.lower() for k, v in vars(schema.TensorType).items() if k.isupper()}


def tensors(file: File, sub: Any, buffers: Sequence[Any]) -> list[Tensor]:
    """All tensors of a subgraph, with unique names."""
    seen: set[str] = set()
    result = []
    for i, t in enumerate(file.vector(sub, "Tensors")):
        name = (t.Name() or b"").decode("utf-8", "replace") or f"tensor_{i}"
        while name in seen:
            name = f"{name}#{i}"
        seen.add(name)
        result.append(_tensor(file, t, name, buffers))
    return result


def check_held(file: File, t: Tensor) -> None:
    """Raise Unsupported where no graph may hold tensors of this type."""
    if not _held(t.dtype):
        raise _refused_type(file, t.name, t.dtype)


def _tensor(file: File, t: Any, name: str, buffers: Sequence[Any]) -> Tensor:
    if t.Type() not in _DTYPES:
        raise file.fail(f"tensor '{brief(name)}' has the type {t.Type()}, which does not exist.")
    dtype = _DTYPES[t.Type()]
    if t.ShapeLength() > MAX_DIMENSIONS:
        raise file.fail(f"tensor '{brief(name)}' claims {t.ShapeLength()} dimensions.")
    shape = tuple(file.numbers(t, "Shape"))
    signature = file.numbers(t, "ShapeSignature")
    if len(signature) == len(shape) and signature[:1] == [-1]:
        shape = (1, *shape[1:])  # the batch is open; TFLM does not look at other sizes here
    elements = 1
    for d in shape:
        elements *= d
        if d < 0 or elements > MAX_ELEMENTS:
            raise file.fail(f"tensor '{brief(name)}' has the impossible shape {list(shape)}.")
    if t.Sparsity() is not None:
        raise Unsupported(
            f"{file.name}: tensor '{brief(name)}' is stored sparse.",
            ["Export without the sparsity optimisation."],
        )
    if external(t):
        raise Unsupported(
            f"{file.name}: the values of tensor '{brief(name)}' lie in another file"
            " (an external buffer).",
            ["Export one file that holds its weights."],
        )
    index = t.Buffer()
    if not 0 <= index < len(buffers):
        raise file.fail(f"tensor '{brief(name)}' has buffer {index} of {len(buffers)}.")
    data = _constant(file, name, shape, dtype, buffers[index])
    if data is None and elements > MAX_COMPUTED:
        raise file.fail(f"tensor '{brief(name)}' has the impossible shape {list(shape)}.")
    if data is not None and t.IsVariable():  # TFLM overwrites them before the first inference
        raise file.fail(f"tensor '{brief(name)}' is a variable, and the file holds values of it.")
    return Tensor(name, shape, dtype, _quant(file, t, name, dtype, shape), data)


def _constant(
    file: File, name: str, shape: tuple[int, ...], dtype: str, buffer: Any
) -> Array | None:
    """The tensor's values, or None where its buffer is empty."""
    raw = file.raw(buffer, f"tensor '{brief(name)}'")
    if raw.size == 0:
        return None
    if not _held(dtype):
        raise _refused_type(file, name, dtype)
    size = int(np.prod(shape, dtype=np.int64))
    need = storage(dtype, size)
    if raw.size != need:
        raise file.fail(f"tensor '{brief(name)}' needs {need} bytes and its buffer has {raw.size}.")
    if dtype == "int4":
        return _unpacked(raw, size).reshape(shape)
    values: Array = raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
    values.flags.writeable = False
    return values


def _held(dtype: str) -> bool:
    """Whether a graph may hold tensors of this type."""
    return dtype in ITEMSIZE or dtype == "int4"


def _refused_type(file: File, name: str, dtype: str) -> Unsupported:
    return Unsupported(
        f"{file.name}: tensor '{brief(name)}' holds {dtype} values.",
        ["Export with int8 weights: string and other types are not taken."],
    )


def _unpacked(raw: Array, size: int) -> Array:
    """int8 values (size,) in -8..7 of bytes that hold two each, the first in the low bits."""
    halves = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)[:size].view(np.int8)
    values: Array = (halves ^ 8) - 8
    values.flags.writeable = False
    return values


def _quant(file: File, t: Any, name: str, dtype: str, shape: tuple[int, ...]) -> Quant | None:
    q = t.Quantization()
    if q is not None and q.DetailsType() == BLOCKWISE:
        raise Unsupported(
            f"{file.name}: tensor '{brief(name)}' has a scale a block (BlockwiseQuantization).",
            ["Export with one scale a tensor, or one a channel."],
        )
    if q is None or q.ScaleIsNone() or q.ScaleLength() == 0:
        return None
    if q.ScaleLength() * 4 > len(file.data):
        raise file.fail(f"tensor '{brief(name)}' claims {q.ScaleLength()} scales.")
    scales = tuple(float(s) for s in q.ScaleAsNumpy())
    zeros = file.numbers(q, "ZeroPoint")
    if not zeros:  # TFLM then takes the tensor for one without quantisation
        if dtype in _QUANTIZED:
            raise file.fail(f"tensor '{brief(name)}' has a scale and no zero point.")
        return None
    axis = q.QuantizedDimension()
    if shape == (len(scales),):
        axis = 0  # Old exporters give a bias the axis of the weights.
    if len(zeros) == 1:
        zeros *= len(scales)
    if len(zeros) != len(scales):
        raise file.fail(
            f"tensor '{brief(name)}' has {len(scales)} scales, {len(zeros)} zero points."
        )
    if len(scales) > 1 and (not 0 <= axis < len(shape) or shape[axis] != len(scales)):
        raise file.fail(
            f"tensor '{brief(name)}' of shape {list(shape)} has {len(scales)} scales on axis"
            f" {axis}."
        )
    if not all(np.isfinite(s) and s > 0 for s in scales):
        raise file.fail(f"tensor '{brief(name)}' has a scale that is not a positive number.")
    return Quant(scales, tuple(zeros), axis, _ends(file, q, "Min"), _ends(file, q, "Max"))


def _ends(file: File, q: Any, field: str) -> tuple[float, ...]:
    """The least or the greatest value of each slice, or nothing."""
    if getattr(q, field + "IsNone")() or getattr(q, field + "Length")() * 4 > len(file.data):
        return ()
    return tuple(float(v) for v in getattr(q, field + "AsNumpy")())
