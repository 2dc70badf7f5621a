"""MobileNetV3-Small: inverted residuals that were searched for, with squeeze and excite or not."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ascua.zoo.blocks import (
    KERAS,
    activate,
    centred,
    check_size,
    chosen,
    conv,
    divisible,
    head,
    inverted_residual,
)
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


class Row(NamedTuple):
    """A block of the paper's table 2."""

    expanded: int
    """Channels in between, of the block at alpha 1."""
    channels: int
    stride: int
    excites: bool
    late: bool
    """Whether it has the family's kernel and activation; otherwise 3 x 3 and ReLU."""


ROWS = (
    Row(16, 16, 2, excites=True, late=False),
    Row(72, 24, 2, excites=False, late=False),
    Row(88, 24, 1, excites=False, late=False),
    Row(96, 40, 2, excites=True, late=True),
    Row(240, 40, 1, excites=True, late=True),
    Row(240, 40, 1, excites=True, late=True),
    Row(120, 48, 1, excites=True, late=True),
    Row(144, 48, 1, excites=True, late=True),
    Row(288, 96, 2, excites=True, late=True),
    Row(576, 96, 1, excites=True, late=True),
    Row(576, 96, 1, excites=True, late=True),
)


def imagenet(_image: Image, *, alpha: float, squeeze_excite: bool, **_: Any) -> str:
    """The address of Keras' weights, of images of 224 x 224."""
    known = {0.75: "0.75", 1.0: "1.0"} if squeeze_excite else {1.0: "1.0"}
    kind = "small" if squeeze_excite else "small_minimalistic"
    return f"{KERAS}mobilenet_v3/weights_mobilenet_v3_{kind}_224_{chosen(known, alpha)}_float.h5"


@network("mobilenet_v3_small", imagenet=imagenet)
def mobilenet_v3_small(
    image: Image,
    classes: int,
    *,
    alpha: float = 1.0,
    stem: int = 16,
    last: int = 1024,
    kernel: int = 5,
    activation: Literal["hard_swish", "relu"] = "hard_swish",
    squeeze_excite: bool = True,
    dropout: float = 0.2,
    softmax: bool = False,
) -> Any:
    """A. Howard et al., 2019, with Keras' names of layers.

    `alpha` is a factor on the blocks' channels, rounded to multiples of 8, and on the `last` ones
    if above 1. Kernel 3, "relu" and no squeeze_excite are the "minimalistic" network, which int8
    likes best. Images are brought to -1..1 first, which an int8 network does not pay for. At
    (224, 224, 3) and 1,000 classes: 2,554,968 parameters; 2,056,848 minimalistic.
    """
    check_size("mobilenet_v3_small", image, 16)
    keras = import_keras()
    common: dict[str, Any] = {"norm": "bn", "momentum": 0.99}
    inputs = keras.Input(image, name="image")
    x = conv(centred(inputs), stem, 3, 2, name="conv", activation=activation, **common)
    at_one = stem
    for i, row in enumerate(ROWS):
        channels = divisible(row.channels * alpha)
        expanded = divisible(x.shape[3] * row.expanded / at_one) if i else x.shape[3]
        excited = divisible(expanded / 4) if squeeze_excite and row.excites else None
        x = inverted_residual(
            x,
            f"expanded_conv_{i}" if i else "expanded_conv",
            kernel=kernel if row.late else 3,
            expanded=expanded if i else None,
            channels=channels,
            stride=row.stride,
            residual=row.stride == 1 and x.shape[3] == channels,
            activation=activation if row.late else "relu",
            excited=excited,
            **common,
        )
        at_one = row.channels
    x = conv(x, divisible(x.shape[3] * 6), name="conv_1", activation=activation, **common)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(divisible(last * alpha) if alpha > 1 else last, name="conv_2")(x)
    x = head(activate(x, activation, "conv_2_relu"), classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="mobilenet_v3_small")
