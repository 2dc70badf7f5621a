"""MNIST: 70,000 gray images of handwritten digits, 28 x 28, in the publisher's idx files."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ascua.data.fetch import Remote, downloaded
from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import InputError

FOLDER = "mnist"
ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FILES = (
    Remote(f"{ADDRESS}train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    Remote(f"{ADDRESS}train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
    Remote(f"{ADDRESS}t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
    Remote(f"{ADDRESS}t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
)
BYTES = 0x08
"""The idx format's code for unsigned bytes."""
MOST_BYTES = 1 << 26
"""Of an unpacked file; the largest has 47,040,016."""


@dataset("mnist")
def mnist(asked: Request) -> Dataset:
    """60,000 training and 10,000 test images (28, 28, 1).

    `data_dir` holds the four idx files, packed (.gz) or not, or a folder `mnist` with them;
    without it they are downloaded once. Source: Y. LeCun, C. Cortes and C. Burges, 1998.
    """
    if asked.data_dir is None:
        paths = [downloaded(file, FOLDER) for file in FILES]
    else:
        paths = [find(asked.data_dir, file.name) for file in FILES]
    x_train, y_train, x_test, y_test = (read_idx(path) for path in paths)
    for x, y, path in ((x_train, y_train, paths[0]), (x_test, y_test, paths[2])):
        if x.ndim != 3 or y.shape != x.shape[:1] or (y.size and y.max() > 9):
            raise InputError(
                f"{path}: its images {x.shape} do not go with the labels {y.shape} beside it."
            )
    return Dataset(
        name="mnist",
        x_train=x_train[..., None],
        y_train=y_train.astype(np.int64),
        x_test=x_test[..., None],
        y_test=y_test.astype(np.int64),
        classes=tuple("0123456789"),
    )


def find(data_dir: Path, name: str) -> Path:
    """The file `name`, or the same unpacked, in `data_dir` or its child `mnist`."""
    for folder in (data_dir / FOLDER, data_dir):
        for path in (folder / name, folder / name.removesuffix(".gz")):
            if path.is_file():
                return path
    raise InputError(
        f"{data_dir}: not MNIST: {name} is missing.", [f"Download {ADDRESS}{name} into it."]
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of bytes in an idx file. Raises InputError, naming it, when it is damaged."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES)
        zero, kind, dimensions = struct.unpack_from(">HBB", data)
        shape = struct.unpack_from(f">{dimensions}I", data, 4)
        if zero != 0 or kind != BYTES:
            raise ValueError("it does not begin as an idx file of bytes")
        values = np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions)
        return values.reshape(shape)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as e:
        raise InputError(
            f"{path}: not a sound idx file: {e}.", [f"Download {ADDRESS}{path.name} again."]
        ) from e
