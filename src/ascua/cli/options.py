"""Options that several verbs have, each declared once, and values made of options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from ascua.cli import completing
from ascua.errors import InputError
from ascua.estimate import seconds
from ascua.plan import BALANCED, Goal, goal_named

T = TypeVar("T")


def _seconds(text: str) -> float:
    try:
        return seconds(text)
    except (ValueError, KeyError) as e:
        raise InputError(
            f"--period {text}: not a time.", ["Write it as 1s, 500ms, 5min or 1h."]
        ) from e


def _placement(text: str) -> tuple[str, str]:
    tensor, _, memory = text.rpartition("=")
    if not tensor or not memory:
        raise InputError(
            f"--place {text}: write it as TENSOR=MEMORY.",
            ["`ascua boards` lists the memories, `ascua analyze` the tensors of the fullest step."],
        )
    return tensor, memory


class _Path(click.Path):
    """A path, which is not empty: that would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty.", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)

# A verb calls one of these for its option, and may add to it or say `help` in its own words.
model_file = partial(click.argument, "model", type=PATH)
board_name = partial(
    click.option, "--board", "-b", shell_complete=completing.boards,
    help="A board's name (`ascua boards`), or its TOML file.",
)  # fmt: skip
goal_option = partial(
    click.option, "--goal", default=BALANCED.kind, show_default=True, metavar="GOAL",
    callback=lambda _context, _option, name: goal_named(name),
    help="speed: least time; size: least flash; balanced: little of all; ram: least RAM.",
)  # fmt: skip
by_rows_option = partial(
    click.option, "--input-by-rows", "by_rows", is_flag=True,
    help="A function of yours hands over the input row by row, as a camera does.",
)  # fmt: skip
patch_option = partial(
    click.option, "--patch", metavar="F", default=BALANCED.patch, show_default=True, type=float,
    help="With --goal ram: less RAM for at most F times the multiply-accumulates.",
)  # fmt: skip
seconds_option = partial(
    click.option, "--max-allocator-solve-secs", metavar="S", type=click.FloatRange(min=0.1),
    help="About how long to look for less RAM.",
)  # fmt: skip
place_option = partial(
    click.option, "--place", "placements", metavar="TENSOR=MEMORY", multiple=True,
    callback=lambda _context, _option, texts: tuple(map(_placement, texts)),
    help="Put a tensor into that memory of the board; may be repeated.",
)  # fmt: skip
period = partial(
    click.option, "--period", "period_s", metavar="TIME",
    callback=lambda _context, _option, text: None if text is None else _seconds(text),
    help="Estimate the power of one inference each 1s, 500ms, 5min, asleep in between.",
)  # fmt: skip
inputs_file = partial(click.option, "--inputs", type=PATH)
data_set = partial(click.option, "--data", "-d", required=True, metavar="D")
labels_file = partial(
    click.option, "--labels", type=PATH, help="Of an .npy or .npz file: class indices, .npy."
)
data_dir = partial(click.option, "--data-dir", type=PATH, help="Where the data set already is.")
cache = partial(
    click.option, "--cache", metavar="C",
    help="Where stages are kept: a folder, or an address of fsspec.  [default:"
    " ~/.cache/ascua/study]",
)  # fmt: skip
results_dir = partial(
    click.option, "--results", type=PATH, default=Path("results"), show_default=True,
    help="The folder of results.",
)  # fmt: skip
jobs = partial(click.option, "--jobs", "-j", type=click.IntRange(1))
dry_run = partial(click.option, "--dry-run", is_flag=True)
skip_damaged = partial(
    click.option, "--skip-damaged", is_flag=True, help="Leave out images that cannot be read."
)
calibration = partial(
    click.option, "--calibration", type=click.IntRange(1), default=500, show_default=True,
    help="Samples of D that are looked at, at most.",
)  # fmt: skip
bias_correction = partial(
    click.option, "--bias-correction/--no-bias-correction", default=True, show_default=True,
    help="Take mean errors off the biases.",
)  # fmt: skip
like = partial(
    click.option, "--like", type=click.Choice(["nncase-0.1.0-rc5", "nncase-0.2.0-beta2"]),
    help="Of a K210: with the numbers that this nncase chose, in the version that it wrote.",
)  # fmt: skip
input_range = partial(click.option, "--input-range", type=float, nargs=2, metavar="LOW HIGH")
samples_count = partial(click.option, "--samples", type=click.IntRange(1))
teacher = partial(click.option, "--teacher")
seed = partial(click.option, "--seed", type=click.IntRange(0))
build_dir = partial(
    click.option, "--build-dir", type=PATH, default=Path("build/firmware"), show_default=True,
    help="Where firmware is compiled and kept.",
)  # fmt: skip
to = partial(click.option, "--out", "-o", "to", type=PATH)
symbols = partial(
    click.option,
    "--name",
    help="Prefix of the C symbols; default: the file's name, or its folder's.",
)
force = partial(
    click.option, "--force", is_flag=True, help="Replace also what would be left alone otherwise."
)
no_optimize = partial(
    click.option, "--no-optimize", is_flag=True,
    help="Take the file's own graph: channels that change no output stay in it.",
)  # fmt: skip
in_float = partial(
    click.option, "--float", "floats", is_flag=True,
    help="Take a network of floats as it is, larger and slower than in integers.",
)  # fmt: skip
as_json = partial(
    click.option, "--json", "as_json", is_flag=True, help="One JSON object on stdout."
)


rounding = partial(
    click.option, "--rounding", type=click.Choice(["half-up", "half-even"]),
    help="Of a kmodel's activation tables; default: as the emulator of its version.",
)  # fmt: skip
fma = partial(
    click.option, "--fma", "fused", is_flag=True,
    help="A kmodel's floats are multiplied and added in one rounding.",
)  # fmt: skip


@dataclass(frozen=True)
class Switches:
    """How the K210 is simulated, where nobody knows or it depends on the firmware's compiler."""

    rounding: Literal["half-up", "half-even"] | None
    fused: bool

    def refuse(self, model: Path) -> None:
        """Raise InputError where a switch is set, and `model` is no kmodel."""
        if self.rounding is not None or self.fused:
            raise InputError(
                f"{model}: `--rounding` and `--fma` are for kmodels, and this is none.",
                ["Leave them out."],
            )

    def refuse_on(self, board: str) -> None:
        """Raise InputError where a switch is set, and `board` runs the runtime in C."""
        if self.rounding is not None or self.fused:
            raise InputError(
                f"{board}: it computes as its C does: `--rounding` and `--fma` are for the"
                " simulated chip.",
                ["Leave them out, or choose `--board maix-go`."],
            )


@dataclass(frozen=True)
class Reading:
    """How the images of a data set are read."""

    data_dir: Path | None
    skip_damaged: bool


@dataclass(frozen=True)
class Data(Reading):
    """Where samples are, and their labels."""

    data: str
    labels: Path | None


@dataclass(frozen=True)
class Sampling(Data):
    """Which samples the ranges are found on."""

    calibration: int
    """How many, at most."""
    seed: int
    """Decides which."""


@dataclass(frozen=True)
class Taking:
    """How a network is taken: the file's own graph, and as floats where it is of them."""

    no_optimize: bool
    floats: bool


def goal() -> Callable[[Callable[..., T]], Callable[..., T]]:
    """The options that say what a plan is for reach the verb as one Goal."""

    def decorate(verb: Callable[..., T]) -> Callable[..., T]:
        @wraps(verb)
        def called(
            goal: Goal, *, by_rows: bool, patch: float, seconds: float,
            placements: tuple[tuple[str, str], ...], **options: Any,
        ) -> T:  # fmt: skip
            wanted = replace(
                goal, by_rows=by_rows, patch=patch, seconds=seconds, placements=placements
            )
            return verb(goal=wanted, **options)

        seconds = partial(seconds_option, "seconds", default=BALANCED.seconds, show_default=True)
        options = (goal_option, by_rows_option, patch_option, seconds, place_option)
        for option in reversed(options):
            called = option()(called)
        return called

    return decorate


def gathered(**groups: type) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """The options that are fields of these dataclasses reach the verb as one of them each."""

    def decorate(verb: Callable[..., T]) -> Callable[..., T]:
        @wraps(verb)
        def called(**options: Any) -> T:
            made = {
                name: kind(**{f.name: options.pop(f.name) for f in fields(kind)})
                for name, kind in groups.items()
            }
            return verb(**options, **made)

        return called

    return decorate
