"""Engines: who carries out stages. An engine takes jobs, and answers each in a future."""

from __future__ import annotations

import json
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from ascua.run.child import Attended
from ascua.study.cache import Cache, Failure
from ascua.study.worker import Job, carry_out

TRIES = 3
"""Processes that may die of one stage."""
KILLED = "Killed"


class Engine(Protocol):
    """Carries out stages, several at once."""

    @property
    def slots(self) -> int:
        """How many stages it carries out at once: more would wait."""

    def submit(self, job: Job) -> Future[Failure | None]:
        """As `worker.carry_out`, somewhere."""

    def close(self) -> None:
        """Stop what still runs; it can be gone on with."""


class InProcess:
    """One stage after the other, in this process."""

    slots = 1

    def submit(self, job: Job) -> Future[Failure | None]:
        done: Future[Failure | None] = Future()
        done.set_result(carry_out(job))
        return done

    def close(self) -> None:
        """Nothing runs any more."""


class Processes:
    """A process a stage, on this computer."""

    def __init__(self, cache: Cache, slots: int) -> None:
        self.slots = slots
        self._cache = cache
        self._threads = ThreadPoolExecutor(slots, "stage")
        self._running: set[Attended] = set()
        self._lock = Lock()
        self._closed = False

    def submit(self, job: Job) -> Future[Failure | None]:
        return self._threads.submit(self._carry_out, job)

    def _carry_out(self, job: Job) -> Failure | None:
        failure = None
        for _ in range(TRIES):
            with self._lock:
                if self._closed:
                    return Failure(KILLED, "the study was stopped")
                said = self._cache.said(job.key)
                process = Attended("ascua.study.engine:answer", job.json(), said)
                self._running.add(process)
            try:
                status, answer = process.answer()
            finally:
                with self._lock:
                    self._running.discard(process)
            if status == 0:
                said.unlink(missing_ok=True)
                return answered(answer)
            failure = died(status, said)
            if status > 0:
                return failure
        return failure

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()
        self._threads.shutdown(cancel_futures=True)


def answer(told: str) -> str:
    """Carry out the job that is told, in a process of its own; what `answered` understands."""
    failure = carry_out(Job.of(told))
    return json.dumps(None if failure is None else asdict(failure))


def answered(text: str) -> Failure | None:
    """What `answer` said."""
    found: dict[str, Any] | None = json.loads(text)
    return (
        None
        if found is None
        else Failure(found["kind"], found["what"], tuple(found["things_to_try"]))
    )


def died(status: int, said: Path) -> Failure:
    """A process that has answered nothing."""
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
        tries = ["Give it more memory, or fewer `--jobs`."] if -status == signal.SIGKILL else []
        return Failure(KILLED, f"its process was killed ({name}) {TRIES} times", tuple(tries))
    lines = [line for line in said.read_text(errors="replace").splitlines() if line.strip()]
    return Failure("Crashed", lines[-1] if lines else f"exit status {status}", (f"See {said}.",))
