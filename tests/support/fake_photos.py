"""Small data sets of photographs in their publishers' layouts, for tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ascua.data import ilsvrc2012 as files
from ascua.data.imagenette import CLASSES

SIZE = (20, 30)
"""Height and width of a photograph."""


def encoded(seed: int, kind: str = "JPEG", size: tuple[int, int] = SIZE) -> bytes:
    """A random picture of large spots, with black and white in it."""
    from PIL import Image

    spots = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    spots[0, 0], spots[3, 5] = 0, 255
    out = io.BytesIO()
    Image.fromarray(spots).resize((size[1], size[0]), Image.Resampling.NEAREST).save(out, kind)
    return out.getvalue()


def classes(root: Path, counts: Mapping[str, int], kind: str = "JPEG", seed: int = 0) -> None:
    """Folders `root/<class>` with that many photographs each."""
    for i, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            data = encoded(seed + 100 * i + k, kind)
            (root / name / f"{name}_{k}.{kind.lower()}").write_bytes(data)


def imagenette(root: Path) -> None:
    """train/ and val/ as unpacked from imagenette2-160.tgz."""
    try:
        classes(root / "train", dict.fromkeys(CLASSES, 3))
        classes(root / "val", dict.fromkeys(CLASSES, 2), seed=5000)
    except ImportError:
        pass  # the tests of these sets are skipped


def tar(members: Mapping[str, bytes]) -> bytes:
    """A tar of these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return out.getvalue()


def ilsvrc2012(root: Path) -> None:
    """Three classes of four photographs, as image-net.org packs its thousand; out of order."""
    numbers = ("n02000003", "n01000001", "n01500002")
    try:
        inner = {
            f"{n}.tar": tar({f"{n}_{k}.JPEG": encoded(10 * i + k) for k in range(4)})
            for i, n in enumerate(numbers)
        }
        tests = {f"ILSVRC2012_val_{k:08}.JPEG": encoded(50 + k) for k in range(1, 7)}
    except ImportError:
        return
    (root / files.TRAIN).write_bytes(tar(inner))
    (root / files.TEST).write_bytes(tar(dict(reversed(tests.items()))))
    (root / files.LABELS).write_text("".join(f"{numbers[k % 3]}\n" for k in range(6)))
    (root / files.WORDS).write_text("n01000001 tench, Tinca tinca\nn02000003 owl\n")
