"""The network that a training imitates: found, trained first if need be, and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascua import recipes
from ascua.errors import InputError
from ascua.recipes import Recipe
from ascua.train.fused import fuse
from ascua.zoo import import_tensorflow
from ascua.zoo.files import load_keras


@dataclass(frozen=True, eq=False)
class Taught:
    """A teacher at work."""

    model: Any
    """Keras: float images in 0..1 → logits."""
    sha256: str
    """Of its weights."""

    def logits(self, images: Any) -> Any:
        """(n, classes) in float32, of float images in 0..1."""
        return import_tensorflow().cast(self.model(images, training=False), "float32")


def load_teacher(path: Path, recipe: Recipe) -> Taught:
    """The Keras model in the file `path`, as a teacher for `recipe`.

    Raises InputError where the file is absent or no Keras model, and where images or classes are
    not the recipe's.
    """
    assert recipe.teacher is not None
    if not path.is_file():
        raise InputError(
            f"{path}: the teacher's file is not there.",
            [
                "Give a Keras model (.keras), or the name of a recipe: it is trained first.",
                f"Recipes: {', '.join(recipes.names())}.",
            ],
        )
    model = load_keras(path)
    _check(path, model, recipe)
    twin = fuse(model, recipe.teacher.precision)
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(weights.tobytes())
    return Taught(twin, digest.hexdigest())


def _check(path: Path, model: Any, recipe: Recipe) -> None:
    """One input and one output, of the recipe's images and classes."""
    one = len(model.inputs) == len(model.outputs) == 1
    images = tuple(model.inputs[0].shape[1:]) if one else ()
    answer = tuple(model.outputs[0].shape[1:]) if one else ()
    fits = len(images) == 3 and all(
        a in (None, b) for a, b in zip(images, recipe.input, strict=True)
    )
    if not (fits and answer == (recipe.classes,)):
        raise InputError(
            f"{path}: a teacher of {recipe.name!r} takes images {list(recipe.input)} and answers "
            f"{recipe.classes} classes; this model takes {list(images)} and answers "
            f"{list(answer)}.",
            ["Use a teacher for the same data set."],
        )
