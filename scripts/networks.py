"""The networks that quantisers are compared on: float files, and real samples with labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua import data, zoo
from ascua.quantize import Range
from ascua.train.export import as_float, export_float, float_file

Array = NDArray[Any]
ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
SAMPLE = SHARED / "data/imagenet1000/imagenet_sample_1000.npz"
BUILD = ROOT / "build"
UNIT = Range(0.0, 1.0)


class Task(NamedTuple):
    """What a network is calibrated and judged on: real samples (n, h, w, c), and class indices."""

    calibration: Array
    x: Array
    y: Array
    image: Range
    """What pixels 0 and 255 are."""


class Network(NamedTuple):
    """A float network, and its task for a draw of calibration samples."""

    file: Callable[[], bytes]
    task: Callable[[int, Path], Task]


def drawn(name: str, image: Range, draw: int, folder: Path) -> Task:
    """The data set `name`: 500 training images, and the whole test set."""
    shape = {"cifar10": (32, 32, 3), "mnist": (28, 28, 1)}[name]
    d = data.load(name, folder, shape=shape)
    rng = np.random.default_rng(draw)
    chosen = np.sort(rng.permutation(len(d.x_train))[:500])
    wide = np.float32(image.high - image.low)
    real = [as_float(x) * wide + np.float32(image.low) for x in (d.x_train[chosen], d.x_test)]
    return Task(real[0], real[1], d.y_test, image)


@cache
def photographs(size: int, *, scaled: bool) -> tuple[Array, Array]:
    """The labelled ImageNet sample, scaled to `size`, or the middle of it."""
    from PIL import Image

    z = np.load(SAMPLE)
    blob, ends = z["blob"], z["offsets"]
    xs = []
    for a, b in pairwise(ends):
        x = Image.open(io.BytesIO(blob[a:b].tobytes())).convert("RGB")
        edge = (x.width - size) // 2
        box = (edge, edge, edge + size, edge + size)
        resized = x.resize((size, size), Image.Resampling.BILINEAR) if scaled else x.crop(box)
        xs.append(np.asarray(resized))
    return np.stack(xs), z["labels"][: len(xs)]


def split(
    size: int, image: Range, first: int, draw: int, folder: Path, *, scaled: bool  # noqa: ARG001
) -> Task:  # fmt: skip
    """100 photographs to calibrate on, the 900 others to judge; classes count from `first`."""
    pixels, labels = photographs(size, scaled=scaled)
    real = as_float(pixels) * np.float32(image.high - image.low) + np.float32(image.low)
    order = np.random.default_rng(draw).permutation(len(real))
    few, rest = np.sort(order[:100]), np.sort(order[100:])
    return Task(real[few], real[rest], labels[rest] + first, image)


def squeezenet() -> bytes:
    """SqueezeNet 1.0 from the published compressed file."""
    model = zoo.build("squeezenet", (227, 227, 3), 1000, version="1.0")
    zoo.load_weights(model, SHARED / "weights/squeezenet_v1.0_deep_compressed.net")
    return export_float(model)


def trained(recipe: str) -> bytes:
    """What `ascua train RECIPE` left."""
    return float_file(BUILD / recipe / "model.keras")[0]


NETWORKS = {
    "cifar10-dscnn": Network(partial(trained, "cifar10-dscnn"), partial(drawn, "cifar10", UNIT)),
    "mnist-lenet5": Network(partial(trained, "mnist-lenet5"), partial(drawn, "mnist", UNIT)),
    "resnet8": Network(
        (SHARED / "models/mlperf_ic_resnet8_float.tflite").read_bytes,
        partial(drawn, "cifar10", Range(0.0, 255.0)),
    ),
    "mobilenet_v1_0.25_128": Network(
        (SHARED / "models/mobilenet_v1_0.25_128_float.tflite").read_bytes,
        partial(split, 128, Range(-1.0, 1.0), 1, scaled=True),
    ),
    "squeezenet_v1.0": Network(squeezenet, partial(split, 227, UNIT, 0, scaled=False)),
}
