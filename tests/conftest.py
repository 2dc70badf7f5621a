"""Settings of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from ascua.run import build
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
