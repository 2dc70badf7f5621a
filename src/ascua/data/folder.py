"""Photographs of your own: a folder with a folder a class."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ascua.data.photos import Photo, dataset_of, readable
from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import InputError

TEST_SHARE = 5
"""One photograph of a class in this many is for testing, where nothing else says which."""
LAYOUT = (
    "Give `--data-dir` a folder with a folder of .jpg or .png files for each class.",
    "Or one with such folders in train/ and in test/ (or val/).",
)


@dataset("folder")
def folder(asked: Request) -> Dataset:
    """The photographs `<class>/*.jpg` or `.png` in `data_dir`; a fifth of each class is for tests.

    Which fifth depends on the files' names alone. With `train/<class>/` there, the tests come from
    `test/<class>/`, or, where there is none, from `val/<class>/`.
    """
    if asked.data_dir is None:
        raise InputError("The data set 'folder' is yours: where is it?", LAYOUT)
    train, test = split(asked.data_dir)
    classes = sorted(train)
    return dataset_of("folder", photos(train, classes), photos(test, classes), classes, asked)


def split(root: Path) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """The files of each class for training and for testing. Raises InputError naming a lack."""
    if (root / "train").is_dir():
        other = root / "test" if (root / "test").is_dir() else root / "val"
        train, test = by_class(root / "train"), by_class(other)
        if unknown := sorted(set(test) - set(train)):
            raise InputError(f"{other}: {', '.join(unknown)}: not in {root / 'train'}.")
        return train, test
    train, test = {}, {}
    for name, files in by_class(root).items():
        if len(files) < 2:
            raise InputError(f"{root / name}: one photograph is too few to train and to test.")
        order = sorted(files, key=scattered)
        chosen = set(order[: max(1, round(len(files) / TEST_SHARE))])
        train[name] = [p for p in files if p not in chosen]
        test[name] = [p for p in files if p in chosen]
    return train, test


def scattered(path: Path) -> tuple[bytes, str]:
    """A key that sorts files into an order that depends on names alone, and looks random."""
    return hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).digest(), str(path)


def by_class(root: Path) -> dict[str, list[Path]]:
    """The files in each folder of `root`, sorted. Raises InputError where there are none."""
    if not root.is_dir():
        raise InputError(f"{root}: not a folder.", LAYOUT)
    folders = [
        d for d in sorted(root.iterdir()) if d.is_dir() and not d.name.startswith((".", "__"))
    ]
    found: dict[str, list[Path]] = {d.name: [] for d in folders}
    for path in readable(root, (p for d in folders for p in d.iterdir())):
        found[path.parent.name].append(path)
    empty = [name for name, files in found.items() if not files]
    if empty or len(found) < 2:
        what = f"no photographs in {', '.join(empty)}" if empty else "fewer than two classes"
        remove = [f"Remove the folder{'s' if len(empty) > 1 else ''}, if no class is meant."]
        raise InputError(f"{root}: {what}.", (*(remove if empty else ()), *LAYOUT))
    return found


def photos(files: Mapping[str, Sequence[Path]], classes: Sequence[str]) -> list[Photo]:
    """The photographs, each with its class's index in `classes`; the classes are mixed."""
    found = [Photo(p, i) for i, name in enumerate(classes) for p in files.get(name, ())]
    return sorted(found, key=lambda photo: scattered(photo.path))
