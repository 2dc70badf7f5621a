"""Quantisation-aware training: a network that rounds while it is trained as int8 will later.

What is trained is the float graph that the quantiser would make int8, batch normalisations folded,
with a rounding wherever the int8 graph has a tensor: so the int8 graph has the trained ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ascua import tflite
from ascua.errors import InputError, Unsupported
from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops import Weighted
from ascua.quantize import Options, Range, observe
from ascua.quantize.convert import convert
from ascua.quantize.front import Front
from ascua.quantize.ranges import ranges
from ascua.quantize.rules import Tied, assigned, tied
from ascua.quantize.scores import scores
from ascua.quantize.simplify import simplify
from ascua.train import operators, rounded
from ascua.train.export import export_float
from ascua.zoo import image_of, import_keras, without_rescaling

Found = Literal["found"]


@dataclass(frozen=True, eq=False)
class Aware:
    """What a model for quantisation-aware training is made of; its `aware`."""

    graph: Graph
    """The float network as it was before."""
    plain: Any
    """The Keras model with the same weights that rounds nothing: the trained float network."""
    scores: Any
    """The Keras model that rounds, up to the scores that decide: without a softmax at its end."""
    pinned: Mapping[Tensor, Quant]
    layers: Mapping[Op, Any]
    """The Keras layer of each operator with weights."""
    rounding: Mapping[Tensor, Any]
    """The layer that rounds each activation."""
    front: tuple[Front, Range] | None = None
    """A normalisation before the graph, and the range of what it is given."""


def quantization_aware(
    model: Any, samples: Array | None = None, image: Range | None | Found = "found"
) -> Any:
    """The Keras `model`, trained or being trained, as one that computes in the steps of int8.

    It is a keras.Model of the same inputs and outputs with batch normalisations folded (their
    statistics stay) and without dropout: `compile` and `fit` it for a few epochs at a low learning
    rate, then `export_aware`. The ranges of its activations are trained too. They start as those of
    the `samples` (n, h, w, c), a few hundred inputs, or of the first batch in training. `image` is
    the range of the input: as the first layers say, 0..1 where they say nothing, as Ascua's
    networks have it; None trains it like the others, behind a normalisation that begins the model.
    The weights are a copy: `model` stays as it is.
    Raises Unsupported for a layer that cannot be trained so, by its name.
    """
    if len(model.inputs) != 1:
        raise Unsupported(
            f"{model.name}: quantisation-aware training takes one input, not {len(model.inputs)}.",
            ["Quantise the trained network: `ascua quantize`."],
        )
    scale: Any
    offset: Any
    inner, scale, offset = (model, 1.0, 0.0) if image is None else without_rescaling(model)
    graph = simplify(tflite.read(export_float(inner)))
    pinned = {}
    if image == "found":
        image = Range(*image_of(model))
    if image is not None:
        seen = Range(image.low * scale + offset, image.high * scale + offset)
        pinned = {graph.inputs[0]: rounded.INT8.quant(seen)}
    starts: Mapping[Tensor, Range] = {}
    front = None
    if samples is not None:
        xs = np.asarray(samples, np.float32)[:, None]
        if image is None and (found := Front.of(graph)) is not None:
            front = found, Range.of(xs)
            graph = found.rest(graph)
            scale, offset = found.factor, found.offset
        xs = (xs * scale + offset).astype(np.float32)
        starts = ranges(observe(graph, [xs], histogram=False), Options())
    twin = _Twin(graph, tied(graph, pinned, rounded.INT8), starts, _names(graph, inner))
    given = import_keras().Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
    made, deciding = twin.models(given, scale, offset, model.name)
    made.aware = Aware(graph, twin.plain, deciding, pinned, twin.layers, twin.rounding, front)
    return made


def export_aware(model: Any) -> bytes:
    """The int8 .tflite file of a model that `quantization_aware` made: its weights, its ranges.

    Raises InputError for another model, and Unsupported.
    """
    aware = getattr(model, "aware", None)
    if not isinstance(aware, Aware):
        raise InputError(
            f"{model.name}: it was not made by quantization_aware.",
            ["Train `quantization_aware(model)`, or use `export_int8`."],
        )
    return tflite.write(int8(aware))


def int8(aware: Aware) -> Graph:
    """The int8 graph of a network as it is trained by now."""
    found = {i: layer.range for i, layer in aware.rounding.items()}
    real = _trained(aware)
    small = convert(real, assigned(real, found, aware.pinned, rounded.INT8), rounded.INT8)
    return small if aware.front is None else aware.front[0].before(small, aware.front[1])


def _trained(aware: Aware) -> Graph:
    """The float graph with the weights and biases that its layers have now."""

    def change(op: Op) -> Op:
        if not isinstance(op, Weighted):
            return op
        kernel, bias = aware.layers[op].get_weights()
        return op.with_weights(operators.tflite_order(op, kernel), bias)

    return replace(aware.graph, ops=tuple(change(op) for op in aware.graph.ops))


class _Twin:
    """Builds the Keras models of a graph: one that rounds, and a plain one, of the same layers."""

    def __init__(
        self, graph: Graph, ties: Tied, starts: Mapping[Tensor, Range], names: Mapping[Op, str]
    ) -> None:
        self.graph, self.ties, self.names = graph, ties, names
        self.layers: dict[Op, Any] = {}
        self.rounding: dict[Tensor, Any] = {}
        shared: dict[tuple[Any, ...], Any] = {}
        for op in graph.ops:
            if isinstance(op, Weighted):
                key = (op.w, op.bias, type(op), *op.write().items())
                if key not in shared:
                    shared[key] = self.layer(op)
                self.layers[op] = shared[key]
        self.wrapped = {
            op: rounded.weights()(layer, name=f"{names[op]}_rounded")
            for op, layer in self.layers.items()
        }
        self._rounding(starts)

    def _rounding(self, starts: Mapping[Tensor, Range]) -> None:
        """A layer for each group of tensors that share one quantisation."""
        groups: dict[Tensor, list[Tensor]] = {}
        for t in self.graph.tensors():
            if not t.const and t.dtype == "float32":
                groups.setdefault(self.ties.root(t), []).append(t)
        for i, group in enumerate(groups.values()):
            pin = self.ties.pin(group[0])
            start = None
            if pin is not None:
                ends = (rounded.INT8.low, rounded.INT8.high)
                start = Range(*((q - pin.zero_point) * pin.scale for q in ends))
            elif starts:
                lows, highs = zip(*(starts[t] for t in group), strict=True)
                start = Range(min(lows), max(highs))
                if start.high - start.low < rounded.NARROWEST:
                    start = Range(0.0, 1.0)
            layer = rounded.activations()(start, trained=pin is None, name=f"range_{i}")
            self.rounding |= dict.fromkeys(group, layer)

    def models(self, given: Any, scale: Any, offset: Any, name: str) -> tuple[Any, Any]:
        """The model of inputs `given` that rounds, and the same up to the scores that decide."""
        keras, graph = import_keras(), self.graph
        x = given
        if np.any(scale != 1.0) or np.any(offset != 0.0):
            told = [v.tolist() if isinstance(v, np.ndarray) else v for v in (scale, offset)]
            x = keras.layers.Rescaling(*told, name="rescale")(given)
        plain = self.walk(x, rounding=False)
        made = self.walk(x, rounding=True)
        self.plain = keras.Model(given, _one_or_all([plain[t] for t in graph.outputs]), name=name)
        deciding = keras.Model(given, made[scores(graph)[0]], name=name)
        return keras.Model(
            given, _one_or_all([made[t] for t in graph.outputs]), name=name
        ), deciding

    def walk(self, x: Any, *, rounding: bool) -> dict[Tensor, Any]:
        """The Keras tensor of each activation; the input's is `x`."""
        live = {self.graph.inputs[0]: x}
        if rounding:
            live[self.graph.inputs[0]] = self.rounded(self.graph.inputs[0], x)
        for op in self.graph.ops:
            xs = []
            for i, t in enumerate(op.inputs):
                if t is not None and not t.const:
                    copied = rounding and (op, i) in self.ties.copied
                    xs.append(self.rounded(op.y, live[t]) if copied else live[t])
            weighted = (self.wrapped if rounding else self.layers).get(op)
            for t, y in zip(op.outputs, self.computed(op, xs, weighted), strict=True):
                live[t] = self.rounded(t, y) if rounding and not op.any_type else y
        return live

    def rounded(self, t: Tensor, x: Any) -> Any:
        """The Keras tensor `x` in the steps of `t`."""
        layer = self.rounding[t]
        if layer.left is not None:
            layer.left.assign_add(1.0)
        return layer(x)

    def layer(self, op: Weighted) -> Any:
        """The Keras layer with the weights of `op`. Raises Unsupported, by the layer's name."""
        with self.named(op):
            return operators.layer(op, f"{self.names[op]}_folded")

    def computed(self, op: Op, xs: Sequence[Any], weighted: Any) -> list[Any]:
        """What `op` makes of `xs`. Raises Unsupported, by the layer's name."""
        with self.named(op):
            return operators.computed(op, xs, weighted)

    @contextmanager
    def named(self, op: Op) -> Iterator[None]:
        """Says which layer it is that Keras cannot compute."""
        try:
            yield
        except (NotImplementedError, ValueError, TypeError) as e:
            raise Unsupported(
                f"{op.tflite} of layer '{self.names[op]}': quantisation-aware training does "
                f"not know it in this form{f': {e}' if str(e) else ''}.",
                ['Quantise the trained network: `ascua quantize`, or `method = "ascua"`.'],
            ) from e


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _names(graph: Graph, model: Any) -> dict[Op, str]:
    """The name of the layer of `model` that each operator comes from."""
    known = {layer.name for layer in model.layers}
    found: dict[Op, str] = {}
    for i, op in enumerate(graph.ops, 1):
        constants = [t for t in op.inputs if t is not None and t.const]
        texts = (t.name for t in (*constants, *op.outputs))
        # TensorFlow numbers the calls of a layer: name, name_1, ...
        words = (word for text in texts for word in re.split("[/;:]", text))
        parts = (part for word in words for part in (word, re.sub(r"_\d+$", "", word)))
        name = next((part for part in parts if part in known), f"{op.kind}_{i}")
        found[op] = f"{name}_{i}" if name in found.values() else name
    return found
