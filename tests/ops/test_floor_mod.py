"""FLOOR_MOD: the tests that it shares with FLOOR_DIV."""

from __future__ import annotations

from ascua.ops.floor_mod import FloorMod
from tests.ops.test_floor_div import (  # noqa: F401
    test_every_int8_value_equals_tflm,
    test_refuses_integers,
    test_two_values_equal_tflm,
)

KIND = FloorMod
