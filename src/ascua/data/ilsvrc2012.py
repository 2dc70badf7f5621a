"""ILSVRC 2012, known as ImageNet: photographs of 1,000 classes, read out of its tar files."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import NamedTuple

from ascua.data.photos import Photo, dataset_of
from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import InputError

TRAIN = "ILSVRC2012_img_train.tar"
"""A tar for each class, named for its WordNet number, of photographs."""
TEST = "ILSVRC2012_img_val.tar"
"""The photographs ILSVRC2012_val_00000001.JPEG and so on."""
LABELS = "imagenet_2012_validation_synset_labels.txt"
"""A line for each photograph in TEST: the WordNet number of its class."""
WORDS = "synset_words.txt"
"""Lines of a WordNet number and the names of the class; not needed."""


@dataset("ilsvrc2012")
def ilsvrc2012(asked: Request) -> Dataset:
    """1,281,167 training and 50,000 test photographs, at the size that was asked for.

    `data_dir` holds the publisher's two tar files, as they are, and the list of labels. Classes
    are in the order of their WordNet numbers. Source: O. Russakovsky et al., 2015; its terms allow
    research, and ask for registration: hence nothing is downloaded.
    """
    root = asked.data_dir
    missing = [n for n in (TRAIN, TEST, LABELS) if root is None or not (root / n).is_file()]
    if root is None or missing:
        raise InputError(
            f"{root or 'ilsvrc2012'}: {', '.join(missing)} missing.",
            ["Register at https://image-net.org, and give `--data-dir` the folder with the files."],
        )
    inner = sorted(files_in(root / TRAIN))
    classes = [tar.name.removesuffix(".tar") for tar in inner]
    train = [
        Photo(root / TRAIN, i, found.offset, found.bytes, f"{tar.name}: {found.name}")
        for i, tar in enumerate(inner)
        for found in files_in(root / TRAIN, tar)
    ]
    labels = labels_of(root / LABELS, classes)
    found = sorted(files_in(root / TEST))
    if len(found) != len(labels):
        raise InputError(
            f"{root / TEST}: {len(found):,} photographs, but {len(labels):,} labels in {LABELS}."
        )
    test = [
        Photo(root / TEST, label, piece.offset, piece.bytes, piece.name)
        for piece, label in zip(found, labels, strict=True)
    ]
    return dataset_of("ilsvrc2012", train, test, words(root / WORDS, classes), asked)


class Piece(NamedTuple):
    """A file in a tar: where its bytes lie."""

    name: str
    offset: int
    bytes: int


def files_in(path: Path, inner: Piece | None = None) -> list[Piece]:
    """The files in the tar at `path`, or in the tar `inner` within it.

    Raises InputError, naming the tar, when it is damaged.
    """
    try:
        with path.open("rb") as file:
            end = inner.offset + inner.bytes if inner else file.seek(0, os.SEEK_END)
            file.seek(inner.offset if inner else 0)
            with tarfile.open(fileobj=file, mode="r:") as tar:
                found = []
                for m in tar:
                    if m.size < 0:  # the next entry would be one that was read before
                        raise tarfile.ReadError(f"'{m.name}' has {m.size} bytes")
                    found += [Piece(m.name, m.offset_data, m.size)] if m.isfile() else []
                file.seek(tar.offset)
                rest = file.read(tarfile.BLOCKSIZE)
            # A reader of tars takes a damaged entry for the end.
            if any(rest) or tar.offset > end:
                raise tarfile.ReadError(f"the entry at byte {tar.offset:,} is none")
    except (OSError, tarfile.TarError, EOFError, ValueError, RecursionError) as e:
        where = f"{path}: {inner.name}" if inner else str(path)
        raise InputError(f"{where}: not a sound tar file: {e}.") from e
    return found


def labels_of(path: Path, classes: list[str]) -> list[int]:
    """The classes' indices, from lines of WordNet numbers."""
    index = {name: i for i, name in enumerate(classes)}
    lines = path.read_text(encoding="utf-8", errors="replace").split()
    if unknown := [name for name in lines if name not in index]:
        raise InputError(f"{path}: {unknown[0]} is no class of {TRAIN}.")
    return [index[name] for name in lines]


def words(path: Path, classes: list[str]) -> list[str]:
    """The first name of each class, or its WordNet number where nothing tells the name."""
    lines = (
        path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    )
    names = {number: rest for number, _, rest in (line.partition(" ") for line in lines)}
    return [names.get(number, number).split(",")[0].strip() for number in classes]
