"""MobileNetV1: thirteen depthwise-separable blocks, as wide and as fine as a board allows."""

from __future__ import annotations

from typing import Any, Literal

from ascua.zoo.blocks import KERAS, centred, check_size, chosen, conv, depthwise, head
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras

BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1),
    (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
"""Channels at alpha 1 and stride of each block."""
KPU_SIDE = 4
"""The least rows and columns of the K210's maps."""


def imagenet(image: Image, *, alpha: float, **_: Any) -> str:
    """The address of Keras' weights: four alphas at four sizes, used at other sizes too."""
    known = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
    size = image[0] if image[0] == image[1] and image[0] in (128, 160, 192) else 224
    return f"{KERAS}mobilenet/mobilenet_{chosen(known, alpha)}_{size}_tf.h5"


@network("mobilenet_v1", imagenet=imagenet)
def mobilenet_v1(
    image: Image,
    classes: int,
    *,
    alpha: float = 1.0,
    stem: int = 32,
    blocks: tuple[tuple[int, int], ...] = BLOCKS,
    padding: Literal["tensorflow", "k210"] = "tensorflow",
    dropout: float = 0.001,
    softmax: bool = False,
) -> Any:
    """A. Howard et al., 2017, with Keras' names of layers; rho is the size of `image`.

    `alpha` is a factor on the channels of the first convolution (`stem`) and of the `blocks`
    (channels, stride). Where a convolution halves the image, padding "k210" adds a row of zeros on
    each side, as that chip does, whose maps have 4x4 pixels or more; "tensorflow" adds one at the
    bottom and at the right, by the convolution itself. Images are brought to -1..1 first, which an
    int8 network does not pay for. At (224, 224, 3) and 1,000 classes: 4,253,864 parameters and
    568,740,352 MACs at alpha 1; 475,544 and 41,030,272 at 0.25, or 13,570,048 at (128, 128, 3).
    """
    halvings = sum(stride > 1 for _, stride in blocks) + 1
    if padding == "k210":
        check_size("mobilenet_v1 with padding k210", image, (KPU_SIDE - 1) * 2**halvings + 1)
    check_size("mobilenet_v1", image, 2**halvings // 2)
    keras = import_keras()
    halving: Literal["same", "symmetric"] = "symmetric" if padding == "k210" else "same"
    common: dict[str, Any] = {"activation": "relu6", "norm": "bn", "momentum": 0.99}

    def pad(stride: int) -> Literal["same", "symmetric"]:
        return halving if stride > 1 else "same"

    inputs = keras.Input(image, name="image")
    x = conv(
        centred(inputs), max(1, int(stem * alpha)), 3, 2, name="conv1", padding=halving, **common
    )
    for i, (channels, stride) in enumerate(blocks, 1):
        x = depthwise(x, 3, stride, name=f"conv_dw_{i}", padding=pad(stride), **common)
        x = conv(x, max(1, int(channels * alpha)), name=f"conv_pw_{i}", **common)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="mobilenet_v1")
