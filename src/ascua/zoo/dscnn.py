"""The depthwise-separable network of the Cortex-M3 CIFAR-10 demonstration, layer for layer."""

from __future__ import annotations

from typing import Any

from ascua.errors import InputError
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("dscnn")
def dscnn(image: Image, classes: int, *, width: float = 1.0) -> Any:
    """Convolution, four separable blocks with three poolings between them, one dense layer.

    At (32, 32, 3), 10 classes and width 1: 60,194 parameters, 2,921,472 MACs.
    """
    if min(image[:2]) < 8:
        raise InputError(
            f"dscnn halves an image three times: {image[0]} x {image[1]} pixels are too few.",
            ["Use images of at least 8 x 8 pixels."],
        )
    keras = import_keras()
    layers = keras.layers

    def norm_relu(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    def separable(x: Any, channels: int, name: str) -> Any:
        x = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(x)
        x = norm_relu(x, f"{name}_depthwise")
        x = layers.Conv2D(scaled(channels), 1, name=f"{name}_pointwise")(x)
        return norm_relu(x, f"{name}_pointwise")

    def scaled(channels: int) -> int:
        return max(1, round(channels * width))

    x = inputs = keras.Input(image, name="image")
    x = layers.Conv2D(scaled(16), 3, padding="same", name="conv")(x)
    x = norm_relu(x, "conv")
    x = layers.MaxPooling2D(2, name="pool1")(separable(x, 24, "block1"))
    x = layers.MaxPooling2D(2, name="pool2")(separable(x, 48, "block2"))
    x = separable(x, 96, "block3")
    x = layers.MaxPooling2D(2, name="pool3")(separable(x, 192, "block4"))
    x = layers.Dropout(0.2, name="dropout")(layers.Flatten(name="flatten")(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="dscnn")
