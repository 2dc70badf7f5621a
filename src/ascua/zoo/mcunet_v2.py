"""MCUNetV2: inverted residuals that were searched for under a limit of memory, kernels to 7."""

from __future__ import annotations

from typing import Any

from ascua.zoo.blocks import check_size, conv, divisible, head, inverted_residual
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras

BLOCKS = (
    (8, 1, 1, 3),
    (16, 6, 2, 3), (16, 3, 1, 3), (16, 3, 1, 3),
    (24, 3, 2, 7), (24, 6, 1, 3), (24, 5, 1, 5),
    (40, 6, 2, 7), (40, 6, 1, 7), (48, 6, 1, 3), (48, 4, 1, 3),
    (96, 5, 2, 5), (96, 5, 1, 3), (96, 4, 1, 3), (160, 3, 1, 7),
)  # fmt: skip
"""Channels, expansion, stride and kernel: that for visual wake words, 80 x 80 pixels."""


@network("mcunet_v2")
def mcunet_v2(
    image: Image,
    classes: int,
    *,
    alpha: float = 1.0,
    stem: int = 16,
    blocks: tuple[tuple[int, int, int, int], ...] = BLOCKS,
    dropout: float = 0.0,
    softmax: bool = False,
) -> Any:
    """J. Lin et al., 2021: its network for visual wake words.

    `blocks` are rows of (channels, expansion, stride, kernel); the input of a block is added to
    its output where both are of one shape. `alpha` is a factor on all channels, rounded to
    multiples of 8.
    """
    check_size("mcunet_v2", image, 2 ** sum(stride > 1 for _, _, stride, _ in blocks))
    keras = import_keras()
    common: dict[str, Any] = {"momentum": 0.99}
    inputs = keras.Input(image, name="image")
    x = conv(inputs, divisible(stem * alpha), 3, 2, name="conv", activation="relu6", **common)
    for i, (full, expansion, stride, kernel) in enumerate(blocks):
        channels = divisible(full * alpha)
        x = inverted_residual(
            x,
            f"block{i}",
            kernel=kernel,
            expanded=expansion * x.shape[3] if expansion > 1 else None,
            channels=channels,
            stride=stride,
            residual=stride == 1 and x.shape[3] == channels,
            **common,
        )
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="mcunet_v2")
