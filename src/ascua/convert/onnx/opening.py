"""Opens ONNX files: what they hold as plain values, with every weight in float32 or an integer."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ascua import files
from ascua.convert.onnx.builder import Node
from ascua.errors import InputError, ModelError, ToolMissing, Unsupported, brief
from ascua.ir import Array

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""A larger file is no network for a microcontroller."""
OPSETS = range(11, 25)
"""In which the nodes that are taken mean the same, as far as they are; others are converted."""
MOST_ELEMENTS = 1 << 28
"""Of an input: a larger one is no microcontroller's."""
PIP_ONNX = "pip install '.[onnx]'"

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Opened:
    """An ONNX file."""

    name: str
    inputs: Mapping[str, tuple[Shape, str]]
    """The shape and the type of each."""
    outputs: tuple[str, ...]
    constants: Mapping[str, Array]
    nodes: tuple[Node, ...]
    raw: tuple[Any, ...]
    """The same nodes, as the package `onnx` has them."""


def import_onnx() -> Any:
    """The package `onnx`. Raises ToolMissing without it."""
    try:
        import onnx
        import onnx.reference
    except ImportError as e:
        raise ToolMissing(
            f"Reading ONNX needs the package onnx: {e}.", [f"In Ascua's folder: `{PIP_ONNX}`."]
        ) from e
    return onnx


def opened(path: Path, shapes: Mapping[str, Shape]) -> Opened:
    """What the file at `path` holds; `shapes` are those of inputs that leave theirs open.

    Raises InputError where it cannot be read, ModelError where it is damaged, Unsupported.
    """
    onnx = import_onnx()
    try:
        files.check_regular(path, MOST_BYTES)
        model = onnx.load(str(path), load_external_data=False)
        _external(onnx, path, model)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}.") from e
    except (InputError, ModelError):
        raise
    except Exception as e:  # protobuf has errors of its own
        first = next(iter(str(e).splitlines()), "") or type(e).__name__
        raise ModelError(
            f"{path}: not a sound ONNX file: {first[:200]}", ["Export it again."]
        ) from e
    if (opset := _opset(model)) not in OPSETS:
        model = _of_known_opset(onnx, path, model)
        opset = _opset(model)
    graph = model.graph
    if graph.sparse_initializer:
        raise Unsupported(f"{path}: its weights are sparse.", ["Export it with dense weights."])
    constants = dict(_constants(onnx, path, graph.initializer))
    given = {text(i.name): i for i in graph.input if text(i.name) not in constants}
    if unknown := set(shapes) - set(given):
        names = ", ".join(given)
        raise InputError(f"{path}: it has no input {min(unknown)!r}.", [f"It has: {names}."])
    inputs = {name: _input(onnx, path, name, i, shapes) for name, i in given.items()}
    for name, (shape, _) in inputs.items():
        if prod(shape) > MOST_ELEMENTS:
            raise Unsupported(
                f"{path}: its input '{brief(name)}' has {prod(shape):,} elements.",
                ["Take a network for microcontrollers: their inputs have thousands."],
            )
    outputs = tuple(text(o.name) for o in graph.output)
    read = {*outputs, *(text(name) for n in graph.node for name in n.input)}
    nodes = tuple(_node(onnx, path, n, opset, read) for n in graph.node)
    return Opened(
        text(graph.name) or path.stem, inputs, outputs, constants, nodes, tuple(graph.node)
    )


def _opset(model: Any) -> int:
    """The version of the operators; 0 where it is not told."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def _of_known_opset(onnx: Any, path: Path, model: Any) -> Any:
    """The same model with operators of OPSETS, by ONNX's own converter. Raises Unsupported."""
    import onnx.version_converter

    opset = _opset(model)
    wanted = OPSETS[0] if opset < OPSETS[0] else OPSETS[-1]
    try:
        return onnx.version_converter.convert_version(model, wanted)
    except Exception as e:  # the converter's errors have no class of their own
        first = next(iter(str(e).splitlines()), "")
        raise Unsupported(
            f"{path}: its operators are of opset {opset}, and cannot be converted to {wanted}:"
            f" {first[:200]}",
            [f"Export it with an `opset_version` of {OPSETS[0]} to {OPSETS[-1]}."],
        ) from e


def _external(onnx: Any, path: Path, model: Any) -> None:
    """Bring what lies in files beside the model. Raises InputError where one is missing."""
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            beside = ExternalDataInfo(tensor).location
            if not (path.parent / beside).is_file():
                raise InputError(
                    f"{path}: its weights lie in {beside!r}, which is not beside it.",
                    [f"Put {beside} into {path.parent}, under that name.",
                     "Export it in one file: `torch.onnx.export(…, external_data=False)`."],
                )  # fmt: skip
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as e:
        raise ModelError(f"{path}: its external data cannot be read: {e}") from e


def _constants(onnx: Any, path: Path, tensors: Sequence[Any]) -> Iterator[tuple[str, Array]]:
    """Initializers by name; those of 16 or 64 bits as float32."""
    narrow = 0
    for tensor in tensors:
        try:
            array = onnx.numpy_helper.to_array(tensor)
        except Exception as e:  # of several kinds, by what is wrong
            raise ModelError(
                f"{path}: its weights '{brief(text(tensor.name))}' are damaged: {e}",
                ["Export it again."],
            ) from e
        narrow += array.dtype.name in ("float16", "bfloat16")
        yield text(tensor.name), as_float32(array)
    if narrow:
        log.warning("%s: %d weights of 16 bits became float32.", path, narrow)


def as_float32(array: Array) -> Array:
    """Floats of any precision in single precision; other arrays as they are."""
    floats = array.dtype.kind == "f" or array.dtype.name in ("bfloat16", "float16")
    return array.astype(np.float32) if floats else array


def _input(
    onnx: Any, path: Path, name: str, i: Any, shapes: Mapping[str, Shape]
) -> tuple[Shape, str]:
    """The shape and the type of an input; an open first dimension is a batch of 1."""
    kind = i.type.tensor_type
    if not i.type.HasField("tensor_type") or not kind.HasField("shape"):
        if name not in shapes:
            raise _open(path, name, "its shape is not stated", ())
        return shapes[name], "float32"
    dims = [d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim]
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    except KeyError as e:
        raise ModelError(
            f"{path}: its input '{brief(name)}' is of no known type.", ["Export it again."]
        ) from e
    if dtype in ("float16", "float64", "bfloat16"):
        log.warning("%s: its input '%s' of %s became float32.", path, brief(name), dtype)
        dtype = "float32"
    if name in shapes:
        wanted = shapes[name]
        if len(wanted) != len(dims) or any(d and d != w for d, w in zip(dims, wanted, strict=True)):
            raise InputError(
                f"{path}: its input '{name}' is {_said(kind)}, not {list(wanted)}.",
                ["`--input-shapes` fills in what is open."],
            )
        return wanted, dtype
    if dims and dims[0] <= 0:
        dims[0] = 1
    if min(dims, default=1) <= 0:
        raise _open(path, name, f"its shape is {_said(kind)}", dims)
    return tuple(dims), dtype


def _said(kind: Any) -> str:
    """A shape as the file states it."""
    dims = [
        str(d.dim_value) if d.HasField("dim_value") else d.dim_param or "?" for d in kind.shape.dim
    ]
    return f"[{', '.join(dims)}]"


def _open(path: Path, name: str, what: str, dims: Sequence[int]) -> InputError:
    sizes = [1, *([d if d > 0 else 32 for d in dims[1:]] or [3, 32, 32])]
    return InputError(
        f"{path}: input '{brief(name)}': {what}; firmware has fixed shapes.",
        [f"Say it, and others that are open: `ascua convert {path} --input-arrays {name}"
         f" --input-shapes {','.join(map(str, sizes))} -o net.tflite`; of two `A,B` and `1,8:1,4`.",
         "Export the model without `dynamic_axes` or `dynamic_shapes`."],
    )  # fmt: skip


def _node(onnx: Any, path: Path, n: Any, opset: int, read: Container[str]) -> Node:
    """A node as plain values; what it makes beside its first output is nameless unless `read`."""
    if not n.output:
        raise ModelError(
            f"{path}: {text(n.op_type)} '{brief(text(n.name))}' makes nothing.",
            ["Export it again."],
        )
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}
    op, domain = text(n.op_type), text(n.domain)
    op = op if domain in ("", "ai.onnx") else f"{domain}.{op}"
    made = [text(name) for name in n.output]
    made[1:] = [name if name in read else "" for name in made[1:]]
    inputs = tuple(map(text, n.input))
    return Node(op, text(n.name), inputs, tuple(made), attributes, opset, str(path))


def text(found: str | bytes) -> str:
    """A string of a file, which in a damaged one may be none."""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found


def computed(onnx: Any, raw: Any, opset: int, known: Sequence[Array]) -> list[Array]:
    """What a node makes of constants, by the reference of the package `onnx`."""
    names = [name for name in raw.input if name]
    named = dict(zip(names, known, strict=False))
    ends = [onnx.helper.make_value_info(n, onnx.TypeProto()) for n in named]
    outs = [onnx.helper.make_value_info(n, onnx.TypeProto()) for n in raw.output if n]
    graph = onnx.helper.make_graph([raw], "constant", ends, outs)
    imports = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=imports)
    session = onnx.reference.ReferenceEvaluator(model)
    return [as_float32(np.asarray(y)) for y in session.run(None, named)]
