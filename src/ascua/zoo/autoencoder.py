"""MLPerf Tiny's autoencoder for anomaly detection: dense layers that narrow and widen again."""

from __future__ import annotations

from math import prod
from typing import Any

from ascua.zoo.blocks import norm_activate, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("autoencoder")
def autoencoder(
    image: Image,
    classes: int,  # noqa: ARG001  (there are none)
    *,
    width: float = 1.0,
    hidden: tuple[int, ...] = (128, 128, 128, 128),
    code: int = 8,
) -> Any:
    """Answers its input again, (n, h * w * c); what it cannot repeat is an anomaly.

    `hidden` layers lie before the `code`, and in the other order after it; `classes` has no
    meaning. The benchmark's input is 5 spectra of 128 bands: at (5, 128, 1) or (1, 640, 1)
    269,992 parameters, 264,192 MACs.
    """
    keras = import_keras()
    layers = keras.layers
    inputs = keras.Input(image, name="image")
    x = layers.Flatten(name="flatten")(inputs)
    for i, units in enumerate((*hidden, code, *reversed(hidden)), 1):
        x = layers.Dense(scaled(units, width), name=f"dense{i}")(x)
        x = norm_activate(x, "relu", f"dense{i}", "norm", 0.99)
    return keras.Model(inputs, layers.Dense(prod(image), name="output")(x), name="autoencoder")
