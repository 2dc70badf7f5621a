"""What is trained before a recipe: its teacher, and the recipe whose weights it starts with."""

from __future__ import annotations

from ascua import recipes, zoo
from ascua.errors import InputError
from ascua.recipes import Recipe


def teacher(recipe: Recipe) -> Recipe | None:
    """The recipe that trains the teacher; None where there is none, or a model of the user's."""
    if recipe.teacher is None:
        return None
    name = recipe.teacher.model
    own = zoo.is_own(name) and not name.endswith(".toml")
    return None if own else recipes.load(name)


def start(recipe: Recipe) -> Recipe | None:
    """The recipe whose weights `recipe` starts with; None where it has none, or a file's."""
    if recipe.weights in recipes.names() or recipe.weights.endswith(".toml"):
        return recipes.load(recipe.weights)
    return None


def check(recipe: Recipe, following: tuple[str, ...] = ()) -> None:
    """Raises InputError for an unknown recipe or network, or a function that is not there.

    So it does where a network would come before itself.
    """
    zoo.check(recipe.model, recipe.network)
    if recipe.teacher is not None and zoo.is_function(recipe.teacher.model):
        zoo.check(recipe.teacher.model, {})
    chain = (*following, recipe.name)
    if recipe.name in following:
        raise InputError(
            f"Recipe {chain[0]!r}: what is trained before it goes in a circle: "
            f"{' ← '.join(chain)}.",
            ["Name another teacher, or other weights."],
        )
    for first in (teacher(recipe), start(recipe)):
        if first is not None:
            check(first, chain)
