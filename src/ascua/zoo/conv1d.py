"""Convolutions along time, for windows of sensors: acceleration, current, sound, an ECG."""

from __future__ import annotations

from typing import Any

from ascua.errors import InputError
from ascua.zoo.blocks import head, norm_activate, scaled
from ascua.zoo.registry import Shape, network
from ascua.zoo.tensorflow import import_keras


@network("conv1d", dimensions=2)
def conv1d(
    shape: Shape,
    classes: int,
    *,
    width: float = 1.0,
    filters: tuple[int, ...] = (16, 32, 64),
    kernel: int = 5,
    separable: bool = True,
    dropout: float = 0.0,
    softmax: bool = False,
) -> Any:
    """A convolution of `kernel` steps for each number of `filters`, at `width` 1.

    Each is followed by batch normalisation, ReLU and a pool of two steps, the last by the mean over
    time and a dense layer. All but the first are depthwise and pointwise where they are
    `separable`. At (128, 3) and 4 classes: 3,748 parameters, 139,520 MACs.
    """
    if shape[0] < (least := 2 ** len(filters)):
        raise InputError(
            f"conv1d cannot take windows of {shape[0]} steps: {len(filters)} pools leave nothing.",
            [f"Use windows of {least} steps or more, or fewer `filters`."],
        )
    keras = import_keras()
    layers = keras.layers
    x = inputs = keras.Input(shape, name="window")
    for i, channels in enumerate(filters, 1):
        kind = layers.SeparableConv1D if separable and i > 1 else layers.Conv1D
        x = kind(
            scaled(channels, width), kernel, padding="same", use_bias=False, name=f"conv{i}"
        )(x)  # fmt: skip
        x = norm_activate(x, "relu", f"conv{i}", "norm", 0.95)
        if i < len(filters):
            x = layers.MaxPooling1D(2, name=f"pool{i}")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(inputs, head(x, classes, dropout=dropout, softmax=softmax), name="conv1d")
