"""LeNet-5: two convolutions and three dense layers, for small images of digits."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import check_size, head, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("lenet5")
def lenet5(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    convolutions: tuple[int, int] = (6, 16),
    dense: tuple[int, ...] = (120, 84),
    softmax: bool = False,
) -> Any:
    """As LeCun et al. drew it in 1998, with ReLU and maximum pooling.

    `convolutions` and `dense` are channels at `width` 1. The first convolution pads, as the
    original's 32 x 32 images did. At (28, 28, 1) and 10 classes: 61,706 parameters, 416,520 MACs.
    """
    check_size("lenet5", image, 12)
    keras = import_keras()
    layers = keras.layers
    x = inputs = keras.Input(image, name="image")
    for i, (channels, padding) in enumerate(zip(convolutions, ("same", "valid"), strict=True), 1):
        x = layers.Conv2D(
            scaled(channels, width), 5, padding=padding, activation="relu", name=f"conv{i}"
        )(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    for i, channels in enumerate(dense, 1):
        x = layers.Dense(scaled(channels, width), activation="relu", name=f"dense{i}")(x)
    return keras.Model(inputs, head(x, classes, softmax=softmax), name="lenet5")
