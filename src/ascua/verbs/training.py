"""Trains a recipe."""

from __future__ import annotations

from pathlib import Path

from ascua import recipes
from ascua.recipes import Recipe
from ascua.train import Trained, train


def train_recipe(
    recipe: Recipe | Path | str, *, out: Path | str | None = None,
    data_dir: Path | str | None = None, skip_damaged: bool = False, force: bool = False,
) -> Trained:  # fmt: skip
    """Train `recipe`, a name or a TOML file's, as `ascua train` does: it goes on if it was stopped.

    The folder `out` (build/<recipe>) gets the float Keras model and the int8 .tflite file, and
    what they were made of. Raises AscuaError.
    """
    chosen = recipe if isinstance(recipe, Recipe) else recipes.load(str(recipe))
    read = () if isinstance(recipe, Recipe) else recipes.sources(str(recipe))
    return train(
        chosen, out=Path(out) if out is not None else Path("build") / chosen.name,
        data_dir=None if data_dir is None else Path(data_dir), skip_damaged=skip_damaged,
        force=force, inputs=read,
    )  # fmt: skip
