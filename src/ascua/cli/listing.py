"""The verbs that list what Ascua knows: boards, operators, tools."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ascua import boards as board_files
from ascua import measure, validation
from ascua.cli.options import as_json
from ascua.cli.terminal import out, print_json, verbose
from ascua.report import tables
from ascua.report.operators import support
from ascua.run import board_ready
from ascua.run import doctor as doctor_tools


@click.command()
@as_json()
@verbose
def boards(*, as_json: bool) -> None:
    """List the boards, and whether each can run here."""
    rows = [(b, board_ready(b)) for b in map(board_files.load, board_files.names())]
    if as_json:
        listed = [_board_json(b, [t.name for t in missing]) for b, missing in rows]
        print_json({"schema": measure.SCHEMA, "boards": listed})
    else:
        out.print(tables.boards(rows))


def _board_json(board: board_files.Board, missing: list[str]) -> dict[str, Any]:
    core = {
        "core": board.core.name,
        "cflags": board.flags,
        "features": sorted(board.core.features),
    }
    return {**asdict(board), **core, "missing": missing}


@click.command()
@as_json()
@verbose
def ops(*, as_json: bool) -> None:
    """List the operators, their kernels, and what each takes."""
    rows = support()
    if as_json:
        print_json({"schema": measure.SCHEMA, "ops": [asdict(r) for r in rows]})
    else:
        out.print(tables.ops(rows))


@click.command()
@as_json()
@verbose
def doctor(*, as_json: bool) -> None:
    """Tell which tools are installed, and how to add the rest."""
    tools = (*doctor_tools(), *validation.python_extras())
    if as_json:
        print_json({"schema": measure.SCHEMA, "tools": [asdict(t) for t in tools]})
    else:
        out.print(tables.doctor(tools))
