"""Depthwise-separable networks: the CIFAR-10 demonstration's, and MLPerf Tiny's for keywords."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import check_size, conv, depthwise, head, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("dscnn")
def dscnn(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    channels: tuple[int, int, int, int, int] = (16, 24, 48, 96, 192),
    dropout: float = 0.2,
    softmax: bool = False,
) -> Any:
    """Convolution, four separable blocks with three poolings between them, one dense layer.

    The network of the Cortex-M3 CIFAR-10 demonstration, layer for layer; `channels` are those of
    its convolutions at `width` 1. At (32, 32, 3) and 10 classes: 60,194 parameters, 2,921,472 MACs.
    """
    check_size("dscnn", image, 8)
    keras = import_keras()
    layers = keras.layers
    x = inputs = keras.Input(image, name="image")
    x = conv(x, scaled(channels[0], width), 3, bias=True, name="conv")
    for i, full in enumerate(channels[1:], 1):
        x = depthwise(x, bias=True, name=f"block{i}_depthwise")
        x = conv(x, scaled(full, width), bias=True, name=f"block{i}_pointwise")
        if i != 3:
            x = layers.MaxPooling2D(2, name=f"pool{min(i, 3)}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="dscnn")


@network("dscnn_kws")
def dscnn_kws(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    channels: int = 64,
    blocks: int = 4,
    kernel: tuple[int, int] = (10, 4),
    stride: tuple[int, int] = (2, 2),
    dropout: float = 0.2,
    softmax: bool = False,
) -> Any:
    """MLPerf Tiny's network for keywords (Y. Zhang et al., 2017, DS-CNN S): spectra in, words out.

    A convolution of `kernel` and `stride`, `blocks` separable ones, the mean. The benchmark's own
    ends in a softmax. At (49, 10, 1) and 12 classes: 24,908 parameters, 2,656,768 MACs.
    """
    keras = import_keras()
    layers = keras.layers
    units = scaled(channels, width)
    x = inputs = keras.Input(image, name="image")
    x = conv(x, units, kernel, stride, bias=True, name="conv")
    if dropout:
        x = layers.Dropout(dropout, name="dropout1")(x)
    for i in range(1, blocks + 1):
        x = depthwise(x, bias=True, name=f"block{i}_depthwise")
        x = conv(x, units, bias=True, name=f"block{i}_pointwise")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="dscnn_kws")
