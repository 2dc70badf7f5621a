"""The folder of one training: what was asked, how far it is, and what came out.

Every file is written under another name and then moved, so that none is ever half there.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua import files, recipes
from ascua.errors import InputError
from ascua.figures import curves
from ascua.files import folders
from ascua.files.folders import MANIFEST
from ascua.files.kinds import RESULT
from ascua.recipes import Recipe

RECIPE, STATE = "recipe.toml", "state.npz"
KERAS, TFLITE = "model.keras", "model.tflite"
HISTORY = ("history.json", "history.csv", "history.svg")
SHOWN = ("title", "board", "show")
"""Keys of a recipe that training does not depend on."""
CONFUSION = "confusion.svg"
"""Written by who evaluates the int8 model."""
FILES = (RECIPE, STATE, RESULT, KERAS, TFLITE, CONFUSION, *HISTORY, MANIFEST)
FORM = folders.Form("training", lambda path, _: path in FILES, "--out")


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training images gave."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the training images, augmented, while the weights still changed."""
    accuracy: float
    """Share of them that was classified right."""
    val_accuracy: float
    """Share of the validation images, or of the first test images (`fit.looked_at`), after it."""
    lr: float
    """Learning rate of the last step."""
    seconds: float


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that the next epoch depends on, besides the recipe."""

    variables: tuple[NDArray[Any], ...]
    """Of the model, then of the optimizer."""
    history: tuple[Epoch, ...]
    teacher: str = ""
    """The teacher's SHA-256, or empty."""
    held: str = ""
    """`Dataset.held_sha256`."""


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """As `files.write`, into the folder of a training, whose manifest then knows the file."""
    remedy = "Check that the disk is not full: the same command goes on where it stopped."
    out = path.parent
    files.write(
        path, fill, remedy, ready=lambda to: folders.note(out, FORM, path.name, to, _known(out))
    )


def write_text(path: Path, text: str) -> None:
    """Make the file `path` hold `text`."""
    write(path, lambda to: to.write_text(text, encoding="utf-8"))


def check_owner(out: Path, recipe: Recipe) -> None:
    """Raises InputError when the folder `out` holds the training of another recipe.

    A recipe alone is none: its training ended before the first epoch did.
    """
    remedies: tuple[str, ...] = (
        "Give another folder with `--out`.",
        "Train anew with `--force`; what was trained there goes.",
    )
    present = [n for n in FILES if n not in (RECIPE, MANIFEST) and (out / n).exists()]
    if not present:
        return
    if not (out / RECIPE).is_file():
        what = f"{out}: holds {present[0]}, and no {RECIPE} that says where it comes from."
        raise InputError(what, remedies)
    there = recipes.dumped(out / RECIPE)
    if difference := _difference(there, recipe):
        what = f"{out}: holds the training of a different recipe ({difference})."
        if recipe.validation and not there.validation:
            remedies = (*remedies, "To keep it, write `validation = 0` into the recipe.")
        raise InputError(what, remedies)


def check_folder(out: Path, recipe: Recipe, inputs: Iterable[Path], *, force: bool) -> None:
    """Raises InputError where what is in `out` is in the way of a training of `recipe`.

    That are folders, and files of the `inputs`, which stay whatever is forced; without `force`
    also what Ascua did not write there, or what changed since.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: not a folder.", ["Give `--out` a folder."])
    inputs = tuple(inputs)
    for name in FILES:
        if files.is_among(out / name, inputs) and not _is_dump(out, name, recipe):
            raise InputError(
                f"{out / name}: this command reads it, and would write it.",
                ["Give another folder with `--out`."],
            )
    folders.refuse(out, FORM, in_the_way(out, FILES), force=force)


def in_the_way(out: Path, names: Iterable[str]) -> list[folders.Obstacle]:
    """What of these `names` is in `out`, and not as Ascua wrote it."""
    found = folders.obstacles(out, names, _known(out))
    return [o for o in found if not _is_dump(out, o.path)]


def _known(out: Path) -> folders.Hashes:
    """The files of a training in `out` that Ascua wrote, with their hashes.

    Version 0.1 wrote no manifest: where the model is as the result says, all is its own, and
    beside a recipe that is as Ascua writes it, a state and its history.
    """
    if (known := folders.written(out, FORM)) or (out / MANIFEST).exists():
        return known
    own = False
    if (out / RESULT).is_file() and (out / TFLITE).is_file():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            result = json.loads((out / RESULT).read_text(encoding="utf-8"))
            own = result["model_sha256"] == folders.digest(out / TFLITE)
    begun = (out / STATE).is_file() and _is_dump(out, RECIPE)
    names = FILES if own else (STATE, *HISTORY) if begun else ()
    there = [n for n in names if (out / n).is_file() and not (out / n).is_symlink()]
    return {n: frozenset({folders.digest(out / n)}) for n in there}


def _is_dump(out: Path, name: str, recipe: Recipe | None = None) -> bool:
    """Whether that is a recipe as `claim` writes it: `recipe`, or else any."""
    path = out / name
    if name != RECIPE or not path.is_file() or path.is_symlink():
        return False
    try:
        text = path.read_text(encoding="utf-8")
        return recipes.is_dump(text, recipe or recipes.dumped(path))
    except (InputError, OSError, ValueError):
        return False


def holds(out: Path, recipe: Recipe) -> bool:
    """Whether what lies in the folder `out` is the training of `recipe`."""
    return not _difference(recipes.dumped(out / RECIPE), recipe)


def claim(out: Path, recipe: Recipe, *, force: bool) -> None:
    """Make `out` the folder of `recipe`; with `force`, whatever was trained there goes."""
    try:
        for name in FILES if force else ():
            if not _is_dump(out, name, recipe):
                (out / name).unlink(missing_ok=True)
        if not _is_dump(out, RECIPE, recipe):
            files.write_text(out / RECIPE, recipes.dump(recipe))
    except OSError as e:
        raise InputError(f"{out}: cannot be written: {e.strerror}.") from e


def _difference(there: Recipe, here: Recipe) -> str:
    """The keys that differ and decide what training gives, in words; empty if none does."""
    return difference(deciding(there), deciding(here))


def deciding(recipe: Recipe) -> dict[str, Any]:
    """The values of `recipe` that decide what training gives."""
    said = asdict(recipes.as_written(recipe))
    return {key: value for key, value in said.items() if key not in SHOWN}


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The values that differ, in words; empty if none does.

    What there was not yet is as it was, and there was no validation.
    """
    old = {"validation": 0.0, **old}
    keys = [key for key in new if key in old and old[key] != new[key]]
    return ", ".join(f"{key} = {old[key]!r}, not {new[key]!r}" for key in keys)


def save_state(out: Path, state: Checkpoint) -> None:
    """Keep `state`, and show its history."""
    arrays = {f"v{i}": v for i, v in enumerate(state.variables)}
    rows = json.dumps([asdict(e) for e in state.history])

    def fill(to: Path) -> None:
        with to.open("wb") as file:
            np.savez(
                file, allow_pickle=False, history=np.array(rows), teacher=state.teacher,
                held=state.held, **arrays,
            )  # fmt: skip

    write(out / STATE, fill)
    write_history(out, state.history)


def load_state(out: Path) -> Checkpoint | None:
    """The state after the last finished epoch, if there is one. Raises InputError if damaged."""
    path = out / STATE
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as table:
            others = {"history", "teacher", "held"}
            count = len({*table.files} - others)
            variables = tuple(table[f"v{i}"] for i in range(count))
            history = tuple(Epoch(**row) for row in json.loads(str(table["history"])))
            teacher = str(table["teacher"])
            held = str(table["held"]) if "held" in table.files else ""  # there was no validation
    except Exception as e:  # zipfile, zlib, json: each has errors of its own
        raise InputError(f"{path}: damaged: {e}.", ["Train anew with `--force`."]) from e
    return Checkpoint(variables, history, teacher, held)


def write_history(out: Path, history: Sequence[Epoch]) -> None:
    """The rows as JSON, as CSV, and as a picture."""
    rows = [asdict(e) for e in history]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(Epoch.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    lines = {
        "training": [e.accuracy for e in history],
        "validation": [e.val_accuracy for e in history],
    }
    texts = (json.dumps(rows, indent=1) + "\n", table.getvalue(), curves("accuracy", lines))
    for name, text in zip(HISTORY, texts, strict=True):
        write_text(out / name, text)
