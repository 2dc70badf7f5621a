"""Settings of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ascua.artifact import Library
from ascua.boards import Board
from ascua.run import build
from ascua.run.elf import Elf
from tests.support.compilers import FIRMWARE_WARNINGS

settings.register_profile("ascua", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ascua")

build.WARNINGS = FIRMWARE_WARNINGS  # whatever a test compiles in this process

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # on every processor: channels may come first

LONGEST = ("test_the_pages_tell_what_happens", "test_networks")
"""What begins first, so that no worker waits for it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, the others in their order."""
    items.sort(key=lambda item: not item.name.startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def shared_builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What all runs have in common is built once: what counts, and the harness alone."""
    folder = tmp_path_factory.mktemp("builds")
    plugin, firmware = build.plugin, build.firmware

    def shared(board: Board, library: Library, build_dir: Path, *, sanitize: bool = False) -> Elf:
        where = folder if library.name == "empty" else build_dir
        return firmware(board, library, where, sanitize=sanitize)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "plugin", lambda _: plugin(folder))
        patch.setattr(build, "firmware", shared)
        yield
