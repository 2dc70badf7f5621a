"""Fits a network to a data set, epoch by epoch, so that it can stop and go on at any time.

The weights after an epoch depend on the recipe alone: order, augmentation and dropout of epoch n
are drawn from (seed, n), and the state between epochs is kept on disk.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.data import Dataset, Rows
from ascua.errors import InputError
from ascua.recipes import Recipe
from ascua.train import augment
from ascua.train.export import as_float
from ascua.train.folder import Checkpoint, Epoch, load_state, save_state
from ascua.train.progress import Display
from ascua.train.rounded import ENDS
from ascua.train.step import Step, train_step
from ascua.train.teacher import Taught
from ascua.zoo import image_of, import_keras, import_tensorflow

GLANCE = 2000
"""Test samples that each epoch's `val_accuracy` looks at where none is for validation. Nothing
is chosen by that figure."""


def fit(
    recipe: Recipe, data: Dataset, model: Any, out: Path, display: Display,
    taught: Taught | None = None,
) -> Checkpoint:  # fmt: skip
    """Train `model` in place, from the last epoch that `out` holds; answers the last state.

    Raises InputError when the loss is no longer a number, and for another teacher than before.
    """
    compile_model(recipe, model)
    _shorten_averages(model, steps_per_epoch(recipe, data))
    take = train_step(recipe, model, batch_size(recipe, data), taught)
    teacher = taught.sha256 if taught else ""
    state = load_state(out) or Checkpoint((), (), teacher, data.held_sha256)
    if state.held != data.held_sha256:
        raise InputError(
            f"{out}: its first epochs had other {data.noun} for validation.",
            [f"Bring back the {data.noun} that were there then, or train anew with `--force`."],
        )
    if state.teacher != teacher:
        raise InputError(
            f"{out}: its first epochs had another teacher.",
            ["Bring back that teacher's file, or train anew with `--force`."],
        )
    if state.variables:
        restore(model, state, out)
    with display:
        for epoch in range(len(state.history) + 1, recipe.epochs + 1):
            row = run_epoch(recipe, data, model, take, epoch, display)
            state = Checkpoint(
                tuple(v.numpy() for v in _variables(model)),
                (*state.history, row),
                teacher,
                data.held_sha256,
            )
            save_state(out, state)
            display.epoch(row)
    return state


def _shorten_averages(model: Any, steps: int) -> None:
    """Let no normalisation's average reach back beyond an epoch of so many `steps`.

    With few images Keras' 100 steps, and the zoo's 20, are longer than the weights stay alike: the
    network in use would not be the one in training.
    """
    norm = import_keras().layers.BatchNormalization
    for layer in model.layers:
        if isinstance(layer, norm):
            layer.momentum = min(layer.momentum, max(0.5, 1 - 1 / max(1, steps)))


def compile_model(recipe: Recipe, model: Any) -> None:
    """Give `model` the recipe's optimizer; only weights decay: not biases, norms and ranges."""
    keras = import_keras()
    import_tensorflow().config.experimental.enable_op_determinism()  # costs 3 % of the time
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(recipe.lr)
    else:
        optimizer = keras.optimizers.AdamW(recipe.lr, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", *ENDS])
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer)


def run_epoch(
    recipe: Recipe, data: Dataset, model: Any, take: Step, epoch: int, display: Display
) -> Epoch:
    """One pass over the training samples with the steps `take`; `epoch` counts from 1."""
    start = time.monotonic()
    for layer in model.layers:
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign([recipe.seed, epoch << 16])
    steps = steps_per_epoch(recipe, data)
    lr, losses, hits = 0.0, [], []
    for step, (x, y) in enumerate(batches(recipe, data, epoch), 1):
        lr = learning_rate(recipe, (epoch - 1) + (step - 1) / steps)
        model.optimizer.learning_rate.assign(lr)
        loss, right = take(x, y)
        losses.append(float(loss))
        hits.append(float(right))
        if not math.isfinite(losses[-1]):
            raise InputError(
                f"Recipe {recipe.name!r}: the loss became {losses[-1]} in step {step} of "
                f"epoch {epoch}.",
                [f"Lower the recipe's lr (now {recipe.lr:g}), or give it some warmup epochs."],
            )
        display.step(epoch, step, losses[-1])
    return Epoch(
        epoch=epoch,
        loss=round(float(np.mean(losses)), 6),
        accuracy=round(float(np.mean(hits)), 6),
        val_accuracy=accuracy(model, *looked_at(data)),
        lr=lr,
        seconds=round(time.monotonic() - start, 2),
    )


def looked_at(data: Dataset) -> tuple[Rows, NDArray[np.int64]]:
    """The samples that each epoch is looked at on, and their classes."""
    if len(data.x_validation):
        return data.x_validation, data.y_validation
    return data.x_test[:GLANCE], data.y_test[:GLANCE]


def batches(
    recipe: Recipe, data: Dataset, epoch: int
) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Augmented samples and their labels; the last samples, less than a batch, are left out."""
    rng = np.random.default_rng([recipe.seed, epoch])
    changes = augment.pick(recipe.augment)
    order = rng.permutation(len(data.x_train))
    size = batch_size(recipe, data)
    for start in range(0, steps_per_epoch(recipe, data) * size, size):
        chosen = order[start : start + size]
        x = data.x_train[chosen]
        for change in changes:
            x = change(x, rng)
        yield x, data.y_train[chosen]


def batch_size(recipe: Recipe, data: Dataset) -> int:
    """Samples a step: the recipe's, or all where there are fewer."""
    return min(recipe.batch, len(data.x_train))


def steps_per_epoch(recipe: Recipe, data: Dataset) -> int:
    """Whole batches in the training samples; at least one."""
    return max(1, len(data.x_train) // recipe.batch)


def learning_rate(recipe: Recipe, epochs: float) -> float:
    """The rate after `epochs` (a fraction too): a linear rise, then what the schedule says.

    "cosine" is half a cosine down to 0.
    """
    if epochs < recipe.warmup:
        return recipe.lr * (epochs + 0.01) / (recipe.warmup + 0.01)
    if recipe.schedule == "constant":
        return recipe.lr
    done = (epochs - recipe.warmup) / max(recipe.epochs - recipe.warmup, 1e-9)
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def accuracy(model: Any, x: Rows, y: NDArray[np.int64]) -> float:
    """Share of the samples `x` (n, ...) that the float model puts into their class `y`."""
    image = image_of(model)
    parts = (as_float(x[i : i + 250], image) for i in range(0, len(x), 250))
    logits = [model(part, training=False).numpy() for part in parts]  # None: RandomFlip would flip
    return float(np.mean(np.concatenate(logits).argmax(1) == y))


def restore(model: Any, state: Checkpoint, out: Path) -> None:
    """Put the variables of `state` into `model` and its optimizer."""
    variables = _variables(model)
    if [v.shape for v in variables] != [v.shape for v in state.variables]:
        raise InputError(f"{out}: its state is of another network.", ["Train anew with `--force`."])
    for variable, value in zip(variables, state.variables, strict=True):
        variable.assign(value)


def _variables(model: Any) -> list[Any]:
    """Everything that training changes."""
    return [*model.variables, *model.optimizer.variables]
