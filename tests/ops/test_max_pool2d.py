"""MAX_POOL_2D: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ascua.ops.max_pool2d import MaxPool2D
from tests.ops.pools import CASES, pool
from tests.support import activation, check_everywhere


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_everywhere(pool(MaxPool2D, **CASES[case]))


def test_refuses_what_tflm_refuses() -> None:
    op = pool(MaxPool2D).ops[0]
    other = replace(op, outputs=(activation("y", op.y.shape, 0.05, 7),))
    assert "quantised differently" in str(other.check())
    other = replace(op, outputs=(activation("y", (1, 2, 2, 5), 0.05, -3),))
    assert "shape" in str(other.check())
