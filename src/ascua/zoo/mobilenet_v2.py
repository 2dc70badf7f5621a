"""MobileNetV2: inverted residuals between narrow layers."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import (
    KERAS,
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

GROUPS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip
"""Expansion, channels at alpha 1, blocks and the first one's stride: the paper's table 2."""


def imagenet(image: Image, *, alpha: float, **_: Any) -> str:
    """The address of Keras' weights: six alphas at five sizes, used at other sizes too."""
    known = {a: str(a) for a in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)}
    size = image[0] if image[0] == image[1] and image[0] in (96, 128, 160, 192) else 224
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
    return f"{KERAS}mobilenet_v2/{name}_{chosen(known, alpha)}_{size}.h5"


@network("mobilenet_v2", imagenet=imagenet)
def mobilenet_v2(
    image: Image,
    classes: int,
    *,
    alpha: float = 1.0,
    stem: int = 32,
    groups: tuple[tuple[int, int, int, int], ...] = GROUPS,
    last: int = 1280,
    dropout: float = 0.0,
    softmax: bool = False,
) -> Any:
    """M. Sandler et al., 2018, with Keras' names of layers.

    `groups` are rows of (expansion, channels, blocks, stride of the first); `alpha` is a factor on
    all channels, rounded to multiples of 8, but on the `last` ones only if above 1. Images are
    brought to -1..1 first, which an int8 network does not pay for. At (224, 224, 3) and 1,000
    classes: 3,538,984 parameters, 300,774,272 MACs.
    """
    check_size("mobilenet_v2", image, 2 ** sum(stride > 1 for *_, stride in groups))
    keras = import_keras()
    common: dict[str, Any] = {"momentum": 0.99}
    inputs = keras.Input(image, name="image")
    x = conv(
        centred(inputs), divisible(stem * alpha), 3, 2,
        name="Conv1", activation="relu6", norm="bn", **common,
    )  # fmt: skip
    i = 0
    for expansion, full, repeats, first in groups:
        channels = divisible(int(full * alpha))
        for stride in (first, *[1] * (repeats - 1)):
            x = inverted_residual(
                x,
                f"block_{i}" if i else "expanded_conv",
                kernel=3,
                expanded=expansion * x.shape[3] if i else None,
                channels=channels,
                stride=stride,
                residual=stride == 1 and x.shape[3] == channels,
                norm="BN",
                **common,
            )
            i += 1
    x = conv(
        x, divisible(last * alpha) if alpha > 1 else last,
        name="Conv_1", activation="relu6", norm="bn", **common,
    )  # fmt: skip
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="mobilenet_v2")
