"""The terminal: results on stdout; progress, logs and errors on stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ascua.errors import AscuaError

if TYPE_CHECKING:
    from ascua import executors

PIPE_COLUMNS = 140
"""The width of tables that go to a file or a pipe."""


def _open(stream: TextIO | None) -> TextIO:
    """`stream`, or one that goes nowhere where the shell has closed it: `ascua boards >&-`."""
    if stream is not None:
        return stream
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # no file that is opened later becomes a standard stream
    return os.fdopen(null, "w")


sys.stdout, sys.stderr = _open(sys.stdout), _open(sys.stderr)

out = Console(emoji=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
err = Console(emoji=False, width=None if sys.stderr.isatty() else PIPE_COLUMNS, stderr=True)

PLAN, COMMANDS, LAYERS = logging.INFO, logging.DEBUG, 5
"""Levels of the logger: what -v, -vv and -vvv show."""

log = logging.getLogger("ascua")


class LogLines(logging.Handler):
    """Log records on stderr as they are, above the progress bars; warnings are kept for --json."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self.warnings.append(record.getMessage().removeprefix("warning: "))
        err.print(printable(self.format(record)), markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """`text` without what a terminal would obey: names come out of files."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _verbose(context: click.Context, _: click.Parameter, count: int) -> int:
    total = context.meta["ascua.verbose"] = context.meta.get("ascua.verbose", 0) + count
    log.handlers[:] = [LogLines()]
    log.propagate = False
    log.setLevel((logging.WARNING, PLAN, COMMANDS, LAYERS)[min(total, 3)])
    return count


verbose = click.option(
    "-v", "--verbose", count=True, callback=_verbose, expose_value=False,
    help="-v the plan, -vv each command and file, -vvv the first difference of each layer.",
)  # fmt: skip


def print_json(value: Mapping[str, object]) -> None:
    """One object on stdout, with the warnings so far."""
    told = [text for h in log.handlers if isinstance(h, LogLines) for text in h.warnings]
    click.echo(json.dumps({**value, "warnings": told}, indent=2))


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], executors.Progress]]:
    """Progress bars on stderr; gives a function that starts a bar with a title."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    quiet = not err.is_terminal
    with Progress(*columns, console=err, transient=True, disable=quiet) as bars:

        def bar(title: str) -> executors.Progress:
            task = bars.add_task(title, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield bar


def waiting(what: str) -> contextlib.AbstractContextManager[object]:
    """Says on a terminal what takes seconds, and that it goes on."""
    return err.status(f"{escape(printable(what))} …", spinner="line")


def print_error(error: AscuaError) -> None:
    """The message and what to try, on stderr."""
    with contextlib.suppress(OSError):  # of a stderr that is full: the exit code tells it
        err.print("[bold red]error:[/] ", end="")
        err.print(printable(str(error)), markup=False, highlight=False, soft_wrap=True)


def drop_stdout() -> None:
    """Let nothing more go to a stdout that is closed or full, also not when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
