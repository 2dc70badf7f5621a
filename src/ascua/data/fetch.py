"""Downloads an archive once, checks it, and keeps it unpacked in the user's cache."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ascua.errors import InputError

CHUNK = 1 << 18
"""Bytes read at a time."""
TIMEOUT = 30
"""Seconds without an answer after which a download is given up."""


@dataclass(frozen=True)
class Archive:
    """A .tar.gz at a fixed address, and the folder that it unpacks to."""

    url: str
    md5: str
    folder: str


def cache_folder() -> Path:
    """Where downloaded data sets lie: `ascua` in $XDG_CACHE_HOME, or in ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if Path(root).is_absolute() else Path.home() / ".cache") / "ascua"


def cached(archive: Archive) -> Path:
    """The unpacked folder in the cache, downloaded first where it is absent.

    Two processes may do this at once: each works in a folder of its own, and the first one to
    finish moves its folder into place. Raises InputError when there is no network or the
    archive's checksum is wrong.
    """
    cache = cache_folder()
    folder = cache / archive.folder
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as temporary:
            work = Path(temporary)
            packed = work / "archive.tar.gz"
            _download(archive, packed)
            with tarfile.open(packed) as tar:
                tar.extractall(work / "unpacked", filter="data")
            try:
                (work / "unpacked" / archive.folder).rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first
                    raise
    except (OSError, tarfile.TarError) as e:
        raise InputError(
            f"{archive.url}: cannot be downloaded to {cache}: {getattr(e, 'reason', None) or e}.",
            _by_hand(archive),
        ) from e
    return folder


def _download(archive: Archive, to: Path) -> None:
    """The archive's bytes in the file `to`, their checksum compared."""
    with (
        urllib.request.urlopen(archive.url, timeout=TIMEOUT) as answer,
        to.open("wb") as file,
    ):
        length = answer.headers.get("Content-Length", "")
        digest = _copy(answer, file, int(length) if length.isdigit() else None, archive.folder)
    if digest != archive.md5:
        raise InputError(
            f"{archive.url}: the download's checksum is {digest}, not {archive.md5}.",
            ["Try again: the transfer may have been cut short.", *_by_hand(archive)],
        )


def _copy(source: IO[bytes], to: IO[bytes], length: int | None, title: str) -> str:
    """Copy all bytes under a progress bar; answers their MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(f"Downloading {title}", total=length)
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            to.write(chunk)
            bar.advance(task, len(chunk))
    return digest.hexdigest()


def _by_hand(archive: Archive) -> tuple[str, ...]:
    return (
        f"Download {archive.url} by hand, unpack it, and give `--data-dir` the folder "
        f"{archive.folder} that it makes.",
        "Check the network, or the proxy in the variable https_proxy.",
    )
