"""The folder of results: a line of JSON a value; files of recipes, of studies, and others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ascua.errors import InputError
from ascua.files import lines
from ascua.results.values import (
    DEFAULT_GOAL,
    CellResult,
    EstimatedEnergy,
    KmodelResult,
    Line,
    MeasuredEnergy,
    OptimizedResult,
    Peer,
    PrunedResult,
    Published,
    Quantized,
    RamResult,
    Result,
    ZephyrResult,
)
from ascua.settings import build

T = TypeVar("T", bound=Line)
Measured = TypeVar(
    "Measured", Result, Quantized, KmodelResult, PrunedResult, OptimizedResult, EstimatedEnergy,
    CellResult, RamResult, ZephyrResult,
)  # fmt: skip

OTHERS: dict[type[Line], str] = {
    Peer: "peers", Quantized: "quantization", KmodelResult: "k210", PrunedResult: "pruning",
    Published: "published", OptimizedResult: "optimized", RamResult: "ram",
    MeasuredEnergy: "energy", EstimatedEnergy: "estimates", ZephyrResult: "zephyr",
}  # fmt: skip
"""The names of the files that are of no recipe."""
STUDIES = "studies"
"""The folder of what studies found: a file each."""
REMEDY = (*lines.REMEDY, "See docs/json.md for what a line holds.")


def results(folder: Path, recipe: str = "") -> list[Result]:
    """The measurements in `folder`, of `recipe` or all: by file, in the order they were made in.

    Raises InputError naming file, line and field of what does not fit; so do all of these.
    """
    names = [recipe] if recipe else [p.stem for p in sorted(folder.glob("*.jsonl"))]
    return [r for n in names if n not in OTHERS.values() for r in _read(_path(folder, n), Result)]


def newest(folder: Path, goals: Collection[str] = (DEFAULT_GOAL,)) -> list[Result]:
    """Of each recipe, board and goal the last measurement: what is printed."""
    found = {(r.recipe, r.board, r.goal): r for r in results(folder) if r.goal in goals}
    return list(found.values())


def peers(folder: Path) -> list[Peer]:
    """What is known of the peers."""
    return _read(_path(folder, OTHERS[Peer]), Peer)


def quantized(folder: Path) -> list[Quantized]:
    """What is known of quantisers."""
    return _read(_path(folder, OTHERS[Quantized]), Quantized)


def kmodels(folder: Path) -> list[KmodelResult]:
    """What is known of kmodels."""
    return _read(_path(folder, OTHERS[KmodelResult]), KmodelResult)


def pruned(folder: Path) -> list[PrunedResult]:
    """What is known of pruning."""
    return _read(_path(folder, OTHERS[PrunedResult]), PrunedResult)


def optimized(folder: Path) -> list[OptimizedResult]:
    """What is known of finished files made smaller."""
    return _read(_path(folder, OTHERS[OptimizedResult]), OptimizedResult)


def ram(folder: Path) -> list[RamResult]:
    """What is known of the least RAM."""
    return _read(_path(folder, OTHERS[RamResult]), RamResult)


def zephyr(folder: Path) -> list[ZephyrResult]:
    """What is known of applications of Zephyr."""
    return _read(_path(folder, OTHERS[ZephyrResult]), ZephyrResult)


def published(folder: Path) -> list[Published]:
    """What others measured of cycles."""
    return _read(_path(folder, OTHERS[Published]), Published)


def energy(folder: Path) -> list[MeasuredEnergy]:
    """What others measured of energy."""
    return _read(_path(folder, OTHERS[MeasuredEnergy]), MeasuredEnergy)


def estimates(folder: Path) -> list[EstimatedEnergy]:
    """What Ascua estimates of its own networks."""
    return _read(_path(folder, OTHERS[EstimatedEnergy]), EstimatedEnergy)


def study(folder: Path, name: str) -> list[CellResult]:
    """What is known of the cells of a study."""
    return _read(folder / STUDIES / f"{name}.jsonl", CellResult)


def append_cell(folder: Path, name: str, value: CellResult) -> tuple[CellResult, bool]:
    """As `append`, of a cell of the study called `name`; a last line that read the same stays."""
    there = [r for r in study(folder, name) if r.cell == value.cell]
    if there and (there[-1].key, there[-1].clean) == (value.key, value.clean):
        return there[-1], False
    return _append(folder / STUDIES / f"{name}.jsonl", value)


def known(found: Iterable[Measured], key: str, *, clean: bool | None) -> Measured | None:
    """The one of `found` that read just what `key` is the hash of, if there is one.

    What a changed source tree gave is known to such a tree alone (`clean` False).
    """
    same = (r for r in found if r.key == key)
    return next((r for r in same if r.clean is not False or clean is False), None)


def append(folder: Path, value: T) -> tuple[T, bool]:
    """The value of that identity in `folder`, and whether it is new.

    Where there is none `value` is appended; of processes that do so at once the first one does.
    Raises InputError where it cannot be written, or what is there does not fit.
    """
    return _append(_path(folder, _name(value)), value)


def _append(path: Path, value: T) -> tuple[T, bool]:
    line = value.line()
    if value.identity[0] not in line:
        raise ValueError(
            f"{value.identity[0]} is missing: nothing would tell the value from others"
        )
    _read(path, type(value))
    there, new = lines.append(path, line, value.identity)
    return parsed(type(value), there, str(path)), new


def parsed(kind: type[T], line: Mapping[str, Any], where: str) -> T:
    """The object `line` as a value; `where` names the place in errors."""
    try:
        return build(kind, line, where)
    except InputError as e:
        raise InputError(e.what, REMEDY) from e


def history_path(folder: Path, recipe: str) -> Path:
    """Where the epochs of a recipe's training are, as CSV."""
    return folder / f"{recipe}.csv"


def _name(value: Line) -> str:
    """The name of the file that has such values. Raises InputError."""
    if not isinstance(value, Result):
        return OTHERS[type(value)]
    if value.recipe in OTHERS.values():
        raise InputError(
            f"{value.recipe}: that file of results is no recipe's.", ["Give it another name."]
        )
    return value.recipe


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl"


def _read(path: Path, kind: type[T]) -> list[T]:
    return [parsed(kind, line, f"{path}, line {n}") for n, line in lines.numbered(path)]
