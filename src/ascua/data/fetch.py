"""Downloads files once, goes on where a download was interrupted, and checks what came."""

from __future__ import annotations

import hashlib
import os
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from io import BufferedRandom
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ascua.data.cache import alone, cache_folder
from ascua.errors import InputError
from ascua.files import scratch

CHUNK = 1 << 18
"""Bytes read at a time."""
TIMEOUT = 30
"""Seconds without an answer after which a connection is given up."""
ATTEMPTS = 5
"""Connections in a row that bring nothing before a download is given up."""
COLUMNS = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())


@dataclass(frozen=True)
class Remote:
    """A file at a fixed address."""

    url: str
    md5: str

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Archive:
    """A .tar.gz at a fixed address, and the folder that it unpacks to."""

    url: str
    md5: str
    folder: str


def cached(archive: Archive) -> Path:
    """The unpacked folder in the cache, downloaded first where it is absent.

    Of two processes that do this at once, one works and the other waits for it. Raises InputError
    as `downloaded` does, and where the archive cannot be unpacked.
    """
    cache = cache_folder()
    folder = cache / archive.folder
    by_hand = (
        f"Download {archive.url} by hand, unpack it, and give `--data-dir` the folder "
        f"{archive.folder} that it makes."
    )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        while not folder.is_dir():
            with alone(cache / f"{archive.folder}.lock") as lock:
                if lock is None or folder.is_dir():
                    continue  # another process has done it
                packed = _fetch(Remote(archive.url, archive.md5), cache, by_hand)
                with scratch.temporary(cache, scratch.UNPACKING) as temporary:
                    with tarfile.open(packed) as tar:
                        tar.extractall(temporary / "new", filter="data")
                    top = temporary / "new" / archive.folder
                    if not top.is_dir():
                        raise OSError(f"it holds no folder {archive.folder}")
                    top.rename(folder)
                packed.unlink()
    except (OSError, tarfile.TarError, EOFError, zlib.error, ValueError, RecursionError) as e:
        raise InputError(f"{folder}: cannot be unpacked: {e}.", [by_hand]) from e
    return folder


def downloaded(file: Remote, folder: str) -> Path:
    """The file in `folder` of the cache, downloaded first where it is absent.

    What an interrupted download has brought is kept: the next call asks for the rest. Of two
    processes one downloads and the other waits for it. Raises InputError when there is no network
    or the checksum is wrong.
    """
    by_hand = f"Download {file.url} by hand, and give `--data-dir` the folder that it is in."
    return _fetch(file, cache_folder() / folder, by_hand)


def _fetch(file: Remote, folder: Path, by_hand: str) -> Path:
    """The file in `folder`, complete and checked."""
    path = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while not path.exists():
            with alone(folder / f"{file.name}.part") as part:
                if part is None or path.exists():
                    continue  # another process has finished it
                _download(file, part)
                _check(file, part, by_hand)
                Path(part.name).rename(path)
    except (OSError, HTTPException) as e:
        raise InputError(
            f"{file.url}: cannot be downloaded to {folder}: {getattr(e, 'reason', None) or e}.",
            [
                "Try again: what was downloaded is kept.",
                by_hand,
                "Check the network, or the proxy in the variable https_proxy.",
            ],
        ) from e
    return path


def _download(file: Remote, part: BufferedRandom) -> None:
    """Append what `part` lacks, over as many connections as bring something."""
    console = Console(stderr=True)
    failed = 0
    with Progress(
        *COLUMNS, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(f"Downloading {file.name}", total=None)
        while True:
            before = part.seek(0, os.SEEK_END)
            try:
                for done, total in _append(file.url, part):
                    bar.update(task, completed=done, total=total)
                return
            except (urllib.error.HTTPError, FileNotFoundError):
                raise
            except (OSError, HTTPException):
                failed = failed + 1 if part.tell() == before else 0
                if failed == ATTEMPTS or part.tell() == 0:
                    raise


def _append(url: str, part: BufferedRandom) -> Iterator[tuple[int, int | None]]:
    """One connection: (bytes there, bytes in all) as they come.

    Raises OSError when it ends early.
    """
    have = part.seek(0, os.SEEK_END)
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as e:
        with e:
            if have and e.code == 416:  # nothing lies beyond: all is here, or it is another file
                return
        raise
    with answer:
        if have and answer.status != 206:  # the server gives the whole file only
            part.truncate(0)
            have = 0
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        yield have, total
        while chunk := answer.read(CHUNK):
            part.write(chunk)
            have += len(chunk)
            yield have, total
    part.flush()
    if total is not None and have < total:
        raise OSError(f"the connection ended after {have:,} of {total:,} bytes")


def _check(file: Remote, part: BufferedRandom, by_hand: str) -> None:
    """Compare the checksum; what is wrong is thrown away."""
    part.seek(0)
    digest = hashlib.file_digest(part, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != file.md5:
        part.truncate(0)
        part.seek(0)
        raise InputError(
            f"{file.url}: the download's checksum is {digest}, not {file.md5}.",
            ["Try again: the transfer may have been damaged.", by_hand],
        )
