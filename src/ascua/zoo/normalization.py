"""A normalisation in front of a network: Keras' own layer, adapted to the training samples."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ascua.zoo.rescaling import readers
from ascua.zoo.tensorflow import import_keras

log = logging.getLogger(__name__)

CHUNK = 1024
"""Samples that are looked at at once."""


def normalized(model: Any) -> Any:
    """`model` behind a Normalization of each channel, unless one leads it; its layers are shared.

    `adapt` gives it statistics; until then it changes nothing.
    """
    if leading(model) is not None:
        return model
    keras = import_keras()
    given = model.inputs[0]
    x = keras.Input(given.shape[1:], name=given.name)
    y = keras.layers.Normalization(name="normalization")(x)
    return keras.Model(x, model.call(y), name=model.name)


def leading(model: Any) -> Any:
    """The Normalization layer that reads the input of `model` before all others, or None."""
    if not hasattr(model, "operations"):
        return None
    reading = readers(model, model.inputs[0])
    layer = reading[0][0] if len(reading) == 1 else None
    return layer if type(layer) is import_keras().layers.Normalization else None


def adapt(model: Any, x: Any) -> tuple[float, float]:
    """Give the leading Normalization of `model` the statistics of samples `x` (n, ..., channels).

    One that has some, of its own or out of a file of weights, keeps them. A channel that never
    changes is not scaled, and named. Answers the least and the greatest value.
    """
    count, channels = 0, x.shape[-1]
    total, low, high = np.zeros(channels), np.full(channels, np.inf), np.full(channels, -np.inf)
    for part in _parts(x):
        total += part.sum(0)
        low, high = np.minimum(low, part.min(0)), np.maximum(high, part.max(0))
        count += len(part)
    layer = leading(model)
    if layer is not None and layer.input_mean is None and not layer.get_weights()[2]:
        mean = total / count
        variance = sum(np.square(part - mean).sum(0) for part in _parts(x)) / count
        if (still := np.flatnonzero(low == high)).size:
            log.warning(
                "warning: channel %s of the training samples never changes: it tells nothing.",
                ", ".join(map(str, still)),
            )
        variance = np.where(low == high, 1.0, variance)
        layer.set_weights([mean, variance, np.array(count)])
        layer.finalize_state()
    return float(low.min()), float(high.max())


def _parts(x: Any) -> Any:
    """The samples as (m, channels) of float64, some at a time."""
    for start in range(0, len(x), CHUNK):
        part = np.asarray(x[start : start + CHUNK], np.float64)
        yield part.reshape(-1, part.shape[-1])


def settle(model: Any) -> None:
    """Let each Normalization of `model` compute with the weights that it has been given."""
    for layer in model.layers:
        if type(layer) is import_keras().layers.Normalization and layer.built:
            layer.finalize_state()
