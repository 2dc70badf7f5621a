"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

from ascua.run import build
from tests.support.compilers import FIRMWARE_WARNINGS

settings.register_profile("ascua", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ascua")

build.WARNINGS = FIRMWARE_WARNINGS  # whatever a test compiles in this process
