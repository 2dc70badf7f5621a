"""AVERAGE_POOL_2D: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua import tflite
from ascua.ops.average_pool2d import AveragePool2D
from tests.ops.pools import CASES, pool
from tests.support import activation, check_everywhere, oracle, reference


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_everywhere(pool(AveragePool2D, **CASES[case]))


def test_refuses_what_tflm_refuses() -> None:
    op = pool(AveragePool2D).ops[0]
    other = replace(op, outputs=(activation("y", op.y.shape, 0.05, 7),))
    assert "quantised differently" in str(other.check())
    other = replace(op, outputs=(activation("y", (1, 2, 2, 5), 0.05, -3),))
    assert "shape" in str(other.check())


@pytest.mark.parametrize("window", [(1, 2), (2, 2), (1, 3), (2, 3)])
def test_rounds_every_sum_as_tflm(window: tuple[int, int]) -> None:
    graph = pool(AveragePool2D, *window, c=512, window=window, padding="VALID")
    # A channel a sum: its level, one value moved a little.
    level = np.repeat(np.linspace(-128, 127, 512).astype(int)[None], window[0] * window[1], axis=0)
    level[0] = np.clip(level[0] + np.arange(512) % 7 - 3, -128, 127)
    xs = [level.reshape(1, 1, *window, 512).astype(np.int8)]
    expected = oracle(tflite.write(graph), xs)
    np.testing.assert_array_equal(reference(graph, xs)[0], expected[0])
