"""A small VGG: pairs of 3 x 3 convolutions, each pair followed by a pooling."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import check_size, conv, head, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("vgg_small")
def vgg_small(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    stages: tuple[tuple[int, int], ...] = ((32, 2), (64, 2), (128, 2)),
    dense: tuple[int, ...] = (128,),
    dropout: float = 0.3,
    softmax: bool = False,
) -> Any:
    """After K. Simonyan and A. Zisserman, 2015, with normalisation.

    `stages` are (channels, convolutions), a pooling after each; `dense` are layers between them
    and the logits. At (32, 32, 3) and 10 classes: 551,914 parameters, 38,896,896 MACs.
    """
    check_size("vgg_small", image, 2 ** len(stages))
    keras = import_keras()
    layers = keras.layers
    x = inputs = keras.Input(image, name="image")
    for i, (channels, repeats) in enumerate(stages, 1):
        for j in range(1, repeats + 1):
            x = conv(x, scaled(channels, width), 3, name=f"stage{i}_conv{j}")
        x = layers.MaxPooling2D(2, name=f"stage{i}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for i, channels in enumerate(dense, 1):
        x = layers.Dense(scaled(channels, width), activation="relu", name=f"dense{i}")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="vgg_small")
