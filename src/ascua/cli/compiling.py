"""The verbs that take a .tflite file to a board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Group
from rich.text import Text

from ascua import boards as board_files
from ascua import k210, measure, targets, validation
from ascua.boards import Board
from ascua.cli import kmodels, networks
from ascua.cli.optimizing import saved
from ascua.cli.options import (
    PATH,
    Switches,
    Taking,
    as_json,
    bias_correction,
    board_name,
    build_dir,
    calibration,
    data_dir,
    data_set,
    fma,
    force,
    gathered,
    goal,
    in_float,
    input_range,
    inputs_file,
    labels_file,
    like,
    model_file,
    no_optimize,
    period,
    rounding,
    seed,
    skip_damaged,
    symbols,
    to,
)
from ascua.cli.source import Source
from ascua.cli.terminal import LAYERS, PLAN, err, log, out, print_json, progress, verbose, waiting
from ascua.errors import AscuaError, InputError, Mismatch, ToolFailed, brief
from ascua.executors import Executor
from ascua.executors.board import OnBoard
from ascua.executors.reference import Reference, reference
from ascua.inputs import check_outputs, save_outputs
from ascua.ir import Array
from ascua.labels import Labels
from ascua.model import Model
from ascua.ncc.classes import read_names
from ascua.plan import STACK_BYTES, Goal, Plan, Shared, check_fit, check_fit_together
from ascua.report import tables
from ascua.samples import load_or_random, picked, sample_vectors
from ascua.targets.folder import check_folder, write_folder
from ascua.verbs.validating import executors


@click.command()
@model_file()
@board_name(help="Check whether it fits this board.")
@goal()
@period()
@no_optimize()
@in_float()
@as_json()
@verbose
@gathered(taking=Taking)
def analyze(
    model: Path, board: str | None, goal: Goal, taking: Taking, *, period_s: float | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Operators, MACs, weights, arena and fit of MODEL.tflite."""
    target = board_files.load(board) if board else None
    _check_period(period_s, target)
    _check_wishes(goal, target, kmodel=k210.is_kmodel(model))
    if k210.is_kmodel(model):
        kmodels.analyze(model, target, as_json=as_json)
        return
    loaded = networks.model(model, taking)
    with waiting(f"Planning {model}"):
        planned, measured = measure.analyze(loaded, target, goal, period_s)
    if as_json:
        found = {**measured.json(), **goal.json()}
        if planned.least is not None:
            found["ram_bytes"]["least"] = planned.least
        if planned.spread:
            found["memories"] = [
                {"name": u.memory.name, "bytes": u.bytes, "room": u.memory.bytes, "parts": u.parts}
                for u in planned.uses(STACK_BYTES)
            ]
        print_json(found)
    else:
        out.print(tables.analysis(planned, measured))
        if line := saved(loaded):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
        if measured.expected:
            out.print(Group(Text(""), tables.goals(measured.expected, goal)))
    _show(planned)
    check_fit(planned)
    if target and not as_json:
        out.print(f"It fits {target.name}.")


@dataclass(frozen=True)
class InC:
    """What a library in C is called, knows of its classes, and looks like."""

    name: str | None
    labels: Path | None
    flat: bool
    share_arena: bool

    def check(self, models: Sequence[Path], *, kmodel: bool) -> None:
        """Raise InputError for several models that share nothing, or that a name is given to."""
        if len(models) > 1 and (kmodel or not self.share_arena):
            raise InputError(
                f"compile takes one MODEL, and these are {len(models)}.",
                ["One command each; of C libraries that run in turns: `--share-arena`."],
            )
        if len(models) > 1 and (self.name is not None or self.labels is not None):
            raise InputError(
                "--share-arena: --name and --labels are for one MODEL.",
                ["Leave them out: libraries are called as their files."],
            )
        if len(models) == 1 and self.share_arena:
            raise InputError(
                "--share-arena: it is for several MODELs.", ["Name them all, or leave it out."]
            )

    def refuse(self) -> None:
        """Raise InputError where something of it is wanted of a kmodel."""
        given = {
            "--name": self.name, "--labels": self.labels, "--flat": self.flat or None,
            "--share-arena": self.share_arena or None,
        }  # fmt: skip
        if wrong := next((o for o, value in given.items() if value is not None), None):
            raise InputError(
                f"{wrong}: it is for a library in C, and a kmodel is none.", ["Leave it out."]
            )

    def names(self, model: Model) -> list[str]:
        """Of the classes: those that are given, or that the model was trained on; or none."""
        count = model.graph.outputs[0].size
        if self.labels is not None:
            return read_names(self.labels, count)
        return list(model.classes) if len(model.classes) == count else []


@click.command("compile")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=PATH)
@board_name(required=True)
@goal()
@to(required=True, help="The folder to write; of a K210, the .kmodel file.")
@symbols()
@labels_file(help="Names of the classes, one a line, for C; default: those that it was trained on.")
@click.option("--flat", is_flag=True, help="All C files side by side, as some IDEs want them.")
@click.option(
    "--share-arena", is_flag=True,
    help="Of several MODELs, that run in turns: a folder each in OUT, and one arena.",
)  # fmt: skip
@data_set(
    required=False,
    help="Of a K210: a data set, a folder of images or an .npy file, to calibrate on.",
)
@calibration()
@seed(default=1, show_default=True, help="Decides which.")
@input_range(help="What pixels 0 and 255 are for the float model; default: found, or asked for.")
@click.option("--kmodel", type=click.Choice(["3", "4"]), help="Of a K210: the version; default 4.")
@like()
@bias_correction(
    default=None, show_default=False,
    help="Take mean errors off the biases; default: yes, but with `--like`.",
)  # fmt: skip
@click.option(
    "--weight-bits", type=click.Choice(["8", "16"]), help="Of version 3's weights; default 8."
)
@data_dir()
@skip_damaged()
@no_optimize()
@in_float()
@force()
@as_json()
@verbose
@gathered(form=InC, how=kmodels.Compiling, taking=Taking)
def compile_(
    models: tuple[Path, ...], board: str, goal: Goal, to: Path, form: InC, how: kmodels.Compiling,
    taking: Taking, *, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write MODEL.tflite as a C library, or as a kmodel for a K210; needs no C compiler."""
    target = board_files.load(board)
    form.check(models, kmodel=k210.has_one(target))
    _check_wishes(goal, target, kmodel=k210.has_one(target))
    if k210.has_one(target):
        form.refuse()
        kmodels.compile_(models[0], target, to, how, force=force, as_json=as_json)
        return
    how.refuse(target)
    if len(models) == 1:
        check_folder(to, target, force=force)
    made = []
    for path in models:
        with waiting(f"Planning {path}"):
            loaded = networks.model(path, taking)
            made.append((loaded, loaded.plan(target, goal)))
    names = [targets.of(target).named(m.title) if form.name is None else form.name for m, _ in made]
    folders = [to] if len(models) == 1 else [to / name for name in names]
    for _, planned in made:
        check_fit(planned)
    if len(models) > 1:
        made = _sharing(made, names)
        check_fit_together({name: p for name, (_, p) in zip(names, made, strict=True)})
        for folder in folders:
            check_folder(folder, target, force=force)
    for (loaded, planned), name, folder in zip(made, names, folders, strict=True):
        _write(loaded, planned, name, folder, form, force=force, quiet=as_json)
    shared = made[0][1].shared
    if as_json:
        found = [{**measure.known(m, p).json(), **goal.json()} for m, p in made]
        print_json(
            found[0] if shared is None else {"libraries": found, "shared_arena": asdict(shared)}
        )
    elif shared is not None:
        out.print(
            f"{_listed(names)} share one arena of {shared.bytes:,} bytes, {shared.name}: they run"
            " in turns.",
            markup=False, soft_wrap=True,
        )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    """Two or more names in a sentence."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _sharing(made: Sequence[tuple[Model, Plan]], names: Sequence[str]) -> list[tuple[Model, Plan]]:
    """The plans with one arena. Raises InputError where they cannot have that."""
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise InputError(
            f"Two of the models would be called {twice}.", ["Give one of the files another name."]
        )
    several = (n for n, (_, p) in zip(names, made, strict=True) if len(p.tensor_arenas) > 1)
    if parted := next(several, None):
        raise InputError(
            f"--share-arena: {parted} has arenas in several memories.",
            ["Leave it out, or `--place` what lies apart."],
        )
    memories = {p.arena.memory: n for n, (_, p) in zip(names, made, strict=True)}
    if len(memories) > 1:
        listed = ", ".join(f"that of {name} in {memory}" for memory, name in memories.items())
        raise InputError(
            f"--share-arena: the arenas lie in several memories, {listed}.",
            ["Leave it out: each has an arena of its own then."],
        )
    shared = Shared(f"{'_'.join(names)}_arena", max(p.arena.bytes for _, p in made))
    return [(loaded, replace(p, shared=shared)) for loaded, p in made]


def _write(
    loaded: Model, planned: Plan, name: str, to: Path, form: InC, *, force: bool, quiet: bool
) -> None:
    """Write the library of a plan."""
    artifact = measure.compile_model(loaded, planned, name)
    names = form.names(loaded)
    _show(planned)
    xs = sample_vectors(loaded.graph)
    with progress() as bar:
        ys = reference(loaded.prepared, xs, bar("vectors of the self-test"))
    files = write_folder(
        to, planned, artifact, xs, ys,
        model=loaded.path.name, sha256=loaded.sha256, labels=names, flat=form.flat, force=force,
    )  # fmt: skip
    if not quiet:
        usage = targets.of(planned.board).usage(artifact)
        out.print(f"{len(files)} files in {to}: {usage}", markup=False, soft_wrap=True)


@dataclass(frozen=True)
class Aim:
    """Where a network is run, for what and how often, and how many samples are compared there."""

    board: str
    goal: Goal
    period_s: float | None
    check: int | None


@click.command()
@model_file()
@board_name(required=True)
@goal()
@inputs_file(help="Samples, .npy or .npz; default: one fixed sample.")
@labels_file(help="Class indices of the samples, .npy.")
@data_set(
    required=False,
    help="Run labelled images: the test part of this data set, or a folder's by class.",
)
@click.option("--recipe", help="Run the whole test set of this recipe, with its labels.")
@data_dir()
@skip_damaged(help="Leave out images that cannot be read; they are named.")
@click.option("--outputs", type=PATH, help="Write the board's outputs there, .npy or .npz.")
@click.option(
    "--check", metavar="N", type=click.IntRange(1),
    help="Compare N samples, evenly spread, the first included, with the reference; default: all.",
)  # fmt: skip
@rounding()
@fma()
@period()
@build_dir()
@no_optimize()
@in_float()
@force()
@as_json()
@verbose
@gathered(aim=Aim, source=Source, switches=Switches, taking=Taking)
def run(
    model: Path, aim: Aim, source: Source, switches: Switches, outputs: Path | None,
    build_dir: Path, taking: Taking, *, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Build MODEL.tflite, run it on a board, check every output byte; or run a .kmodel."""
    target = board_files.load(aim.board)
    _check_period(aim.period_s, target)
    _check_wishes(aim.goal, target, kmodel=k210.is_kmodel(model))
    spared: dict[str, Any] = {"inputs": (model, Path(aim.board), *source.named), "force": force}
    if k210.is_kmodel(model):
        network = k210.load(model)
        kmodels.run(
            network, target, partial(source.samples, network.ends), switches, outputs, spared,
            build_dir, check=aim.check, as_json=as_json,
        )  # fmt: skip
        return
    switches.refuse(model)
    loaded = networks.model(model, taking)
    if outputs is not None:
        check_outputs(outputs, loaded.graph, **spared)
    xs, ys = source.samples(loaded.graph)
    with waiting(f"Planning {model}"):
        planned = loaded.plan(target, aim.goal)
    _show(planned)
    result = measured_run(loaded, planned, xs, ys, build_dir, aim.period_s, aim.check)
    if outputs is not None:
        save_outputs(outputs, loaded.graph, result.ys, **spared)
    if log.isEnabledFor(LAYERS):
        one = _one_sample(xs, result)
        _trace(loaded, one, OnBoard(planned, build_dir))
    if as_json:
        print_json({**result.measurement.json(), **aim.goal.json()})
    else:
        out.print(tables.run(result.measurement, int8_score=result.score_reference))
    raise_on_mismatch(result, aim.board)


def measured_run(
    model: Model, planned: Plan, xs: Sequence[Array], labels: Labels | None, build: Path,
    period_s: float | None = None, check: int | None = None,
) -> measure.Run:  # fmt: skip
    """Run samples `xs` (n, *shape) on the board of a plan, with progress bars."""
    with progress() as bar:
        return measure.run_model(
            model, planned, xs, labels=labels, build=build,
            on_board=bar(f"on {planned.board.counts_on or planned.board.name}"),
            on_reference=bar("reference"), period_s=period_s, check=check,
        )  # fmt: skip


def _check_period(period_s: float | None, board: Board | None) -> None:
    """Raise InputError where there is no board whose time can be estimated."""
    if period_s is None:
        return
    if board is None:
        raise InputError("--period: on which board?", ["Name it: `--board stm32u585`."])
    if board.clock_hz is None or board.core.timing is None or k210.has_one(board):
        raise InputError(
            f"--period: nothing tells the time of an inference on {board.name} from its cycles.",
            ["Choose a board with a clock and a timing: docs/energy.md lists them."],
        )


def _check_wishes(goal: Goal, board: Board | None, *, kmodel: bool) -> None:
    """Raise InputError for wishes of a plan in C: of a kmodel, or placements without a board."""
    if kmodel and (goal.by_rows or goal.patch > 1):
        option = "--input-by-rows" if goal.by_rows else "--patch"
        raise InputError(
            f"{option}: it is for networks in C, and the K210's runtime plans a kmodel itself.",
            ["Leave it out."],
        )
    if not goal.placements:
        return
    if kmodel:
        raise InputError(
            "--place: it is for networks in C, and a kmodel states itself where its tensors lie.",
            ["Leave it out."],
        )
    if board is None:
        raise InputError("--place: on which board?", ["Name it: `--board mps3-an547`."])


def raise_on_mismatch(result: measure.Run, board: str) -> None:
    """Raise Mismatch where the board's outputs are not the reference's."""
    m = result.measurement
    if m.mismatched_bytes:
        raise Mismatch(
            f"{m.mismatched_bytes} output bytes of {board} differ from the reference"
            f"{tables.checked(m.checked_samples, m.samples)}.",
            ["`ascua validate` names the first layer that differs; `-vvv` looks at each."],
        )


@click.command()
@model_file()
@inputs_file(help="Samples, .npy or .npz; default: fixed random ones.")
@board_name("only", multiple=True, help="Only this board; may be repeated.")
@goal()
@build_dir()
@no_optimize()
@in_float()
@as_json()
@verbose
@gathered(taking=Taking)
def validate(
    model: Path, inputs: Path | None, only: tuple[str, ...], goal: Goal, build_dir: Path,
    taking: Taking, *, as_json: bool,
) -> None:  # fmt: skip
    """Compare MODEL.tflite on every executor, byte for byte.

    They are the reference, this computer, the boards, and tflite-micro; LiteRT for uint8. Of a
    .kmodel they are the simulated K210, and the runtime in C with a KPU in C.
    """
    named = [board_files.load(name) for name in dict.fromkeys(only)]
    _check_wishes(goal, next(iter(named), None), kmodel=k210.is_kmodel(model))
    if k210.is_kmodel(model):
        kmodels.validate(model, inputs, only, build_dir, as_json=as_json)
        return
    loaded = networks.model(model, taking)
    chosen = executors(named)
    xs = load_or_random(loaded.graph, inputs)
    plans = [loaded.plan(board, goal) for board in chosen]
    for planned in plans:
        log.info("Plan for %s", planned.board.name)
        _show(planned)
    with progress() as bar:
        checks = validation.validate(loaded, xs, plans, build_dir, bar("executors"))
    if log.isEnabledFor(LAYERS):
        one = [x[:1] for x in xs]
        for planned in plans:
            _trace(loaded, one, OnBoard(planned, build_dir))
    oracle_missing = validation.unasked(checks)
    if as_json:
        oracle = None if oracle_missing else checks[0].against
        print_json({"schema": measure.SCHEMA, "model_sha256": loaded.sha256,
                     "samples": len(xs[0]), "oracle": oracle,
                     "executors": [c.json() for c in checks]})  # fmt: skip
    else:
        out.print(tables.validation(checks))
    if wrong := [c.executor for c in checks if c.mismatched_bytes]:
        raise Mismatch(f"{model}: outputs differ on {', '.join(wrong)}.")
    for check in checks:
        unwilling = only or isinstance(check.error, ToolFailed)
        if check.error and unwilling and check is not oracle_missing:
            raise check.error
    if oracle_missing is not None:
        raise _not_validated(model, oracle_missing, checks)


def _not_validated(model: Path, oracle: validation.Check, checks: Sequence[validation.Check]
) -> AscuaError:  # fmt: skip
    """The error where nobody else than Ascua ran the model."""
    assert oracle.error is not None
    equal = [c.executor for c in checks if c.mismatched_bytes == 0]
    return type(oracle.error)(
        f"{model}: not validated: {oracle.executor} could not be asked. {', '.join(equal)} agree"
        f" with Ascua's own reference, and that is no proof.\n{oracle.error.what}",
        oracle.error.things_to_try
        or [f"What {oracle.executor} says comes first: export the model as it wants it."],
    )


def _show(planned: Plan) -> None:
    """The plan on stderr, with -v."""
    if log.isEnabledFor(PLAN):
        err.print(tables.steps(planned))


def _one_sample(xs: Sequence[Array], result: measure.Run) -> list[Array]:
    """The first of those compared whose outputs are wrong, or the first of all.

    Where it depends on those before it, these too.
    """
    differs = np.zeros(len(result.checked), bool)
    for y, expected in zip(picked(result.ys, result.checked), result.expected, strict=True):
        differs |= (y != expected).reshape(len(differs), -1).any(axis=1)
    at = int(result.checked[differs.argmax()])
    log.debug("sample %d, layer by layer", at)
    start = 0 if result.plan.states else at
    return [x[start : at + 1] for x in xs]


def _trace(model: Model, xs: Sequence[Array], executor: Executor) -> None:
    """Log each layer on a board: the first value that differs, or that all are equal."""
    truth = validation.InFile(Reference(), model)
    layers = validation.layer_by_layer(model.graph, xs, executor, truth)
    try:
        for i, (op, first) in enumerate(layers):
            found = "equal"
            if first is not None:
                found = (
                    f"{first.mismatched:,} of {first.elements:,} values differ, the first at"
                    f" {list(first.index[1:])}: {first.value:g} instead of {first.expected:g}"
                )
            log.log(
                LAYERS, "%s step %d %s '%s': %s", executor.name, i, op.kind, brief(op.name), found
            )
    except AscuaError as e:
        log.log(LAYERS, "%s: %s", executor.name, e.what)
