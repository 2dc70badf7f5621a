"""Where a cache keeps its files: in a folder, or anywhere that `fsspec` leads to."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ascua.errors import InputError, ToolMissing
from ascua.files import scratch


class Storage(Protocol):
    """Files by name; a name may have folders: `a/b`."""

    def read(self, name: str) -> bytes | None:
        """The whole file; None where there is none."""

    def put(self, name: str, content: Path) -> None:
        """Keep the file `content` under that name, whole or not at all; one that is there stays."""

    def remove(self, name: str) -> None:
        """Forget a file."""

    def sizes(self, folder: str) -> dict[str, int]:
        """The bytes of each file in `folder`, by its name there."""


class Folder:
    """A folder of this computer, or one that several mount."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put(self, name: str, content: Path) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch.temporary(target.parent, scratch.OUTPUT) as folder:
            new = folder / "new"
            shutil.copyfile(content, new)
            try:
                with contextlib.suppress(FileExistsError):
                    os.link(new, target)
            except OSError:  # a file system without links
                if not target.exists():
                    new.replace(target)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def sizes(self, folder: str) -> dict[str, int]:
        root = self.path / folder
        if not root.is_dir():
            return {}
        return {p.name: p.stat().st_size for p in root.iterdir() if p.is_file()}


class Remote:
    """What is behind an address of fsspec: s3://bucket/folder, say."""

    def __init__(self, address: str) -> None:
        """Raises ToolMissing without fsspec or what it needs there, InputError for no address."""
        try:
            import fsspec
        except ImportError as e:
            raise ToolMissing(
                f"{address}: fsspec is not installed.",
                ["`pip install '.[ray]'`", "Name a folder with `--cache`."],
            ) from e
        self._address = address
        try:
            self._system, self._root = fsspec.core.url_to_fs(address)
        except ImportError as e:
            raise ToolMissing(f"{address}: {e}", ["Name a folder with `--cache`."]) from e
        except ValueError as e:
            raise InputError(
                f"{address}: no address that fsspec knows: {e}.", ["Name a folder with `--cache`."]
            ) from e

    def read(self, name: str) -> bytes | None:
        with self._told():
            try:
                return bytes(self._system.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def put(self, name: str, content: Path) -> None:
        with self._told():
            if not self._system.exists(self._path(name)):
                self._system.pipe_file(self._path(name), content.read_bytes())

    def remove(self, name: str) -> None:
        with self._told(), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._path(name))

    def sizes(self, folder: str) -> dict[str, int]:
        with self._told():
            try:
                self._system.invalidate_cache()
                found: list[dict[str, Any]] = self._system.ls(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
        return {
            f["name"].rstrip("/").rpartition("/")[2]: int(f["size"])
            for f in found
            if f["type"] == "file"
        }

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong there as an InputError that names the address."""
        try:
            yield
        except (InputError, FileNotFoundError, MemoryError):
            raise
        except Exception as e:  # each system has errors of its own
            raise InputError(
                f"{self._address}: {type(e).__name__}: {e}.",
                ["Check address, rights and connection.", "Name a folder with `--cache`."],
            ) from e


def storage(address: str) -> Storage:
    """What is at an address: a path, or one of fsspec. Raises ToolMissing, InputError."""
    return Remote(address) if "://" in address else Folder(Path(os.path.realpath(address)))
