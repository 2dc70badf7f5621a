"""What Ascua writes: files whole or not at all, and over nothing that is somebody else's.

The rule: an output file replaces a regular file of its own kind that is no input of the command
(`Output`); a folder that Ascua wrote, as a manifest says, is replaced file by file as far as it is
unchanged (`folders`). All else needs `--force`, which removes no folder and nothing behind a link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ascua.errors import InputError
from ascua.files.kinds import Kind
from ascua.files.scratch import OUTPUT, temporary

ANOTHER = "Check that the disk is not full, or name another file."
FORCE = "Replace it with `--force`."


@dataclass(frozen=True)
class Output:
    """A file that a command is asked to write: its kind, and the files that the command reads.

    `option` is the one that names it, with a name that would do.
    """

    path: Path
    kind: Kind
    option: str
    inputs: tuple[Path, ...] = ()
    force: bool = False

    def check(self) -> None:
        """Raise InputError unless the file can and may be written: before a long run."""
        check(self.path, self.option)
        self._spare()

    def write(self, fill: Callable[[Path], object]) -> None:
        """As `write`; and it raises InputError unless the file may be written."""
        self._spare()
        option = self.option.split()[0]
        write(self.path, fill, f"Check that the disk is not full, or name another with `{option}`.")

    def _spare(self) -> None:
        if not self.force and (reason := self._stranger()):
            raise InputError(
                f"{self.path}: {reason}.", [f"Name another file: `{self.option}`.", FORCE]
            )

    def _stranger(self) -> str | None:
        """Why what is there is not to be replaced, if anything is."""
        if not self.path.exists():
            return None
        if is_among(self.path, self.inputs):
            return "this command reads it"
        status = self.path.stat()
        if not status.st_mode & 0o222:
            return "it is write-protected"
        if status.st_size == 0 or self.kind.is_one(self.path):
            return None
        return f"what is there is no {self.kind.name}"


def check_regular(path: Path, most: int) -> None:
    """Raise InputError unless `path` is a file that ends, of at most `most` bytes.

    A pipe may never say anything, and a device never stop. Raises OSError where nothing is there.
    """
    size = path.stat().st_size
    if path.is_dir():
        return  # opening it says so
    if obstacle := _obstacle(path):
        raise InputError(f"{path}: cannot be read: {obstacle}.", ["Save it as a file first."])
    if size > most:
        raise InputError(
            f"{path}: cannot be read: its {size:,} bytes are more than {most:,}.",
            ["Check that it is the file that you mean."],
        )


def is_among(path: Path, inputs: Iterable[Path]) -> bool:
    """Whether `path` is one of the `inputs`, under whatever name."""
    return path.exists() and any(p.exists() and path.samefile(p) for p in inputs)


def check(path: Path, example: str) -> None:
    """Raise InputError unless `path` can be written: before a long run.

    `example` is the option that names it, with a name that would do.
    """
    if obstacle := _obstacle(path):
        raise InputError(f"{path}: {obstacle}.", [f"Name a file: `{example}`."])
    if not path.parent.is_dir():
        raise InputError(
            f"{path}: the folder {path.parent} does not exist.",
            ["Make it first, or name another file."],
        )
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            f"{path}: the folder {path.parent} cannot be written to.", ["Name another file."]
        )


def write(
    path: Path,
    fill: Callable[[Path], object],
    remedy: str = ANOTHER,
    *,
    ready: Callable[[Path], object] = lambda _: None,
) -> None:
    """Make the file `path`, and its folder, by `fill`, which writes to a path of the same name.

    What `path` held, through a link too, stays until all is there; its mode stays for good. `ready`
    sees the whole file before it is put in place. Raises InputError with the `remedy` where it
    cannot be written; whatever `fill` raises else passes, and nothing is left.
    """
    target = Path(os.path.realpath(path))  # unlike resolve(), it takes a link to itself
    try:
        if obstacle := _obstacle(path):
            raise InputError(f"{path}: {obstacle}.", [remedy])
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary(target.parent, OUTPUT) as folder:
            made = folder / "new" / path.name
            made.parent.mkdir()
            fill(made)
            keep_mode(made, target)
            ready(made)
            made.replace(target)
    except OSError as e:
        raise InputError(f"{path}: cannot be written: {e.strerror or e}.", [remedy]) from e


def write_text(path: Path, text: str, remedy: str = ANOTHER) -> None:
    """As `write`, of `text` in UTF-8."""
    write(path, lambda to: to.write_text(text, encoding="utf-8"), remedy)


def keep_mode(made: Path, target: Path) -> None:
    """Give the new file `made` the mode of the regular file `target` that it is to replace."""
    if target.is_file() and not target.is_symlink():
        made.chmod(stat.S_IMODE(target.stat().st_mode))


def _obstacle(path: Path) -> str | None:
    """What is at `path` in place of a file, if anything is."""
    if path.is_dir():
        return "it is a folder"
    return "it is no regular file" if path.exists() and not path.is_file() else None
