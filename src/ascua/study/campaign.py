"""Runs the cells of a study, and keeps a line of results for each as it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ascua import results
from ascua.results import CellResult
from ascua.run.provenance import source_tree
from ascua.settings import build
from ascua.study.cache import Cache, Failure, Outcome
from ascua.study.engine import Engine
from ascua.study.matrix import KERAS
from ascua.study.schedule import Cell, Ended, Told, execute
from ascua.study.stage import hashed

MOST_KEPT = 400_000
"""Bytes of a trained network that is kept beside the results."""


@dataclass(frozen=True)
class Finished:
    """A cell, with its line of results; or why there is none, which another try may change."""

    cell: Cell
    result: CellResult | None
    failure: Failure | None = None
    where: str = ""
    fresh: bool = True
    """Whether it was not known before."""


def known(folder: Path, study: str, *, clean: bool | None) -> dict[str, CellResult]:
    """What the results in `folder` have of a study, by what was asked for; the last of each."""
    found = results.study(folder, study)
    return {r.definition: r for r in found if r.clean is not False or clean is False}


def kept(folder: Path, study: str) -> Path:
    """Where the trained networks of a study are kept beside its results."""
    return folder / results.STUDIES / study


def campaign(
    study: str, cells: Sequence[Cell], cache: Cache, engine: Engine, folder: Path, *,
    again: bool = False, tell: Callable[[Told], object] = lambda _: None,
) -> Iterator[Finished]:  # fmt: skip
    """Every cell as it ends: known from the results in `folder`, or carried out and added there.

    `again` looks at the stages of those that are known, too: where tools or Ascua have changed,
    they are measured anew. Trained networks of few bytes are kept beside the results.
    """
    commit, clean = source_tree()
    there = {} if again else known(folder, study, clean=clean)
    open_ = [c for c in cells if c.definition not in there]
    for cell in cells:
        if cell.definition in there:
            yield Finished(cell, there[cell.definition], fresh=False)
    for ended in execute(open_, cache, engine, tell):
        if ended.failure is not None and not ended.final:
            yield Finished(ended.cell, None, ended.failure, ended.where)
            continue
        line = line_of(ended, commit, clean=clean)
        stored, fresh = results.append_cell(folder, study, line)
        if (base := ended.outcomes.get("base")) is not None:
            cache.keep(base.key, kept(folder, study), MOST_KEPT)
        yield Finished(ended.cell, stored, ended.failure, ended.where, fresh=fresh)


def line_of(ended: Ended, commit: str | None, *, clean: bool | None) -> CellResult:
    """What the stages of a cell tell of it."""
    o, cell = ended.outcomes, ended.cell
    told: dict[str, Any] = {
        **cell.axes, "cell": cell.name, "definition": cell.definition,
        "key": hashed([cell.definition, sorted(outcome.key for outcome in o.values())]),
        "commit": commit, "clean": clean,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(outcome.seconds for outcome in o.values()), 1),
    }  # fmt: skip
    if ended.failure is not None:
        told["failed"] = f"{ended.where.rstrip('_')}: {ended.failure.what}"
    told |= _network(o, cell.axes["form"]) | _ran(o)
    return build(CellResult, told, cell.name)


def _network(o: Mapping[str, Outcome], form: str) -> dict[str, Any]:
    """Of the trained network, and of the file that was made of it."""
    judge, file = ("model", "model") if form == KERAS else ("score", "file")
    told: dict[str, Any] = {}
    for name, keys in (
        ("pruned", ("untuned", "layers")), ("model", ("parameters", "macs")),
        (file, ("bytes", "ram_bytes", "kpu_bytes", "ms", "ms_error")), (judge, ("accuracy",)),
    ):  # fmt: skip
        if name in o:
            told |= {k: o[name].values[k] for k in keys if k in o[name].values}
    if "model" in o:
        told["training_seconds"] = o["model"].values.get("seconds")
        if form == KERAS:
            told["history"] = o["model"].values.get("history", [])
    return told


def _ran(o: Mapping[str, Outcome]) -> dict[str, Any]:
    """Of the run on a board."""
    if "run" not in o or not o["run"].values:
        return {}
    v = o["run"].values
    told = {k: v[k] for k in ("flash_bytes", "instructions", "samples", "counted_on")}
    told |= {"ram_bytes": v["ram_bytes"]["total"], "tools": v["tools"] or {}}
    if v["cycles"] is not None:
        told["cycles"] = v["cycles"]["assumed"]
    for name in ("ms", "uj"):
        if (figure := (v["estimate"] or {}).get(name)) is not None:
            told |= {name: figure["value"], f"{name}_error": figure["error"]}
    return told
