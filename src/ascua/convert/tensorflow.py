"""SavedModels and frozen graphs, by TensorFlow's own converter, with a batch of 1."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ascua.errors import InputError, ModelError, Unsupported, brief, did_you_mean, first_line
from ascua.train.export import converted, frozen, refuse_unknown, whole_shape
from ascua.zoo import import_tensorflow, quiet
from ascua.zoo.files import load_keras

log = logging.getLogger(__name__)

Shape = tuple[int, ...]
DEFAULT = "serving_default"
TRAINING = re.compile(r"Assign.*|.*Apply[A-Z]\w+|Save(V2|Slices)?|Restore(V2)?|.*Summary")
"""Operators of graphs that still learn, or save themselves."""
VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "ReadVariableOp")
SILENT = ("NoOp", "Assert", "Const", "Placeholder")
"""Operators that are no output, although nothing reads them."""


def saved_model(path: Path, shapes: Mapping[str, Shape], signature: str | None) -> bytes:
    """The float .tflite file of a signature of the SavedModel in the folder `path`.

    Raises InputError where it cannot be loaded, has several signatures and none is named, or leaves
    shapes open, Unsupported as `converted`.
    """
    tf = import_tensorflow()
    loaded, function = _function(tf, path, signature)
    given = function.structured_input_signature[1]
    refuse_unknown(str(path), shapes, given)
    specs = {
        name: tf.TensorSpec(
            whole_shape(str(path), name, _dims(spec.shape), shapes), spec.dtype, name
        )
        for name, spec in given.items()
    }
    with quiet():
        call = tf.function(lambda **x: function(**x)).get_concrete_function(**specs)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call], loaded)
    return converted(converter, str(path))


def _function(tf: Any, path: Path, signature: str | None) -> tuple[Any, Any]:
    """What a SavedModel holds, and the function of one of its signatures."""
    log.warning("Loading a program of TensorFlow: %s", path.resolve() / "saved_model.pb")
    try:
        with quiet():
            loaded = tf.saved_model.load(str(path))
    except Exception as e:  # TensorFlow has many
        raise InputError(f"{path}: TensorFlow cannot load it: {first_line(e)}") from e
    served = loaded.signatures
    return loaded, served[_signature(path, sorted(served), signature)]


def _signature(path: Path, names: Sequence[str], wanted: str | None) -> str:
    """The one that is wanted, the usual one, or the only one."""
    if wanted is not None and wanted not in names:
        raise InputError(f"{path}: it has no signature {wanted!r}.", did_you_mean(wanted, names))
    if wanted is not None or DEFAULT in names or len(names) == 1:
        return wanted or (DEFAULT if DEFAULT in names else names[0])
    if not names:
        raise InputError(
            f"{path}: a SavedModel without a signature.",
            ["Write it with Keras' `model.export(folder)`."],
        )
    raise InputError(
        f"{path}: it has {len(names)} signatures: {', '.join(names)}.",
        [f"Name one: `--signature {names[0]}`."],
    )


def frozen_graph(
    path: Path, inputs: Sequence[str], outputs: Sequence[str], shapes: Mapping[str, Shape]
) -> bytes:
    """The float .tflite file of the frozen GraphDef in the file `path`.

    Ends and shapes that are not named are those of the graph. Raises as `converter_of`.
    """
    return converted(converter_of(graph_def(path), path, inputs, outputs, shapes), str(path))


def graph_def(path: Path) -> Any:
    """The GraphDef in the file at `path`. Raises ModelError where it is damaged."""
    graph = import_tensorflow().compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except Exception as e:  # of protobuf
        raise ModelError(f"{path}: a damaged GraphDef.", ["Bring the file again."]) from e
    return graph


def converter_of(
    graph: Any, path: Path, inputs: Sequence[str], outputs: Sequence[str],
    shapes: Mapping[str, Shape],
) -> Any:  # fmt: skip
    """TensorFlow's converter of a frozen GraphDef, of the file `path`.

    It takes control dependencies out of `graph`. Raises ModelError where TensorFlow cannot read it,
    InputError where its ends are not those named, or leave shapes open, Unsupported where it still
    learns.
    """
    tf = import_tensorflow()
    silent = _decided(path, graph)
    nodes = {node.name: node for node in graph.node}
    inputs = [_name(i) for i in inputs] or [n.name for n in _placeholders(graph)]
    outputs = [_name(o) for o in outputs] or list(_ends(graph, silent))
    for name in (*inputs, *outputs):
        if name not in nodes:
            near = difflib.get_close_matches(name, nodes, n=5)
            ends = ", ".join([*(n.name for n in _placeholders(graph)), *_ends(graph, silent)][:8])
            raise InputError(
                f"{path}: it has no node {brief(name)!r}.",
                [*(f"Did you mean {n!r}?" for n in near[:1]), f"It begins and ends with: {ends}."],
            )
    if not inputs or not outputs:
        what = "input" if not inputs else "output"
        raise InputError(
            f"{path}: its {what}s are not found.", [f"Name them: `--{what}-arrays A,B`."]
        )
    _refuse_training(path, graph)
    refuse_unknown(str(path), shapes, inputs)
    v1 = tf.compat.v1
    try:
        with quiet(), tf.Graph().as_default() as space:
            v1.import_graph_def(graph, name="")
            ins, outs = (
                [space.get_tensor_by_name(f"{n}:0") for n in found] for found in (inputs, outputs)
            )
    except Exception as e:  # TensorFlow has many
        raise ModelError(
            f"{path}: TensorFlow cannot read it: {first_line(e)}",
            ["Freeze the graph again, with the version of TensorFlow that wrote it."],
        ) from e
    for name, tensor in zip(inputs, ins, strict=True):
        tensor.set_shape(whole_shape(str(path), name, _dims(tensor.shape), shapes))
    with quiet():
        return v1.lite.TFLiteConverter(space.as_graph_def(), ins, outs)


def _decided(path: Path, graph: Any) -> set[str]:
    """Drop control dependencies, and decide phases of a training; answers what is no output.

    That are nodes that others waited for, and the phases.
    """
    watching: set[str] = set()
    phases: set[str] = set()
    for node in graph.node:
        if node.op == "PlaceholderWithDefault":
            phases.add(node.name)
            node.op = "Identity"
            del node.attr["shape"]
            node.attr["T"].CopyFrom(node.attr["dtype"])
            del node.attr["dtype"]
        watching |= {_name(i) for i in node.input if i.startswith("^")}
        node.input[:] = [i for i in node.input if not i.startswith("^")]
    read = {_name(i) for node in graph.node for i in node.input}
    kinds = {node.name: node.op for node in graph.node}
    if only := {w for w in watching - read if kinds.get(w) not in SILENT}:
        log.warning("%s: nodes that others only wait for are dropped: %s.", path, _few(only))
    return watching | phases


def _few(names: Iterable[str]) -> str:
    """Some names, for a message."""
    listed = sorted(names)
    return ", ".join(map(brief, listed[:3])) + (f" and {len(listed) - 3} more" * (len(listed) > 3))


def _placeholders(graph: Any) -> Iterator[Any]:
    """The nodes that are given."""
    return (n for n in graph.node if n.op == "Placeholder")


def _ends(graph: Any, silent: Iterable[str]) -> Iterator[str]:
    """The nodes that compute something nobody reads, but the `silent` ones."""
    read = {*silent, *(_name(i) for node in graph.node for i in node.input)}
    return (
        n.name for n in graph.node
        if n.name not in read and n.op not in SILENT and not TRAINING.fullmatch(n.op)
    )  # fmt: skip


def _refuse_training(path: Path, graph: Any) -> None:
    """Raise Unsupported where the graph has variables, or changes them."""
    found = [n for n in graph.node if n.op in VARIABLES or TRAINING.fullmatch(n.op)]
    if found:
        kinds = ", ".join(sorted({n.op for n in found})[:4])
        raise Unsupported(
            f"{path}: a graph that is not frozen: {kinds} ('{brief(found[0].name)}').",
            ["Freeze it: `tf.compat.v1.graph_util.convert_variables_to_constants`, or give the"
             " SavedModel's folder."],
        )  # fmt: skip


def of_saved_model(path: Path, signature: str | None) -> Any:
    """The frozen GraphDef of a signature of the SavedModel in `path`. Raises as `saved_model`."""
    tf = import_tensorflow()
    kept, function = _function(tf, path, signature)  # its variables live as long as it does
    graph = _frozen(function)
    del kept
    return graph


def of_keras(path: Path) -> Any:
    """The frozen GraphDef of a Keras file's model, its batch 1. Raises as `load_keras`."""
    tf = import_tensorflow()
    model = load_keras(path)
    specs = [tf.TensorSpec((1, *x.shape[1:]), x.dtype, x.name) for x in model.inputs]
    with quiet():
        call = tf.function(lambda *xs: model(list(xs) if len(xs) > 1 else xs[0], training=False))
        return _frozen(call.get_concrete_function(*specs))


def _frozen(function: Any) -> Any:
    """The GraphDef of a concrete function, its variables as constants."""
    return frozen(function).graph.as_graph_def()


def _name(tensor: str) -> str:
    """The node of `node:0`."""
    return tensor.lstrip("^").partition(":")[0]


def _dims(shape: Any) -> list[int | None] | None:
    """A shape of TensorFlow's; None where not even its rank is known."""
    return None if shape.rank is None else list(shape.as_list())
