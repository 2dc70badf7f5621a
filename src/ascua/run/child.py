"""Starts the processes of a run, follows how far they are, and lets none of them live on.

Python itself runs in isolation: nothing that lies in the current folder is imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ascua.errors import ToolFailed

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Child:
    """A command, the folder that it runs in, and its environment (None: ours).

    In the folder it reads input.bin and writes output.bin and report.bin; what it says goes to
    stderr.txt.
    """

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] | None = None

    def written(self) -> int:
        """Bytes of output so far."""
        path = self.folder / "output.bin"
        return path.stat().st_size if path.exists() else 0

    def said(self) -> str:
        """What the process wrote to its standard error."""
        return (self.folder / "stderr.txt").read_text(errors="replace")


def python(program: str, arguments: Sequence[str], packages: Sequence[str]) -> tuple[int, str]:
    """Run the Python `program` isolated: its exit status, and what it wrote to its standard error.

    It imports the `packages` from where this process would, after all else; from the current
    folder, PYTHONPATH or a sitecustomize.py there it imports nothing.
    """
    specs = map(importlib.util.find_spec, packages)
    found = {str(Path(s.origin).parents[1]) for s in specs if s is not None and s.origin}
    lines = f"import sys\nsys.path += {sorted(found)!r}\n{program}"
    command = [sys.executable, "-I", "-c", lines, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stderr


ATTENDED = """
import os
import sys
import threading
sys.path[:] = {path!r}
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
told = sys.stdin.readline()
def attend():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=attend, daemon=True).start()
from importlib import import_module
answer.write(getattr(import_module({module!r}), {function!r})(told.rstrip("\\n")))
answer.close()
os._exit(0)
"""
"""It ends when its input does: with the process that started it, however that ends."""


class Attended:
    """A process of its own for one call of a function, which ends when this one does."""

    def __init__(self, function: str, told: str, said: Path) -> None:
        """Call `function` (`module:function`), which answers text, with the line `told`.

        What it says goes to the file `said`.
        """
        module, _, name = function.partition(":")
        program = ATTENDED.format(path=sys.path, module=module, function=name)
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **ONE_THREAD}
        with said.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", program], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=stderr, env=environment, text=True,
                start_new_session=True,
            )  # fmt: skip
        self._told = told

    def answer(self) -> tuple[int, str]:
        """Its exit status, negative for a signal, and what the function answered."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{self._told}\n")
            process.stdin.flush()
        answer = process.stdout.read()  # the input stays open until then
        process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        return process.returncode, answer

    def kill(self) -> None:
        """End it, and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""The environment in which NumPy leaves the other cores to others."""


def cores() -> int:
    """Of this computer, those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compiled(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a compiler in `folder`: its exit status, and what it wrote to its standard error.

    It and the processes that it started are told to stop by an error or Ctrl-C: killed outright
    a compiler leaves temporary files.
    """
    log.debug("%s", shlex.join(command))
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    ) as p:  # fmt: skip
        try:
            _, said = p.communicate()
        except BaseException:
            os.killpg(p.pid, signal.SIGTERM)
            p.wait()
            raise
    return p.returncode, said


def run_all(
    children: Sequence[Child],
    what: str,
    stall_seconds: float,
    progress: Callable[[int], None] | None,
) -> tuple[int | None, ...]:
    """The exit statuses of `children`, which run at the same time; negative for a signal.

    When one fails the others are stopped: their status is None.

    `progress` hears the bytes of output. Raises ToolFailed when none of them writes any for
    `stall_seconds`. All are dead on return, be it by an error or Ctrl-C.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for child in children:
            log.debug("cd %s && %s", shlex.quote(str(child.folder)), shlex.join(child.command))
            with (child.folder / "stderr.txt").open("wb") as stderr:
                processes.append(
                    subprocess.Popen(
                        child.command,
                        cwd=child.folder,
                        env=child.environment,
                        stdin=subprocess.DEVNULL,
                        stdout=stderr,
                        stderr=stderr,
                    )
                )
        _follow(children, processes, what, stall_seconds, progress)
        return tuple(p.poll() for p in processes)
    finally:
        for p in processes:
            p.kill()
        for p in processes:
            p.wait()


def _follow(
    children: Sequence[Child],
    processes: Sequence[subprocess.Popen[bytes]],
    what: str,
    stall_seconds: float,
    progress: Callable[[int], None] | None,
) -> None:
    """Returns when all have ended, or the first has failed."""
    before, since = 0, time.monotonic()
    while True:
        statuses = [p.poll() for p in processes]
        written = sum(c.written() for c in children)
        if written != before:
            before, since = written, time.monotonic()
            if progress:
                progress(written)
        if any(statuses) or None not in statuses:
            return
        if time.monotonic() - since > stall_seconds:
            raise ToolFailed(
                f"{what}: no result for {stall_seconds:g} seconds; it was stopped.",
                ["Look for an endless loop.", "Allow more time where an inference is very long."],
            )
        time.sleep(POLL_SECONDS)
