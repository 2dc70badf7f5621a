"""The verb that tells what a study found."""

from __future__ import annotations

from pathlib import Path

import click

from ascua import measure, results
from ascua.cli.options import as_json, force, results_dir, to
from ascua.cli.terminal import out, print_json, verbose
from ascua.errors import InputError
from ascua.files import folders
from ascua.report import study as reports
from ascua.report.tables import table

FORM = folders.Form(
    "report of a study",
    lambda path, _: "/" not in path and path.endswith((".md", ".csv", ".svg")),
    "--out",
)


@click.command()
@click.argument("study", metavar="STUDY")
@to(help="A folder for the report in Markdown, its figures, and all cells as CSV.")
@results_dir()
@force()
@as_json()
@verbose
def report(study: str, to: Path | None, results: Path, *, force: bool, as_json: bool) -> None:
    """Tell what STUDY found: tables, the Pareto front, and the answer in a sentence.

    STUDY is as for `ascua study`; its cells are read from the results, ended or not.
    """
    from ascua import study as studies

    chosen = studies.load(study)
    found = _lines(results, chosen.name)
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
    for columns, rows in (
        (reports.BOARD_COLUMNS, reports.on_boards(among)),
        (reports.FORM_COLUMNS, reports.forms(among)),
    ):
        if rows and to is None:
            out.print(table(columns, rows))
            out.print()
    for sentence in reports.answers(among):
        out.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if failed := sum(len(g.failed) for g in among):
        out.print(f"{failed} cells failed: report.md of `--out DIR` tells why.", highlight=False)
    if to is not None:
        out.print(f"{to}: report.md, cells.csv and {len(reports.pictures(among))} figures.",
                  highlight=False, markup=False, soft_wrap=True)  # fmt: skip


def _lines(folder: Path, name: str) -> list[results.CellResult]:
    """The results of a study. Raises InputError where there are none."""
    found = results.study(folder, name)
    if not found:
        raise InputError(
            f"{folder}: nothing is known of {name} there.",
            [f"`ascua study {name}` carries it out.", "Name the folder with `--results`."],
        )
    return found
