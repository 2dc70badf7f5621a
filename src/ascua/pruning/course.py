"""Prunes a network step by step, with training in between, so that it can stop and go on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ascua import data as datasets
from ascua import files, recipes, zoo
from ascua.boards import Board
from ascua.data import Dataset
from ascua.errors import InputError, did_you_mean
from ascua.plan.cost import costs
from ascua.pruning.needs import IMAGES, Limits, Needs, expected, needs
from ascua.pruning.network import flattened
from ascua.pruning.rankings import find
from ascua.pruning.removal import Change, Pruned, Ranked, rank
from ascua.pruning.samples import Samples
from ascua.pruning.select import Of, Scope, Wish
from ascua.pruning.sizes import by_layer, sizes
from ascua.pruning.tracing import trace
from ascua.recipes import Recipe, Teacher
from ascua.train import load_data, train
from ascua.train.export import calibration_samples
from ascua.train.fit import accuracy
from ascua.train.training import build
from ascua.zoo.files import load_keras

COURSE, KERAS, BOUND, TUNED = "course.json", "pruned.keras", "bound.json", "tuned"
"""Of a folder of steps, and in each step's."""
SLOWER = 2
"""The highest learning rate of tuning is the recipe's divided by it."""

NO_LIMITS = Limits()
BATCH, LR = 64, 4e-3
"""Of the schedule of a model that came without a recipe."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Course:
    """How a network is pruned."""

    method: str
    ratio: float | None
    """The share that goes in all; None: as the limits say."""
    of: Of = "channels"
    scope: Scope = "layer"
    round_to: int = 1
    limits: Limits = NO_LIMITS
    steps: int = 1
    """Each takes the same share of what is left; tuning comes after each."""
    epochs: int = 0
    """Of tuning, a step."""
    lr: float | None = None
    """The highest of tuning; None: half of the recipe's."""
    looked_at: int = 2000
    """Training samples that a ranking looks at, at most."""
    seed: int = 1
    teacher: bool = False
    """Whether tuning imitates the network as it was."""

    def __post_init__(self) -> None:
        """Raises InputError for what no course can do."""
        find(self.method)
        if self.ratio is not None:
            Wish(self.ratio, self.of, self.scope, self.round_to)
        if self.ratio is None and self.limits == NO_LIMITS:
            raise InputError(
                "How much is to go?",
                ["Give `--ratio 0.25`, or `--until flash=200KB,ram=48KB --board B`."],
            )
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise InputError(
                f"--lr {self.lr:g}: a learning rate is positive.",
                ["Leave it out for half of the recipe's."],
            )
        if not self.epochs and (self.lr is not None or self.teacher):
            raise InputError(
                "`--lr` and `--teacher` say how it is tuned, and it is not tuned.",
                ["Give `--finetune 10`, or leave them out."],
            )


@dataclass(frozen=True, eq=False)
class Base:
    """A trained network, and what it was trained with."""

    model: Any
    file: Path
    """The Keras file that it comes from."""
    recipe: Recipe | None = None
    """How it is tuned; its data set and schedule are those of its training."""
    data: Dataset | None = None
    """As it is trained on: split as the recipe says."""
    data_dir: Path | None = None
    skip_damaged: bool = False
    """Whether the data lack images that cannot be read; those of its tuning do then, too."""

    def samples(self, count: int, seed: int) -> Samples | None:
        """Training images with their classes, at most `count`, chosen by `seed`."""
        if self.data is None:
            return None
        at = np.sort(np.random.default_rng(seed).permutation(len(self.data.x_train))[:count])
        image = zoo.image_of(self.model) if self.data.images else None
        return Samples(self.data.x_train[at], self.data.y_train[at], image)

    def accuracy(self, model: Any) -> float | None:
        """The share of all test images that `model` has right; None where there are none."""
        if self.data is None or not len(self.data.x_test):
            return None
        return accuracy(model, self.data.x_test, self.data.y_test)

    @property
    def images(self) -> NDArray[Any] | None:
        """A few to calibrate on."""
        return None if self.data is None else calibration_samples(self.data.x_train, IMAGES, 1)


def of_recipe(
    name: str, data_dir: Path | None, *, skip_damaged: bool, console: Console | None
) -> Base:
    """The network of the recipe called `name`, or in that file; it is trained where it is not yet.

    Raises InputError for a recipe that trains in the steps of int8, and as `train` does.
    """
    recipe = recipes.load(name)
    if recipe.aware:
        raise InputError(
            f"Recipe {recipe.name!r} trains for int8, without normalisations.",
            ["Prune the float network, and go on with `--qat` then."],
        )
    trained = train(
        recipe, out=Path("build") / recipe.name, data_dir=data_dir, skip_damaged=skip_damaged,
        inputs=recipes.sources(name), console=console,
    )  # fmt: skip
    model = build(recipe)
    zoo.load_weights(model, trained.keras)
    data = load_data(recipe, data_dir, skip_damaged=skip_damaged).split(
        recipe.validation, recipe.seed
    )
    return Base(model, trained.keras, recipe, data, data_dir, skip_damaged=skip_damaged)


def check_source(source: str) -> None:
    """Raise InputError unless `source` is a data set, a folder or a file."""
    if source not in (*datasets.names(), *recipes.names()) and not Path(source).exists():
        raise InputError(
            f"{source}: neither a data set, nor a folder of images, nor an .npz file.",
            did_you_mean(source, datasets.names()),
        )


def with_data(
    model: Any, file: Path, source: str, data_dir: Path | None, *, skip_damaged: bool
) -> Base:
    """The Keras `model` of a file with a data set: its name, a folder of images, or an .npz file.

    It is tuned with a plain schedule. Raises InputError for data that are not the model's.
    """
    _check_one(model, file)
    check_source(source)
    shape = tuple(model.inputs[0].shape[1:])
    where, options = data_dir, dict[str, Any]()
    if source in recipes.names() or source.endswith(".toml"):
        told = recipes.load(source)
        source, options = told.dataset, told.data
    elif source not in datasets.names():
        where = Path(source)
        source = "npz" if where.is_file() else "folder"
    data = datasets.load(source, where, shape=shape, skip_damaged=skip_damaged, options=options)
    classes = model.outputs[0].shape[-1]
    if data.shape != shape or len(data.classes) != classes:
        raise InputError(
            f"{file}: it takes {list(shape)} and answers {classes} classes; {data.name} has samples"
            f" {list(data.shape)} in {len(data.classes)} classes.",
            ["Give the data that the model was trained on."],
        )
    recipe = Recipe(
        name=file.stem, title=file.stem, dataset=source, model=str(file), input=data.shape,
        classes=classes, epochs=1, batch=BATCH, lr=LR, data=options,
    )  # fmt: skip
    split = data.split(recipe.validation, recipe.seed)
    return Base(model, file, recipe, split, where, skip_damaged=skip_damaged)


def _check_one(model: Any, file: Path) -> None:
    """Raise InputError unless the model takes one sample and answers one number a class."""
    shapes = [tuple(t.shape[1:]) for t in (*model.inputs, *model.outputs)]
    one = len(model.inputs) == len(model.outputs) == 1
    if not one or not 1 <= len(shapes[0]) <= 3 or len(shapes[1]) != 1:
        raise InputError(
            f"{file}: data are samples with classes, and its inputs and outputs are {shapes}.",
            ["Leave out `--data`, and tune the pruned model with Keras."],
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a course gave."""

    pruned: Pruned
    """The last network, tuned, beside the first."""
    file: Path
    """Of the last network."""
    tflite: Path | None
    """Its int8 form, where it was tuned."""
    bound: tuple[str, ...] = ()
    """The limits that the next larger network exceeds."""


def run(
    base: Base, course: Course, folder: Path, board: Board | None, *,
    build: Path, force: bool = False, console: Console | None = None, say: Say,
) -> Outcome:  # fmt: skip
    """Prune `base` as `course` says, keeping every step in `folder`; a stopped one goes on.

    Raises InputError (model, data, limits out of reach, a folder of another course, a loss that is
    no number), DoesNotFit, ToolMissing, ToolFailed.
    """
    if course.epochs and base.recipe is None:
        raise InputError(
            "Tuning needs data.", ["Name it with `--data D`, or leave `--finetune` out."]
        )
    _claim(folder, base, course, force=force)
    climb, model = _Climb(base, course, board, build, say), base.model
    file, tflite = base.file, None
    for step in range(1, course.steps + 1):
        at = folder / f"step{step}"
        file = at / KERAS
        if not file.exists():
            climb.step(model, step, at)
        model = load_keras(file)
        if course.epochs:
            trained = train(
                _tuning(base, course, file), out=at / TUNED, data_dir=base.data_dir,
                skip_damaged=base.skip_damaged, force=force, console=console,
            )  # fmt: skip
            file, tflite = trained.keras, trained.tflite
            model = load_keras(file)
    return Outcome(
        _beside(base.model, model, climb.first.left), file, tflite,
        _bound(folder / f"step{course.steps}"),
    )  # fmt: skip


class _Climb:
    """The steps of a course; each is ranked anew, and takes its part of what was there first."""

    def __init__(
        self, base: Base, course: Course, board: Board | None, build: Path, say: Say
    ) -> None:
        self.base, self.course, self.board, self.build, self.say = base, course, board, build, say

    def step(self, model: Any, step: int, at: Path) -> None:
        """Prune `model` and write what is left into the folder `at`."""
        ranked = self.first if step == 1 else self.rank(model, step)
        rung, bound = self.rung(ranked, step)
        pruned = ranked.at(rung)
        at.mkdir(parents=True, exist_ok=True)
        files.write_text(at / BOUND, json.dumps(bound))
        files.write(at / KERAS, pruned.model.save)
        before, after = pruned.before, pruned.after
        self.say(
            f"step {step} of {self.course.steps}: channels {before.channels:,} -> "
            f"{after.channels:,}, parameters {before.parameters:,} -> {after.parameters:,}, "
            f"MACs {before.macs:,} -> {after.macs:,}"
        )

    def rank(self, model: Any, step: int) -> Ranked:
        """The units of `model`, ranked for that step."""
        course = self.course
        return rank(
            model, course.method, scope=course.scope, round_to=course.round_to,
            samples=self.base.samples(course.looked_at, course.seed), seed=course.seed + step - 1,
        )  # fmt: skip

    @cached_property
    def first(self) -> Ranked:
        """The network as it was."""
        return self.rank(self.base.model, 1)

    @cached_property
    def ratio(self) -> float:
        """The share that goes in all."""
        if self.course.ratio is not None:
            return self.course.ratio
        return self.first.ladder.share(self.course.of, self.fitting(self.first)[0])

    def rung(self, ranked: Ranked, step: int) -> tuple[int, tuple[str, ...]]:
        """Where a step leads on its ladder, and the limits that the rung before exceeds."""
        of, steps = self.course.of, self.course.steps
        if step == steps and self.course.ratio is None:
            return self.fitting(ranked)
        gone = 1 - (1 - self.ratio) ** (step / steps)
        left = ranked.ladder.amount(of, 0) / max(1, self.first.ladder.amount(of, 0))
        return ranked.ladder.rung(of, max(0.0, 1 - (1 - gone) / left)), ()

    def fitting(self, ranked: Ranked) -> tuple[int, tuple[str, ...]]:
        """The first rung within the limits. Raises InputError where none is."""
        limits, board = self.course.limits, self.board
        assert board is not None
        found: dict[int, Needs | None] = {}

        def unmet(rung: int) -> tuple[str, ...]:
            if rung not in found:
                pruned = ranked.at(rung)
                found[rung] = needs(pruned.model, board, self.base.images, self.build)
                self.say(f"{pruned.after.channels:,} channels: {_said(found[rung], board)}")
            return limits.unmet(found[rung])

        if not unmet(0):  # fewer channels may need more, where they are no multiple of four
            return 0, ()
        last = len(ranked.ladder.gone) - 1
        if wrong := unmet(last):
            raise InputError(
                f"--until {limits}: out of reach ({', '.join(wrong)}): the smallest network that"
                f" is left needs {_said(found[last], board)}.",
                ["Give larger limits, or another network.", *ranked.ladder.finer],
            )
        guess = None
        self.say("Looking for the largest network that fits.")
        if costs(board.core) is not None:
            guess = ranked.ladder.first(
                lambda r: r == last
                or not limits.unmet(expected(ranked.at(r).model, board, self.base.images))
            )
        rung = ranked.ladder.first(lambda r: not unmet(r), guess)
        return rung, unmet(rung - 1)


def _said(found: Needs | None, board: Board) -> str:
    if found is None:
        return f"more than {board.name} has"
    return (
        f"{found.flash:,} bytes of flash, {found.ram:,} of RAM, {found.instructions:,}"
        f" instructions{'' if found.uj is None else f', an estimated {found.uj:,.0f} µJ,'}"
        f" on {board.name}"
    )


def _tuning(base: Base, course: Course, file: Path) -> Recipe:
    """How the network in `file` is tuned."""
    recipe = base.recipe
    assert recipe is not None
    return replace(
        recipe, name=f"{recipe.name}-pruned", title=f"{recipe.title}, pruned", model=str(file),
        network={}, weights=str(file), freeze=0, epochs=course.epochs, warmup=0.0,
        lr=recipe.lr / SLOWER if course.lr is None else course.lr,
        teacher=Teacher(str(base.file)) if course.teacher else recipe.teacher,
    )  # fmt: skip


def _beside(first: Any, last: Any, left: Mapping[str, str]) -> Pruned:
    """The network `last` beside what it was made of."""
    traced = [trace(flattened(model)) for model in (first, last)]
    whole = [sizes(t, t.all()) for t in traced]
    before, after = (by_layer(t, t.all()) for t in traced)
    kinds = {name: calls[0].kind for name, calls in traced[0].network.layers.items()}
    layers = [Change(n, kinds[n], s, after[n]) for n, s in before.items() if s.parameters]
    return Pruned(last, whole[0], whole[1], tuple(layers), left)


def _claim(folder: Path, base: Base, course: Course, *, force: bool) -> None:
    """Make `folder` the one of this course. Raises InputError where it is another's."""
    known = folder / COURSE
    wanted = json.dumps(
        {
            "model_sha256": hashlib.sha256(base.file.read_bytes()).hexdigest(),
            **asdict(course),
            "recipe": None if base.recipe is None else recipes.dump(base.recipe),
        },
        indent=1,
    )
    if known.is_file() and known.read_bytes() == wanted.encode() and not force:
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not known.is_file():
            raise InputError(
                f"{folder}: there is something else; the steps go there.",
                ["Name another file with `--out`."],
            )
        if not force:
            raise InputError(
                f"{folder}: holds the steps of another pruning.",
                ["Name another file with `--out`.", "Prune anew with `--force`."],
            )
        for name in (KERAS, BOUND):
            for file in folder.glob(f"step*/{name}"):
                file.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(known, wanted)


def _bound(at: Path) -> tuple[str, ...]:
    path = at / BOUND
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{path}: is damaged.", [f"Delete {at}: the step is made anew."])
    return tuple(found)
