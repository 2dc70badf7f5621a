"""The verbs of studies: run any matrix of experiments, tell how far it is, clean its cache."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ascua import measure
from ascua.cli import completing
from ascua.cli.options import as_json, cache, data_dir, dry_run, gathered, jobs, results_dir
from ascua.cli.terminal import err, out, print_json, printable, verbose, waiting
from ascua.errors import AscuaError, InputError
from ascua.report.tables import table
from ascua.run.child import cores
from ascua.run.provenance import source_tree

if TYPE_CHECKING:
    from ascua.study import Bill, Cache, Cell, Engine, Finished, Study, Told

SHORT = 90
"""Characters of a reason in a list."""


@dataclass(frozen=True)
class Place:
    """Where a study reads and writes."""

    cache: str | None
    results: Path
    data_dir: Path | None


@dataclass(frozen=True)
class Crew:
    """Who carries it out."""

    engine: str
    address: str | None
    jobs: int | None


@dataclass(frozen=True)
class Share:
    """Which part of it is looked at."""

    only: tuple[str, ...]
    again: bool
    most_hours: float | None


class ByDefault(click.Group):
    """A group whose first verb is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not {*args[:1]} <= {*self.commands, "--help", "-h"}:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


@click.group("study", cls=ByDefault)
def study() -> None:
    """Run any matrix of experiments: networks, pruning, quantisation, boards, seeds.

    `ascua study STUDY` is `ascua study run STUDY`.
    """


study_name = click.argument("study_", metavar="STUDY", shell_complete=completing.studies)
only_cells = click.option(
    "--only", multiple=True, metavar="CELL", help="These cells: `lenet5/l1/*`; may be repeated."
)


@study.command("run")
@study_name
@cache()
@results_dir()
@data_dir()
@only_cells
@click.option("--again", is_flag=True, help="Look also at what the results have already.")
@click.option(
    "--most-hours", type=click.FloatRange(0, min_open=True), metavar="H",
    help="Refuse to begin what will take longer, as --dry-run tells it.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["processes", "ray"]), default="processes", show_default=True,
    help="Who carries it out: this computer, or a Ray cluster.",
)  # fmt: skip
@click.option(
    "--address",
    help="Of the Ray cluster: host:port, or `auto`; `local` begins one.  [default: local]",
)
@jobs(help="Stages at once.  [default: as many as there are cores]")
@dry_run(help="Tell cells, hours and bytes; begin nothing.")
@click.option("--status", is_flag=True, help="Tell how far it is; begin nothing.")
@as_json()
@verbose
@gathered(place=Place, crew=Crew, share=Share)
def run(
    study_: str, place: Place, crew: Crew, share: Share,
    *, dry_run: bool, status: bool, as_json: bool,
) -> None:  # fmt: skip
    """Carry out STUDY: a study that comes with Ascua, or a TOML file.

    What is known is not done again: a stopped study goes on where it was, a changed one does only
    what has changed. Each cell that ends is a line of results.
    """
    from ascua import study as studies

    chosen = studies.load(study_)
    with waiting("Reading the data sets"):
        cells = studies.Cells(chosen, place.data_dir).chosen(share.only)
    cache = studies.Cache(place.cache, (studies.kept(place.results, chosen.name),))
    there = {} if share.again else studies.known(
        place.results, chosen.name, clean=source_tree()[1]
    )  # fmt: skip
    left = [c for c in cells if c.definition not in there]
    if status:
        _status(chosen, study_, cells, left, cache, place, as_json=as_json)
        return
    with closing(_engine(crew, cache)) as engine:
        if dry_run or share.most_hours is not None:
            with waiting("Timing the networks"):
                found = studies.bill(left, len(cells) - len(left), cache, engine)
            at_once = engine.slots if crew.engine == "ray" else min(engine.slots, cores())
            if dry_run:
                _print_bill(chosen, found, at_once, as_json=as_json)
                return
            _check_hours(chosen, found, at_once, share.most_hours)
        ended = _carried_out(chosen, cells, cache, engine, place, again=share.again)
    _end(chosen, study_, ended, as_json=as_json)


def _engine(crew: Crew, cache: Cache) -> Engine:
    """Who carries it out. Raises InputError, ToolMissing."""
    from ascua.study import Processes

    if crew.engine == "ray":
        from ascua.study.on_ray import OnRay

        return OnRay(crew.address, crew.jobs)
    if crew.address is not None:
        raise InputError(
            f"--address {crew.address}: it is a Ray cluster's.", ["Give `--engine ray` too."]
        )
    return Processes(cache, crew.jobs or cores())


def _check_hours(study: Study, bill: Bill, jobs: int, most: float | None) -> None:
    if most is not None and bill.hours(jobs) > most:
        raise InputError(
            f"{study.name}: it will take about {hours(bill.hours(jobs))}, and --most-hours is"
            f" {most:g}.",
            [
                "Choose a part with `--only`: `--dry-run` tells what that takes.",
                "Allow more, or more `--jobs` on a larger computer.",
            ],
        )


def _carried_out(
    study: Study, cells: Sequence[Cell], cache: Cache, engine: Engine, place: Place,
    *, again: bool,
) -> list[Finished]:  # fmt: skip
    """All cells, each told when it ends."""
    from ascua.study import campaign

    ended = []
    with _followed(len(cells)) as (tell, cell):
        for finished in campaign(
            study.name, cells, cache, engine, place.results, again=again, tell=tell
        ):
            ended.append(finished)
            cell(finished)
    return ended


@contextmanager
def _followed(cells: int) -> Iterator[tuple[Any, Any]]:
    """A bar of the stages, a line for each cell that has just ended."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[now]}"),
    )  # fmt: skip
    begun: dict[str, float] = {}
    ended = Counter[str]()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("stages", total=None, now="")

        def tell(told: Told) -> None:
            if told.begins:
                begun[told.stage.definition] = time.monotonic()
            else:
                begun.pop(told.stage.definition, None)
            kinds = Counter(_kind(told.stage.kind) for _ in begun)
            now = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
            bars.update(task, completed=told.done, total=told.total, now=now)

        def cell(finished: Finished) -> None:
            ended["all"] += 1
            if finished.fresh or finished.failure is not None:
                line = f"[{ended['all']}/{cells}] {finished.cell.name}: {_said(finished)}"
                err.print(printable(line), markup=False, highlight=False, soft_wrap=True)

        yield tell, cell


def _kind(name: str) -> str:
    return name.rstrip("_")


def _said(finished: Finished) -> str:
    """What a cell has found, in a line."""
    if finished.failure is not None:
        return f"failed: {_kind(finished.where)}: {finished.failure.what}"
    r = finished.result
    assert r is not None
    said = [] if r.accuracy is None else [f"{r.accuracy:.2%} right"]
    said += [] if r.bytes is None else [f"{r.bytes:,} bytes"]
    said += [] if r.instructions is None else [f"{r.instructions:,.0f} instructions"]
    return ", ".join(said)


def _end(study: Study, said: str, ended: Sequence[Finished], *, as_json: bool) -> None:
    """What all came to. Raises AscuaError where cells failed that may not fail again."""
    results = [f.result for f in ended if f.result is not None]
    failed = [f for f in ended if f.failure is not None]
    if as_json:
        print_json({
            "schema": measure.SCHEMA, "study": study.name,
            "results": [r.line() for r in results],
            "failed": [
                {"cell": f.cell.name, "stage": _kind(f.where), **asdict(f.failure)}
                for f in failed if f.failure is not None
            ],
        })  # fmt: skip
    else:
        fresh = sum(f.fresh for f in ended if f.result is not None)
        words = f"{study.name}: {len(ended)} cells, {fresh} new, {len(failed)} failed."
        out.print(words, highlight=False, markup=False, soft_wrap=True)
        for f in failed:
            assert f.failure is not None
            out.print(f"  {f.cell.name}: {_said(f)}", markup=False, highlight=False, soft_wrap=True)
        out.print(f"Next: ascua report {said}", highlight=False, markup=False, soft_wrap=True)
    again = [f for f in failed if f.result is None]
    if again:
        tries = dict.fromkeys(t for f in again if f.failure for t in f.failure.things_to_try)
        raise AscuaError(
            f"{study.name}: {len(again)} of {len(ended)} cells failed, and may not the next time.",
            [*tries, "The same command tries them again."],
        )


def _status(
    study: Study, said: str, cells: Sequence[Cell], left: Sequence[Cell], cache: Cache,
    place: Place, *, as_json: bool,
) -> None:  # fmt: skip
    """How far it is."""
    from ascua import results
    from ascua.study import stages_of, survey

    there = survey(cells, cache)
    to_do = [name for name in stages_of(left) if name not in there]
    found = {r.definition: r for r in results.study(place.results, study.name)}
    failed = [c for c in cells if c.definition in found and found[c.definition].failed]
    unfinished = cache.unfinished()
    seconds = sum(o.cpu_seconds for o in there.values())
    told = {
        "cells": len(cells), "known": len(cells) - len(left), "failed": len(failed),
        "stages_left": len(to_do), "stages_known": len(there),
        "running": sum(unfinished.values()), "stopped": sum(not v for v in unfinished.values()),
        "cpu_hours_spent": round(seconds / 3600, 2), "cache_bytes": sum(cache.sizes().values()),
    }  # fmt: skip
    if as_json:
        print_json({"schema": measure.SCHEMA, "study": study.name, **told})
        return
    out.print(f"{study.title} ({study.name})", markup=False, highlight=False)
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in told.items()]
    out.print(table(("", ">"), rows))
    by_network = Counter(c.axes["network"] for c in left)
    for network, count in by_network.items():
        out.print(f"{network}: {count} cells left", highlight=False, markup=False)
    for cell in failed:
        why = str(found[cell.definition].failed)[:SHORT]
        out.print(f"{cell.name}: {why}", markup=False, highlight=False, soft_wrap=True)
    out.print(
        "Nothing is left." if not left else f"Next: ascua study {said} --dry-run",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _print_bill(study: Study, bill: Bill, jobs: int, *, as_json: bool) -> None:
    total = bill.hours(jobs)
    if as_json:
        print_json({
            "schema": measure.SCHEMA, "study": study.name, "cells": bill.cells,
            "known": bill.known, "stages": dict(bill.to_do), "stages_known": bill.there,
            "cpu_seconds": {k: round(v) for k, v in bill.cpu_seconds.items()}, "jobs": jobs,
            "hours": round(total, 3), "bytes": bill.bytes,
        })  # fmt: skip
        return
    out.print(f"{study.title} ({study.name})", markup=False)
    out.print(f"{bill.cells:,} cells, {bill.known:,} of them known.", highlight=False)
    rows = [
        (_kind(kind), f"{count:,}", hours(bill.cpu_seconds[kind] / 3600))
        for kind, count in bill.to_do.items()
    ]
    if rows:
        out.print(table(("stages to do", ">", ">CPU time"), rows))
    out.print(
        f"About {hours(total)} with {jobs} {'jobs' if jobs > 1 else 'job'} (an estimate, of trials"
        f" on this computer); the cache grows by some {bill.bytes / 1e6:,.0f} MB.",
        highlight=False,
    )


def hours(count: float) -> str:
    """A time in words."""
    if count < 1 / 40:
        return f"{3600 * count:.0f} seconds"
    return f"{60 * count:.0f} minutes" if count < 1.5 else f"{count:.1f} hours"


@study.command("clean")
@click.argument("studies", nargs=-1, metavar="[STUDY]...")
@cache()
@results_dir()
@data_dir()
@dry_run(help="Tell what would go; remove nothing.")
@as_json()
@verbose
def clean(
    studies: tuple[str, ...], cache: str | None, results: Path, data_dir: Path | None,
    *, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Remove from the cache what no named STUDY needs; without any, all that it holds.

    Stop studies that run in it first: what they need would have to be made anew.
    """
    from ascua import study as room

    if cache is not None and "://" not in cache and not Path(cache).is_dir():
        raise InputError(f"{cache}: there is no such folder.", ["Check `--cache`."])
    chosen = [room.load(name) for name in studies]
    store = room.Cache(cache, [room.kept(results, each.name) for each in chosen])
    needed: set[str] = set()
    for each in chosen:
        cells = room.Cells(each, data_dir).chosen()
        needed |= {o.key for o in room.survey(cells, store, whole=True).values()}
    gone = {key: size for key, size in store.sizes().items() if key not in needed}
    stopped = [key for key, runs in store.unfinished().items() if not runs]
    if not dry_run:
        for key in gone:
            store.remove(key)
        for key in stopped:
            store.finished(key)
        if not studies:
            store.forget()
    told = {"outcomes": len(gone), "bytes": sum(gone.values()), "unfinished": len(stopped)}
    if as_json:
        print_json({"schema": measure.SCHEMA, "cache": store.address, **told})
        return
    would = "would be removed" if dry_run else "removed"
    out.print(
        f"{store.address}: {told['outcomes']:,} outcomes ({told['bytes'] / 1e6:,.1f} MB) and"
        f" {told['unfinished']:,} unfinished stages {would}.",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
