"""SPACE_TO_DEPTH: the tests that it shares with DEPTH_TO_SPACE."""

from __future__ import annotations

from ascua.ops.space_to_depth import SpaceToDepth
from tests.ops.test_depth_to_space import test_equals_tflm, test_one_undoes_the_other  # noqa: F401

KIND = SpaceToDepth
