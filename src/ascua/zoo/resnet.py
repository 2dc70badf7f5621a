"""Residual networks for small images: He et al.'s of 6n + 2 layers, and MLPerf Tiny's ResNet-8."""

from __future__ import annotations

from typing import Any, Literal

from ascua.errors import InputError
from ascua.zoo.blocks import check_size, conv, head, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@network("resnet")
def resnet(
    image: Image,
    classes: int,
    *,
    depth: int = 20,
    width: float = 1.0,
    channels: tuple[int, int, int] = (16, 32, 64),
    shortcut: Literal["pad", "projection"] = "pad",
    softmax: bool = False,
) -> Any:
    """ResNet-20, 32, 44, 56, 110 for CIFAR-10 (K. He et al., 2016): three stacks of blocks.

    `depth` is 6n + 2 for n blocks a stack; `channels` are those of the stacks at width 1. Where a
    stack halves the image, a "pad" shortcut takes each second pixel and adds channels of zeros: it
    has no parameters, as published; a "projection" is a 1 x 1 convolution.
    At (32, 32, 3) and 10 classes: 269,722 trained parameters and 40,551,040 MACs at depth 20.
    """
    if depth < 8 or depth % 6 != 2:
        raise InputError(
            f"resnet: depth must be 6n + 2, not {depth}.", ["Use 8, 14, 20, 32, 44, 56 or 110."]
        )
    return _stacks(
        "resnet", image, classes, depth // 6, width, channels, shortcut, bias=False, softmax=softmax
    )


@network("resnet8")
def resnet8(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    channels: tuple[int, int, int] = (16, 32, 64),
    softmax: bool = False,
) -> Any:
    """MLPerf Tiny's network for image classification: a block a stack, projections, biases.

    The benchmark's own ends in a softmax. At (32, 32, 3) and 10 classes: 78,666 parameters,
    12,501,632 MACs.
    """
    return _stacks(
        "resnet8", image, classes, 1, width, channels, "projection", bias=True, softmax=softmax
    )


def _stacks(
    name: str, image: Image, classes: int, blocks: int, width: float,
    channels: tuple[int, ...], shortcut: str, *, bias: bool, softmax: bool,
) -> Any:  # fmt: skip
    """A convolution, a stack of `blocks` for each of `channels`, the mean, a dense layer."""
    check_size(name, image, 2 ** (len(channels) - 1))
    keras = import_keras()
    layers = keras.layers
    x = inputs = keras.Input(image, name="image")
    x = conv(x, scaled(channels[0], width), 3, bias=bias, name="conv")
    for i, full in enumerate(channels, 1):
        for j in range(1, blocks + 1):
            wanted, stride = scaled(full, width), 2 if i > 1 and j == 1 else 1
            at = f"stack{i}_block{j}"
            y = conv(x, wanted, 3, stride, bias=bias, name=f"{at}_conv1")
            y = conv(y, wanted, 3, bias=bias, activation="linear", name=f"{at}_conv2")
            if stride > 1 or x.shape[3] != wanted:
                x = _shortcut(x, wanted, stride, shortcut, f"{at}_shortcut", bias=bias)
            x = layers.ReLU(name=f"{at}_relu")(layers.Add(name=f"{at}_add")([x, y]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, head(x, classes, softmax=softmax), name=name)


def _shortcut(x: Any, channels: int, stride: int, kind: str, name: str, *, bias: bool) -> Any:
    """`x` at the size and with the channels of a stack's first sum."""
    keras = import_keras()
    if kind == "projection":
        return keras.layers.Conv2D(channels, 1, strides=stride, use_bias=bias, name=name)(x)
    x = keras.layers.MaxPooling2D(1, strides=stride, padding="same", name=name)(x)
    if (more := channels - x.shape[3]) < 0:
        raise InputError(
            f"resnet: {channels} channels after {x.shape[3]}: there are no zeros to add.",
            ['Use `shortcut = "projection"`, or channels that do not fall.'],
        )
    return keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (more // 2, more - more // 2)))
