"""The verb that tells what a study found."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ascua import measure, results
from ascua.cli import completing
from ascua.cli.options import as_json, cache, data_dir, force, gathered, results_dir, to
from ascua.cli.terminal import err, log, out, print_json, printable, verbose
from ascua.errors import InputError
from ascua.files import folders
from ascua.report import study as reports
from ascua.report.tables import table

if TYPE_CHECKING:
    from ascua.study import Study

FORM = folders.Form(
    "report of a study",
    lambda path, _: "/" not in path and path.endswith((".md", ".csv", ".svg")),
    "--out",
)


@dataclass(frozen=True)
class Layout:
    """How networks are to be laid out, and where they come from."""

    layout: str | None
    cache: str | None
    data_dir: Path | None


@click.command()
@click.argument("study", metavar="STUDY", shell_complete=completing.studies)
@to(help="A folder for the report in Markdown, its figures, and all cells as CSV.")
@results_dir()
@click.option(
    "--layout", type=click.Choice(["X_Y"]),
    help="Write the networks into the folder too, as APOZ/LeNet_50/ and so on, with notebooks.",
)  # fmt: skip
@cache(help="Where the networks are.  [default: ~/.cache/ascua/study]")
@data_dir(help="Of the notebooks: where the data sets already are.")
@force()
@as_json()
@verbose
@gathered(laid=Layout)
def report(
    study: str, to: Path | None, results: Path, laid: Layout, *, force: bool, as_json: bool
) -> None:
    """Tell what STUDY found: tables, the Pareto front, and the answer in a sentence.

    STUDY is as for `ascua study`; its cells are read from the results, ended or not.
    """
    from ascua import study as studies

    chosen = studies.load(study)
    found = _lines(results, chosen, study)
    if laid.layout is not None:
        _lay_out(
            chosen, laid, {line.cell for line in found}, results, to, force=force, as_json=as_json
        )
        return
    among = reports.groups(found)
    if to is not None:
        files = {
            "report.md": reports.document(chosen.title, among),
            "cells.csv": reports.table_csv(found),
            **reports.pictures(among),
        }
        folders.check(to, FORM, force=force)
        folders.fill(to, FORM, files, force=force)
    if as_json:
        print_json({
            "schema": measure.SCHEMA, "study": chosen.name,
            "answers": reports.answers(among), "results": [r.line() for r in found],
            "out": None if to is None else str(to),
        })  # fmt: skip
        return
    if to is None:
        _print(among)
    for sentence in reports.answers(among):
        out.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if failed := sum(len(g.failed) for g in among):
        out.print(f"{failed} cells failed: report.md of `--out DIR` tells why.", highlight=False)
    if to is not None:
        drawn = ", ".join(reports.pictures(among)) or "no figure"
        out.print(
            f"{to}: report.md, cells.csv, {drawn}.", highlight=False, markup=False, soft_wrap=True
        )


def _print(among: list[reports.Group]) -> None:
    """Two tables a network."""
    shown = [reports.BOARD_COLUMNS.index(name) for name in reports.BRIEF]
    for network in dict.fromkeys(g.network for g in among):
        own = [g for g in among if g.network == network]
        ran = [[row[i] for i in shown] for row in reports.on_boards(own)]
        for columns, rows in (
            (reports.BRIEF, ran),
            (reports.FORM_COLUMNS, reports.forms(own)),
            (reports.KMODEL_COLUMNS, reports.kmodels(own)),
        ):
            if rows:
                out.print(table(columns, rows, network if columns == reports.BRIEF else ""))
                out.print()


def _lay_out(
    study: Study, laid: Layout, known: Set[str], folder: Path, to: Path | None, *,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write the networks that the cache has."""
    from ascua import study as studies
    from ascua.study import layout

    if to is None:
        raise InputError("--layout: where to?", ["Name a folder with `--out`."])
    layout.check()
    every = studies.Cells(study, laid.data_dir)
    cells = every.chosen([name for name in every.names() if name in known])
    store = studies.Cache(laid.cache, (studies.kept(folder, study.name),))
    written = []
    for each in layout.write(to, cells, store, force=force):
        written.append(str(each))
        err.print(printable(str(each)), highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print_json({"schema": measure.SCHEMA, "study": study.name, "folders": written})
        return
    out.print(f"{to}: {len(written)} networks.", highlight=False, markup=False, soft_wrap=True)


def _lines(folder: Path, study: Study, said: str) -> list[results.CellResult]:
    """The results of the study's own cells. Raises InputError where there are none."""
    from ascua import study as studies

    names = set(studies.Cells(study, None).names())
    every = results.study(folder, study.name)
    found = [line for line in every if line.cell in names]
    if not found:
        raise InputError(
            f"{folder}: nothing is known of {study.name} there.",
            [f"`ascua study {said}` carries it out.", "Name the folder with `--results`."],
        )
    if others := len({line.cell for line in every} - names):
        log.warning("warning: %d cells of the results are not of the study as it is now", others)
    return found
