"""An output file replaces one of its own kind that is no input; all else needs `--force`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, files, tflite
from ascua.errors import InputError
from ascua.files import kinds
from tests.support.command import Result, ascua, model_file, refused
from tests.support.compared import classifier, inputs, twin
from tests.support.spared import everything
from tests.support.tools import require_board

MINE = b"years of work"


@dataclass(frozen=True)
class Verb:
    """A verb that writes one file: an output, an input of its kind, and how it is called."""

    output: str
    input: str
    call: Callable[[Path, Path], tuple[object, ...]]


VERBS = {
    "quantize": Verb(
        "out.tflite", "a.tflite",
        lambda f, to: ("quantize", f / "a.tflite", "-d", f / "x.npy", "-o", to),
    ),
    "run": Verb(
        "out.npy", "i.npy",
        lambda f, to: ("run", f / "b.tflite", "-b", "host", "--inputs", f / "i.npy", "--outputs",
                       to, "--build-dir", f.parent / "build"),
    ),
    "run to an archive": Verb(
        "out.npz", "i.npz",
        lambda f, to: ("run", f / "b.tflite", "-b", "host", "--inputs", f / "i.npz", "--outputs",
                       to, "--build-dir", f.parent / "build"),
    ),
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a float network, its int8 twin, and samples for each."""
    folder = tmp_path / "here"
    folder.mkdir()
    model_file(folder, classifier(), "a")
    model_file(folder, twin(classifier()), "b")
    np.save(folder / "x.npy", inputs(40))
    x = np.random.default_rng(1).integers(-128, 128, (3, 12)).astype(np.int8)
    np.save(folder / "i.npy", x)
    np.savez(folder / "i.npz", x)
    return folder


def another_kind(to: Path, _: Path) -> None:
    other = np.zeros(3) if to.suffix == ".tflite" else None
    if other is None:
        to.write_bytes(tflite.write(classifier()))
    else:
        with to.open("wb") as file:
            np.save(file, other)


def protected(to: Path, given: Path) -> None:
    to.write_bytes(given.read_bytes())
    to.chmod(0o444)


def linked(to: Path, _: Path) -> None:
    (to.parent / "mine.txt").write_bytes(MINE)
    to.symlink_to("mine.txt")


def folder(to: Path, _: Path) -> None:
    to.mkdir()
    (to / "mine.txt").write_bytes(MINE)


def linked_folder(to: Path, _: Path) -> None:
    folder(to.parent / "folder", to)
    to.symlink_to("folder")


OBSTACLES: dict[str, tuple[Callable[[Path, Path], object], str, bool]] = {
    "a link to the input": (lambda to, given: to.symlink_to(given), "this command reads it", True),
    "the input by another name": (lambda to, given: to.hardlink_to(given),
                                  "this command reads it", True),
    "a text": (lambda to, _: to.write_bytes(MINE), "what is there is no .", True),
    "another kind": (another_kind, "what is there is no .", True),
    "a link to a text": (linked, "what is there is no .", True),
    "a protected file": (protected, "it is write-protected", True),
    "a folder": (folder, "it is a folder", False),
    "a link to a folder": (linked_folder, "it is a folder", False),
    "a pipe": (lambda to, _: os.mkfifo(to), "it is no regular file", False),
    "a device": (lambda to, _: to.symlink_to("/dev/null"), "it is no regular file", False),
}  # fmt: skip


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_in_the_way_stays(verb: str, obstacle: str, here: Path) -> None:
    v, (put, words, replaceable) = VERBS[verb], OBSTACLES[obstacle]
    to = here / v.output
    put(to, here / v.input)
    before = everything(here)
    result = ascua(*v.call(here, to))
    refused(result, 1, str(to), words)
    assert ("`--force`" in result.err) == replaceable
    assert everything(here) == before
    if not replaceable:
        refused(ascua(*v.call(here, to), "--force"), 1, str(to), words)
        assert everything(here) == before


@pytest.mark.parametrize("verb", VERBS)
def test_an_input_is_no_output(verb: str, here: Path) -> None:
    v = VERBS[verb]
    before = everything(here)
    refused(ascua(*v.call(here, here / v.input)), 1, v.input, "this command reads it", "--force")
    refused(ascua(*v.call(here, here / "." / ".." / "here" / v.input)), 1, "this command reads it")
    assert everything(here) == before


def succeeded(result: Result) -> None:
    assert result.code == 0, result.err


@pytest.mark.parametrize("verb", VERBS)
def test_an_output_is_replaced_and_keeps_its_mode(verb: str, here: Path) -> None:
    v = VERBS[verb]
    require_board(boards.load("host"))
    to = here / v.output
    to.touch()  # an empty file holds nothing that could be lost
    succeeded(ascua(*v.call(here, to)))
    made = to.read_bytes()
    to.write_bytes((here / v.input).read_bytes())
    to.chmod(0o640)
    (here / "link").symlink_to(v.output)
    succeeded(ascua(*v.call(here, here / "link")) if to.suffix == ".tflite" else
              ascua(*v.call(here, to)))  # fmt: skip
    assert to.read_bytes() == made
    assert to.stat().st_mode & 0o777 == 0o640
    to.write_bytes(MINE)
    succeeded(ascua(*v.call(here, to), "--force"))
    assert to.read_bytes() == made
    succeeded(ascua(*v.call(here, here / v.input), "--force"))
    assert (here / v.input).read_bytes() == made


def test_what_the_folder_of_a_data_set_holds_is_an_input(here: Path) -> None:
    arguments = ("run", here / "b.tflite", "-b", "host", "--recipe", "digits-dscnn",
                 "--data-dir", here, "--outputs", here / "i.npz")  # fmt: skip
    before = everything(here)
    refused(ascua(*arguments), 1, "i.npz: this command reads it")
    assert everything(here) == before


def test_kinds_are_told_by_what_files_hold(here: Path) -> None:
    found = {
        p.name: [k.name for k in (kinds.TFLITE, kinds.NPY, kinds.NPZ, kinds.EPOCHS) if k.is_one(p)]
        for p in here.iterdir()
    }
    assert found == {
        "a.tflite": [kinds.TFLITE.name], "b.tflite": [kinds.TFLITE.name],
        "x.npy": [kinds.NPY.name], "i.npy": [kinds.NPY.name], "i.npz": [kinds.NPZ.name],
    }  # fmt: skip
    (here / "damaged.npz").write_bytes((here / "i.npz").read_bytes()[:40])
    assert not kinds.NPZ.is_one(here / "damaged.npz")
    assert not kinds.NPZ.is_one(here / "absent.npz")


def test_it_is_looked_at_again_when_it_is_written(tmp_path: Path) -> None:
    output = files.Output(tmp_path / "y.npy", kinds.NPY, "--outputs OUT.npy")
    output.check()
    output.path.write_bytes(MINE)
    with pytest.raises(InputError, match=r"y.npy: what is there is no \.npy file"):
        output.write(lambda to: to.write_bytes(b"new"))
    assert output.path.read_bytes() == MINE
