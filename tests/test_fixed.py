"""Requantisation against its definition in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ascua import fixed, kernels
from ascua.run import build
from tests.support.compilers import WARNINGS, tool

int32 = st.integers(-(2**31), 2**31 - 1)
multiplier = st.one_of(st.just(0), st.integers(2**30, 2**31 - 1))


def half_up(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


def half_away(x: Fraction) -> int:
    return int(math.copysign(1, x)) * math.floor(abs(x) + Fraction(1, 2))


def wrapped(x: int) -> int:
    return (x + 2**31) % 2**32 - 2**31


@settings(max_examples=2000)
@given(int32, multiplier, st.integers(-31, 30))
@example(2**31 - 1, 2**31 - 1, 0)
@example(-(2**31), 2**31 - 1, -31)
@example(2**30, 2**30, -31)
@example(-1, 2**30, 0)
@example(-3, 2**30, -1)
def test_multiply_by_quantized_multiplier(x: int, m: int, shift: int) -> None:
    left, right = max(shift, 0), max(-shift, 0)
    high = half_up(Fraction(wrapped(x << left) * m, 2**31))
    expected = half_away(Fraction(high, 2**right)) if right else high
    got = fixed.multiply_by_quantized_multiplier(np.array([x], np.int64), m, shift)
    assert got[0] == expected


@settings(max_examples=500)
@given(st.floats(1e-12, 1e6))
@example(1.0)
@example(0.5)
@example(1 - 2**-53)
@example(2.0**-32)
def test_quantize_multiplier(real: float) -> None:
    m, shift = fixed.quantize_multiplier(real)
    if m == 0:
        assert real < 2**-31
        assert shift == 0
        return
    assert 2**30 <= m < 2**31
    assert -31 <= shift <= 30
    error = abs(Fraction(m) * Fraction(2) ** (shift - 31) / Fraction(real) - 1)
    assert error <= Fraction(1, 2**30)


def test_zero_stays_zero() -> None:
    assert fixed.quantize_multiplier(0.0) == (0, 0)


@given(st.integers(-(2**40), 2**40))
def test_wrap32(x: int) -> None:
    assert fixed.wrap32(np.array([x], np.int64))[0] == np.array([x], np.int64).astype(np.int32)[0]


HALVES = """
#include "fixed.h"

static int32_t of(uint32_t bits, int32_t least, int32_t most) {
    return least + (int32_t)(bits % ((uint32_t)most - (uint32_t)least + 1));
}

static int32_t wrong(int32_t a, int32_t b) {
    return high_mul_by_halves(a, b) != rounding_doubling_high_mul(a, b);
}

int main(void) {
    const int32_t most = (1 << 30) - 1, ends[] = {0, 1, 0x7fff, 0x8000, 0xffff, 0x10000};
    uint32_t seed = 1;
    for (int32_t n = 0; n < 3000000; n++) {
        seed = seed * 1664525u + 1013904223u;
        const int32_t a = of(seed, -most, most) >> (n & 15);
        seed = seed * 1664525u + 1013904223u;
        const int32_t b = of(seed, 1 << 30, 0x7fffffff), end = ends[n % 6] - (n % 5);
        const int32_t near = end < most ? end : most;
        if (wrong(a, b) || wrong(near, b) || wrong(-near, b) || wrong(a, 0x7fffffff) ||
            wrong(a, 1 << 30) || wrong(most, b) || wrong(-most, b) || wrong(a, b | 0xffff)) {
            return 1;
        }
    }
    return 0;
}
"""


def test_high_products_by_halves(tmp_path: Path) -> None:
    """Those of cores without a long product, under sanitizers: no sum of them wraps."""
    (tmp_path / "halves.c").write_text(HALVES)
    program = tmp_path / "halves"
    flags = ["-std=c11", "-O1", *WARNINGS, *build.SANITIZE[2:], f"-I{kernels.FOLDER}"]
    tool(["cc", *flags, tmp_path / "halves.c", "-o", program])
    tool([program])
