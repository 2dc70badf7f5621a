"""Carries out one stage in this process: at most one process of a computer does so at a time."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ascua.errors import AscuaError, DoesNotFit, InputError, Mismatch, Unsupported
from ascua.study.cache import BUILD, Cache, Failure, Outcome, digest, gone
from ascua.study.stage import Stage, Work, find

FINAL = (DoesNotFit, Unsupported, Mismatch)
"""Errors that another try gives again: they are outcomes. Others may be the machine's."""
SPENT = "spent.json"


@dataclass(frozen=True)
class Job:
    """A stage whose inputs are known: all that a process needs, as JSON has it."""

    does: str
    told: str
    key: str
    inputs: Mapping[str, str]
    """The keys of the outcomes that it reads, by name."""
    cache: str
    beside: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    """As of the stage."""
    data_dir: str | None = None

    def json(self) -> str:
        """One line of text."""
        return json.dumps(asdict(self))

    @staticmethod
    def of(text: str) -> Job:
        """The job that `json` wrote."""
        told = json.loads(text)
        paths = tuple((name, path) for name, path in told["paths"])
        return Job(**{**told, "beside": tuple(told["beside"]), "paths": paths})


def carry_out(job: Job) -> Failure | None:
    """See to it that the cache has the outcome of `job`; why not, where that may change.

    It goes on in the folder that a killed process has left. Where another process carries it out,
    it waits for it.
    """
    try:
        _carry_out(job)
    except AscuaError as e:
        return Failure.of(e)
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        tries = ("Check that the disk is not full, and that the folder can be written to.",)
        return Failure("InputError", f"{where}{e.strerror or e}", tries)
    return None


def _carry_out(job: Job) -> None:
    cache = Cache(job.cache, tuple(map(Path, job.beside)))
    if cache.outcome(job.key) is not None:
        return
    with cache.working(job.key) as folder:
        if cache.outcome(job.key) is None:
            _check(job, cache)
            cache.publish(*_done(job, cache, folder))
        cache.finished(job.key)


def _check(job: Job, cache: Cache) -> None:
    """Raise InputError unless the key is as this computer has it."""
    digests = {}
    for name, key in job.inputs.items():
        if (found := cache.outcome(key)) is None:
            raise gone(cache, key)
        digests[name] = found.digest
    before = tuple((name, Stage("", "")) for name in sorted(digests))
    key = Stage(job.does, job.told, before, job.paths).key(digests)
    if key != job.key:
        raise InputError(
            f"{platform.node()}: it has other versions of Ascua or of its tools than where the"
            " study was started: its results could not be told apart.",
            ["Install the same there: `ascua doctor` tells the tools."],
        )


def _done(job: Job, cache: Cache, folder: Path) -> tuple[Outcome, Path]:
    """What the stage gives, and the folder with its files."""
    out, inputs = folder / "out", folder / "inputs"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for name, key in job.inputs.items():
        cache.unpack(key, inputs / name)
    function = find(job.does)
    work = Work(
        {name: inputs / name for name in job.inputs}, folder, out, cache.local / BUILD,
        None if job.data_dir is None else Path(job.data_dir),
    )  # fmt: skip
    clock = Clock(folder / SPENT)
    values: Mapping[str, Any] = {}
    failure = None
    try:
        with clock:
            values = function.call(work, **json.loads(job.told), **dict(job.paths))
    except FINAL as e:
        failure = without(Failure.of(e), folder)
    return Outcome(
        job.key, job.does.rpartition(":")[2], values, digest(out),
        round(clock.seconds, 3), round(clock.cpu_seconds, 3),
        datetime.now(UTC).isoformat(timespec="seconds"), failure,
    ), out  # fmt: skip


def without(failure: Failure, folder: Path) -> Failure:
    """What it says without the path of a `folder` that nobody else has."""
    said = [text.replace(f"{folder}/", "") for text in (failure.what, *failure.things_to_try)]
    return Failure(failure.kind, said[0], tuple(said[1:]))


class Clock:
    """Seconds of this process's turn, and of those before it that could tell `file`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self.seconds, self.cpu_seconds = map(float, json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            self.seconds = self.cpu_seconds = 0.0

    def __enter__(self) -> Clock:
        self._began = time.monotonic(), _cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.monotonic() - self._began[0]
        self.cpu_seconds += _cpu() - self._began[1]
        self._file.write_text(json.dumps([self.seconds, self.cpu_seconds]))


def _cpu() -> float:
    """Seconds of all cores that this process, and its children that have ended, computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
