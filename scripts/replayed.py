"""A plugin of pytest: what ran once, of the same C on the same samples, is not run again.

`scripts/mutants.py` loads it. Compiling is what tests of operators take their time for, and a fault
changes few of the networks that they compile: the others answer from a folder.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from ascua import files, run
from ascua.artifact import Artifact
from ascua.boards import Board
from ascua.run import Outcome

STALLED = 20.0
"""Seconds without a sample, after which a network hangs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("replayed")
    group.addoption("--runs", type=Path, required=True, help="where what ran is kept")
    group.addoption("--note", type=Path, help="writes each test's seconds and C files")
    group.addoption("--noted", type=Path, action="append", default=[], help="reads such files")
    group.addoption("--header", help="runs the tests that compiled it, the shortest first")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any test imports `run`."""
    notes = Notes(early_config.known_args_namespace.runs)
    early_config.pluginmanager.register(notes)
    run.run = notes.run


def pytest_configure() -> None:
    """One failure is enough: no smaller example is looked for."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", settings(), phases=phases, report_multiple_bugs=False)
    settings.load_profile("mutants")


class Notes:
    """What each test compiled, and how long it took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.every: dict[str, dict[str, Any]] = {}
        self.headers = set[str]()
        self.compute = run.run

    def run(
        self, board: Board, artifact: Artifact, inputs: bytes, samples: int, **more: Any
    ) -> Outcome:
        """As `ascua.run.run`."""
        self.headers |= {Path(name).name for name in artifact.files if name.endswith(".h")}
        read = run.key(board, artifact, inputs, samples, more["build_dir"])
        how = [read, *(more.get(name) for name in ("states", "sanitize"))]
        path = self.folder / hashlib.sha256(repr(how).encode()).hexdigest()
        if path.exists():
            found: Outcome = pickle.loads(path.read_bytes())
            return found
        made = self.compute(board, artifact, inputs, samples, **{"stall_seconds": STALLED, **more})
        files.write(path, lambda to: to.write_bytes(pickle.dumps(made)))
        return made

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.headers.clear()
        self.every[item.nodeid] = {"seconds": 0.0, "headers": []}
        result = yield
        self.every[item.nodeid]["headers"] = sorted(self.headers)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.every[report.nodeid]["seconds"] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        path: Path | None = session.config.getoption("--note")
        if path:
            files.write_text(path, json.dumps(self.every))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Of those that were noted, the ones that compiled the header; the shortest first."""
        noted: dict[str, dict[str, Any]] = {}
        for path in config.getoption("--noted"):
            noted |= json.loads(path.read_text(encoding="utf-8"))
        header = config.getoption("--header")
        if header and (having := {n for n, note in noted.items() if header in note["headers"]}):
            config.hook.pytest_deselected(items=[i for i in items if i.nodeid not in having])
            items[:] = [i for i in items if i.nodeid in having]
        items.sort(key=lambda i: noted.get(i.nodeid, {"seconds": 0.0})["seconds"])
