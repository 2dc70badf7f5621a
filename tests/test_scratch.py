"""Folders of killed runs are swept by the next; those in use, and all of others, stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, files
from ascua.files import scratch
from ascua.files.scratch import BUILDING, OUTPUT, RUNNING
from tests.support.command import PROGRAM, ascua, model_file
from tests.support.examples import small
from tests.support.spared import everything
from tests.support.tools import require_board

M3 = "lm3s6965evb"


def hidden(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob(".*"))


def killed(command: list[str], folder: Path, pattern: str) -> None:
    """Start the command, wait until there is such a path in `folder`, and kill it outright."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        deadline = time.monotonic() + 60
        while not list(folder.glob(pattern)):
            assert child.poll() is None, child.stderr.read() if child.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.002)
        child.kill()
        child.communicate()
    assert child.returncode == -signal.SIGKILL


@pytest.mark.emulator
def test_the_next_run_sweeps_what_a_killed_one_left(tmp_path: Path) -> None:
    """Killed while it compiles, and while the emulator runs."""
    require_board(boards.load(M3))
    model, build = model_file(tmp_path, small()), tmp_path / "build"
    np.save(tmp_path / "x.npy", np.zeros((2_000, 9, 9, 3), np.int8))
    run = ["run", str(model), "-b", M3, "--build-dir", str(build)]
    many = [*PROGRAM, *run, "--inputs", str(tmp_path / "x.npy")]
    killed(many, build, ".building-*/new/memory.ld")
    assert [name[:10] for name in hidden(build)] == [".building-"]
    killed(many, build, ".running-*/0/output.bin")
    assert [name[:9] for name in hidden(build)] == [".running-"]
    (build / ".running-mine").mkdir()
    (build / ".running-mine/notes.txt").write_text("mine")
    for _ in range(2):  # the second time nothing is built
        assert ascua(*run).code == 0
        assert hidden(build) == [".running-mine"]
        (build / ".building-old/new").mkdir(parents=True)


def test_a_killed_writer_is_swept_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from ascua import files\n"
        f"files.write(Path({str(tmp_path / 'x')!r}),"
        " lambda to: (to.write_text('half'), os.kill(os.getpid(), signal.SIGKILL)))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    assert len(hidden(tmp_path)) == 1
    files.write_text(tmp_path / "x", "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    with scratch.temporary(tmp_path, RUNNING) as one, scratch.temporary(tmp_path, RUNNING) as two:
        (one / "0").mkdir()
        scratch.sweep(tmp_path, BUILDING, RUNNING, OUTPUT)
        assert one.is_dir()
        assert two.is_dir()
        script = (
            "from pathlib import Path; from ascua.files import scratch\n"
            f"scratch.sweep(Path({str(tmp_path)!r}), scratch.RUNNING)"
        )
        subprocess.run([sys.executable, "-c", script], check=True)
        assert (one / "0").is_dir()
    assert list(tmp_path.iterdir()) == []


def link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


OTHERS: dict[str, Callable[[Path], object]] = {
    ".building-mine": lambda p: (p / "src").mkdir(parents=True),
    ".building-link": link,
    ".building-file": lambda p: p.write_text("mine"),
    ".running-shoes": lambda p: (p.mkdir(), (p / "list.txt").write_text("mine")),
    ".running": lambda p: (p / "0").mkdir(parents=True),
    "running-0": lambda p: (p / "0").mkdir(parents=True),
    ".ascua-settings": lambda p: (p / "new").mkdir(parents=True),
    ".ascua-moved_12.part": lambda p: (p / "old").mkdir(parents=True),
    "reading-list": lambda p: (p / "books").mkdir(parents=True),
}


def test_what_is_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/new").mkdir(parents=True)
    for name, make in OTHERS.items():
        make(tmp_path / name)
    before = everything(tmp_path)
    every = (BUILDING, RUNNING, OUTPUT, scratch.READING, scratch.UNPACKING)
    scratch.sweep(tmp_path, *every)
    assert everything(tmp_path) == before
    scratch.sweep(tmp_path / "absent", *every)
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".building-1/new").mkdir(parents=True)
    (tmp_path / ".building-1/new/inner").symlink_to(tmp_path / "elsewhere")
    scratch.sweep(tmp_path, *every)
    assert not (tmp_path / ".building-1").exists()
    assert (tmp_path / "elsewhere/new").is_dir()


def test_without_locks_folders_are_made_and_none_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(scratch.fcntl, "flock", no_locks)
    (tmp_path / ".running-1").mkdir()
    with scratch.temporary(tmp_path, RUNNING) as made:
        assert made.is_dir()
    with scratch.locked(tmp_path):
        pass
    assert hidden(tmp_path) == [".running-1"]


def test_sweepers_and_makers_at_once(tmp_path: Path) -> None:
    """Nobody loses a folder that is just being made."""
    script = (
        "from pathlib import Path; from ascua.files import scratch\n"
        "for _ in range(60):\n"
        f"    with scratch.temporary(Path({str(tmp_path)!r}), scratch.RUNNING) as made:\n"
        "        (made / '0').mkdir(); (made / '0/x').write_text('x'); (made / '0/x').read_text()"
    )
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [p.wait() for p in running] == [0, 0, 0]
    assert os.listdir(tmp_path) == []  # noqa: PTH208
