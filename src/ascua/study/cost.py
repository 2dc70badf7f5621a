"""What a study will take: estimated from short trials of its networks on this computer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from ascua.errors import AscuaError
from ascua.study import stages
from ascua.study.cache import Cache, Outcome
from ascua.study.engine import Engine
from ascua.study.schedule import Cell, execute, stages_of, survey
from ascua.study.stage import Stage, stage

TYPICAL = {
    "given": 0.5,
    "train": 12.0,
    "prune": 9.0,
    "quantize": 9.0,
    "score": 6.0,
    "compile_": 0.5,
    "run": 4.0,
}
"""CPU seconds of a stage besides the epochs, until the cache knows better: most is importing."""
BYTES = {"train": 4.4, "prune": 4.4, "quantize": 3.0, "compile_": 2.0}
"""That a stage keeps, a parameter of its network."""


@dataclass(frozen=True)
class Bill:
    """What is to be done, and what that takes."""

    cells: int
    known: int
    """Cells that the results have."""
    to_do: Mapping[str, int]
    """Stages by kind."""
    there: int
    """Stages that the cache has."""
    cpu_seconds: Mapping[str, float]
    """Of those to do, by kind."""
    bytes: int
    """That the cache will grow by."""

    def hours(self, jobs: int) -> float:
        """With so many jobs at once, each on a core."""
        return sum(self.cpu_seconds.values()) / jobs / 3600


def trials(cells: Sequence[Cell], cache: Cache) -> list[Cell]:
    """A cell for each training of a new network that is still to be done: it is timed."""
    known, found = survey(cells, cache), {}
    for cell in cells:
        base = cell.stages.get("base")
        left = any(s.definition not in known for s in cell.stages.values() if _learns(s))
        if base is not None and left:
            found[_trial(base).definition] = replace(
                cell, name=f"{cell.axes['network']}", stages={"trial": _trial(base)}
            )
    return list(found.values())


def _learns(told: Stage) -> bool:
    return told.kind == "train"


def _trial(base: Stage) -> Stage:
    """The trial of a training: the same for all seeds and epochs."""
    settings = base.settings
    recipe = {**settings["recipe"], "seed": 1, "epochs": 1, "warmup": 0.0}
    told = {"recipe": recipe, "data": settings["data"], "files": settings["files"]}
    return stage(stages.trial, told, dict(base.paths))


def bill(cells: Sequence[Cell], known: int, cache: Cache, engine: Engine) -> Bill:
    """Of the `cells` that are to be done, beside so many that are known.

    The trials are carried out by `engine`, unless the cache has them. Raises AscuaError where one
    cannot be.
    """
    timed: dict[str, Outcome] = {}
    for ended in execute(trials(cells, cache), cache, engine):
        if ended.failure is not None:
            raise AscuaError(
                f"{ended.cell.name}: its training cannot be timed: {ended.failure.what}",
                ended.failure.things_to_try,
            )
        timed[ended.cell.stages["trial"].definition] = ended.outcomes["trial"]
    there = survey(cells, cache)
    seen: dict[str, list[float]] = defaultdict(list)
    for outcome in there.values():
        seen[outcome.kind].append(outcome.cpu_seconds)
    to_do: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    room = 0.0
    for of in stages_of(cells).values():
        if of.definition in there:
            continue
        values = _tried(of, timed)
        to_do[of.kind] += 1
        learnt = _learns(of)
        known_seconds = seen[of.kind] if seen[of.kind] and not learnt else [TYPICAL[of.kind]]
        seconds[of.kind] += mean(known_seconds) + (_epochs(of, values) if learnt else 0.0)
        room += BYTES.get(of.kind, 0.0) * _left(of) * values.get("parameters", 0) + 4000
    return Bill(len(cells) + known, known, to_do, len(there), seconds, round(room))


def _tried(of: Stage, timed: Mapping[str, Outcome]) -> Mapping[str, Any]:
    """What the trial of a stage's network has found; nothing of a finished file."""
    base = _base(of)
    if not _learns(base):
        return {}
    tried = timed.get(_trial(base).definition)
    return {} if tried is None else tried.values


def _epochs(of: Stage, values: Mapping[str, Any]) -> float:
    """CPU seconds of the epochs of a training, of which a trial found `values`."""
    images = values.get("images", 0) * of.settings["recipe"]["epochs"]
    return float(values.get("seconds_image", 0.0) * images * _left(of))


def _left(of: Stage) -> float:
    """The share of the network that is left in a stage, at most."""
    while of.inputs:
        if of.kind == "prune":
            return 1 - float(of.settings["ratio"])
        of = dict(of.inputs)["network"]
    return 1.0


def _base(of: Stage) -> Stage:
    """The first training before a stage."""
    while of.inputs:
        of = dict(of.inputs)["network"]
    return of
