"""L2_NORMALIZATION: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ops.l2_normalization import L2Normalization, inverse_square_root
from tests.support import activation, check_everywhere, check_reference, network, together


def normalization(
    shape: tuple[int, ...] = (1, 4, 4, 8), zero: int = -3, scale: float = 0.05,
    y: tuple[float, int] = (1 / 128, 0), act: str = "NONE", name: str = "y",
) -> L2Normalization:  # fmt: skip
    """One operator."""
    x = activation("x", shape, scale, zero)
    return L2Normalization((x,), (activation(name, shape, *y),), act)  # type: ignore[arg-type]


SHAPES = [(1, 4, 4, 8), (7,), (1, 1), (1, 300), (2, 3, 5), (1, 1, 1, 64), (1, 9, 1, 2)]


def test_shapes_and_zero_points() -> None:
    ops = [normalization(s, zero=z, name=f"{s} {z}") for s in SHAPES for z in (-128, -3, 0, 127)]
    check_everywhere(together(*ops), n=6)


def test_short_vectors() -> None:
    """Sums of squares from 0 on, among them 0 and 1, and the greatest of one value."""
    x = np.arange(-128, 128).astype(np.int8).reshape(1, 256, 1)
    pairs = np.stack(np.meshgrid(np.arange(-16, 16), np.arange(-8, 8)), -1).astype(np.int8)
    ops = [
        normalization((256, 1), zero=0, name="one"),
        normalization((256, 1), zero=-128, name="positive"),
        normalization((512, 2), zero=0, name="two"),
    ]
    check_everywhere(together(*ops), xs=[x, x, pairs.reshape(1, 512, 2)])


def test_long_vectors() -> None:
    """The sum of squares passes 2**29, where its scaling turns round, and 2**30."""
    values = [(12000, 127), (17000, 127), (30000, 100), (32768, 127)]
    ops = [normalization((1, n), zero=-128, name=f"{n}") for n, _ in values]
    xs = [np.full((1, 1, n), v, np.int8) for n, v in values]
    for x in xs:
        x[0, 0, ::7] = -128
    check_everywhere(together(*ops), xs=xs)


def test_vectors_that_a_sixth_step_of_newtons_method_would_change() -> None:
    """Nine of half a million random vectors are such."""
    x = np.array([[148, 167, 184], [35, 45, 172], [174, 197, 156]]) - 128
    check_everywhere(network(normalization((3, 3), -128)), xs=[x.astype(np.int8)[None]])


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.integers(1, 40), st.integers(-128, 127), st.integers(0, 1000))
def test_any_reference(depth: int, zero: int, seed: int) -> None:
    check_reference(network(normalization((1, 3, depth), zero)), seed=seed)


def test_inverse_square_root() -> None:
    """Close to the real one, over the whole range."""
    x = np.unique(
        np.concatenate([np.arange(1, 5000), np.geomspace(1, 2**31 - 1, 5000).astype(int)])
    )
    multiplier, shift = inverse_square_root(x)
    real = multiplier / 2.0**31 * 2.0**shift
    np.testing.assert_allclose(real * np.sqrt(x), 1, rtol=1e-4)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (normalization(y=(0.05, 0)), "has 1/128 and 0"),
        (normalization(y=(1 / 128, 1)), "has 1/128 and 0"),
        (normalization(act="RELU"), "fused activation RELU"),
        (normalization((1, 1, 1, 1, 4)), "5 dimensions"),
        (normalization((1, 40000)), "at most 32768"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind,
)
def test_refuses(op: L2Normalization, reason: str) -> None:
    assert reason in (op.check() or "")
