"""Dense layers alone, for features that are computed before: any shape, taken as one row."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import head, norm_activate, scaled
from ascua.zoo.registry import Shape, network
from ascua.zoo.tensorflow import import_keras


@network("mlp", dimensions=None)
def mlp(
    shape: Shape,
    classes: int,
    *,
    width: float = 1.0,
    hidden: tuple[int, ...] = (32, 16),
    dropout: float = 0.0,
    softmax: bool = False,
) -> Any:
    """`hidden` dense layers with batch normalisation and ReLU, and one for the classes.

    At (12,) and 4 classes: 1,156 parameters, 960 MACs.
    """
    keras = import_keras()
    layers = keras.layers
    x = inputs = keras.Input(shape, name="features")
    if len(shape) > 1:
        x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate(hidden, 1):
        x = layers.Dense(scaled(units, width), use_bias=False, name=f"dense{i}")(x)
        x = norm_activate(x, "relu", f"dense{i}", "norm", 0.95)
    return keras.Model(inputs, head(x, classes, dropout=dropout, softmax=softmax), name="mlp")
