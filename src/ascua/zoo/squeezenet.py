"""SqueezeNet 1.0 and 1.1: fire modules, with or without bypasses."""

from __future__ import annotations

from typing import Any, Literal

from ascua.zoo.blocks import check_size, probabilities, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras

Fire = tuple[int, int, int]
"""s1x1, e1x1, e3x3: channels of the squeezing and of the two expanding convolutions."""

FIRES: tuple[Fire, ...] = (
    (16, 64, 64), (16, 64, 64), (32, 128, 128), (32, 128, 128),
    (48, 192, 192), (48, 192, 192), (64, 256, 256), (64, 256, 256),
)  # fmt: skip


@network("squeezenet")
def squeezenet(
    image: Image,
    classes: int,
    *,
    version: Literal["1.0", "1.1"] = "1.1",
    width: float = 1.0,
    fires: tuple[Fire, ...] = FIRES,
    bypass: bool = False,
    norm: bool = False,
    dropout: float = 0.5,
    softmax: bool = False,
) -> Any:
    """F. Iandola et al., 2016: fire2, fire3 and so on have the sizes `fires` at `width` 1.

    Version 1.0 starts with 96 convolutions of 7 x 7 and pools after it, fire4 and fire8; 1.1 with
    64 of 3 x 3, and pools after it, fire3 and fire5. `bypass` adds a module's input to its output
    where they have as many channels. The logits are never negative: ReLU comes before the mean.
    `norm` normalises after each convolution, which it is not published with.

    The published weights want blue, green, red in 0..255 less a mean. Since the first convolution
    does not pad, loading folds that into its weights, exactly: no layer, no cost in int8. At
    1,000 classes: 1,248,424 parameters and 861,339,936 MACs at (227, 227, 3) for 1.0, 1,235,496
    and 387,747,520 for 1.1.
    """
    check_size("squeezenet", image, 35 if version == "1.0" else 31)
    keras = import_keras()
    layers = keras.layers
    channels, kernel, pools = (96, 7, (1, 4, 8)) if version == "1.0" else (64, 3, (1, 3, 5))
    inputs = keras.Input(image, name="image")
    x = layers.Conv2D(scaled(channels, width), kernel, strides=2, name="conv1")(inputs)
    x = _pool(_relu(x, "conv1", norm=norm), "pool1")
    for i, fire in enumerate(fires, 2):
        y = _fire(x, fire, width, f"fire{i}", norm=norm)
        if bypass and x.shape[3] == y.shape[3]:
            y = layers.Add(name=f"fire{i}_bypass")([x, y])
        x = _pool(y, f"pool{i}") if i in pools else y
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    if version == "1.0":  # as published: a border that adds nothing but the biases to the mean
        x = layers.ZeroPadding2D(1, name="conv10_pad")(x)
    x = layers.Conv2D(classes, 1, name="conv10")(x)
    x = layers.GlobalAveragePooling2D(name="pool10")(_relu(x, "conv10", norm=norm))
    return keras.Model(inputs, probabilities(x, softmax=softmax), name="squeezenet")


def _relu(x: Any, name: str, *, norm: bool) -> Any:
    """What comes after the convolution of that name."""
    layers = import_keras().layers
    if norm:
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _fire(x: Any, fire: Fire, width: float, name: str, *, norm: bool) -> Any:
    """Squeeze by 1 x 1 convolutions, expand by 1 x 1 and by 3 x 3, side by side."""
    layers = import_keras().layers
    s1x1, e1x1, e3x3 = (scaled(channels, width) for channels in fire)

    def conv(x: Any, channels: int, kernel: int, kind: str) -> Any:
        x = layers.Conv2D(channels, kernel, padding="same", name=f"{name}_{kind}")(x)
        return _relu(x, f"{name}_{kind}", norm=norm)

    x = conv(x, s1x1, 1, "squeeze1x1")
    both = [conv(x, e1x1, 1, "expand1x1"), conv(x, e3x3, 3, "expand3x3")]
    return layers.Concatenate(name=f"{name}_concat")(both)


def _pool(x: Any, name: str) -> Any:
    """The largest of each 3 x 3 at stride 2; a last row or column that is left over counts too.

    Where the size is even, "same" pads just there; where it is odd, nothing is left over.
    """
    layers = import_keras().layers
    odd = [size % 2 for size in x.shape[1:3]]
    if odd[0] != odd[1]:
        x = layers.ZeroPadding2D(((0, odd[1]), (0, odd[0])), name=f"{name}_pad")(x)
        odd = [1, 1]
    return layers.MaxPooling2D(3, 2, padding="valid" if odd[0] else "same", name=name)(x)
