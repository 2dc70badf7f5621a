"""Reads S. Han's compressed SqueezeNet 1.0 (`compressed_SqueezeNet.net`, Deep Compression, 2016).

The file has, little-endian: for each layer the number of stored weights (uint32); then for each
layer a table of 256 float32 values, the float32 biases, a byte for each stored weight (its place in
the table), and four bits for each, low ones first: how many zeros come before it, up to 15. Where
more are needed, a weight whose value is zero is stored in between.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua import files
from ascua.errors import InputError

FIRES = (
    (96, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128),
    (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256),
)  # fmt: skip
"""Channels into fire2 to fire9, of their squeezing and of each of their expanding convolutions."""
TABLE = 256
MOST_BYTES = 1 << 24
"""The published file has 675,763."""


def shapes() -> dict[str, tuple[int, int, int, int]]:
    """Layers of SqueezeNet 1.0 in the file's order: kernels (oc, ic, kh, kw), as Caffe has them."""
    found = {"conv1": (96, 3, 7, 7)}
    for i, (channels, squeeze, expand) in enumerate(FIRES, 2):
        found[f"fire{i}/squeeze1x1"] = (squeeze, channels, 1, 1)
        found[f"fire{i}/expand1x1"] = (expand, squeeze, 1, 1)
        found[f"fire{i}/expand3x3"] = (expand, squeeze, 3, 3)
    return {**found, "conv10": (1000, 512, 1, 1)}


def read(path: Path) -> dict[str, tuple[NDArray[Any], ...]]:
    """Kernel (kh, kw, ic, oc) and bias (oc,) of each layer, by the published name.

    Raises InputError for a damaged file.
    """
    files.check_regular(path, MOST_BYTES)
    data, at, where = path.read_bytes(), 0, "the counts"

    def take(dtype: str, count: int) -> NDArray[Any]:
        nonlocal at
        if (end := at + count * np.dtype(dtype).itemsize) > len(data):
            raise InputError(
                f"{path}: no HDF5 and no .keras file, nor a whole Deep Compression file: {where} "
                f"would end at byte {end:,}, the file has {len(data):,}.",
                [
                    "Check that this is the file of weights: .h5, .keras.",
                    "songhan/SqueezeNet-Deep-Compression has 675,763 bytes: get it anew.",
                ],
            )
        part, at = data[at:end], end
        return np.frombuffer(part, dtype)

    layers = shapes()
    counts = [int(n) for n in take("<u4", len(layers))]
    for (name, shape), count in zip(layers.items(), counts, strict=True):
        if not 0 < count <= prod(shape):
            raise InputError(
                f"{path}: no HDF5 and no .keras file, nor SqueezeNet 1.0 by Deep Compression: "
                f"{name} would have {count:,} stored weights out of {prod(shape):,}.",
                ["Check that this is the file of weights: .h5, .keras."],
            )
    found: dict[str, tuple[NDArray[Any], ...]] = {}
    for (name, shape), count in zip(layers.items(), counts, strict=True):
        where = f"layer {name}"
        table, bias = take("<f4", TABLE), take("<f4", shape[0])
        codes, runs = take("u1", count), take("u1", (count + 1) // 2)
        zeros = np.stack([runs & 15, runs >> 4], 1).reshape(-1)[:count]
        places = np.cumsum(zeros.astype(np.int64) + 1) - 1
        if places[-1] >= prod(shape):
            raise InputError(f"{path}: damaged: {where} has weights beyond its {prod(shape):,}.")
        if not (np.isfinite(table).all() and np.isfinite(bias).all()):
            raise InputError(f"{path}: damaged: {where} has values that are no numbers.")
        kernel = np.zeros(prod(shape), np.float32)
        kernel[places] = table[codes]
        found[name] = (kernel.reshape(shape).transpose(2, 3, 1, 0), bias.astype(np.float32))
    if at != len(data):
        raise InputError(f"{path}: damaged: {len(data) - at:,} bytes follow the last layer.")
    return found
