"""The verb that makes a Keras model smaller by whole channels."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ascua import boards, figures, measure
from ascua import recipes as recipe_files
from ascua.cli import following
from ascua.cli.options import (
    PATH,
    Reading,
    as_json,
    board_name,
    build_dir,
    data_dir,
    data_set,
    force,
    gathered,
    samples_count,
    seed,
    skip_damaged,
    teacher,
    to,
)
from ascua.cli.terminal import err, out, print_json, printable, verbose, waiting
from ascua.errors import InputError, did_you_mean
from ascua.files import Output
from ascua.files.kinds import KERAS, SVG
from ascua.report.tables import cell, table

if TYPE_CHECKING:
    from ascua.pruning import Base, Course, Needs, Outcome


@dataclass(frozen=True)
class Wished:
    """What is to go, and how it is chosen."""

    method: str
    ratio: float | None
    of: Literal["channels", "parameters", "macs"]
    scope: Literal["layer", "global"]
    round_to: int
    until: str | None
    samples: int
    seed: int


@dataclass(frozen=True)
class Tuning:
    """What is trained between the steps."""

    steps: int
    finetune: int
    lr: float | None
    teacher: bool


@dataclass(frozen=True)
class Place:
    """Where it is measured."""

    board: str | None
    build_dir: Path


@dataclass(frozen=True)
class Written:
    """What is written."""

    to: Path
    figure: Path | None
    force: bool
    as_json: bool

    def outputs(self, model: str) -> tuple[Output, Output | None]:
        """The model, and the picture if there is one. Raises InputError where one cannot be."""
        taken, force = (Path(model),), self.force
        made = Output(self.to, KERAS, "--out OUT.keras", taken, force=force)
        drawn = None
        if self.figure == self.to:
            raise InputError(
                f"{self.to}: both the model and the picture.", ["Name another `--figure OUT.svg`."]
            )
        if self.figure is not None:
            drawn = Output(self.figure, SVG, "--figure OUT.svg", taken, force=force)
        if self.to.suffix != ".keras":
            raise InputError(
                f"{self.to}: what is written is a Keras file.", ["Name it so: `--out OUT.keras`."]
            )
        made.check()
        if drawn is not None:
            drawn.check()
        return made, drawn


@click.command()
@click.argument("model")
@click.option(
    "--method", "-m", default="l1", show_default=True,
    help="The ranking: apoz, l1, random, l2, bn-scale, mean-activation, taylor, fpgm, lamp.",
)  # fmt: skip
@click.option("--ratio", type=float, help="The share that goes, 0 to 1.")
@click.option(
    "--of", type=click.Choice(["channels", "parameters", "macs"]), default="channels",
    show_default=True, help="Of what.",
)  # fmt: skip
@click.option(
    "--scope", type=click.Choice(["layer", "global"]), default="layer", show_default=True,
    help="The same share of each layer, or the least of the whole network.",
)  # fmt: skip
@click.option(
    "--round-to", type=click.IntRange(1), default=1, show_default=True,
    help="Of each layer's channels, a multiple of it stays: 4 suits SIMD.",
)  # fmt: skip
@click.option(
    "--until", metavar="LIMITS",
    help="Instead of --ratio: flash=200KB,ram=48KB,instructions=5M,uj=300 on the board.",
)  # fmt: skip
@samples_count(
    default=2000, show_default=True,
    help="Training images that a ranking looks at, at most.",
)  # fmt: skip
@seed(default=1, show_default=True, help="Decides which, and what chance ranks.")
@click.option(
    "--steps", type=click.IntRange(1), default=1, show_default=True,
    help="In so many: each takes the same share of what is left.",
)  # fmt: skip
@click.option(
    "--finetune", type=click.IntRange(0), default=0, show_default=True,
    help="Epochs of training after each step.",
)  # fmt: skip
@click.option("--lr", type=float, help="Its highest learning rate; default: half of the first's.")
@teacher(is_flag=True, help="It imitates the network as it was.")
@data_set(required=False, help="Of a Keras model: a data set, a folder of images, an .npz file.")
@data_dir()
@skip_damaged(help="Leave out images that cannot be read; they are named.")
@board_name(help="Measure both networks there: flash, RAM, instructions.")
@build_dir()
@to(required=True, help="The Keras file to write.")
@click.option("--figure", type=PATH, help="An .svg file: what is left of each layer.")
@force()
@as_json()
@verbose
@gathered(wished=Wished, tuning=Tuning, reading=Reading, place=Place, written=Written)
def prune(
    model: str, wished: Wished, tuning: Tuning, data: str | None, reading: Reading, place: Place,
    written: Written,
) -> None:  # fmt: skip
    """Take the channels of MODEL that are worth least out of it.

    MODEL is a .keras or .h5 file, or a recipe's name or TOML file: a recipe is trained first, and
    brings data and schedule for the tuning. What is written is a smaller Keras model.

    With --finetune, steps and trainings stay in the folder OUT.steps. Interrupted, the same command
    goes on there.
    """
    made, drawn = written.outputs(model)
    from ascua.pruning import Course, Limits, check_board, limits, run

    if (wished.ratio is None) == (wished.until is None):
        raise InputError(
            "How much is to go: --ratio or --until?",
            ["`--ratio 0.25`", "`--until flash=200KB,ram=48KB --board lm3s6965evb`"],
        )
    course = Course(
        wished.method, wished.ratio, wished.of, wished.scope, wished.round_to,
        Limits() if wished.until is None else limits(wished.until), tuning.steps, tuning.finetune,
        tuning.lr, wished.samples, wished.seed, teacher=tuning.teacher,
    )  # fmt: skip
    board = None if place.board is None else boards.load(place.board)
    if wished.until is not None and board is None:
        raise InputError("--until: on which board?", ["Name it: `--board lm3s6965evb`."])
    if board is not None:
        check_board(board, course.limits)
    base = _base(model, data, reading)
    with _folder(written.to, course) as folder:
        outcome = run(
            base, course, folder, board, build=place.build_dir, force=written.force,
            console=err, say=lambda text: err.print(
                printable(text), highlight=False, soft_wrap=True, markup=False
            ),
        )  # fmt: skip
        with waiting("Measuring both networks"):
            found = _found(base, outcome, board, place.build_dir)
        made.write(lambda file: file.write_bytes(outcome.file.read_bytes()))
    if drawn is not None:
        drawn.write(lambda file: file.write_text(_picture(outcome), encoding="utf-8"))
    if written.as_json:
        print_json(_json(written.to, course, outcome, found))
    else:
        _print(written.to, outcome, found, place.board)


@contextlib.contextmanager
def _folder(to: Path, course: Course) -> Iterator[Path]:
    """Where the steps are kept: for good, where they take long."""
    if course.epochs:
        yield to.with_suffix(".steps")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "steps"


def _base(
    model: str, data: str | None, reading: Reading
) -> Base:  # fmt: skip
    """The network that `model` says, with the data for it."""
    from ascua import pruning
    from ascua.zoo.files import SUFFIXES, load_keras

    path = Path(model)
    if path.suffix == ".tflite":
        raise InputError(
            f"{model}: channels are taken out of Keras models.",
            ["Give the .keras or .h5 file that it was made of."],
        )
    if path.suffix not in SUFFIXES:
        if model not in recipe_files.names() and path.suffix != ".toml":
            raise InputError(
                f"{model}: neither a .keras or .h5 file, nor a recipe.",
                did_you_mean(model, recipe_files.names()),
            )
        if data is not None:
            raise InputError(f"--data {data}: the recipe {model} has its own.", ["Leave it out."])
        return pruning.of_recipe(
            model, reading.data_dir, skip_damaged=reading.skip_damaged, console=err
        )
    if data is not None:
        pruning.check_source(data)  # before TensorFlow, which takes seconds
    with waiting(f"Reading {path}"):
        found = load_keras(path)
    if data is None:
        return pruning.Base(found, path)
    return pruning.with_data(found, path, data, reading.data_dir, skip_damaged=reading.skip_damaged)


@dataclass(frozen=True)
class End:
    """What is known of one of the two networks."""

    accuracy: float | None
    needs: Needs | None


def _found(base: Base, outcome: Outcome, board: boards.Board | None, build: Path) -> list[End]:
    """Of the network as it was, and as it is."""
    from ascua.pruning import needs

    ends = []
    for model in (base.model, outcome.pruned.model):
        needed = None if board is None else needs(model, board, base.images, build)
        ends.append(End(base.accuracy(model), needed))
    return ends


def _picture(outcome: Outcome) -> str:
    """A bar for each layer that makes channels: the share of them that is left."""
    layers = [c for c in outcome.pruned.layers if c.before.channels]
    left = [100 * c.after.channels / c.before.channels for c in layers]
    return figures.bars("channels left, %", [c.layer for c in layers], {"left": left})


def _json(to: Path, course: Course, outcome: Outcome, found: list[End]) -> dict[str, Any]:
    pruned = outcome.pruned
    ends = [
        {
            **asdict(size), "accuracy": end.accuracy,
            **({} if end.needs is None else {
                "flash_bytes": end.needs.flash, "ram_bytes": end.needs.ram,
                "instructions": end.needs.instructions, "uj": end.needs.uj,
            }),
        }
        for size, end in zip((pruned.before, pruned.after), found, strict=True)
    ]  # fmt: skip
    return {
        "schema": measure.SCHEMA,
        "keras": str(to),
        "tflite": None if outcome.tflite is None else str(outcome.tflite),
        **asdict(course),
        "before": ends[0],
        "after": ends[1],
        "layers": [asdict(change) for change in pruned.layers],
        "left": dict(pruned.left),
        "bound": list(outcome.bound),
    }


def _print(to: Path, outcome: Outcome, found: list[End], board: str | None) -> None:
    pruned = outcome.pruned
    rows = [
        (c.layer, c.kind, *_two(c.before.channels, c.after.channels),
         *_two(c.before.parameters, c.after.parameters), *_two(c.before.macs, c.after.macs))
        for c in pruned.layers
        if c.before != c.after and (c.before.channels or c.before.macs)
    ]  # fmt: skip
    if rows:
        columns = ("layer", "kind", ">channels", ">now", ">parameters", ">now", ">MACs", ">now")
        out.print(table(columns, rows))
    else:
        out.print("No channel goes: the network is within the limits as it is.")
    for name, reason in pruned.left.items():
        out.print(f"{name} stays: {reason}.", markup=False, highlight=False, soft_wrap=True)
    out.print()
    out.print(table(("", ">before", ">after", ">change"), _totals(outcome, found, board)))
    if outcome.bound:
        words = f"The next larger network exceeds the limit of {' and '.join(outcome.bound)}."
        out.print(words, highlight=False)
    out.print(f"{to}: {to.stat().st_size:,} bytes.", highlight=False, soft_wrap=True, markup=False)
    out.print(f"Next: {_next(to, outcome, board)}", markup=False, soft_wrap=True, highlight=False)


def _two(before: int, after: int) -> tuple[object, object]:
    return (before or None, after if before else None)


def _totals(
    outcome: Outcome, found: list[End], board: str | None
) -> list[tuple[str, str, str, str]]:  # fmt: skip
    """The two networks side by side."""
    before, after = outcome.pruned.before, outcome.pruned.after
    rows = [
        (name, cell(a), cell(b), f"{b / a - 1:+.1%}" if a else "")
        for name, a, b in (
            ("channels", before.channels, after.channels),
            ("parameters", before.parameters, after.parameters),
            ("MACs", before.macs, after.macs),
        )
    ]
    needs = [end.needs for end in found]
    if board is not None:
        for name, of in (
            ("flash", "flash"), ("RAM", "ram"), ("instructions", "instructions"),
            ("µJ (estimate)", "uj"),
        ):  # fmt: skip
            a, b = (None if n is None else getattr(n, of) for n in needs)
            if of == "uj" and a is None and b is None:
                continue
            change = f"{b / a - 1:+.1%}" if a and b else ""
            one, two = (f"{v:,}" if v else "too large" for v in (a, b))
            rows.append((f"{name}, {board}", one, two, change))
    a, b = (end.accuracy for end in found)
    if a is not None and b is not None:
        rows.append(("accuracy, float", f"{a:.2%}", f"{b:.2%}", f"{100 * (b - a):+.2f} points"))
    return rows


def _next(to: Path, outcome: Outcome, board: str | None) -> str:
    """The command that takes the network on its way."""
    if outcome.tflite is None:
        return following.quantize(to)
    if board is None:
        return following.run_somewhere(outcome.tflite)
    return following.run(outcome.tflite, board)
