"""CIFAR-10: 60,000 color photographs of 32 x 32 in ten classes, as its publisher packs them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.data.fetch import Archive, cached
from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import InputError

ARCHIVE = Archive(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    md5="c58f30108f718f92721af3b95e74349a",
    folder="cifar-10-batches-py",
)
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = ("test_batch",)
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


@dataset("cifar10")
def cifar10(asked: Request) -> Dataset:
    """50,000 training and 10,000 test images (32, 32, 3).

    `data_dir` is a `cifar-10-batches-py` folder or its parent; without it, the cache is used, and
    filled from the publisher's address once. Source: A. Krizhevsky, 2009.
    """
    folder = find(cached(ARCHIVE) if asked.data_dir is None else asked.data_dir)
    x_test, y_test = _join([read_batch(folder / name) for name in TEST])
    x_train, y_train = x_test[:0], y_test[:0]
    if not asked.test_alone:
        x_train, y_train = _join([read_batch(folder / name) for name in TRAIN])
    return Dataset("cifar10", x_train, y_train, x_test, y_test, CLASSES)


def find(data_dir: Path) -> Path:
    """The folder with the batches: `data_dir` or its child. Raises InputError naming a lack."""
    folder = data_dir / ARCHIVE.folder
    if not folder.is_dir():
        folder = data_dir
    missing = [name for name in TRAIN + TEST if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder}: not CIFAR-10: {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing.",
            [
                f"Give a folder {ARCHIVE.folder}, or the one that contains it.",
                f"Download {ARCHIVE.url} and unpack it there.",
            ],
        )
    return folder


def read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, 32, 32, 3) and labels (n,) of one batch file.

    Raises InputError, naming the file, when it is damaged or holds anything but arrays.
    """
    try:
        table = _Unpickler(io.BytesIO(path.read_bytes())).load()
        pixels = np.asarray(table[b"data"])
        labels = np.asarray(table[b"labels"], dtype=np.int64)
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3072):
            raise ValueError(f"its data are {pixels.dtype} {pixels.shape}")
        if labels.ndim != 1 or (labels.size and not 0 <= labels.min() <= labels.max() <= 9):
            raise ValueError("its labels are not all in 0..9")
    except Exception as e:  # a damaged pickle raises almost anything
        raise InputError(
            f"{path}: not a sound CIFAR-10 batch: {e or type(e).__name__}.",
            [f"Download {ARCHIVE.url} again and unpack it."],
        ) from e
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels


def _join(
    parts: list[tuple[NDArray[np.uint8], NDArray[np.int64]]],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Batches one after the other."""
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


class _Unpickler(pickle.Unpickler):
    """Reads arrays, numbers and byte strings only: a pickle could otherwise run any program."""

    _reconstruct = np.empty(0).__reduce__()[0]
    _KNOWN: dict[tuple[str, str], Any] = {  # noqa: RUF012  (never changed)
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): lambda text, _encoding: text.encode("latin1"),
    }

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        """The few things that an array's pickle needs."""
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._KNOWN[module, name]
