"""Measures recipes and given models on boards, once each, and keeps the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from ascua import data, figures, inputs, measure, recipes
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.errors import DoesNotFit, InputError
from ascua.files import Output, lines
from ascua.files.kinds import EPOCHS
from ascua.ir import Array
from ascua.run.provenance import source_tree
from ascua.train import is_trained, train

PEER_BOARDS = ("mps2-an385", "mps2-an386", "mps2-an500", "mps3-an547")
"""One board a core that the peers were measured on."""


@dataclass(frozen=True)
class Result:
    """One measurement: a line of results/<recipe>.jsonl.

    `firmware_sha256` is of the generated sources: an unchanged firmware is not measured again.
    """

    recipe: str
    core: str
    firmware_sha256: str
    accuracy_float: float | None
    accuracy_int8: float | None
    when: str
    commit: str | None
    clean: bool | None
    counter: str | None
    measured: Mapping[str, Any]
    """The object of `measure.Measurement.json`, without the layers."""

    def line(self) -> dict[str, Any]:
        """The result as the object of its line."""
        head = {k: v for k, v in vars(self).items() if k != "measured"}
        return {"schema": measure.SCHEMA, **head, **self.measured}


@dataclass(frozen=True, eq=False)
class Case:
    """What is to be measured: a model on a board, on which samples."""

    name: str
    model: measure.Model
    board: Board
    xs: list[Array]
    labels: Array | None = None
    classes: tuple[str, ...] = ()
    accuracy_float: float | None = None
    history: str = ""
    """The epochs of the training, as CSV."""


def recipe_cases(name: str, data_dir: Path | None, build: Path) -> Iterator[Case]:
    """The whole test set of a recipe on its board; trains it where that has not been done."""
    recipe = recipes.load(name)
    if not recipe.board:
        raise InputError(
            f"Recipe {name!r} only teaches: it names no board to be measured on.",
            ["Measure the recipes that it teaches."],
        )
    trained = train(recipe, out=build / recipe.name, data_dir=data_dir)
    dataset = data.load(recipe.dataset, data_dir, image=recipe.input)
    model = measure.load_model(trained.tflite)
    xs = measure.image_inputs(model.graph, dataset.x_test)
    board = load_board(recipe.board)
    history = (trained.folder / "history.csv").read_text(encoding="utf-8")
    yield Case(
        recipe.name, model, board, xs, dataset.y_test, dataset.classes, trained.accuracy_float,
        history,
    )  # fmt: skip


def model_cases(path: Path) -> Iterator[Case]:
    """One fixed sample of a model on a board of each core."""
    model = measure.load_model(path)
    xs = measure.bring(model.graph, None)
    for name in PEER_BOARDS:
        yield Case(path.stem, model, load_board(name), xs)


def measure_case(
    case: Case, results: Path, build: Path, *, force: bool = False
) -> tuple[dict[str, Any] | None, bool]:
    """The result of `case` as read back from `results`, and whether it was measured just now.

    None where the model does not fit the board. Raises ToolMissing, ToolFailed or InputError.
    """
    planned = case.model.plan(case.board)
    try:
        library = measure.compile_model(case.model, planned, None)
    except DoesNotFit:
        return None, False
    text = json.dumps([sorted(library.files.items()), case.board.flags, len(case.xs[0])])
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = results / f"{case.name}.jsonl"
    known = lines.find(path, {"firmware_sha256": digest, "board": case.board.name})
    if known is not None:
        return known, False
    history = Output(results / f"{case.name}.csv", EPOCHS, "--results DIR", force=force)
    if case.history:
        results.mkdir(parents=True, exist_ok=True)
        history.check()
    run = measure.run_model(case.model, planned, case.xs, labels=case.labels, build=build)
    commit, clean = source_tree()
    measured = run.measurement.json()
    del measured["layers"], measured["schema"]
    if case.labels is not None and len(case.classes) <= figures.MOST_CLASSES:
        measured["classes"] = case.classes
        measured["confusion"] = inputs.confusion(
            case.labels, inputs.classes_of(run.ys[0]), len(case.classes)
        )
    result = Result(
        recipe=case.name,
        core=case.board.core.name,
        firmware_sha256=digest,
        accuracy_float=case.accuracy_float,
        accuracy_int8=run.accuracy_reference,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit,
        clean=clean,
        counter=run.measurement.counter,
        measured=measured,
    )
    if case.history:
        history.write(lambda to: to.write_text(case.history, encoding="utf-8"))
    return lines.append(path, result.line(), ("firmware_sha256", "board"))


def bench(
    names: tuple[str, ...],
    models: Path | None,
    *,
    untrained: bool = False,
    results: Path,
    build: Path,
    data_dir: Path | None,
    force: bool = False,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Measure recipes `names`, and every model that the peers in `results` were measured on.

    Without `names`, all recipes that are trained in `build`, or all, if `untrained` ones are to be
    trained first. `models` is the folder with those models' files. What is already known is not
    measured again. Only with `force` a training's history replaces a file of another kind.
    """
    found: list[dict[str, Any]] = []
    chosen = _chosen(names, build, untrained, say)
    trained = (recipe_cases(name, data_dir, build) for name in chosen)
    for case in chain(_peers(models, results, say), chain.from_iterable(trained)):
        line, fresh = measure_case(case, results, build / "firmware", force=force)
        where = f"{case.name} on {case.board.name}"
        if line is None:
            say(f"{where}: does not fit")
            continue
        say(f"{where}: {line['instructions']:,} instructions{'' if fresh else ' (known)'}")
        found.append(line)
    return found


def _chosen(
    names: tuple[str, ...], build: Path, untrained: bool, say: Callable[[str], None]
) -> Iterator[str]:
    """The recipes to measure."""
    for name in names or recipes.names():
        if names:
            yield name
        elif not (recipe := recipes.load(name)).board:
            say(f"{name}: skipped, it only teaches")
        elif untrained or is_trained(recipe, build / name):
            yield name
        else:
            say(f"{name}: skipped, not trained: name it, or give --train")


def _peers(models: Path | None, results: Path, say: Callable[[str], None]) -> Iterator[Case]:
    """The networks that peers were measured on, as far as their files are in `models`."""
    wanted = {line["model"]: line["model_sha256"] for line in lines.read(results / "peers.jsonl")}
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
