"""The table of network families: name → a function that builds an untrained network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ascua.errors import InputError, did_you_mean
from ascua.zoo.tensorflow import import_keras

Builder = Callable[[tuple[int, int, int], int, float], Any]
"""(input (h, w, c), classes, width) → a Keras model: float images in 0..1 → logits."""

_FAMILIES: dict[str, Builder] = {}


def network(name: str) -> Callable[[Builder], Builder]:
    """Decorator that enters a builder under `name`."""

    def enter(builder: Builder) -> Builder:
        assert name not in _FAMILIES, name
        _FAMILIES[name] = builder
        return builder

    return enter


def names() -> tuple[str, ...]:
    """The names of all families, sorted."""
    return tuple(sorted(_FAMILIES))


def build(
    name: str,
    image: tuple[int, int, int],
    classes: int,
    *,
    width: float = 1.0,
    seed: int | None = None,
) -> Any:
    """An untrained Keras model of the family `name`.

    `image` is (h, w, c); `width` is a factor on every layer's channels; the same `seed` gives the
    same first weights. The model takes float32 (n, h, w, c) in 0..1 and answers logits
    (n, classes). Raises InputError for an unknown name or a size that the family cannot take,
    ToolMissing without Keras.
    """
    if name not in _FAMILIES:
        raise InputError(f"There is no network called {name!r}.", did_you_mean(name, names()))
    if min(image) < 1 or classes < 1 or not width > 0:
        raise InputError(
            f"{name}: input {image}, {classes} classes and width {width:g} must all be positive."
        )
    keras = import_keras()
    if seed is not None:
        keras.utils.set_random_seed(seed)
    return _FAMILIES[name](image, classes, width)
