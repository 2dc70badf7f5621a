"""What families share: convolutions with their normalisation and activation, and heads."""

from __future__ import annotations

from typing import Any, Literal

from ascua.errors import InputError
from ascua.zoo.tensorflow import import_keras

MOMENTUM = 0.95
"""Of normalisations that are trained from nothing: short trainings end before 0.99 has settled."""

Activation = Literal["relu", "relu6", "hard_swish", "linear"]


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, at least 1."""
    return max(1, round(channels * width))


def divisible(channels: float, by: int = 8) -> int:
    """The multiple of `by` next to `channels`, at least `by`, and never below 90 % of it."""
    near = max(by, int(channels + by / 2) // by * by)
    return near if near >= 0.9 * channels else near + by


def check_size(name: str, image: tuple[int, int, int], least: int) -> None:
    """Raises InputError for an image with a side below `least` pixels."""
    if min(image[:2]) < least:
        raise InputError(
            f"{name} cannot take {image[0]} x {image[1]} pixels: they are too few.",
            [f"Use images of at least {least} x {least} pixels."],
        )


def activate(x: Any, activation: Activation, name: str) -> Any:
    """`x` through an activation, as a layer of its own."""
    layers = import_keras().layers
    match activation:
        case "relu":
            return layers.ReLU(name=name)(x)
        case "relu6":
            return layers.ReLU(6.0, name=name)(x)
        case "hard_swish":
            return layers.Activation("hard_swish", name=name)(x)
    return x


def conv(
    x: Any,
    channels: int,
    kernel: int | tuple[int, int] = 1,
    stride: int | tuple[int, int] = 1,
    *,
    name: str,
    activation: Activation = "relu",
    padding: Literal["same", "valid"] = "same",
    bias: bool = False,
    momentum: float = MOMENTUM,
) -> Any:
    """Convolution, normalisation, activation: layers `name`, `name`_norm, `name`_relu."""
    layers = import_keras().layers
    x = layers.Conv2D(
        channels, kernel, strides=stride, padding=padding, use_bias=bias, name=name
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(x)
    return activate(x, activation, f"{name}_relu")


def depthwise(
    x: Any,
    kernel: int | tuple[int, int] = 3,
    stride: int | tuple[int, int] = 1,
    *,
    name: str,
    activation: Activation = "relu",
    padding: Literal["same", "valid"] = "same",
    bias: bool = False,
    momentum: float = MOMENTUM,
) -> Any:
    """The same with a depthwise convolution."""
    layers = import_keras().layers
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding=padding, use_bias=bias, name=name
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(x)
    return activate(x, activation, f"{name}_relu")


def head(x: Any, classes: int, *, dropout: float = 0.0, softmax: bool = False) -> Any:
    """Dropout, the dense layer `logits`, and probabilities where `softmax` asks for them."""
    layers = import_keras().layers
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(classes, name="logits")(x)
    return layers.Softmax(name="softmax")(x) if softmax else x
