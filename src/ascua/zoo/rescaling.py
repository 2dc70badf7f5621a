"""Layers in front of a network that only shift and scale its images, and what they tell.

They say what pixels 0 and 255 are for the network; and int8 need not pay for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ascua.pixels import USUAL, First, Image
from ascua.zoo.tensorflow import import_keras

ABSENT = ("Random", "Dropout", "SpatialDropout", "Gaussian", "Identity", "Cast")
"""How the names of layers begin that do nothing in inference."""
IDLE = (*ABSENT, "Resizing", "CenterCrop", "Cropping2D", "ZeroPadding2D", "Reshape")
"""And of those that leave values and channels as they are."""


def image(model: Any) -> Image:
    """What pixels 0 and 255 are for the Keras `model`, by its first layers; else 0 and 1."""
    return first(model).image() or USUAL[0]


def first(model: Any) -> First:
    """What the first layers of the Keras `model` do to its first input."""
    whole = _graph(model)
    return First() if whole is None else _walk(whole, whole.inputs[0], First())[0]


def is_clear(model: Any) -> bool:
    """Whether what comes behind those first layers has weights: it is no code of the user's own."""
    whole = _graph(model)
    if whole is None:
        return False
    _, readers = _walk(whole, whole.inputs[0], First())
    own = import_keras().layers
    return all(r.weights and type(r) is getattr(own, type(r).__name__, None) for r in readers)


def _walk(model: Any, x: Any, found: First) -> tuple[First, tuple[Any, ...]]:
    """`found` and what comes behind `x`; and the layers that end it, before the output of `model`.

    Without any it goes on behind `model`.
    """
    while not any(x is y for y in model.outputs):
        users = readers(model, x)
        if len(users) != 1:
            return found, tuple(layer for layer, _ in users)
        layer, node = users[0]
        if _is_model(layer):
            inner = _graph(layer)
            found, ends = _walk(inner, inner.inputs[0], found)
            if ends:
                return found, ends
        elif (step := _affine(layer, node)) is not None:
            found = found.then(*step, layer.name)
        elif not type(layer).__name__.startswith(IDLE):
            return found, (layer,)
        x = node.output_tensors[0]
    return found, ()


def _graph(model: Any) -> Any:
    """What knows the layers and calls of `model`: of a Sequential one, the model that it is.

    None where nothing does: a subclass of keras.Model has code.
    """
    return model if hasattr(model, "operations") else getattr(model, "_functional", None)


def _is_model(layer: Any) -> bool:
    """Whether `layer` is a model of layers, with one input and one output."""
    graph = _graph(layer)
    return graph is not None and len(graph.inputs) == len(graph.outputs) == 1


def readers(model: Any, x: Any) -> list[tuple[Any, Any]]:
    """The layers of `model` that read the tensor `x`, with the call that does.

    A Sequential model calls its layers anew with each one added: those calls are none of its own.
    """
    every = [n for nodes in model._nodes_by_depth.values() for n in nodes]
    nodes = [n for n in every if any(x is given for given in n.input_tensors)]
    return [(n.operation, n) for n in nodes]


def _affine(layer: Any, node: Any) -> tuple[Any, Any] | None:
    """The factor and the offset of `layer`, one for all or one a channel; None of another one."""
    keras, kind = import_keras(), type(layer).__name__
    channels = node.output_tensors[0].shape[-1]
    if type(layer) is keras.layers.Rescaling:
        step = (np.asarray(layer.scale), np.asarray(layer.offset))
    elif type(layer) is keras.layers.Normalization and not layer.invert:
        deviation = np.maximum(np.sqrt(np.asarray(layer.variance)), 1e-7)
        step = (1 / deviation, -np.asarray(layer.mean) / deviation)
    elif kind in ("Multiply", "Add", "Subtract", "TrueDivide", "Divide"):
        args = node.arguments.args
        if len(args) != 2 or not hasattr(args[0], "_keras_history") or hasattr(
            args[1], "_keras_history"
        ):  # fmt: skip
            return None
        c = np.asarray(args[1], np.float64)
        one, none = np.ones_like(c), np.zeros_like(c)
        step = {"Multiply": (c, none), "Add": (one, c), "Subtract": (one, -c)}.get(
            kind, (1 / np.where(c == 0, 1, c), none)
        )
    else:
        return None
    if any(v.size not in (1, channels) for v in step):  # one a pixel: about the same as
        return step[0].mean(), step[1].mean()
    return step


def leading(model: Any) -> tuple[Any, ...]:
    """The Rescaling layers between the input of `model` and anything else, in order.

    Each has one scale and one offset, so that an int8 image has the same bytes before and after.
    """
    found: list[Any] = []
    x = model.inputs[0]
    while True:
        users = readers(model, x)
        if len(users) != 1 or type(users[0][0]) is not import_keras().layers.Rescaling:
            return tuple(found)
        layer, node = users[0]
        if not all(isinstance(v, int | float) for v in (layer.scale, layer.offset)):
            return tuple(found)
        found.append(layer)
        x = node.output_tensors[0]


def without(model: Any) -> tuple[Any, float, float]:
    """`model` without the layers in front that only scale and shift, and what they do together.

    Where there are none, `model` itself, 1 and 0. Where its first layers want other images than
    0..1 and cannot be left out, a model of images in 0..1, so that no weight is of another size.
    """
    if _graph(model) is None:
        return model, 1.0, 0.0
    keras, whole = import_keras(), _unwrapped(model)
    x, scale, offset = _behind(whole, whole.inputs[0], 1.0, 0.0)
    if x is not whole.inputs[0]:
        answer = whole.outputs[0] if len(whole.outputs) == 1 else whole.outputs
        return keras.Model(x, answer, name=model.name), scale, offset
    if (wanted := image(model)) != USUAL[0]:
        low, high = wanted
        return taking_unit(model, wanted), 1 / (high - low), -low / (high - low)
    return model, 1.0, 0.0


def _unwrapped(model: Any) -> Any:
    """The model that is the only layer of `model`, where that is so; at any depth."""
    model = _graph(model)
    while len(users := readers(model, model.inputs[0])) == 1:
        layer, node = users[0]
        ends = [id(y) for y in node.output_tensors]
        if not _is_model(layer) or [id(y) for y in model.outputs] != ends:
            break
        model = _graph(layer)
    return model


def _behind(model: Any, x: Any, scale: float, offset: float) -> tuple[Any, float, float]:
    """The last tensor of `model` up to which `x` is only scaled and shifted, all channels alike."""
    while not any(x is y for y in model.outputs) and len(users := readers(model, x)) == 1:
        layer, node = users[0]
        if _is_model(layer):
            inner = _graph(layer)
            end, *step = _behind(inner, inner.inputs[0], scale, offset)
            if end is not inner.outputs[0]:
                break
            scale, offset = step
        elif (found := _affine(layer, node)) is not None:
            if any(np.size(v) != 1 for v in found) or np.min(found[0]) <= 0:
                break
            scale *= float(np.ravel(found[0])[0])
            offset = offset * float(np.ravel(found[0])[0]) + float(np.ravel(found[1])[0])
        elif not type(layer).__name__.startswith(ABSENT):
            break
        x = node.output_tensors[0]
    return x, scale, offset


def taking_unit(model: Any, wanted: Image) -> Any:
    """A model of images in 0..1, which gives them to `model` as it wants them."""
    keras, (low, high) = import_keras(), wanted
    x = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
    scaled = keras.layers.Rescaling(high - low, offset=low, name="as_trained")(x)
    return keras.Model(x, model(scaled), name=model.name)
