"""Measures recipes and given models on boards, once each, and keeps the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, product
from pathlib import Path
from typing import Any

from ascua import measure, recipes, results
from ascua.artifact import Artifact
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.errors import AscuaError, DoesNotFit, InputError
from ascua.files import Output
from ascua.files.kinds import EPOCHS
from ascua.ir import Array
from ascua.labels import Labels
from ascua.model import Model, load_model
from ascua.plan import BALANCED, GOALS, Goal, Plan, goal_named
from ascua.recipes import Recipe
from ascua.results import Result
from ascua.run import key as run_key
from ascua.run import provenance
from ascua.run.provenance import source_tree
from ascua.samples import as_inputs, bring, pack
from ascua.settings import build as parse
from ascua.study import Cache, Cell, Failure, InProcess, Processes, Work, execute, pure, stage
from ascua.study.stage import Values
from ascua.study.stages import board_tools, dataset
from ascua.train import is_trained, load_data, train
from ascua.train.folder import deciding, difference

Say = Callable[[str], None]
"""Hears what is done, a line each."""

MODEL_BOARDS = (
    "mps2-an385", "mps2-an386", "mps2-an500", "mps3-an547", "mps2-an505", "mps2-an385-m0",
    "xilinx-zynq-a9", "riscv32-virt", "riscv64-virt",
)  # fmt: skip
"""One board a core: first those that the peers were measured on."""


@dataclass(frozen=True)
class RecipeData:
    """The test images of a recipe."""

    recipe: Recipe
    data_dir: Path | None
    sha256: str
    """Of the data set."""


@dataclass(frozen=True, eq=False)
class Case:
    """What is to be measured: a model on a board, on which samples."""

    name: str
    model: Model
    board: Board
    xs: list[Array]
    labels: Labels | None = None
    accuracy_float: float | None = None
    goal: Goal = BALANCED
    training: dict[str, Any] | None = None
    """As `Result.training`; then the model is kept."""
    history: str = ""
    """The epochs of the training, as CSV."""
    recipe_data: RecipeData | None = None
    """Where `xs` and `labels` come from: None of the fixed sample that needs none."""

    @property
    def where(self) -> str:
        """What is measured, in words."""
        aim = "" if self.goal == BALANCED else f", {self.goal.kind}"
        return f"{self.name} on {self.board.name}{aim}"


@dataclass(frozen=True)
class Source:
    """A trained network, from the folder of its training or from those that are kept."""

    tflite: Path
    accuracy_float: float | None
    training: dict[str, Any]
    """As `Result.training`."""
    history: str = ""
    """The epochs as CSV; empty of a kept one, beside which they are."""


def recipe_cases(
    recipe: Recipe, data_dir: Path | None, folder: Path, build: Path, *, untrained: bool, say: Say
) -> Iterator[Case]:
    """The whole test set of a recipe on its board.

    What is not trained in `build` is taken from `folder`, where it is kept, and else trained;
    `untrained` ones are trained all the same.
    """
    if not recipe.board:
        raise InputError(
            f"Recipe {recipe.name!r} only teaches: it names no board to be measured on.",
            ["Measure the recipes that it teaches."],
        )
    if not load_board(recipe.board).counts_c:
        raise InputError(
            f"Recipe {recipe.name!r}: nothing counts on {recipe.board} what C takes.",
            ["`ascua demo` runs it there; a study compares it, as a kmodel: docs/study.md."],
        )
    out = build / recipe.name
    kept = None if untrained or is_trained(recipe, out) else _kept(recipe, folder, say)
    if kept is not None:
        say(f"{recipe.name}: not trained in {out}; measured is the kept model, {kept.tflite}")
    source = kept or _trained(recipe, out, data_dir)
    dataset = load_data(recipe, data_dir)
    model = load_model(source.tflite)
    xs = as_inputs(model.graph, dataset.x_test)
    yield Case(
        recipe.name, model, load_board(recipe.board), xs, dataset.labels,
        source.accuracy_float, training=source.training, history=source.history,
        recipe_data=RecipeData(recipe, data_dir, dataset.sha256),
    )  # fmt: skip


def _trained(recipe: Recipe, out: Path, data_dir: Path | None) -> Source:
    """What `out` holds of `recipe`, once it is trained."""
    trained = train(recipe, out=out, data_dir=data_dir)
    history = (trained.folder / "history.csv").read_text(encoding="utf-8")
    return Source(trained.tflite, trained.accuracy_float, _deciding(recipe), history)


def _kept(recipe: Recipe, folder: Path, say: Say) -> Source | None:
    """The model of the last result of `recipe`, if it is kept in `folder` and trained as now."""
    of_recipe = [r for r in results.results(folder, recipe.name) if r.training is not None]
    path = results.kept(folder, of_recipe[-1].model_sha256) if of_recipe else None
    if path is None:
        return None
    last = of_recipe[-1]
    assert last.training is not None
    if why := difference(last.training, _deciding(recipe)):
        say(f"{recipe.name}: {path} is of another training ({why})")
        return None
    return Source(path, last.accuracy_float, last.training)


def _deciding(recipe: Recipe) -> dict[str, Any]:
    """What decides the training, as JSON has it."""
    values: dict[str, Any] = json.loads(json.dumps(deciding(recipe)))
    return values


def model_cases(path: Path) -> Iterator[Case]:
    """One fixed sample of a model on a board of each core, by each goal."""
    model = load_model(path)
    xs = bring(model.graph, None)
    for name, goal in product(MODEL_BOARDS, GOALS):
        yield Case(path.stem, model, load_board(name), xs, goal=goal)


def measure_case(
    case: Case, folder: Path, build: Path, *, force: bool = False
) -> tuple[Result | None, bool]:
    """The result of `case` as read back from `folder`, and whether it was measured just now.

    None where the model does not fit the board. Raises ToolMissing, ToolFailed or InputError.
    """
    planned = case.model.plan(case.board, case.goal)
    key = key_if_it_fits(case, planned, build)
    if key is None:
        return None, False
    commit, clean = source_tree()
    there = results.known(results.results(folder, case.name), key, clean=clean)
    if there is not None:
        return there, False
    check_history(case, folder, force=force)
    run = measure.run_model(case.model, planned, case.xs, labels=case.labels, build=build)
    return keep(case, result_of(case, run, key, commit, clean=clean), folder, force=force)


def key_if_it_fits(case: Case, planned: Plan, build: Path) -> str | None:
    """`key_of` the `planned` case; None where it does not fit its board."""
    try:
        artifact = measure.compile_model(case.model, planned, None)
    except DoesNotFit:
        return None
    return key_of(case, artifact, build)


def check_history(case: Case, folder: Path, *, force: bool) -> None:
    """Raise InputError where the epochs of a training cannot be written beside the results."""
    if case.history:
        folder.mkdir(parents=True, exist_ok=True)
        _history(case, folder, force=force).check()


def keep(case: Case, result: Result, folder: Path, *, force: bool) -> tuple[Result, bool]:
    """Append the result of `case`, and write the epochs of its training; as `results.append`."""
    if case.history:
        output = _history(case, folder, force=force)
        output.write(lambda to: to.write_text(case.history, encoding="utf-8"))
    return results.append(folder, result)


def _history(case: Case, folder: Path, *, force: bool) -> Output:
    path = results.history_path(folder, case.name)
    return Output(path, EPOCHS, "--results DIR", force=force)


def key_of(case: Case, artifact: Artifact, build: Path) -> str:
    """The SHA-256 of all that the measurement of `case`, of which `artifact` was made, reads.

    That are the model, what a run reads, the labels, and what the line repeats of the case: the
    goal, too, since two may lead to one plan.
    """
    ran = run_key(case.board, artifact, pack(case.xs), len(case.xs[0]), build)
    told = (None, ()) if case.labels is None else case.labels.read()
    read = [case.model.sha256, ran, *told, case.accuracy_float, case.training, case.goal.kind]
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


def result_of(
    case: Case, run: measure.Run, key: str, commit: str | None, *, clean: bool | None
) -> Result:
    """What `run`, of `case`, gave."""
    measured = run.measurement.json()
    printed_alone = (
        "layers", "expected", "instructions_min", "instructions_max", "counted_on", "estimate",
        "checked_samples",
    )  # fmt: skip
    for printed in printed_alone:
        del measured[printed]
    if case.labels is not None:
        measured |= case.labels.details(run.ys)
    own = {name: measured.pop(name) for name in measured.keys() - Result.__dataclass_fields__}
    return results.parsed(
        Result,
        {
            "recipe": case.name,
            "core": case.board.core.name,
            "goal": case.goal.kind,
            "key": key,
            "accuracy_float": case.accuracy_float,
            "accuracy_int8": run.accuracy_reference,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit,
            "clean": clean,
            "counter": run.measurement.counter,
            "training": case.training,
            "labelled": own or None,
            **measured,
        },
        case.name,
    )


def bench(
    names: tuple[str, ...],
    models: Path | None,
    *,
    untrained: bool = False,
    smaller: bool = True,
    folder: Path,
    build: Path,
    data_dir: Path | None,
    force: bool = False,
    jobs: int = 1,
    say: Say,
) -> list[Result]:
    """Measure recipes `names`, and every model that the peers in `folder` were measured on.

    Without `names`, all recipes that are trained in `build` or kept in `folder`, or all, if
    `untrained` ones are to be trained first. `models` is the folder with the peers' models' files.
    What is already known is not measured again; the rest are the cells of a study, `jobs` at once.
    A recipe's model is kept in `folder`. Only with `force` a training's history replaces a file of
    another kind. Unless networks are to be `smaller`, the files' own graphs are measured.
    Raises AscuaError when all others are measured, where a case could not be.
    """
    chosen = _chosen(names, folder, build, untrained=untrained, say=say)
    trained = (
        recipe_cases(recipe, data_dir, folder, build, untrained=untrained, say=say)
        for recipe in chosen
    )
    found: dict[int, Result] = {}
    cases: dict[str, tuple[int, Case]] = {}
    cells: list[Cell] = []
    for i, each in enumerate(chain(_peers(models, folder, say), chain.from_iterable(trained))):
        case = each if smaller else replace(each, model=replace(each.model, optimized=None))
        key = key_if_it_fits(case, case.model.plan(case.board, case.goal), build / "firmware")
        if key is None:
            say(f"{case.where}: does not fit")
            continue
        clean = source_tree()[1]
        there = results.known(results.results(folder, case.name), key, clean=clean)
        if there is not None:
            found[i] = _told(case, there, folder, say, fresh=False)
            continue
        check_history(case, folder, force=force)
        cells.append(_cell(case, str(i), smaller=smaller))
        # Who measures reads the samples anew: those of many recipes fill the memory.
        cases[str(i)] = (i, replace(case, xs=[], labels=None))
    failed: list[Failure] = []
    cache = Cache(str(build / "stages"))
    with closing(InProcess() if jobs == 1 else Processes(cache, jobs)) as engine:
        for ended in execute(cells, cache, engine):
            i, case = cases[ended.cell.name]
            if ended.failure is not None:
                say(f"{case.where}: failed: {ended.failure.what}")
                failed.append(ended.failure)
                continue
            line = ended.outcomes["measured"].values
            result, fresh = keep(
                case, results.parsed(Result, line, case.where), folder, force=force
            )
            found[i] = _told(case, result, folder, say, fresh=fresh)
    if failed:
        tries = dict.fromkeys(text for f in failed for text in f.things_to_try)
        raise AscuaError(f"{len(failed)} of {len(cells)} measurements failed.", tuple(tries))
    return [found[i] for i in sorted(found)]


def _told(case: Case, result: Result, folder: Path, say: Say, *, fresh: bool) -> Result:
    """The result, which is told, and whose model is kept where it is a recipe's."""
    n = result.instructions
    count = "not counted" if n is None else f"{n:,} instructions"
    say(f"{case.where}: {count}{'' if fresh else ' (known)'}")
    if case.training is not None:
        results.keep(folder, case.model.path)
    return result


def _cell(case: Case, name: str, *, smaller: bool) -> Cell:
    """The measuring of a case as a cell of a study."""
    told = {
        "name": case.name, "sha256": case.model.sha256,
        "smaller": smaller, "board": case.board.name, "goal": case.goal.kind,
        "accuracy_float": case.accuracy_float, "training": case.training,
        "history": case.history,
        "recipe": case.recipe_data and recipes.table(case.recipe_data.recipe),
        "data": case.recipe_data and case.recipe_data.sha256,
    }  # fmt: skip
    at = {"model": str(case.model.path.resolve())}
    where = None if case.recipe_data is None else case.recipe_data.data_dir
    return Cell(name, told, {"measured": stage(measured, told, at)}, where)


@pure(1, lambda told: [provenance.code(), board_tools(load_board(told["board"]))])
def measured(
    work: Work, *, name: str, model: str, sha256: str, smaller: bool, board: str, goal: str,
    accuracy_float: float | None, training: dict[str, Any] | None, history: str,
    recipe: dict[str, Any] | None, data: str,
) -> Values:  # fmt: skip
    """The line of results of a case."""
    loaded = load_model(Path(model), smaller=smaller)
    if loaded.sha256 != sha256:
        raise InputError(f"{model}: it has changed meanwhile.", ["Measure it again."])
    xs, labels = bring(loaded.graph, None), None
    if recipe is not None:
        images = dataset(work, parse(Recipe, recipe, name), data)
        xs, labels = as_inputs(loaded.graph, images.x_test), images.labels
    case = Case(name, loaded, load_board(board), xs, labels, accuracy_float, goal_named(goal),
                training, history)  # fmt: skip
    result, _ = measure_case(case, work.out, work.build)
    assert result is not None  # it fits, as whoever asks knows
    return result.line()


def _chosen(
    names: tuple[str, ...], folder: Path, build: Path, *, untrained: bool, say: Say
) -> Iterator[Recipe]:
    """The recipes to measure."""
    for name in names or recipes.names():
        recipe = recipes.load(name)
        if not names and not recipe.board:
            say(f"{name}: skipped, it only teaches")
        elif not names and not load_board(recipe.board).counts_c:
            say(f"{name}: skipped, nothing counts on {recipe.board} what C takes")
        elif names or untrained or is_trained(recipe, build / name) or _kept(recipe, folder, say):
            yield recipe
        else:
            say(f"{name}: skipped, not trained: name it, or give --train")


def _peers(models: Path | None, folder: Path, say: Say) -> Iterator[Case]:
    """The networks that peers were measured on, as far as their files are in `models`."""
    wanted = {p.model: p.model_sha256 for p in results.peers(folder)}
    if models is None:
        if wanted:
            say("the peers' networks: skipped, `--models` says where their files are")
        return
    for model, digest in wanted.items():
        path = models / f"{model}.tflite"
        if not path.exists():
            say(f"{model}: skipped, {path} is not there")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            say(f"{model}: skipped, {path} is another file than the peers were measured on")
        else:
            yield from model_cases(path)
