"""The cache of stages: what each gave, by its key; shared by processes and machines at once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ascua.data.cache import cache_folder
from ascua.errors import AscuaError, InputError
from ascua.files import scratch
from ascua.study.storage import Folder, storage

SCHEMA = 1
MARK = "ascua-cache.json"
OUTCOMES, WORK, SAID, BUILD = "outcomes", "work", "said", "build"
ABOUT, FILES = "outcome.json", "files/"
"""In the file of an outcome."""
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, TypeError, EOFError,
    AttributeError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What reading a damaged archive raises."""
PER_FILE = ("metadata.json",)
"""Members of a Keras file that say when it was saved."""


@dataclass(frozen=True)
class Failure:
    """Why a stage gave nothing."""

    kind: str
    """The error's class."""
    what: str
    things_to_try: tuple[str, ...] = ()

    @staticmethod
    def of(error: AscuaError) -> Failure:
        """What `error` says."""
        return Failure(type(error).__name__, error.what, error.things_to_try)


@dataclass(frozen=True)
class Outcome:
    """What a stage gave: values and files, or why it cannot give any, whoever tries again."""

    key: str
    kind: str
    """The function that it called."""
    values: Mapping[str, Any]
    digest: str
    """The hash of its files' contents."""
    seconds: float
    """That it took, a stopped try's too."""
    cpu_seconds: float
    when: str
    failure: Failure | None = None


class Cache:
    """Outcomes by key, at an address; `beside` are folders of outcomes that are only read."""

    def __init__(self, address: str | None = None, beside: Sequence[Path] = ()) -> None:
        """Raises InputError for what is no cache, or one of another version; ToolMissing."""
        self.address = str(cache_folder() / "study") if address is None else address
        self.beside = tuple(beside)
        self._storage = storage(self.address)
        self._kept = [Folder(path) for path in self.beside]
        here = isinstance(self._storage, Folder)
        self.local = self._storage.path if isinstance(self._storage, Folder) else _local(address)
        """The folder of this computer for what is not finished."""
        self._claim(here=here)

    def _claim(self, *, here: bool) -> None:
        found = self._storage.read(MARK)
        if found is None:
            if here and self.local.exists() and (not self.local.is_dir() or any(self._strange())):
                raise InputError(
                    f"{self.address}: there is something else, no cache of studies.",
                    ["Name a new folder with `--cache`."],
                )
            with tempfile.TemporaryDirectory() as folder:
                mark = Path(folder) / MARK
                mark.write_text(json.dumps({"schema": SCHEMA, "holds": "stages of studies"}))
                self._storage.put(MARK, mark)
            return
        try:
            schema = json.loads(found)["schema"]
        except (ValueError, KeyError, TypeError):
            schema = None
        if schema is None:
            raise InputError(
                f"{self.address}: its mark, {MARK}, is damaged.",
                ["Name another folder with `--cache`.", f"Remove the file {MARK} there."],
            )
        if schema != SCHEMA:
            raise InputError(
                f"{self.address}: a cache of another version of Ascua"
                f" ({schema!r}; this one's is {SCHEMA}).",
                [
                    "Name another folder with `--cache`.",
                    "Remove it, and what it holds.",
                ],
            )

    def _strange(self) -> Iterator[Path]:
        """What is in the folder, but for what processes that do the same may have put there."""
        return (p for p in self.local.iterdir() if p.name not in (MARK, WORK, SAID, BUILD, OUTCOMES)
                and not scratch.is_scratch(p))  # fmt: skip

    def outcome(self, key: str) -> Outcome | None:
        """What the stage of that key gave, if it is known."""
        found = self._read(key)
        return None if found is None else found[0]

    def _read(self, key: str) -> tuple[Outcome, bytes] | None:
        for where in (self._storage, *self._kept):
            content = where.read(_name(key) if where is self._storage else f"{key}.zip")
            if content is None:
                continue
            try:
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    told = json.loads(archive.read(ABOUT))
                    failure = told.pop("failure")
                    outcome = Outcome(**told, failure=failure and Failure(**_listed(failure)))
                    if outcome.key == key and archive.testzip() is None:
                        return outcome, content
            except DAMAGED:
                pass
            if where is self._storage:  # a machine died while it was written
                self._storage.remove(_name(key))
        return None

    def unpack(self, key: str, to: Path) -> None:
        """Put the files of an outcome into the folder `to`, which is made. Raises InputError."""
        found = self._read(key)
        if found is None:
            raise gone(self, key)
        with zipfile.ZipFile(io.BytesIO(found[1])) as archive:
            for info in archive.infolist():
                if info.filename.startswith(FILES) and not info.is_dir():
                    target = to / info.filename.removeprefix(FILES)
                    if not target.resolve().is_relative_to(to.resolve()):
                        raise InputError(f"{self.address}: {key[:12]} has a file outside of it.")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(info))
        to.mkdir(parents=True, exist_ok=True)

    def publish(self, outcome: Outcome, out: Path) -> None:
        """Keep `outcome` with the files in `out`, whole or not at all; an earlier one stays."""
        with scratch.temporary(self._room(), scratch.PACKING) as folder:
            packed = folder / "new"
            pack(packed, outcome, out)
            self._storage.put(_name(outcome.key), packed)

    def _room(self) -> Path:
        self.local.mkdir(parents=True, exist_ok=True)
        return self.local

    @contextlib.contextmanager
    def working(self, key: str) -> Iterator[Path]:
        """The folder of a stage that is not finished, alone; it waits while another has it.

        It stays where the stage does not end well.
        """
        folder = self._room() / WORK / key
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            with scratch.locked(folder):
                if not folder.is_dir():
                    continue  # who had it has finished
                yield folder
                return

    def finished(self, key: str) -> None:
        """Forget what a stage had not finished."""
        shutil.rmtree(self.local / WORK / key, ignore_errors=True)

    def sweep(self) -> None:
        """Forget what was finished by processes that were killed just after that."""
        for key, runs in self.unfinished().items():
            if not runs and self.outcome(key) is not None:
                self.finished(key)

    def unfinished(self) -> dict[str, bool]:
        """The keys of the stages that have begun on this computer, and whether each goes on."""
        root = self.local / WORK
        if not root.is_dir():
            return {}
        return {p.name: scratch.is_locked(p) for p in sorted(root.iterdir()) if p.is_dir()}

    def sizes(self) -> dict[str, int]:
        """The bytes of each outcome, by its key."""
        return {
            name.removesuffix(".zip"): size
            for name, size in self._storage.sizes(OUTCOMES).items()
            if name.endswith(".zip")
        }

    def remove(self, key: str) -> None:
        """Forget an outcome."""
        self._storage.remove(_name(key))

    def keep(self, key: str, folder: Path, most: int) -> bool:
        """Keep an outcome of at most `most` bytes in `folder` too, one of `beside`."""
        found = self._read(key)
        if found is None or len(found[1]) > most:
            return False
        with tempfile.TemporaryDirectory() as at:
            packed = Path(at) / "new"
            packed.write_bytes(found[1])
            Folder(folder).put(f"{key}.zip", packed)
        return True

    def forget(self) -> None:
        """Remove what this computer keeps besides: firmware, and what processes said."""
        for name in (BUILD, SAID):
            shutil.rmtree(self.local / name, ignore_errors=True)

    def said(self, key: str) -> Path:
        """The file for what the process of a stage says."""
        folder = self._room() / SAID
        folder.mkdir(exist_ok=True)
        return folder / f"{key}.txt"


def gone(cache: Cache, key: str) -> InputError:
    """What to say of an outcome that somebody has removed meanwhile."""
    return InputError(
        f"{cache.address}: the outcome {key[:12]} is gone: somebody has cleaned the cache.",
        ["Run the study again: what is missing is made anew."],
    )


def _local(address: str | None) -> Path:
    """Where this computer keeps what is not finished of a cache that is elsewhere."""
    name = hashlib.sha256(str(address).encode()).hexdigest()[:16]
    return cache_folder() / f"study-{name}"


def _name(key: str) -> str:
    return f"{OUTCOMES}/{key}.zip"


def _listed(failure: Mapping[str, Any]) -> dict[str, Any]:
    return {**failure, "things_to_try": tuple(failure["things_to_try"])}


def pack(to: Path, outcome: Outcome, out: Path) -> None:
    """Write `outcome`, with the files in `out`, into the file `to`."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps(asdict(outcome), indent=1))
        for path in _files(out):
            info = zipfile.ZipInfo(f"{FILES}{path.relative_to(out).as_posix()}")
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


def digest(out: Path) -> str:
    """The hash of the files in `out`: names and contents, without the time of a Keras file."""
    found = [(p.relative_to(out).as_posix(), _content(p)) for p in _files(out)]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _content(path: Path) -> str:
    if path.suffix == ".keras" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = sorted(n for n in archive.namelist() if n not in PER_FILE)
            told = [(n, hashlib.sha256(archive.read(n)).hexdigest()) for n in members]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(out: Path) -> list[Path]:
    return sorted(p for p in out.rglob("*") if p.is_file())
