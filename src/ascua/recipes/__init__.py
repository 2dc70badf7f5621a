"""Recipes are data: one TOML file each says how a network is trained and quantised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ascua.errors import InputError, did_you_mean
from ascua.settings import build, read_toml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Quantize:
    """How the trained network becomes int8."""

    method: Literal["tflite"] = "tflite"
    calibration: int = 500
    """Training images that set the activation ranges."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what `ascua train` gives: data, network, schedule, seed."""

    name: str
    title: str
    dataset: str
    model: str
    input: tuple[int, int, int]
    """Height, width and channels of an image."""
    classes: int
    epochs: int
    batch: int
    lr: float
    """The highest learning rate; it falls to 0 along a cosine."""
    width: float = 1.0
    """Factor on every layer's channels."""
    warmup: float = 0.0
    """Epochs over which the learning rate rises to `lr`."""
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augment: tuple[str, ...] = ()
    """Names of augmentations in `ascua.train.augment`, applied in order."""
    seed: int = 1
    board: str = "lm3s6965evb"
    """Where the demonstration runs."""
    show: int = 0
    """Index of the test image that the demonstration draws."""
    quantize: Quantize = Quantize()


@cache
def load(name: str) -> Recipe:
    """The recipe called `name`, or the one in the TOML file at that path.

    Raises InputError with the known names, or with what is wrong in the file.
    """
    path = FOLDER / f"{name}.toml"
    if name.endswith(".toml"):
        path = Path(name)
    elif name not in names():
        raise InputError(
            f"There is no recipe called {name!r}.",
            (*did_you_mean(name, names()), "Give the path of a recipe's TOML file."),
        )
    return build(Recipe, read_toml(path), str(path.name))


@cache
def names() -> tuple[str, ...]:
    """The names of all recipes that come with Ascua, sorted."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))
