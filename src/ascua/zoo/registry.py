"""The table of network families: name → a function that builds an untrained network."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from ascua.errors import InputError, did_you_mean
from ascua.settings import convert
from ascua.zoo import own
from ascua.zoo.tensorflow import import_keras, import_tensorflow

Image = tuple[int, int, int]
"""Height, width and channels."""
Shape = tuple[int, ...]
"""Of a sample: an image, a window (steps, channels), or a row of values."""

Builder = Callable[..., Any]
"""(input, classes, *, arguments) → a Keras model: float images in 0..1, or values, → logits.

`arguments` are the family's sizes: keyword-only, annotated, each with a default.
"""

MOST = 1 << 16
"""No size of a network is larger, nor what multiplies one."""
Published = Callable[..., str]
"""(input, *, arguments) → the address of weights for them; raises InputError where none are."""

_FAMILIES: dict[str, Builder] = {}
_DIMENSIONS: dict[str, int | None] = {}
_PUBLISHED: dict[str, Published] = {}


def network(
    name: str, *, imagenet: Published | None = None, dimensions: int | None = 3
) -> Callable[[Builder], Builder]:  # fmt: skip
    """Decorator that enters a builder under `name`, and where its `imagenet` weights are.

    `dimensions` are those of a sample, 3 of an image; None: any.
    """

    def enter(builder: Builder) -> Builder:
        assert name not in _FAMILIES, name
        _FAMILIES[name] = builder
        _DIMENSIONS[name] = dimensions
        if imagenet is not None:
            _PUBLISHED[name] = imagenet
        return builder

    return enter


def names() -> tuple[str, ...]:
    """The names of all families, sorted."""
    return tuple(sorted(_FAMILIES))


def build(
    name: str, shape: Shape, classes: int, *, seed: int | None = None, **arguments: Any
) -> Any:
    """A Keras model of the family `name`, untrained, or the user's own that `name` says.

    Own models are .keras and .h5 files, SavedModel folders, and functions (`module:function`).
    `shape` is a sample's, (h, w, c) of an image; `arguments` are the family's (`defaults` lists
    them); the same `seed` gives the same first weights. The model takes float32 (n, *shape), images
    in 0..1, and answers logits (n, classes).
    Raises InputError for an unknown name or argument and for a size that the family cannot take,
    ToolMissing without Keras.
    """
    given = check(name, arguments)
    if min(shape) < 1 or classes < 1:
        raise InputError(f"{name}: input {shape} and {classes} classes must all be positive.")
    _check_dimensions(name, shape)
    keras = import_keras()
    if seed is not None:
        keras.utils.set_random_seed(seed)
    if own.is_own(name):
        return own.build(name, shape, classes, given)
    return _built(name, shape, classes, given)


def _check_dimensions(name: str, shape: Shape) -> None:
    """Raise InputError where the family `name` takes samples of other dimensions."""
    wanted = _DIMENSIONS.get(name)
    if wanted is not None and wanted != len(shape):
        kinds = {2: "windows (steps, channels)", 3: "images (height, width, channels)"}
        others = [n for n in names() if _DIMENSIONS[n] in (len(shape), None)]
        raise InputError(
            f"{name} takes {kinds[wanted]}, not {list(shape)}.",
            [f"For these: {', '.join(others)}, or a Keras model of your own."],
        )


def _built(name: str, shape: Shape, classes: int, given: Mapping[str, Any]) -> Any:
    """A network of Ascua's own. Raises InputError where there is not enough memory for it."""
    exhausted = import_tensorflow().errors.ResourceExhaustedError
    try:
        return _FAMILIES[name](shape, classes, **given)
    except (MemoryError, exhausted) as e:
        raise InputError(
            f"{name}: there is not enough memory for a network of these sizes.",
            ["Choose smaller ones: `ascua models` lists what each network takes."],
        ) from e


def defaults(name: str) -> dict[str, Any]:
    """The arguments of the family `name` and their defaults. Raises InputError if unknown."""
    return {p.name: p.default for p in _parameters(name).values()}


def check(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The `arguments` as the types that the family `name` wants.

    They come as Python or as TOML has them. Raises InputError for an unknown family or argument,
    a wrong type, and a number that is not positive.
    """
    if own.is_own(name):
        return own.check(name, arguments)
    known = _parameters(name)
    hints = typing.get_type_hints(_FAMILIES[name])
    given = {}
    for key, value in arguments.items():
        if key not in known:
            raise InputError(f"{name} has no argument {key!r}.", did_you_mean(key, known))
        given[key] = convert(hints[key], value, f"{name}: {key}")
        _check_range(f"{name}: {key}", key, given[key])
    return given


def imagenet(name: str, shape: Shape, arguments: Mapping[str, Any]) -> str:
    """The address of weights trained on ImageNet for this network. InputError: there are none."""
    if name not in _PUBLISHED:
        raise InputError(
            f"{name}: no address of `imagenet` weights is known.",
            [
                "Give a file of weights instead.",
                f"Networks that have them: {', '.join(sorted(_PUBLISHED))}.",
            ],
        )
    return _PUBLISHED[name](shape, **{**defaults(name), **check(name, arguments)})


def _parameters(name: str) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of the family `name`."""
    if name not in _FAMILIES:
        raise InputError(
            f"There is no network called {name!r}.",
            (*did_you_mean(name, names()), "Your own: a .keras or .h5 file, or module:function."),
        )
    parameters = inspect.signature(_FAMILIES[name]).parameters
    return {k: p for k, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def _check_range(where: str, key: str, value: Any) -> None:
    """Sizes are positive, a dropout is a probability; raises InputError where one is not."""
    if key == "dropout":
        if not 0 <= value < 1:
            raise InputError(f"{where} must be at least 0 and below 1, not {value!r}.")
    elif isinstance(value, tuple):
        for i, each in enumerate(value):
            _check_range(f"{where}[{i}]", key, each)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not 0 < value <= MOST:
        raise InputError(f"{where} must be positive, and at most {MOST:,}, not {value!r}.")
