"""Users' own models: a .keras or .h5 file, a SavedModel folder, or `module:function`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ascua.errors import AscuaError, InputError, did_you_mean, first_line
from ascua.zoo import functions
from ascua.zoo.files import SUFFIXES, load_keras
from ascua.zoo.functions import failed, is_function
from ascua.zoo.normalization import settle
from ascua.zoo.tensorflow import import_keras, quiet

Shape = tuple[int, ...]


def is_own(name: str) -> bool:
    """Whether `name` is a file, a folder or a function, rather than a family."""
    return is_function(name) or name.endswith(SUFFIXES) or "/" in name


def check(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The `arguments`, if what `name` says takes them; a function's file is there.

    Raises InputError otherwise.
    """
    if is_function(name):
        functions.find(name)
    elif arguments:
        raise InputError(
            f"{name}: a model in a file has no arguments, not {next(iter(arguments))!r}."
        )
    return dict(arguments)


def load(name: str, shape: Shape | None = None) -> Any:
    """The functional Keras model that `name` says, as it is but for open sizes: those of `shape`.

    Raises InputError as `build` does.
    """
    return build(name, shape, None, {})


def build(name: str, shape: Shape | None, classes: int | None, arguments: Mapping[str, Any]) -> Any:
    """The functional Keras model that `name` says, of that input and so many classes.

    `shape` and `classes` None: as the model has them. A function may take `shape` (or `image`, the
    same), `classes` and the `arguments`, by name.
    Raises InputError for a model that cannot be loaded or built, has several inputs or outputs, or
    other sizes than asked for.
    """
    check(name, arguments)
    function = is_function(name)
    model = _call(name, shape, classes, arguments) if function else load_keras(Path(name))
    return _sized(name, model, shape, classes)


def _call(name: str, shape: Shape | None, classes: int | None, arguments: Mapping[str, Any]) -> Any:
    """What the function answers. Its exceptions become one message; `-v` shows where they arose."""
    with functions.loaded(name) as function:
        given = _given(name, function, shape, classes, arguments)
        try:
            with quiet():
                return function(**given)
        except AscuaError:
            raise
        except (Exception, SystemExit) as e:
            raise failed(name, e) from e


def _given(
    name: str, function: Callable[..., Any], shape: Shape | None, classes: int | None,
    arguments: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """What `function` is called with. Raises InputError where it takes something else."""
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError) as e:
        raise InputError(f"{name}: {first_line(e)}", ["Name a function of your own."]) from e
    given: dict[str, Any] = {k: v for k, v in (("image", shape), ("shape", shape),
                                             ("classes", classes))
                             if k in known and v is not None}  # fmt: skip
    open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
    for key in arguments:
        if key not in known and not open_ended:
            raise InputError(f"{name} has no argument {key!r}.", did_you_mean(key, known))
    given |= arguments
    lacking = [p.name for p in known.values() if p.default is p.empty and p.name not in given
               and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]  # fmt: skip
    if lacking:
        raise InputError(
            f"{name}: its argument {lacking[0]!r} has no value.",
            ["Give it a default, or a value in the recipe's table [network]."],
        )
    return given


def _sized(name: str, model: Any, shape: Shape | None, classes: int | None) -> Any:
    """`model` with the input `shape`, or an InputError that says what is in the way."""
    keras = import_keras()
    if not isinstance(model, keras.Model):
        raise InputError(f"{name} gives a {type(model).__name__}, not a Keras model.")
    if isinstance(model, keras.Sequential) and model.built:
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "operations"):
        model = _functional(name, model, shape)
    for what, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) != 1:
            raise InputError(
                f"{name}: it has {len(tensors)} {what}; Ascua trains models with one.",
                [f"Make a model of one of its {what}: `keras.Model(inputs, outputs)`."],
            )
    own = tuple(model.inputs[0].shape[1:])
    if shape is None:
        if not 1 <= len(own) <= 3 or None in own:
            raise InputError(
                f"{name}: its input is {_dims(own)}: one to three fixed sizes are wanted.",
                ["Give `keras.Input` all of them: height, width and channels of an image."],
            )
    elif len(own) != len(shape) or any(n not in (None, m) for n, m in zip(own, shape, strict=True)):
        raise InputError(
            f"{name}: its input is {_dims(own)}, the samples are {_dims(shape)}.",
            [f"Use `input = {list(own)}` in the recipe, or a model for these samples."],
        )
    elif None in own:
        model = _fixed(name, model, shape)
    answer = tuple(model.outputs[0].shape[1:])
    if None in answer:
        raise InputError(f"{name}: its output is {_dims(answer)}, of no fixed size.")
    if classes is not None and answer != (classes,):
        raise InputError(
            f"{name}: its output is {_dims(answer)}, but there are {classes} classes.",
            [
                "To train a new head on trained layers, name the network, and give the file as "
                "its weights."
            ],
        )
    return model


def _functional(name: str, model: Any, shape: Shape | None) -> Any:
    """A subclassed model as one layer of a functional one."""
    keras = import_keras()
    if shape is None:
        raise InputError(
            f"{name}: a {type(model).__name__} does not tell its input.",
            ["Make it a functional model: `keras.Model(x, model(x))` with `x = keras.Input(...)`."],
        )
    try:
        x = keras.Input(shape, name="image")
        return keras.Model(x, model(x), name=model.name)
    except Exception as e:
        raise failed(name, e) from e


def _fixed(name: str, model: Any, shape: Shape) -> Any:
    """`model`, whose input has open sizes, for `shape`."""
    keras = import_keras()
    try:
        fixed = keras.models.clone_model(model, input_tensors=keras.Input(shape, name="image"))
        fixed.set_weights(model.get_weights())
        settle(fixed)
    except Exception as e:
        raise failed(name, e) from e
    return fixed


def _dims(shape: tuple[int | None, ...]) -> str:
    return " x ".join("?" if n is None else str(n) for n in shape) or "a single value"
