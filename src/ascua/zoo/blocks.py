"""What families share: convolutions with their normalisation and activation, and heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ascua.errors import InputError
from ascua.zoo.tensorflow import import_keras

MOMENTUM = 0.95
"""Of normalisations that are trained from nothing: short trainings end before 0.99 has settled."""

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
"""Where Keras keeps the weights of its own networks."""

Activation = Literal["relu", "relu6", "hard_swish", "linear"]
Padding = Literal["same", "valid", "symmetric"]


def chosen(known: Mapping[float, str], alpha: float) -> str:
    """The part of an address that stands for `alpha`. Raises InputError with those that exist."""
    if alpha not in known:
        raise InputError(
            f"There are no `imagenet` weights for alpha {alpha:g}.",
            [f"Use alpha {', '.join(f'{a:g}' for a in known)}, or give a file of weights."],
        )
    return known[alpha]


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
    padding: Padding = "same",
    bias: bool = False,
    norm: str = "norm",
    momentum: float = MOMENTUM,
) -> Any:
    """Convolution, normalisation, activation: layers `name`, `name`_`norm`, `name`_relu."""
    x, kind = pad(x, padding, name)
    x = import_keras().layers.Conv2D(
        channels, kernel, strides=stride, padding=kind, use_bias=bias, name=name
    )(x)  # fmt: skip
    return norm_activate(x, activation, name, norm, momentum)


def depthwise(
    x: Any,
    kernel: int | tuple[int, int] = 3,
    stride: int | tuple[int, int] = 1,
    *,
    name: str,
    activation: Activation = "relu",
    padding: Padding = "same",
    bias: bool = False,
    norm: str = "norm",
    momentum: float = MOMENTUM,
) -> Any:
    """The same with a depthwise convolution."""
    x, kind = pad(x, padding, name)
    x = import_keras().layers.DepthwiseConv2D(
        kernel, strides=stride, padding=kind, use_bias=bias, name=name
    )(x)  # fmt: skip
    return norm_activate(x, activation, name, norm, momentum)


def pad(x: Any, padding: Padding, name: str) -> tuple[Any, str]:
    """`x`, and the padding that the convolution `name` after it does itself.

    "symmetric" is a row of zeros on each side, by a layer of its own.
    """
    if padding == "symmetric":
        return import_keras().layers.ZeroPadding2D(1, name=f"{name}_pad")(x), "valid"
    return x, padding


def norm_activate(x: Any, activation: Activation, name: str, norm: str, momentum: float) -> Any:
    """Normalisation, and the activation after it."""
    layers = import_keras().layers
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_{norm}")(x)
    return activate(x, activation, f"{name}_relu")


def inverted_residual(
    x: Any,
    name: str,
    *,
    kernel: int,
    expanded: int | None,
    channels: int,
    stride: int,
    residual: bool,
    activation: Activation = "relu6",
    excited: int | None = None,
    norm: str = "norm",
    momentum: float = MOMENTUM,
) -> Any:
    """M. Sandler et al.'s block: expand, filter depthwise, project; the input added at the end.

    `expanded` channels lie between; None: the input's own, without a layer. `excited` channels
    weigh the filtered ones (squeeze and excite); None: nothing does. Layers are called
    `name`_expand, _depthwise, _squeeze_excite_*, _project and _add.
    """
    keras, y = import_keras(), x
    if residual and (stride != 1 or x.shape[3] != channels):
        raise InputError(
            f"{name}: {x.shape[3]} channels at stride {stride} cannot be added to {channels}.",
            ["Use `residual = false`, or stride 1 and as many channels as before."],
        )
    common: dict[str, Any] = {"norm": norm, "momentum": momentum}
    if expanded is not None:
        y = conv(y, expanded, name=f"{name}_expand", activation=activation, **common)
    y = depthwise(y, kernel, stride, name=f"{name}_depthwise", activation=activation, **common)
    if excited is not None:
        y = squeeze_excite(y, excited, f"{name}_squeeze_excite")
    y = conv(y, channels, name=f"{name}_project", activation="linear", **common)
    return keras.layers.Add(name=f"{name}_add")([x, y]) if residual else y


def squeeze_excite(x: Any, channels: int, name: str) -> Any:
    """Each channel of `x` times a weight in 0..1 that the channels' means decide."""
    layers = import_keras().layers
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)
    y = layers.Conv2D(channels, 1, activation="relu", name=f"{name}_conv")(y)
    y = layers.Conv2D(x.shape[3], 1, name=f"{name}_conv_1")(y)
    y = layers.ReLU(6.0, name=f"{name}_relu6")(layers.Rescaling(1.0, 3.0, name=f"{name}_plus3")(y))
    y = layers.Rescaling(1 / 6, name=f"{name}_sixth")(y)
    return layers.Multiply(name=f"{name}_mul")([x, y])


def centred(x: Any) -> Any:
    """Images in 0..1 as the published weights of the MobileNets want them: in -1..1.

    The layer costs an int8 network nothing: export makes it the quantisation of the input.
    """
    return import_keras().layers.Rescaling(2.0, offset=-1.0, name="rescale")(x)


def head(x: Any, classes: int, *, dropout: float = 0.0, softmax: bool = False) -> Any:
    """Dropout, the dense layer `logits`, and probabilities where `softmax` asks for them."""
    layers = import_keras().layers
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return probabilities(layers.Dense(classes, name="logits")(x), softmax=softmax)


def probabilities(x: Any, *, softmax: bool) -> Any:
    """The logits `x`, through a softmax if asked for."""
    return import_keras().layers.Softmax(name="softmax")(x) if softmax else x
