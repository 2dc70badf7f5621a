"""Files are written whole or not at all, whatever comes in between."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ascua import files
from ascua.errors import InputError


def interrupted(error: BaseException) -> Callable[[Path], None]:
    """Writes half a file; then `error` comes."""

    def fill(to: Path) -> None:
        to.write_bytes(b"half")
        raise error

    return fill


def content(folder: Path) -> dict[str, bytes]:
    """The files in the folder, those of subfolders too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_file_and_its_folder_are_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c.txt"
    seen = []
    for text in ("first", "é"):
        files.write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    files.write(path, lambda to: seen.append(to) or to.write_bytes(path.read_bytes() + b"!"))
    assert content(tmp_path) == {"a/b/c.txt": "é!".encode()}
    assert [to.name for to in seen] == ["c.txt"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b", "c.txt"]
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        KeyboardInterrupt(),
        ValueError("no number"),
        InputError("another"),
    ],
)
@pytest.mark.parametrize("held", [None, b"before"])
def test_what_was_there_stays_after_any_error(
    error: BaseException, held: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    if held is not None:
        path.write_bytes(held)
    before = content(tmp_path)
    told = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(told) as caught:
        files.write(path, interrupted(error), "Name another.")
    if told is InputError and caught.value is not error:
        words = f"{path}: cannot be written: No space left on device."
        assert str(caught.value) == f"{words}\nThings to try:\n  - Name another."
    else:
        assert caught.value is error
    assert content(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == list(before)


def test_an_error_without_a_number_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: the library says so"):
        files.write(tmp_path / "x", interrupted(OSError("the library says so")))


def test_the_file_behind_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "link.txt", tmp_path / "there/file.dat"
    link.symlink_to(file)
    for text in ("first", "second"):
        files.write_text(link, text)
        assert link.is_symlink()
        assert content(tmp_path / "there") == {"file.dat": text.encode()}
    round_ = tmp_path / "round"
    round_.symlink_to(round_)
    files.write_text(round_, "x")
    assert round_.read_text() == "x"


@pytest.mark.parametrize("path", ["folder", "folder/.", "pipe", "file/x"])
def test_what_is_no_file_is_refused_and_left(path: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    words = {"pipe": "no regular file", "file/x": "cannot be written"}.get(path, "a folder")
    with pytest.raises(InputError, match=words) as caught:
        files.write_text(tmp_path / path, "new")
    assert str(tmp_path / path) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(InputError, match=r"regular|folder"):
        files.check(tmp_path / path, "--out x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    folder = Path("/proc/self") if os.geteuid() == 0 else tmp_path
    if not folder.exists():
        pytest.skip("root can write everywhere but to /proc, which is not there")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=f"{folder}/x: cannot be written: "):
        files.write_text(folder / "x", "new")
    tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_checked_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.check(tmp_path / "new", "--out x")
    (tmp_path / "old").touch()
    files.check(tmp_path / "old", "--out x")
    with pytest.raises(InputError, match=r"does not exist(?s:.*)Make it first"):
        files.check(tmp_path / "none/x", "--out x")
    with pytest.raises(InputError, match=r"it is a folder(?s:.*)`--out x`"):
        files.check(tmp_path, "--out x")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match="cannot be written to"):
        files.check(tmp_path / "new", "--out x")
