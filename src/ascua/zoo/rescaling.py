"""Layers in front of a network that only shift and scale its images: int8 need not pay for them."""

from __future__ import annotations

from typing import Any

from ascua.zoo.tensorflow import import_keras


def leading(model: Any) -> tuple[Any, ...]:
    """The Rescaling layers between the input of `model` and anything else, in order.

    Each has one scale and one offset, so that an int8 image has the same bytes before and after.
    """
    found: list[Any] = []
    x = model.inputs[0]
    while True:
        users = [
            (op, node)
            for op in model.operations
            for node in op._inbound_nodes
            if any(x is given for given in node.input_tensors)
        ]
        if len(users) != 1 or type(users[0][0]) is not import_keras().layers.Rescaling:
            return tuple(found)
        layer, node = users[0]
        if not all(isinstance(v, int | float) for v in (layer.scale, layer.offset)):
            return tuple(found)
        found.append(layer)
        x = node.output_tensors[0]


def without(model: Any) -> tuple[Any, float, float]:
    """`model` behind its leading Rescalings, and the scale and offset that they have together.

    Where there are none, `model` itself, 1 and 0.
    """
    keras, scale, offset = import_keras(), 1.0, 0.0
    layers = leading(model)
    for layer in layers:
        scale, offset = scale * layer.scale, offset * layer.scale + layer.offset
    if layers and scale > 0:
        answer = model.outputs[0] if len(model.outputs) == 1 else model.outputs
        return keras.Model(layers[-1].output, answer, name=model.name), scale, offset
    return model, 1.0, 0.0
