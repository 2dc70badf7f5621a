"""The network that a training imitates: found, trained first if need be, and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascua import recipes, zoo
from ascua.errors import InputError
from ascua.pixels import Image
from ascua.recipes import Recipe
from ascua.train.fused import fuse


@dataclass(frozen=True, eq=False)
class Taught:
    """A teacher at work."""

    model: Any
    """Keras: float images → logits."""
    sha256: str
    """Of its weights."""
    image: Image = (0.0, 1.0)
    """What pixels 0 and 255 are for it."""

    def logits(self, images: Any) -> Any:
        """(n, classes) in float32, of float images in 0..1."""
        answer = self.model(scaled(images, self.image), training=False)
        return zoo.import_tensorflow().cast(answer, "float32")


def scaled(images: Any, image: Image) -> Any:
    """Float images in 0..1 with 0 and 1 as the ends of the range `image`."""
    low, high = image
    return images if image == (0.0, 1.0) else images * (high - low) + low


def load_teacher(name: str, recipe: Recipe) -> Taught:
    """The user's Keras model that `name` says, as a teacher for `recipe`.

    Raises InputError where it is absent or no Keras model, and where images or classes are not
    the recipe's.
    """
    if not (zoo.is_function(name) or Path(name).exists()):
        raise InputError(
            f"{name}: the teacher's file is not there.",
            [
                "Give a Keras model (.keras, .h5, a SavedModel folder, or module:function), or "
                "the name of a recipe: it is trained first.",
                f"Recipes: {', '.join(recipes.names())}.",
            ],
        )
    return as_teacher(name, zoo.load_own(name, recipe.input), recipe)


def as_teacher(name: str, model: Any, recipe: Recipe) -> Taught:
    """The Keras `model`, which `name` says, as a teacher for `recipe`.

    Raises InputError where images or classes are not the recipe's.
    """
    assert recipe.teacher is not None
    images, answer = (list(t[0].shape[1:]) for t in (model.inputs, model.outputs))
    if (images, answer) != (list(recipe.input), [recipe.classes]):
        raise InputError(
            f"{name}: a teacher of {recipe.name!r} takes images {list(recipe.input)} and answers "
            f"{recipe.classes} classes; this model takes {images} and answers {answer}.",
            ["Use a teacher for the same data set."],
        )
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(weights.tobytes())
    taught = fuse(model, recipe.teacher.precision)
    return Taught(taught, digest.hexdigest(), zoo.image_of(model))
