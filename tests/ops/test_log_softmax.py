"""LOG_SOFTMAX: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ops.log_softmax import LogSoftmax, logarithm
from tests.support import (
    INLINE,
    SHARED,
    activation,
    check_everywhere,
    check_reference,
    int16,
    network,
    together,
)


def log_softmax(
    shape: tuple[int, ...] = (1, 10), scale: float = 0.1, zero: int = 5,
    y: tuple[float, int] = (16 / 256, 127), name: str = "y",
) -> LogSoftmax:  # fmt: skip
    """One operator."""
    return LogSoftmax((activation("x", shape, scale, zero),), (activation(name, shape, *y),))


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "one class": {"shape": (1, 1)},
    "two classes": {"shape": (1, 2)},
    "a vector": {"shape": (12,)},
    "rows": {"shape": (3, 5)},
    "an image": {"shape": (1, 2, 3, 4)},
    "seven dimensions": {"shape": (1, 2, 1, 2, 1, 3, 4)},
    "many classes": {"shape": (1, 801), "scale": 0.06},
    "most classes": {"shape": (1, 4095), "scale": 0.03},
    "small scale": {"scale": 1e-4},
    "least scale": {"scale": 1.6e-8},
    "large scale": {"scale": 3.0},
    "one step is 16": {"scale": 16.0},
    "capped scale": {"scale": 40.0},
    "Q5 just holds the range": {"scale": 31.5 / 255, "shape": (1, 50)},
    "zero point -128": {"zero": -128},
}  # fmt: skip


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_equals_tflm(goal: Any) -> None:
    ops = [log_softmax(**fields, name=case) for case, fields in CASES.items()]
    check_everywhere(together(*ops), n=8, goal=goal)


def test_every_difference() -> None:
    scales = (0.003, 0.05, 0.0627, 0.125, 0.1243, 0.33, 1.0)
    x = np.stack([np.arange(-128, 128), np.full(256, 127)], axis=1)[None].astype(np.int8)
    ops = [log_softmax((256, 2), s, name=str(s)) for s in scales]
    check_everywhere(together(*ops), xs=[x] * len(ops))


def test_sums_of_every_size() -> None:
    """Equal classes make each logarithm from 0 to log(4095); beside them, every difference."""
    counts = [(n, s) for n in (1, 2, 3, 5, 13, 257, 512, 1448, 4095) for s in (31 / 255, 0.09)]
    ops = [log_softmax((2, n), s, name=f"{n} {s}") for n, s in counts]
    xs = [np.full((1, 2, n), 127, np.int8) for n, _ in counts]
    for x in xs:
        x[0, 1, 1:257] = np.arange(-128, 128)[: x.shape[2] - 1]
    check_everywhere(together(*ops), xs=xs)


classifiers = st.fixed_dictionaries(
    {
        "shape": st.tuples(st.integers(1, 3), st.integers(1, 20)),
        "scale": st.floats(-6, 1).map(lambda e: 10**e),
        "zero": st.integers(-128, 127),
    }
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=100)
@given(classifiers)
def test_any_reference(fields: dict[str, Any]) -> None:
    check_reference(network(log_softmax(**fields)), n=20)


@settings(deadline=None, derandomize=True, max_examples=5)
@given(st.lists(classifiers, min_size=8, max_size=8))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    check_everywhere(
        together(*(log_softmax(**fields, name=str(i)) for i, fields in enumerate(several)))
    )


def test_logarithm() -> None:
    """Close to the real one, over the whole range, and never below 0."""
    x = np.unique(np.geomspace(2**19, 2**31 - 1, 20000).astype(np.int64))
    y = logarithm(x)
    np.testing.assert_allclose(y / 2**26, np.log(x / 2**19), atol=1e-7)
    assert y.min() == 0


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (log_softmax(y=(1 / 256, 127)), "16/256 and 127"),
        (log_softmax(y=(16 / 256, 0)), "16/256 and 127"),
        (log_softmax(scale=2.0**-26), "too small"),
        (log_softmax((1, 4096)), "at most 4095"),
        (LogSoftmax((int16("x", (1, 9)),), (int16("y", (1, 9)),)), "no int16 kernel"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind,
)
def test_refuses(op: LogSoftmax, reason: str) -> None:
    assert reason in (op.check() or "")
