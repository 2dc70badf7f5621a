"""MINIMUM: the tests that it shares with MAXIMUM."""

from __future__ import annotations

from ascua.ops.minimum import Minimum
from tests.ops.test_maximum import (  # noqa: F401
    test_both_inputs_the_same_tensor,
    test_every_pair_of_values,
    test_int16,
    test_refuses,
    test_shapes,
)

KIND = Minimum
