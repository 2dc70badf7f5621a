"""Networks by the names that they are known by: a family with its arguments, an input, classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ascua.zoo import registry
from ascua.zoo.registry import Shape
from ascua.zoo.size import Size, size

SIZES = Path(__file__).with_name("sizes.json")
"""How large each is, as `python -m scripts.sizes` writes it: to build them all is slow."""

CIFAR, IMAGENET = ((32, 32, 3), 10), 1000


@dataclass(frozen=True)
class Variant:
    """One network of a family."""

    name: str
    family: str
    shape: Shape
    classes: int
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def size(self) -> Size:
        """Its size, as it is written down."""
        return _sizes()[self.name]

    def measured(self) -> Size:
        """Its size, from a model that is built for it."""
        model = registry.build(self.family, self.shape, self.classes, seed=1, **self.arguments)
        return size(model)


@cache
def _sizes() -> Mapping[str, Size]:
    """The sizes of all, by name."""
    return {k: Size(**v) for k, v in json.loads(SIZES.read_text(encoding="utf-8")).items()}


def _imagenet(name: str, family: str, side: int, **arguments: Any) -> Variant:
    return Variant(name, family, (side, side, 3), IMAGENET, arguments)


VARIANTS = (
    Variant("airbench", "airbench", *CIFAR),
    Variant("autoencoder", "autoencoder", (1, 640, 1), 640),
    Variant("conv1d", "conv1d", (128, 3), 4),
    Variant("dscnn", "dscnn", *CIFAR),
    Variant("dscnn_kws", "dscnn_kws", (49, 10, 1), 12),
    Variant("inverted_residuals", "inverted_residuals", *CIFAR),
    Variant("lenet5", "lenet5", (28, 28, 1), 10),
    Variant("mcunet_v2_vww_80", "mcunet_v2", (80, 80, 3), 2),
    Variant("mlp", "mlp", (12,), 4),
    _imagenet("mobilenet_v1_0.25_96", "mobilenet_v1", 96, alpha=0.25),
    _imagenet("mobilenet_v1_0.25_128", "mobilenet_v1", 128, alpha=0.25),
    _imagenet("mobilenet_v1_0.25_224", "mobilenet_v1", 224, alpha=0.25),
    _imagenet("mobilenet_v1_0.5_160", "mobilenet_v1", 160, alpha=0.5),
    _imagenet("mobilenet_v1_0.75_224_k210", "mobilenet_v1", 224, alpha=0.75, padding="k210"),
    _imagenet("mobilenet_v1_1.0_224", "mobilenet_v1", 224),
    _imagenet("mobilenet_v2_0.35_96", "mobilenet_v2", 96, alpha=0.35),
    Variant("mobilenet_v2_0.35_144_vww", "mobilenet_v2", (144, 144, 3), 2, {"alpha": 0.35}),
    _imagenet("mobilenet_v2_1.0_224", "mobilenet_v2", 224),
    _imagenet("mobilenet_v3_small_0.75_224", "mobilenet_v3_small", 224, alpha=0.75),
    _imagenet("mobilenet_v3_small_1.0_224", "mobilenet_v3_small", 224),
    _imagenet(
        "mobilenet_v3_small_minimalistic", "mobilenet_v3_small", 224,
        kernel=3, activation="relu", squeeze_excite=False,
    ),
    Variant("resnet8", "resnet8", *CIFAR),
    Variant("resnet20", "resnet", *CIFAR, {"depth": 20}),
    Variant("resnet32", "resnet", *CIFAR, {"depth": 32}),
    Variant("resnet56", "resnet", *CIFAR, {"depth": 56}),
    _imagenet("squeezenet_1.0", "squeezenet", 227, version="1.0"),
    _imagenet("squeezenet_1.1", "squeezenet", 227),
    _imagenet("squeezenet_1.1_bypass", "squeezenet", 227, bypass=True),
    Variant("vgg_small", "vgg_small", *CIFAR),
)  # fmt: skip
