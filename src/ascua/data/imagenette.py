"""Imagenette: 13,394 photographs of ten of ImageNet's classes, their short side 160 pixels."""

from __future__ import annotations

from pathlib import Path

from ascua.data.fetch import Archive, cached
from ascua.data.folder import by_class, photos
from ascua.data.photos import dataset_of
from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import InputError

ARCHIVE = Archive(
    url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    md5="e793b78cc4c9e9a4ccc0c1155377a412",
    folder="imagenette2-160",
)
CLASSES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
"""By WordNet's number, in order."""


@dataset("imagenette")
def imagenette(asked: Request) -> Dataset:
    """9,469 training and 3,925 test photographs, at the size that was asked for.

    `data_dir` is an `imagenette2` folder of any size, or its parent; without it the one of 160
    pixels is downloaded once. Source: J. Howard, fast.ai, 2019; ImageNet's terms of use.
    """
    root = cached(ARCHIVE) if asked.data_dir is None else find(asked.data_dir)
    train, test = by_class(root / "train"), by_class(root / "val")
    for part in (train, test):
        if set(part) != set(CLASSES):
            odd = ", ".join(sorted(set(part) ^ set(CLASSES)))
            raise InputError(f"{root}: not Imagenette: {odd} missing, or too many.")
    order = list(CLASSES)
    return dataset_of(
        "imagenette", photos(train, order), photos(test, order), list(CLASSES.values()), asked
    )


def find(data_dir: Path) -> Path:
    """The folder with train/ and val/: `data_dir` or its child. Raises InputError without one."""
    for folder in (data_dir, *sorted(data_dir.glob("imagenette2*"))):
        if (folder / "train").is_dir() and (folder / "val").is_dir():
            return folder
    raise InputError(
        f"{data_dir}: no folder imagenette2-160 with train/ and val/.",
        [f"Download {ARCHIVE.url} and unpack it there."],
    )
