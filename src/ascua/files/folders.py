"""Folders of many files that Ascua writes: a manifest says which are its own, and how they were.

A manifest may be anybody's. It is trusted for names that Ascua gives to files of such a folder,
for regular files behind no link, and only while they have the hash that it says.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any

from ascua.errors import InputError
from ascua.files import FORCE, keep_mode, write_text
from ascua.files.scratch import OUTPUT, locked, sweep, temporary

MANIFEST = "manifest.json"
MOST_BYTES = 1 << 24
"""No manifest of Ascua's is larger."""
NOTHING: Mapping[str, Any] = {}
Hashes = Mapping[str, frozenset[str]]
"""The SHA-256 that a file may have, by its path in the folder."""


@dataclass(frozen=True)
class Form:
    """What a folder of Ascua's holds: in words, and the names that its files can have.

    `names` answers for a path and the manifest. `option` is the one that names the folder.
    """

    what: str
    names: Callable[[str, Mapping[str, Any]], bool]
    option: str


@dataclass(frozen=True)
class Obstacle:
    """What is in the way of a file: at which path in the folder, and why it is not replaced."""

    path: str
    why: str
    is_folder: bool = False
    """Folders are not removed, whatever the user says."""


def header(form: Form) -> dict[str, Any]:
    """What every manifest begins with."""
    return {"schema": 1, "generator": f"ascua {version('ascua')}", "holds": form.what}


def written(folder: Path, form: Form, first: str = "C library") -> Hashes:
    """The files that Ascua wrote to `folder` in that `form`; none where it wrote none.

    A manifest that does not say what it is of is of the `first` that there were.
    """
    table = _manifest(folder)
    if table is None or table.get("holds", first) != form.what:
        return {}
    found: dict[str, frozenset[str]] = {}
    for path, hashes in table["files"].items():
        known = [hashes] if isinstance(hashes, str) else hashes
        if not _inside(path) or not isinstance(known, list):
            return {}
        if form.names(path, table) and path != MANIFEST:
            found[path] = frozenset(map(str, known))
    return found


def about(folder: Path, form: Form) -> Mapping[str, Any]:
    """What the manifest of a folder tells that is, unchanged, as Ascua wrote it in that `form`."""
    known = written(folder, form)
    if (
        not known
        or obstacles(folder, known, known)
        or not all((folder / n).exists() for n in known)
    ):
        return {}
    return _manifest(folder) or {}


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest in `folder`, if Ascua can have written it."""
    path = folder / MANIFEST
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        table = json.loads(path.read_text(encoding="utf-8"))
        own = table["generator"].startswith("ascua ") and isinstance(table["files"], dict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return table if own else None


def _inside(path: str) -> bool:
    """Whether `path` is plainly one of a file inside the folder, on any system."""
    parts = path.split("/")
    return path.isprintable() and not {"", ".", ".."} & {*parts} and not {*"\\:"} & {*path}


def check(folder: Path, form: Form, *, force: bool) -> None:
    """Raise InputError unless `folder` is new, empty, or holds what Ascua wrote, unchanged."""
    another = f"Name another folder with `{form.option}`."
    parent = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    if not parent.is_dir():
        what = "it" if parent == folder else parent
        raise InputError(f"{folder}: {what} is not a folder.", [another])
    if not os.access(parent, os.W_OK):
        raise InputError(f"{folder}: {parent} cannot be written to.", [another])
    sweep(folder, OUTPUT)
    if force or not folder.is_dir() or not any(folder.iterdir()):
        return
    known = written(folder, form)
    if not known:
        raise InputError(
            f"{folder}: not empty, and Ascua did not write it as a {form.what}.",
            [another, "Write into it all the same with `--force`."],
        )
    refuse(folder, form, obstacles(folder, known, known), force=False)


def refuse(folder: Path, form: Form, found: Sequence[Obstacle], *, force: bool) -> None:
    """Raise InputError for what is in the way; with `force` only for folders."""
    in_the_way = [o for o in found if o.is_folder or not force]
    if not in_the_way:
        return
    words = "; ".join(f"{o.path} {o.why}" for o in in_the_way)
    removable = not any(o.is_folder for o in in_the_way)
    raise InputError(
        f"{folder}: {words}.",
        [
            f"Name another folder with `{form.option}`.",
            FORCE if removable else "Move it away: `--force` removes no folder.",
        ],
    )


def obstacles(folder: Path, names: Iterable[str], known: Hashes) -> list[Obstacle]:
    """What is in the way of files called `names`, where Ascua wrote those that are `known`."""
    found = (_obstacle(folder, name, known) for name in names)
    return list({o.path: o for o in found if o is not None}.values())


def _obstacle(folder: Path, name: str, known: Hashes) -> Obstacle | None:
    parents, mode = _parents(name), None
    for path in parents:
        mode = _mode(folder / path)
        if mode is None:
            return None
        if not stat.S_ISDIR(mode):
            return Obstacle(path, "is a link" if stat.S_ISLNK(mode) else "is no folder")
    mode = _mode(folder / name)
    if mode is None:
        return None
    if stat.S_ISDIR(mode):
        return Obstacle(name, "is a folder", is_folder=True)
    if not stat.S_ISREG(mode):
        return Obstacle(name, "is a link" if stat.S_ISLNK(mode) else "is no regular file")
    if name == MANIFEST and known:
        return None
    if name not in known:
        return Obstacle(name, "is there, and Ascua did not write it")
    changed = digest(folder / name) not in known[name]
    return Obstacle(name, "changed since Ascua wrote it") if changed else None


def _parents(name: str) -> list[str]:
    """The folders that the path `name` leads through, the outermost first."""
    return list(accumulate(PurePosixPath(name).parts[:-1], lambda a, b: f"{a}/{b}"))


def _mode(path: Path) -> int | None:
    """The type and mode of what is there, itself and not what it links to."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def digest(path: Path) -> str:
    """The SHA-256 of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def note(folder: Path, form: Form, name: str, made: Path, known: Hashes) -> None:
    """Enter into the manifest that `made` is about to become the file `name` of `folder`.

    The hash of what is there yet stays beside it: a process that is killed in between leaves
    either. `known` are the files that are in the folder by now.
    """
    path = folder / name
    there = {digest(path)} & known.get(name, frozenset()) if path.is_file() else frozenset()
    files = {**known, name: there | {digest(made)}}
    table = {**header(form), "files": {p: sorted(h) for p, h in sorted(files.items())}}
    write_text(folder / MANIFEST, json.dumps(table, indent=1) + "\n")


def fill(
    folder: Path, form: Form, files: Mapping[str, str | bytes], *,
    about: Mapping[str, Any] = NOTHING, force: bool = False,
) -> None:  # fmt: skip
    """Make `folder` hold `files`, and a manifest that tells them and `about`: as `exchange`."""
    bytes_of = {name: d.encode() if isinstance(d, str) else d for name, d in sorted(files.items())}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in bytes_of.items()}
    manifest = json.dumps({**header(form), **about, "files": hashes}, indent=1) + "\n"
    exchange(folder, form, {**files, MANIFEST: manifest}, force=force)


def exchange(
    folder: Path, form: Form, files: Mapping[str, str | bytes], *, force: bool = False
) -> None:
    """Make `folder` hold `files`, a manifest among them, in place of an earlier writing's.

    All or nothing, at once for other processes that do the same. What Ascua did not write stays;
    where it is in the way, InputError is raised, unless with `force`.
    """
    made = _missing(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if made and _renamed(folder, files):
            return
        folder.mkdir(exist_ok=True)
        with locked(folder):
            check(folder, form, force=force)
            known = written(folder, form)
            in_the_way = obstacles(folder, files, known)
            refuse(folder, form, in_the_way, force=force)
            own = {p for p in known if _is_own(folder, p, known)}
            _exchange(folder, files, own, {o.path for o in in_the_way})
    except OSError as e:
        _remove_empty(made)
        raise InputError(
            f"{folder}: cannot be written: {e.strerror}.",
            [f"Name another folder with `{form.option}`.", "Check that the disk is not full."],
        ) from e
    except BaseException:
        _remove_empty(made)
        raise


def _is_own(folder: Path, name: str, known: Hashes) -> bool:
    """Whether what Ascua wrote is still there, as it was."""
    return _mode(folder / name) is not None and _obstacle(folder, name, known) is None


def _missing(folder: Path) -> list[Path]:
    """The folders that have to be made for `folder`, the innermost first."""
    return [p for p in (folder, *folder.parents) if not p.exists()]


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of `folders` that are empty, the innermost first."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _move_back(source: Path, target: Path) -> None:
    """Undo that `source` was moved to `target`, if it was."""
    if _mode(source) is None and _mode(target) is not None:
        target.rename(source)


def _renamed(folder: Path, files: Mapping[str, str | bytes]) -> bool:
    """Make the whole new folder at once; False where another process has made it meanwhile."""
    with temporary(folder.parent, OUTPUT) as work:
        _write_all(work / "new", files)
        try:
            (work / "new").rename(folder)
        except OSError as e:
            if e.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
    return True


def _write_all(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            (folder / path).write_text(data, encoding="utf-8")
        else:
            (folder / path).write_bytes(data)


def _exchange(
    folder: Path, files: Mapping[str, str | bytes], own: Collection[str], others: Collection[str]
) -> None:
    """Put `files` in place of Ascua's `own` and of what else is in the way.

    Everything is written before anything is moved, so that a full disk changes nothing; after an
    error all is as it was. Killed in between, the process leaves a manifest that knows what of it
    is Ascua's, and the others' files in a folder that nobody sweeps.
    """
    with temporary(folder, OUTPUT) as work:
        new = work / "new"
        _write_all(new, files)
        for path in files:
            keep_mode(new / path, folder / path)
        subfolders = {(folder / p).parent for p in (*files, *own, *others)} - {folder}
        moves = [(folder / p, work / "old" / p) for p in sorted(others)]
        moves += [(folder / p, work / "gone" / p) for p in sorted(own)]
        first_of_all = [MANIFEST, *(p for p in files if p != MANIFEST)]
        moves += [(new / p, folder / p) for p in first_of_all]
        with contextlib.ExitStack() as undo:
            if (folder / MANIFEST).is_file() and MANIFEST not in others:
                (work / "gone").mkdir()
                shutil.copy2(folder / MANIFEST, work / "gone")
                undo.callback((work / "gone" / MANIFEST).replace, folder / MANIFEST)
            for source, target in moves:
                for parent in reversed(_missing(target.parent)):
                    parent.mkdir()
                    undo.callback(_remove_empty, [parent])
                undo.callback(_move_back, source, target)
                source.rename(target)
            undo.pop_all()
        _remove_empty(sorted(subfolders, reverse=True))
        shutil.rmtree(work / "old", ignore_errors=True)
