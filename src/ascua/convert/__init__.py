"""The door for networks of every form: a .tflite file as it is, all others as TFLite has them.

Keras files, SavedModels and frozen graphs go through TensorFlow's own converter; ONNX is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ascua import tflite
from ascua.errors import InputError, ModelError
from ascua.files import networks
from ascua.ir import Graph
from ascua.passes import drop_dead
from ascua.pixels import First
from ascua.quantize.first import first

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Ends:
    """Where a network begins and ends, where its file does not say, or says more."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    """Of inputs, with a batch of 1."""
    signature: str | None = None
    """Of a SavedModel with several."""

    @property
    def named(self) -> bool:
        """Whether anything is said."""
        return bool(self.inputs or self.outputs or self.shapes or self.signature)


@dataclass(frozen=True)
class Network:
    """A network, and the file that it is as .tflite."""

    graph: Graph
    content: bytes
    form: str
    """What it was read from, of `networks.ROADS`."""
    layers: First = field(default_factory=First)
    """What its Keras layers do to the input first: TensorFlow puts their factors into weights."""
    moved: Mapping[str, Shape] = field(default_factory=dict)
    """Inputs and outputs whose channels lie last here, and the shapes that ONNX gives them."""

    @property
    def first(self) -> First:
        """What its first layers do to the input; of a sound network."""
        real = all(t.dtype == "float32" for t in self.graph.inputs)
        return self.layers if self.layers.layers or not real else first(drop_dead(self.graph))


def needs_tensorflow(path: Path) -> bool:
    """Whether the network at `path` is converted by TensorFlow, which takes seconds."""
    form = networks.form(path)
    return form in (networks.KERAS, networks.SAVED_MODEL, networks.GRAPH_DEF)


def network(path: Path, ends: Ends | None = None) -> Network:
    """The network at `path`: a file of .tflite, Keras, ONNX or a frozen graph, or a SavedModel.

    Raises InputError, ModelError, Unsupported, and ToolMissing without the extra that it takes.
    """
    ends = ends or Ends()
    form = networks.form(path)
    if isinstance(form, networks.Other):
        raise ModelError(f"{path}: {form.what}.", form.tries)
    if form == networks.TFLITE:
        if ends.named:
            raise _refused(path, ends, "a .tflite file has its ends")
        return Network(tflite.load(path), path.read_bytes(), form)
    if form == networks.ONNX:
        from ascua.convert import onnx

        if ends.signature is not None:
            raise _refused(path, ends, "ONNX has no signatures")
        graph, moved = onnx.read(path, ends.shapes, ends.outputs, ends.inputs)
        return Network(graph, tflite.write(graph), form, moved=moved)
    if form == networks.KERAS:
        from ascua.train.export import float_file

        if ends.outputs or ends.signature:
            raise _refused(path, replace(ends, inputs=(), shapes={}), "a Keras model has its ends")
        content, layers = float_file(path, ends.shapes)
        return Network(tflite.read(content, str(path)), content, form, layers)
    from ascua.convert import tensorflow

    if form == networks.SAVED_MODEL:
        if ends.outputs:
            raise _refused(path, ends, "its signature has its outputs")
        content = tensorflow.saved_model(path, ends.shapes, ends.signature)
    else:
        if ends.signature is not None:
            raise _refused(path, ends, "a frozen graph has no signatures")
        content = tensorflow.frozen_graph(path, ends.inputs, ends.outputs, ends.shapes)
    return Network(tflite.read(content, str(path)), content, form)


def _refused(path: Path, ends: Ends, why: str) -> InputError:
    """What is said where ends are named that the form of the file knows."""
    said = [f"`--{name}`" for name, value in (
        ("input-arrays", ends.inputs), ("output-arrays", ends.outputs),
        ("input-shapes", ends.shapes), ("signature", ends.signature),
    ) if value]  # fmt: skip
    return InputError(f"{path}: {why}.", [f"Leave out {', '.join(said)}."])
