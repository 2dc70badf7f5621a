"""What pixels are for a network: what its first layers tell, and what labelled samples do."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import chance
from ascua.ir import Array
from ascua.pixels import First, Image, LabelledAnswers, PixelStatistics, ends, moved, outside, said

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PHOTOS = PixelStatistics(0.45, 0.26)
DIGITS = PixelStatistics(0.13, 0.31)


def normalised(mean: object, deviation: object, unit: float = 1.0) -> First:
    """Mean and deviation of pixels in 0..`unit` taken off."""
    m, d = (np.asarray(v) * unit for v in (mean, deviation))
    return First().then(1 / d, -m / d, "normalization")


@pytest.mark.parametrize(
    ("scale", "offset", "image"),
    [
        (1 / 255, 0, (0, 255)),
        (1 / 256, 0, (0, 255)),
        (1 / 255, -0.5, (0, 255)),
        (1 / 127.5, -1, (0, 255)),
        (1 / 128, -1, (0, 255)),
        (1, -128, (0, 255)),
        (1 / 225, 0, (0, 255)),  # a slip of the pen, and still no factor for 0..1
        (2, -1, (0, 1)),
        (255, 0, (0, 1)),
        (255, -128, (0, 1)),
        (1, -0.5, (0, 1)),
        (0.5, 0.5, (-1, 1)),
        (127.5, 127.5, (-1, 1)),
        (1, 0.5, (-0.5, 0.5)),
        (1 / 127.5, 0, (-128, 127)),
        (1, 0, None),
        (1, -1, None),
        (-1, 255, None),
        (3, 0, None),
    ],
)
def test_a_rescaling_tells(scale: float, offset: float, image: Image | None) -> None:
    first = First().then(scale, offset, "rescaling")
    assert first.image() == image
    if image is not None:
        assert first.image(PHOTOS) == image


def test_a_normalisation_tells_by_what_it_takes_off() -> None:
    for unit, image in ((1.0, (0, 1)), (255.0, (0, 255))):
        assert normalised(*IMAGENET, unit).image(PHOTOS) == image
        assert normalised(0.1307, 0.3081, unit).image(DIGITS) == image
    mean_alone = First().then(1, (-103.939, -116.779, -123.68), "caffe")
    assert mean_alone.image(PHOTOS) == mean_alone.image() == (0, 255)
    assert First().then(1, -0.1307, "mean").image(DIGITS) == (0, 1)
    assert normalised(-0.74, 0.62).image(DIGITS) == (-1, 1)
    # Several ranges may have such a mean, unless data say more.
    assert set(normalised(0.1307, 0.3081).images()) == {(0, 1), (-1, 1)}
    assert normalised(0.1307, 0.3081).image() is None
    assert normalised(0.9, 0.05).image(PixelStatistics(0.1, 0.1)) is None


def test_layers_are_joined_and_told() -> None:
    both = First().then(1 / 255, 0, "rescaling").then(1 / 0.25, -0.5 / 0.25, "normalization")
    assert both.scale == pytest.approx((4 / 255,))
    assert both.offset == (-2,)
    assert both.image(PHOTOS) == (0, 255)
    assert both.layers == "rescaling, normalization"
    assert str(First().then(1 / 255, 0, "r")) == "x / 255"
    assert str(First().then(1 / 127.5, -1, "r")) == "x · 0.007843 - 1"
    assert First().then((1, 2, 3), 0, "r").then(2, (0, 0, 1), "s").scale == (2, 4, 6)
    assert said((-0.5, 255)) == "-0.5..255"


def test_weights_for_hundreds_are_faint() -> None:
    assert First(gain=0.005).faint
    assert First(scale=(1 / 255,), gain=1.4).faint
    assert not First(gain=0.3).faint
    assert not First().faint


def answers(true: Image, labels: Array, sharp: float = 4.0) -> LabelledAnswers:
    """Of a network that is right for four in five pixels in the range `true`, and else guesses."""
    rng = np.random.default_rng(1)
    right = np.where(rng.random(len(labels)) < 0.8, labels, (labels + 1) % 4)

    def scores(image: Image) -> Array:
        y = rng.normal(0, 1, (len(labels), 4))
        if image == true:
            y[np.arange(len(labels)), right] += sharp
        return y.astype(np.float32)

    return LabelledAnswers(labels, scores)


def test_the_range_that_stands_out_is_taken() -> None:
    labels = np.arange(120) % 4
    for true in ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-0.5, 0.5), (-128.0, 127.0)):
        known = answers(true, labels)
        assert known.best() == true
        assert known.learnt(true)
    assert answers((-3.0, 5.0), labels).best() is None
    assert PixelStatistics(0.4, 0.2).normalised() == pytest.approx((-2.0, 3.0))
    known = answers((-2.0, 3.0), labels)
    known.rare = ((-2.0, 3.0),)
    assert known.best() == (-2.0, 3.0)
    assert answers((-3.0, 5.0), labels).best((-3.0, 5.0)) == (-3.0, 5.0)
    assert answers((0.0, 1.0), labels[:4]).best() is None, "four samples prove nothing"


def test_of_ranges_alike_the_one_of_the_right_confidence_is_taken() -> None:
    """Without biases, a network answers 0..255 as it does 0..1, but far too sure of itself."""
    labels = np.arange(120) % 4
    rng = np.random.default_rng(2)
    y = rng.normal(0, 1, (120, 4))
    y[np.arange(120), labels] += 2
    known = LabelledAnswers(labels, lambda image: (y * (image[1] - image[0])).astype(np.float32))
    assert known.tried((0.0, 1.0)).accuracy == known.tried((0.0, 255.0)).accuracy
    assert known.best() == (0.0, 1.0)
    assert known.best((0.0, 255.0)) == (0.0, 1.0), "it would be far too sure"
    faint = LabelledAnswers(
        labels, lambda image: (y * (image[1] - image[0]) / 255).astype(np.float32)
    )
    assert faint.best() == (0.0, 255.0), "in 0..1 it would prefer no class"
    same = LabelledAnswers(labels, lambda _: y.astype(np.float32))
    assert same.best() == (0.0, 1.0)
    assert same.best((0.0, 255.0)) == (0.0, 255.0)


def test_values_for_a_range() -> None:
    rng = np.random.default_rng(3)
    x = rng.random(1000).astype(np.float32)
    assert outside(x, (0, 1)) is None
    assert outside(x * 1.2, (0, 1)) is None, "a few are clipped"
    assert outside(x, (0, 2)) is None
    assert outside(255 * x, (0, 1)) is not None
    assert outside(255 * (x > 0.95), (0, 1)) is not None, "black, but for one pixel in twenty"
    assert outside(x, (0, 255)) is not None
    assert outside(x - 0.5, (0, 1)) is not None
    assert outside(2 * x - 1, (0, 1)) is not None
    assert outside(np.zeros(5, np.float32), (0, 255)) is None, "a black image"
    assert outside(x * 1.001, (0, 1), step=1 / 255) is None


def test_the_range_of_real_values() -> None:
    x = np.linspace(0.01, 0.99, 50, dtype=np.float32)
    assert ends(x) == (0.0, 1.0)
    assert ends(255 * x) == (0.0, 255.0)
    assert ends(2 * x - 1) == (-1.0, 1.0)
    assert ends(x * 16) == pytest.approx((0.16, 15.84))
    np.testing.assert_allclose(moved(255 * x, (0, 255), (-1, 1)), 2 * x - 1, atol=1e-6)


def test_chance() -> None:
    assert chance.by_chance(0, 10, 0.1) == pytest.approx(1)
    assert chance.by_chance(10, 10, 0.5) == pytest.approx(2**-10)
    assert chance.by_chance(1, 2, 0.25) == pytest.approx(1 - 0.75**2)
    assert chance.by_chance(5, 5, 1.0) == 1
    assert chance.guessing(np.array([0, 0, 1, 2])) == 0.5
