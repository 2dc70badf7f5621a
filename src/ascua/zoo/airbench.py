"""The network of airbench94: much accuracy on CIFAR-10 for little training, a teacher's virtues."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import MOMENTUM, check_size, head, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("airbench")
def airbench(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    stem: int = 32,
    channels: tuple[int, int, int] = (64, 256, 256),
) -> Any:
    """Seven 3 x 3 convolutions in three blocks that halve the image, the maximum, a dense layer.

    After K. Jordan, 2024 (arXiv 2404.00498): pooling comes right after a block's first
    convolution, before its normalisation. ReLU in place of GELU, a trained first layer in place of
    whitening. At (32, 32, 3) and 10 classes: 1,980,394 parameters, 151,882,240 MACs.
    """
    check_size("airbench", image, 8)
    keras = import_keras()
    layers = keras.layers

    def conv(x: Any, wanted: int, name: str, *, pool: bool = False) -> Any:
        x = layers.Conv2D(wanted, 3, padding="same", use_bias=False, name=name)(x)
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x) if pool else x
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    x = inputs = keras.Input(image, name="image")
    x = conv(x, scaled(stem, width), "stem")
    for i, full in enumerate(channels, 1):
        x = conv(x, scaled(full, width), f"block{i}_conv1", pool=True)
        x = conv(x, scaled(full, width), f"block{i}_conv2")
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(inputs, head(x, classes), name="airbench")
