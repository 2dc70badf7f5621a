"""The data set of a recipe."""

from __future__ import annotations

from pathlib import Path

from ascua import data
from ascua.data import Dataset
from ascua.recipes import Recipe


def load_data(
    recipe: Recipe, data_dir: Path | None = None, *, skip_damaged: bool = False,
    test_alone: bool = False,
) -> Dataset:  # fmt: skip
    """The data that `recipe` is trained on, from `data_dir` where that is given: not split yet.

    `skip_damaged` leaves out images that cannot be read; with `test_alone` there may be no training
    samples in it. Raises as `ascua.data.load` does.
    """
    return data.load(
        recipe.dataset, data_dir, shape=recipe.input, skip_damaged=skip_damaged,
        test_alone=test_alone, options=recipe.data,
    )  # fmt: skip
