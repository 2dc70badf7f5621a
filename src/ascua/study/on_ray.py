"""An engine that carries out stages on a Ray cluster: this computer's, or one that is there."""

from __future__ import annotations

import logging
import os
import socket
import sys
from concurrent.futures import Future
from typing import Any

from ascua.errors import InputError, ToolMissing
from ascua.study.cache import Failure
from ascua.study.engine import TRIES, answer, answered
from ascua.study.worker import Job

LOCAL = "local"
REMEDY = "`--engine processes` needs no cluster."
REMEDIES = (
    "`ray start --head` begins one, and tells its address; `--address local` one for this run.",
    REMEDY,
)
SECONDS = 10
"""That a cluster has to answer within; Ray itself waits for minutes."""


class OnRay:
    """A task a stage; one whose node dies is begun again on another."""

    def __init__(self, address: str | None, jobs: int | None) -> None:
        """Join the cluster at `address`; None, or `local`: begin one on this computer.

        Raises ToolMissing without Ray, InputError where there is no such cluster.
        """
        try:
            import ray
        except ImportError as e:
            raise ToolMissing(
                "Ray is not installed.", ["`pip install '.[ray]'`, on all nodes.", REMEDY]
            ) from e
        self._ray: Any = ray
        self._joined = not ray.is_initialized()
        if self._joined:
            where = address or LOCAL
            _check_answers(where)
            try:
                ray.init(
                    where, logging_level=logging.ERROR, log_to_driver=False,
                    include_dashboard=False, configure_logging=False,
                )  # fmt: skip
            except (ConnectionError, ValueError, RuntimeError) as e:
                told = str(e).splitlines()[0] if str(e) else type(e).__name__
                raise InputError(
                    f"--address {where}: no Ray cluster answers there: {told}", REMEDIES
                ) from e
        self.slots = jobs or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": "1"}
        if path := os.environ.get("PYTHONPATH"):
            environment["PYTHONPATH"] = path
        self._task = ray.remote(
            num_cpus=1, max_calls=1, max_retries=TRIES, runtime_env={"env_vars": environment}
        )(_answer)

    def submit(self, job: Job) -> Future[Failure | None]:
        """As `worker.carry_out`, on a node."""
        reference = self._task.remote(job.json(), sys.path)
        answering: Future[Failure | None] = Future()
        reference.future().add_done_callback(lambda done: _enter(done, answering))
        return answering

    def close(self) -> None:
        """Leave the cluster: what still runs there is stopped."""
        if self._joined:
            self._ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise InputError unless somebody listens at `host:port`."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except (OSError, OverflowError) as e:
        raise InputError(f"--address {address}: nobody answers there: {e}.", REMEDIES) from e


def _answer(told: str, path: list[str]) -> str:
    """On a node: as `engine.answer`, importing from where the study does, if that is there."""
    import sys

    sys.path += [p for p in path if p not in sys.path]
    return answer(told)


def _enter(done: Future[Any], answering: Future[Failure | None]) -> None:
    """What a task answered, or why it did not."""
    try:
        answering.set_result(answered(done.result()))
    except Exception as e:  # a node without Ascua, or one that died too often
        last = next((x for x in reversed(str(e).splitlines()) if x.strip()), type(e).__name__)
        tries = ("Install the same Ascua, with the same extras, on all nodes.",)
        answering.set_result(Failure(type(e).__name__, f"on the cluster: {last.strip()}", tries))
