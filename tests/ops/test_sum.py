"""SUM; tests that it shares with MEAN are there."""

from __future__ import annotations

from typing import Any

from ascua.ops.sum import Sum
from tests.ops.test_mean import mean, test_int16  # noqa: F401
from tests.support import check_everywhere, collected

KIND = Sum

SUMS: dict[str, dict[str, Any]] = {
    "plain": {"y_scale": 0.5},
    "many": {"shape": (1, 33, 31, 3), "y_scale": 7.0},
    "rows and channels": {"axes": (1, 3), "y_scale": 0.5},
    "every other axis": {"shape": (2, 3, 4, 2, 3, 2), "axes": (0, 2, 4), "y_scale": 0.2},
    "everything": {"axes": (0, 1, 2, 3), "y_scale": 2.0},
    "one value": {"shape": (1, 1, 1, 6), "y_scale": 0.05, "y_zero": -3},
    "equal scales": {"y_scale": 0.05},
    "a fine output": {"shape": (1, 2, 2, 5), "y_scale": 1e-6},
    "no bits left": {"scale": 1e-12, "y_scale": 2.0},
    "zero points 127": {"zero": 127, "y_zero": 127, "y_scale": 0.5},
}


def test_sum() -> None:
    check_everywhere(collected({case: mean(kind=Sum, **f) for case, f in SUMS.items()}), n=6)
