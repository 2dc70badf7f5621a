"""Stacks of inverted residuals, block by block as a list says: what searches for networks use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ascua.errors import InputError
from ascua.zoo.blocks import check_size, conv, head, inverted_residual, scaled
from ascua.zoo.registry import Image, network
from ascua.zoo.tensorflow import import_keras


@dataclass(frozen=True)
class Block:
    """One inverted residual."""

    channels: int
    kernel: int = 3
    expansion: float = 4.0
    """Channels in between, as a factor on the block's input; 1: no expanding layer."""
    stride: int = 1
    residual: bool = False
    """Whether the input is added to the output; needs stride 1 and as many channels as before."""

    def __post_init__(self) -> None:
        """Raises InputError for a size that is none."""
        if self.channels < 1 or self.kernel < 1 or self.stride < 1 or not self.expansion > 0:
            raise InputError(f"inverted_residuals: {self} has a size that is not positive.")


BLOCKS = (
    Block(16, expansion=1.0),
    Block(24, stride=2), Block(24, residual=True),
    Block(40, kernel=5, stride=2), Block(40, kernel=5, residual=True),
    Block(64, stride=2), Block(64, residual=True),
)  # fmt: skip


@network("inverted_residuals")
def inverted_residuals(
    image: Image,
    classes: int,
    *,
    width: float = 1.0,
    stem: int = 16,
    stem_stride: int = 1,
    blocks: tuple[Block, ...] = BLOCKS,
    last: int = 128,
    dropout: float = 0.1,
    softmax: bool = False,
) -> Any:
    """A 3 x 3 convolution (`stem`), the `blocks`, a pointwise one (`last`), the mean, the logits.

    `width` is a factor on all channels. In a recipe a block is a table:
    `blocks = [{ channels = 24, kernel = 3, expansion = 4.0, stride = 2, residual = false }]`.
    """
    halvings = sum(b.stride > 1 for b in blocks) + (stem_stride > 1)
    check_size("inverted_residuals", image, 2**halvings // 2)
    keras = import_keras()
    inputs = keras.Input(image, name="image")
    x = conv(inputs, scaled(stem, width), 3, stem_stride, name="conv", activation="relu6")
    for i, block in enumerate(blocks, 1):
        x = inverted_residual(
            x,
            f"block{i}",
            kernel=block.kernel,
            expanded=scaled(x.shape[3], block.expansion) if block.expansion != 1 else None,
            channels=scaled(block.channels, width),
            stride=block.stride,
            residual=block.residual,
        )
    x = conv(x, scaled(last, width), name="last", activation="relu6")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = head(x, classes, dropout=dropout, softmax=softmax)
    return keras.Model(inputs, x, name="inverted_residuals")
