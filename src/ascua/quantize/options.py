"""How a network is to be quantised: the switches of `ascua quantize`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

Ranges = Literal["minmax", "moving-average", "percentile", "mse", "kl"]
RANGES: tuple[Ranges, ...] = get_args(Ranges)
ALIASES: dict[str, Ranges] = {"no_clip": "minmax", "l2": "mse"}
"""Names that other tools have for the same."""

Schemes = Literal["int8", "int16x8", "int4-weights", "uint8-per-tensor"]
SCHEME_NAMES: tuple[Schemes, ...] = get_args(Schemes)

Weights = Literal["minmax", "mse"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)


@dataclass(frozen=True)
class Options:
    """Choices of post-training quantisation.

    The defaults are those of TensorFlow's converter, but for the correction of biases.
    """

    scheme: Schemes = "int8"
    """Types of activations and weights."""
    ranges: Ranges = "minmax"
    """How the range of an activation follows from its values."""
    percentile: float = 99.99
    """Of the values that the range `percentile` covers, in percent."""
    weights: Weights = "minmax"
    """Whether weights are clipped where that makes their error smaller."""
    equalize: bool = False
    """Scale channels between layers, so that they use one scale alike."""
    bias_correction: bool = True
    """Take the mean error of each channel off its bias."""
    adaround: bool = False
    """Choose for each weight whether it is rounded up or down."""

    def __str__(self) -> str:
        ranges = f"{self.ranges} {self.percentile:g}" if "perc" in self.ranges else self.ranges
        switches = [f.name.replace("_", "-") for f in fields(self) if getattr(self, f.name) is True]
        scheme = [self.scheme] if self.scheme != "int8" else []
        return ", ".join([*scheme, f"ranges {ranges}", f"weights {self.weights}", *switches])


DEFAULT = Options()
