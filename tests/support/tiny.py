"""A recipe that trains in a second: its data set, its network, and a way to interrupt it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import recipes, zoo
from ascua.data import Dataset
from ascua.data import registry as datasets
from ascua.recipes import Recipe
from ascua.train import Trained, augment
from ascua.zoo import registry as families

RECIPE = Recipe(
    name="tiny",
    title="Tiny",
    dataset="tiny",
    model="tiny",
    input=(8, 8, 1),
    classes=3,
    epochs=3,
    batch=16,
    lr=0.01,
    warmup=0.5,
    weight_decay=0.01,
    label_smoothing=0.1,
    augment=("shift", "pause"),
    quantize=recipes.Quantization(calibration=8),
)


class Pause:
    """An augmentation that changes nothing; it interrupts the training when told to."""

    def __init__(self) -> None:
        self.calls_left = -1

    def __call__(self, x: augment.Images, _rng: np.random.Generator) -> augment.Images:
        self.calls_left -= 1
        if self.calls_left == 0:
            raise KeyboardInterrupt
        return x


def tiny_dataset(_: datasets.Request | None) -> Dataset:
    """54 training images in three classes by brightness, 12 for testing."""
    rng = np.random.default_rng(5)
    y = np.arange(66) % 3
    x = rng.integers(0, 60, (66, 8, 8, 1)) + 80 * y[:, None, None, None]
    x = x.astype(np.uint8)
    return Dataset("tiny", x[:54], y[:54], x[54:], y[54:], ("dark", "gray", "light"))


def tiny_network(image: tuple[int, int, int], classes: int) -> Any:
    """Every kind of layer whose state training has to keep."""
    keras = zoo.import_keras()
    layers = keras.layers
    x = inputs = keras.Input(image, name="image")
    for layer in (
        layers.Conv2D(4, 3, name="conv"),
        layers.BatchNormalization(momentum=0.5, name="norm"),
        layers.ReLU(name="relu"),
        layers.DepthwiseConv2D(3, name="depthwise"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Flatten(name="flatten"),
        layers.Dropout(0.3, name="dropout"),
        layers.Dense(classes, name="logits"),
    ):
        x = layer(x)
    return keras.Model(inputs, x, name="tiny")


@contextmanager
def entered() -> Iterator[Pause]:
    """The data set, the network and the augmentation of `RECIPE`, entered for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(datasets._LOADERS, "tiny", tiny_dataset)
        patch.setitem(families._FAMILIES, "tiny", tiny_network)
        patch.setitem(augment._AUGMENTATIONS, "pause", pause := Pause())
        yield pause


def history(folder: Path) -> list[dict[str, float]]:
    """The rows without their times."""
    rows = json.loads((folder / "history.json").read_text())
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def weights(trained: Trained) -> list[np.ndarray]:
    """All weights of the saved Keras model, which loads without Ascua's classes."""
    return list(zoo.import_keras().models.load_model(trained.keras).get_weights())
