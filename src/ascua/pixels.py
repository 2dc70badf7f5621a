"""What the pixels of images are for a network: told by its first layers, or by labelled samples.

A range is what pixels 0 and 255 become before the network sees them: (0, 1), (-1, 1), (0, 255).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua import chance

Image = tuple[float, float]
"""What pixels 0 and 255 are."""

USUAL: tuple[Image, ...] = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
BYTE: Image = USUAL[1]
"""Of pixels as they are."""
RARE: tuple[Image, ...] = ((-0.5, 0.5), (-128.0, 127.0))
SCALED: tuple[Image, ...] = (*USUAL, *RARE, (-127.5, 127.5))
"""What a rescaling layer makes of pixels."""
NEAR = 0.01
"""Of a range: by so much a rescaling may miss (1/256 for 1/255, 127 for 127.5)."""
ALIKE = 0.05
"""A range that is as near as this to what it was has not been rescaled."""
INSIDE = 0.005
"""Of a range: so far inside it lies the mean of images, which a normalisation takes off."""
SPAN = (0.5, 300.0)
"""What a normalisation makes of the whole range, at least and at most."""
FAR, APART = 1.5, 0.5
"""In deviations: so near comes what a normalisation takes off to the data, and nearer than another
range by so much."""
MOST_OUTSIDE, MOST_FAR = 0.25, 0.005
"""Of the values: more of them outside an input's range, or by all its width, are no outliers."""
TOO_SURE, UNSURE = 3.0, 0.95
"""Times the loss, and the entropy, of whoever gives all classes the same score."""
LEAST_SHARE = 1 / 32
"""Of an input's range: data that fill less of it take fewer than 8 of 256 steps."""
BYTES = 1 / 20
"""Factors below it are for inputs in the hundreds: all other ranges would all but vanish."""
FAINT = 1 / 32
"""Weights of a neuron whose norm is below it are for inputs in the hundreds, too."""


class PixelStatistics(NamedTuple):
    """Mean and standard deviation of pixels, each / 255."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, pixels: NDArray[Any]) -> PixelStatistics:
        """Those of images (n, ...), 0..255."""
        some = pixels[:64].astype(np.float32) / 255
        return cls(float(some.mean()), float(some.std()))

    def normalised(self) -> Image:
        """The range that pixels have once their mean is 0 and their deviation 1."""
        deviation = max(self.deviation, 0.05)
        return -self.mean / deviation, (1 - self.mean) / deviation


@dataclass(frozen=True)
class First:
    """What the first layers do to an input, each channel for itself: x · scale + offset."""

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    layers: str = ""
    """Their names, for messages."""
    gain: float | None = None
    """The norm of the weights of a neuron behind them, the median; None where it is unknown."""

    def then(self, scale: object, offset: object, layer: str) -> First:
        """With another such layer behind; its numbers are one a channel, or one for all."""
        k, c = np.asarray(scale, np.float64).ravel(), np.asarray(offset, np.float64).ravel()
        scales, offsets = np.asarray(self.scale) * k, np.asarray(self.offset) * k + c
        scales, offsets = np.broadcast_arrays(scales, offsets)
        names = f"{self.layers}, {layer}" if self.layers else layer
        return First(tuple(map(float, scales)), tuple(map(float, offsets)), names, self.gain)

    @property
    def does_nothing(self) -> bool:
        """Whether the input stays as it is."""
        return all(s == 1 for s in self.scale) and not any(self.offset)

    @property
    def faint(self) -> bool:
        """Whether what comes behind is for inputs in the hundreds."""
        if self.gain is None:
            return False
        return self.gain * float(np.median(np.abs(self.scale))) < FAINT

    def __str__(self) -> str:
        factor, offset = float(np.mean(self.scale)), float(np.mean(self.offset))
        if self.does_nothing:
            return "x"
        if 0 < factor < 1 and self.layers and not offset:
            return f"x / {1 / factor:.5g}"
        more = f" {'+' if offset > 0 else '-'} {abs(offset):.4g}" if offset else ""
        return f"x · {factor:.4g}{more}" if factor != 1 else f"x{more}"

    def image(self, data: PixelStatistics | None = None) -> Image | None:
        """The range that makes sense of these layers; None where several or none do.

        `data` are the pixels that the network is for: a normalisation fits those.
        """
        found = self.images(data)
        return found[0] if len(found) == 1 else None

    def images(self, data: PixelStatistics | None = None) -> tuple[Image, ...]:
        """The ranges that make sense of these layers."""
        if self.does_nothing or min(self.scale) <= 0:
            return ()
        for image in (USUAL[1], USUAL[0], *USUAL[2:], *RARE):  # (-128, 127) / 255 is near (-.5, .5)
            if all(
                any(near(got, wanted) for wanted in SCALED) and not near(got, image, ALIKE)
                for got in self._made(image)
            ):
                return (image,)
        found = [i for i in (*USUAL, *RARE) if self._normalises(i)]
        if data is not None and found:
            far = {i: self._distance(i, data) for i in found}
            least = min(far.values())
            found = [i for i in found if least < FAR and far[i] < least + APART]
        elif any(i in USUAL for i in found):
            found = [i for i in found if i in USUAL]
        return (USUAL[1],) if not found and max(self.scale) < BYTES else tuple(found)

    def _made(self, image: Image) -> list[Image]:
        """What becomes of the ends of `image`, a channel."""
        low, high = image
        return [(low * s + c, high * s + c) for s, c in zip(self.scale, self.offset, strict=True)]

    def _places(self, image: Image) -> list[float]:
        """Where in `image`, from 0 to 1, the value is that becomes 0, a channel."""
        low, high = image
        return [(-c / s - low) / (high - low) for s, c in zip(self.scale, self.offset, strict=True)]

    def _normalises(self, image: Image) -> bool:
        """Whether all channels of such images would have a mean taken off that they may have."""
        parts = zip(self._made(image), self._places(image), self.offset, strict=True)
        return all(
            INSIDE < place < 1 - INSIDE
            and SPAN[0] < b - a < SPAN[1]
            and abs(offset) > INSIDE * (b - a)
            for (a, b), place, offset in parts
        )

    def _distance(self, image: Image, data: PixelStatistics) -> float:
        """How far such `data` are from mean 0 and, where they are scaled, deviation 1."""
        deviation = max(data.deviation, 0.05)
        away = max(abs(place - data.mean) for place in self._places(image)) / deviation
        if all(s in (1.0, 255.0) for s in self.scale):
            return away
        return away + max(abs(math.log((b - a) * deviation)) for a, b in self._made(image))


def near(a: Image, b: Image, share: float = NEAR) -> bool:
    """Whether the ends of two ranges differ by this share of them at most."""
    return max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= share * (b[1] - b[0])


class Tried(NamedTuple):
    """How labelled samples fare with pixels in a range."""

    image: Image
    right: NDArray[np.bool_]
    loss: NDArray[np.float64]
    """Cross entropy of each sample."""
    entropy: float
    """Of the probabilities that the scores stand for, the mean."""
    even: float
    """The loss, and the entropy, of whoever gives all classes the same score."""

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return float(self.right.mean())

    @property
    def too_sure(self) -> bool:
        """Whether its errors cost more than overfitting explains."""
        return float(self.loss.mean()) > TOO_SURE * self.even

    @property
    def odd(self) -> bool:
        """Whether it is too sure, or prefers no class at all."""
        return self.too_sure or self.entropy > UNSURE * self.even

    def beats(self, other: Tried) -> bool:
        """Whether more are right here, and not by chance."""
        won = int(np.sum(self.right & ~other.right))
        lost = int(np.sum(other.right & ~self.right))
        return won > lost and chance.mcnemar(lost, won) < chance.SURE


class LabelledAnswers:
    """Labelled samples, and the network whose answers to them are looked at.

    `rare` are ranges that are taken only where they are better than the usual ones; `turned` are
    the same images with their channels the other way round.
    """

    def __init__(
        self, labels: NDArray[np.int64], scores: Callable[[Image], NDArray[np.float32]],
        rare: Sequence[Image] = RARE, turned: LabelledAnswers | None = None,
    ) -> None:  # fmt: skip
        self.labels, self.scores, self.rare, self.turned = labels, scores, rare, turned
        self._tried: dict[Image, Tried] = {}

    def tried(self, image: Image) -> Tried:
        """The answers to pixels in this range; `scores` gives them: (n, classes) or (n, 1)."""
        if image not in self._tried:
            self._tried[image] = trial(image, self.scores(image), self.labels)
        return self._tried[image]

    def learnt(self, image: Image) -> bool:
        """Whether the network knows more of such pixels than a guesser."""
        share = chance.guessing(self.labels)
        right = int(self.tried(image).right.sum())
        return chance.by_chance(right, len(self.labels), share) < chance.SURE

    def best(self, told: Image | None = None) -> Image | None:
        """The range that fits the labels, where the network has learnt them; None: none does.

        Of ranges that are equally right, the one `told`, then the more usual one.
        """
        common = [self.tried(i) for i in USUAL]
        if told is not None and told not in USUAL:
            common.append(self.tried(told))
        first = max(common, key=lambda t: t.accuracy)
        level = [t for t in common if not first.beats(t)]
        # A network with small biases answers alike at any scale, but is far too sure, or unsure.
        level = [t for t in level if not t.odd] or level
        first = max(level, key=lambda t: (t.image == told, t.accuracy))
        for rare in map(self.tried, self.rare):
            if rare.beats(first) and not rare.odd:
                first = rare
        return first.image if self.learnt(first.image) else None


def trial(image: Image, scores: NDArray[np.float32], labels: NDArray[np.int64]) -> Tried:
    """How the answers `scores` (n, classes), before a softmax, fare; (n, 1): before a sigmoid."""
    x = scores.astype(np.float64)
    if x.shape[1] == 1:
        x = np.concatenate([np.zeros_like(x), x], axis=1)
    x = x - x.max(axis=1, keepdims=True)
    total = np.log(np.exp(x).sum(axis=1))
    loss = total - x[np.arange(len(x)), labels]
    entropy = float((total - (np.exp(x - total[:, None]) * x).sum(axis=1)).mean())
    return Tried(image, x.argmax(axis=1) == labels, loss, entropy, float(np.log(x.shape[1])))


def outside(x: NDArray[Any], range_: Image, step: float = 0.0) -> str | None:
    """Why values `x` are none for an input of this range, in words; None where they fit it.

    Values up to a `step` beyond its ends are inside. A few outliers are none the worse for being
    clipped.
    """
    low, high = range_
    x = np.asarray(x, np.float32)
    least, most = float(x.min(initial=np.inf)), float(x.max(initial=-np.inf))
    beyond = np.maximum(x - (high + step), (low - step) - x)
    share, far = float(np.mean(beyond > 0)), float(np.mean(beyond > high - low))
    if share > MOST_OUTSIDE or far > MOST_FAR:
        return f"the values are {said((least, most))}, and {share:.0%} of them lie outside"
    if 0 < most - least < LEAST_SHARE * (high - low):
        return f"the values are {said((least, most))}: they fill less than 8 of 256 steps"
    return None


def ends(x: NDArray[Any]) -> Image:
    """The range of real values `x`: a usual one where they fill it, else their own ends."""
    found = (float(x.min(initial=np.inf)), float(x.max(initial=-np.inf)))
    return next((image for image in SCALED if near(found, image, ALIKE)), found)


def moved(x: NDArray[Any], own: Image, to: Image) -> NDArray[np.float32]:
    """Values `x` of a range of their `own` in another one."""
    factor = (to[1] - to[0]) / (own[1] - own[0])
    return np.asarray((x - np.float32(own[0])) * np.float32(factor) + np.float32(to[0]), np.float32)


def said(image: Image) -> str:
    """`0..255`."""
    return f"{image[0]:.4g}..{image[1]:.4g}"
