"""Builds a network anew without the channels that are taken away."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError
from ascua.pruning.layers import Masks, rule
from ascua.pruning.network import Call, replayed
from ascua.pruning.tracing import Traced, kept
from ascua.zoo import import_keras

Mask = NDArray[np.bool_]
"""(units,): which stay."""


def masks_of(traced: Traced, name: str, mask: Mask) -> dict[str, Mask]:
    """Which channels stay along the axes of a layer's weights."""
    return {axis: kept(mask, units) for axis, units in traced.layers.get(name, {}).items()}


def without(traced: Traced, mask: Mask) -> Any:
    """A new Keras model of the network with the units of `mask` alone, and its weights.

    Layers have their names, those of models inside models with the models' names before them. A
    layer that is left alone and that its class does not make again is the same object in both.
    Raises InputError where a layer is left without channels, or does not build.
    """
    keras = import_keras()
    _check(traced, mask)
    layers = {name: _copy(traced, calls[0], mask) for name, calls in traced.network.layers.items()}
    names = Counter(layer.name for layer in layers.values())
    if twice := [name for name, n in names.items() if n > 1]:
        raise InputError(
            f"{', '.join(twice)}: the name of several layers, which their classes do not make again"
            " under another.",
            ["Give each layer a name of its own, or its class a `get_config`."],
        )
    model = _sequential(traced, layers) or _functional(traced, layers)
    for name, calls in traced.network.layers.items():
        if layers[name] is not calls[0].layer:
            _fill(calls[0], layers[name], masks_of(traced, name, mask))
    assert isinstance(model, keras.Model)
    return model


def _check(traced: Traced, mask: Mask) -> None:
    """Raise InputError for a layer without channels."""
    for name in traced.layers:
        if any(m.size and not m.any() for m in masks_of(traced, name, mask).values()):
            raise InputError(f"{name}: all of its channels go.", ["Keep one channel at least."])


def _copy(traced: Traced, call: Call, mask: Mask) -> Any:
    """The layer of a call with as many channels as stay; its weights are not there yet.

    One that is left alone is the same object where its class does not make it again.
    """
    keras, known, layer = import_keras(), rule(call), call.layer
    if known is None or not isinstance(layer, keras.layers.Layer):
        return _again(layer, call.name)
    config = layer.get_config()
    given = {key: getattr(layer, key, None) for key in config}  # a user's function is no text
    config |= {
        key: value for key, value in given.items()
        if callable(value) and not isinstance(value, keras.layers.Layer)
    } | known.config(layer, masks_of(traced, call.name, mask))  # fmt: skip
    return type(layer).from_config({**config, "name": call.name})


def _again(layer: Any, name: str) -> Any:
    """A new layer of the same configuration and the same weights' shapes, or else `layer`."""
    try:
        new = type(layer).from_config({**layer.get_config(), "name": name})
        if hasattr(layer, "get_build_config"):
            new.build_from_config(layer.get_build_config())
    except Exception:  # a user's class may raise anything
        return layer
    shapes = ([v.shape for v in getattr(la, "variables", ())] for la in (layer, new))
    return new if next(shapes) == next(shapes) else layer


def _sequential(traced: Traced, layers: dict[str, Any]) -> Any:
    """A sequential model, where that is what there was, of plain layers."""
    keras, network = import_keras(), traced.network
    if not isinstance(network.model, keras.Sequential):
        return None
    if [id(c.layer) for c in network.calls] != [id(layer) for layer in network.model.layers]:
        return None
    return keras.Sequential([*_inputs(traced), *layers.values()], name=network.model.name)


def _functional(traced: Traced, layers: dict[str, Any]) -> Any:
    keras, network = import_keras(), traced.network

    def call(c: Call, args: Any, kwargs: Any) -> Any:
        try:
            return layers[c.name](*args, **kwargs)
        except Exception as e:
            why = (str(e).splitlines() or [type(e).__name__])[0]
            raise InputError(f"{c.name} ({c.kind}) does not take fewer channels: {why}") from e

    inputs = _inputs(traced)
    tensors = replayed(network, call, dict(zip(network.inputs, inputs, strict=True)))
    outputs = [tensors[v] for v in network.outputs]
    model = network.model
    graph = getattr(model, "_functional", None) or model
    ends = _packed(graph._inputs_struct, inputs), _packed(graph._outputs_struct, outputs)
    return keras.Model(*ends, name=model.name)


def _packed(structure: Any, tensors: list[Any]) -> Any:
    """The tensors as the model takes or gives them: a list of one is the one."""
    if isinstance(structure, list) and len(structure) == 1:
        return tensors[0]
    return import_keras().tree.pack_sequence_as(structure, tensors)


def _inputs(traced: Traced) -> list[Any]:
    keras, model = import_keras(), traced.network.model
    graph = getattr(model, "_functional", None) or model
    return [
        keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x._keras_history.operation.name)
        for x in graph.inputs
    ]


def _fill(call: Call, layer: Any, masks: Masks) -> None:
    """Give the new `layer` the weights of the old one that stay."""
    known = rule(call)
    axes = {
        id(getattr(call.layer, attribute, None)): axes
        for attribute, axes in (known.weights if known else {}).items()
    }
    olds, news = (getattr(la, "variables", ()) for la in (call.layer, layer))
    for old, new in zip(olds, news, strict=True):
        new.assign(_cut(np.asarray(old), axes.get(id(old), {}), masks))


def _cut(values: Any, axes: Any, masks: Masks) -> Any:
    """`values` without what goes along each of the axes; an axis of one value is there for all."""
    for axis, name in axes.items():
        mask = masks.get(name)
        if mask is not None and values.shape[axis] == mask.size:
            values = np.compress(mask, values, axis=axis)
    return values
