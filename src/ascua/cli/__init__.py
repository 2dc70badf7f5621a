"""The command line: each verb parses, calls one function, prints."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, NoReturn

import click

from ascua import boards as board_files
from ascua import measure, validation
from ascua.cli import comparing, compiling, learn, models, quantizing
from ascua.cli.terminal import as_json, drop_stdout, err, out, print_error, print_json, verbose
from ascua.errors import AscuaError, InputError
from ascua.report import tables
from ascua.report.operators import support
from ascua.run import board_ready
from ascua.run import doctor as doctor_tools

INTERRUPTED = 130
"""The exit code that shells give a program ended by Ctrl-C; 143 stands for SIGTERM."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("ascua"), prog_name="ascua")
@verbose
def app() -> None:
    """From data to measured firmware: small neural networks for low-power devices."""


for verb in (
    learn.train, models.models, quantizing.quantize, learn.demo, learn.bench,
    compiling.analyze, compiling.compile_, compiling.run, compiling.validate,
    comparing.compare,
):  # fmt: skip
    app.add_command(verb)


@app.command()
@as_json
@verbose
def boards(as_json: bool) -> None:
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


@app.command()
@as_json
@verbose
def ops(as_json: bool) -> None:
    """List the operators, their kernels, and what each takes."""
    rows = support()
    if as_json:
        print_json({"schema": measure.SCHEMA, "ops": [asdict(r) for r in rows]})
    else:
        out.print(tables.ops(rows))


@app.command()
@as_json
@verbose
def doctor(as_json: bool) -> None:
    """Tell which tools are installed, and how to add the rest."""
    tools = (*doctor_tools(), *validation.python_extras())
    if as_json:
        print_json({"schema": measure.SCHEMA, "tools": [asdict(t) for t in tools]})
    else:
        out.print(tables.doctor(tools))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; errors become one message and an exit code."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(filter(os.path.isabs, folders))  # no tool comes from here
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command; what went wrong is told on stderr."""
    try:
        code = app.main(arguments, standalone_mode=False)
        sys.stdout.flush()
    except AscuaError as e:
        return _fail(e)
    except click.ClickException as e:
        e.show()
        return 1
    except (KeyboardInterrupt, click.Abort):
        err.print("Interrupted; nothing half-written was left.")
        return INTERRUPTED
    except BrokenPipeError:  # as click does it: no message for `ascua ops | head -1`
        drop_stdout()
        return 1
    except OSError as e:
        drop_stdout()
        where = f"{e.filename}: " if e.filename else ""
        hint = "Check that the folder can be written to and that the disk is not full."
        return _fail(InputError(f"{where}{e.strerror or e}.", [hint]))
    except MemoryError:
        return _fail(InputError("Not enough memory.", ["Fewer samples at once, a smaller model."]))
    return code if isinstance(code, int) else 0


def _fail(error: AscuaError) -> int:
    print_error(error)
    return error.exit_code
