"""Ranges of activations and of weights: known distributions, and worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.quantize.options import RANGES, Options, Ranges
from ascua.quantize.ranges import Histogram, Observer, squared, weight_peaks
from ascua.quantize.rules import Range


def seen(*batches: np.ndarray) -> Observer:  # type: ignore[type-arg]
    observer = Observer(histogram=True)
    for batch in batches:
        observer.see(batch.astype(np.float32))
    return observer


def found(observer: Observer, method: Ranges, percentile: float = 99.99) -> Range:
    return observer.range(method, percentile)


def normal(n: int = 20000, seed: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).normal(0, 1, (n // 100, 100)).astype(np.float32)


def test_the_range_holds_zero_and_no_more_than_was_seen() -> None:
    for x in (normal(), np.abs(normal()), normal() - 20, np.zeros((2, 4)), np.full((2, 4), 3)):
        whole = Range(min(x.min(), 0), max(x.max(), 0))
        for method in RANGES:
            low, high = found(seen(x), method)
            assert whole.low <= low <= 0 <= high <= whole.high
    assert found(seen(normal()[:50], normal()[50:]), "minmax") == found(seen(normal()), "minmax")


def test_moving_average_follows_samples_and_not_batches() -> None:
    x = np.array([[-1.0, 1.0], [-3.0, 1.0], [-1.0, 5.0]])
    expected = Range(-1 - 0.05 * 2 * 0.95, 1 + 0.05 * 4)
    for parts in ([x], [x[:1], x[1:]], [x[:2], x[2:]]):
        np.testing.assert_allclose(found(seen(*parts), "moving-average"), expected, rtol=1e-6)


def test_percentiles_are_those_of_numpy() -> None:
    for x in (normal(), np.maximum(normal(), 0), normal() * 1000 + 500):
        for percent in (90.0, 99.0, 99.9):
            outside = (100 - percent) / 2
            expected = np.percentile(x, [outside, 100 - outside])
            got = found(seen(x[:77], x[77:]), "percentile", percent)
            wide = np.abs(x).max() / 1000
            np.testing.assert_allclose(got[1], max(expected[1], 0), rtol=0.02, atol=2 * wide)
            np.testing.assert_allclose(got[0], min(expected[0], 0), rtol=0.02, atol=2 * wide)


def test_a_histogram_that_widens_keeps_its_counts() -> None:
    whole, grown = Histogram(), Histogram()
    x = normal().reshape(-1)
    for part in (x * 1e-5, x, x * 50, np.zeros(7)):
        grown.see(part.astype(np.float32))
    whole.see(np.concatenate([x * 1e-5, x, x * 50, np.zeros(7)]).astype(np.float32))
    np.testing.assert_array_equal(whole.counts, grown.counts)
    assert grown.zeros == 7
    assert grown.counts.sum() == 3 * x.size


def error(x: np.ndarray, r: Range) -> float:  # type: ignore[type-arg]
    """The squared error of x under `r`, directly."""
    step = (r.high - r.low) / 255
    zero = np.rint(-r.low / step)
    q = np.clip(np.rint(x / step) + zero, 0, 255)
    return float(np.square((q - zero) * step - x).sum())


def test_least_error_clips_what_lies_far_out() -> None:
    x = np.append(normal().reshape(-1), [60.0, -30.0])[None]
    observer = seen(x)
    chosen = {m: found(observer, m) for m in ("minmax", "mse", "kl")}
    assert chosen["minmax"] == (-30, 60)
    low, high = chosen["kl"]
    assert -30 < low < -2.5
    assert 2.5 < high < 60
    grid = [
        Range(-30 * a, 60 * b) for a in np.linspace(0.1, 1, 19) for b in np.linspace(0.1, 1, 19)
    ]
    assert error(x, chosen["mse"]) < 1.02 * min(error(x, r) for r in grid)
    histogram = observer.histogram
    assert histogram is not None
    estimate = squared(histogram.counts, histogram.centers, Range(-4.0, 4.0))
    assert estimate == pytest.approx(error(x, Range(-4.0, 4.0)), rel=0.02)


def test_weights_are_clipped_where_that_makes_less_error() -> None:
    w = np.random.default_rng(1).normal(0, 1, (3, 5000))
    w[1, 0] = 6.0
    w[2] = 0
    peaks = weight_peaks(w, 127)
    assert peaks[2] == 0
    assert peaks[1] < 6
    for row, peak in zip(w[:2], peaks[:2], strict=True):
        for other in (0.9 * peak, np.abs(row).max()):

            def off(p: float, row: np.ndarray = row) -> float:  # type: ignore[type-arg]
                q = np.clip(np.rint(row / p * 127), -127, 127)
                return float(np.square(q * p / 127 - row).sum())

            assert off(peak) <= off(other)


def test_options_say_what_they_are() -> None:
    assert str(Options()) == "ranges minmax, weights minmax, bias-correction"
    assert str(Options(ranges="percentile", bias_correction=False, adaround=True)) == (
        "ranges percentile 99.99, weights minmax, adaround"
    )
