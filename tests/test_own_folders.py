"""Folders that Ascua writes: its own files are replaced while unchanged, all else by force."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import recipes
from ascua.files import folders
from ascua.targets.c import FORM
from ascua.train import folder as training
from tests.support.command import Result, ascua, model_file, refused
from tests.support.compared import classifier, inputs, twin
from tests.support.spared import everything
from tests.test_bench import finished

MINE = "years of work"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks, and samples."""
    folder = tmp_path_factory.mktemp("given")
    model_file(folder, classifier(), "a")
    model_file(folder, twin(classifier()), "b")
    np.save(folder / "x.npy", inputs(20))
    return folder


def compiled(given: Path, to: Path, *more: str, name: str = "b") -> Result:
    return ascua("compile", given / "b.tflite", "-b", "host", "--name", name, "-o", to, *more)


def compared(given: Path, to: Path, *more: str) -> Result:
    models = (given / "a.tflite", given / "b.tflite")
    return ascua("compare", *models, "-d", given / "x.npy", "--cuts", 0, "--markdown", to, *more)


WRITERS: dict[str, tuple[Callable[..., Result], str, str]] = {
    "compile": (compiled, "src/b.c", "src"),
    "compare": (compared, "sqnr.svg", "changed"),
}
"""A verb, a file that it writes, and a folder that it makes or may make."""


def put(path: Path) -> None:
    if path.exists():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MINE)


def link(path: Path) -> None:
    path.unlink(missing_ok=True)
    put(path.parents[2] / "elsewhere" / path.name)
    path.symlink_to(path.parents[2] / "elsewhere" / path.name)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    put(path / "mine.txt")


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


OBSTACLES = {
    "a changed file": (put, "changed since Ascua wrote it"),
    "a link": (link, "is a link"),
    "a pipe": (pipe, "is no regular file"),
    "a folder": (folder, "is a folder"),
}


@pytest.mark.parametrize("verb", WRITERS)
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_is_in_the_way_stays(obstacle: str, verb: str, given: Path, tmp_path: Path) -> None:
    call, name, _ = WRITERS[verb]
    make, words = OBSTACLES[obstacle]
    to = tmp_path / "home/lib"
    to.parent.mkdir()
    assert call(given, to).code == 0
    (to / name).parent.mkdir(exist_ok=True)
    if name == "sqnr.svg":
        (tmp_path / "elsewhere").mkdir()
    make(to / name)
    before = everything(tmp_path)
    refused(call(given, to), 1, str(to), f"{name} {words}", "--force")
    assert everything(tmp_path) == before
    forced = call(given, to, "--force")
    if obstacle == "a folder":
        refused(forced, 1, f"{name} is a folder", "removes no folder")
        assert everything(tmp_path) == before
        return
    assert forced.code == 0, forced.err
    assert (to / name).is_file()
    assert not (to / name).is_symlink()
    for path in tmp_path.rglob("elsewhere/*"):
        assert path.read_text() == MINE
    assert call(given, to).code == 0, "all is Ascua's own again"


def test_files_of_the_users_under_a_name_of_the_library(given: Path, tmp_path: Path) -> None:
    """Beside a library of another name, and where a folder has the name of a header."""
    lib = tmp_path / "lib"
    assert compiled(given, lib, name="a").code == 0
    put(lib / "src/b.c")
    before = everything(tmp_path)
    refused(compiled(given, lib), 1, "src/b.c is there, and Ascua did not write it", "--force")
    assert everything(tmp_path) == before
    put(lib / "include/b.h/notes.txt")
    before = everything(tmp_path)
    words = ("include/b.h is a folder", "Move it away")
    refused(compiled(given, lib, "--force"), 1, *words)
    refused(compiled(given, lib), 1, *words, "src/b.c is there")
    assert everything(tmp_path) == before
    shutil.rmtree(lib / "include/b.h")
    assert compiled(given, lib, "--force").code == 0
    assert not (lib / "src/a.c").exists()


@pytest.mark.parametrize("forced", [False, True])
def test_nothing_is_written_or_deleted_through_a_linked_folder(
    forced: bool, given: Path, tmp_path: Path
) -> None:
    lib, real = tmp_path / "lib", tmp_path / "real"
    assert compiled(given, lib).code == 0
    (lib / "src").rename(real)
    (lib / "src").symlink_to(real)
    before, kept = everything(tmp_path), everything(real)
    if forced:
        assert compiled(given, lib, "--force", name="other").code == 0
        assert not (lib / "src").is_symlink()
        assert (lib / "src/other.c").exists()
        assert not (lib / "include/b.h").exists()
        assert everything(real) == kept
    else:
        refused(compiled(given, lib), 1, "src is a link", "--force")
        refused(compiled(given, lib, name="other"), 1, "src is a link", "--force")
        assert everything(tmp_path) == before


def test_a_full_disk_behind_a_link(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that was to be replaced is there again after the error."""
    lib, real = tmp_path / "lib", tmp_path / "real"
    real.mkdir()
    lib.mkdir()
    (lib / "src").symlink_to(real)
    before, rename = everything(tmp_path), Path.rename

    def full(path: Path, target: Path) -> Path:
        if path.name == "b_weights.c":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    refused(compiled(given, lib, "--force"), 1, "No space left")
    assert everything(tmp_path) == before


KILLED = """
import os, signal, sys
from pathlib import Path
rename, calls = Path.rename, iter(range(100))
def killing(self, target):
    if next(calls) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = killing
from ascua.cli import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize("at", [1, 12, 20])
def test_after_a_kill_the_same_command_goes_on(at: int, given: Path, tmp_path: Path) -> None:
    """Killed while files of the earlier library, or new ones, are moved."""
    lib = tmp_path / "lib"
    assert compiled(given, lib, name="before").code == 0
    number = sum(p.is_file() for p in lib.rglob("*"))
    put(lib / "notes.txt")
    arguments = ["compile", given / "b.tflite", "-b", "host", "--name", "b", "-o", lib]
    command = [sys.executable, "-c", KILLED, str(at), *map(str, arguments)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert compiled(given, lib).code == 0
    left = [p for p in lib.rglob("*") if p.is_file()]
    assert len(left) == number + 1
    assert not [p for p in lib.rglob("*") if p.name.startswith((".", "before"))]
    assert (lib / "notes.txt").read_text() == MINE


@pytest.mark.parametrize("at", [0, 1])
def test_a_new_folder_is_there_whole_or_not_at_all(at: int, given: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    arguments = ["compile", given / "b.tflite", "-b", "host", "-o", lib]
    command = [sys.executable, "-c", KILLED, str(at), *map(str, arguments)]
    assert (subprocess.run(command).returncode == -signal.SIGKILL) == (at == 0)
    assert lib.exists() == (at == 1)
    before = everything(lib) if at else None
    assert compiled(given, lib).code == 0
    assert before in (None, everything(lib))
    assert not list(tmp_path.glob(".ascua-*"))


def test_others_files_are_kept_when_a_forced_command_is_killed(given: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    put(lib / "src/b.c")
    arguments = ["compile", given / "b.tflite", "-b", "host", "-o", lib, "--force"]
    command = [sys.executable, "-c", KILLED, "3", *map(str, arguments)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert compiled(given, lib, "--force").code == 0
    (kept,) = lib.glob(".ascua-*/old/src/b.c")
    assert kept.read_text() == MINE


def test_two_libraries_at_once(given: Path, tmp_path: Path) -> None:
    """One comes after the other: no file of two."""
    lib = tmp_path / "lib"
    main = "from ascua.cli import main; main()"
    running = [
        subprocess.Popen([sys.executable, "-c", main, "compile", given / "b.tflite", "-b", "host",
                          "--name", name, "-o", lib], stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]  # fmt: skip
    for p in running:
        p.communicate()
    assert [p.returncode for p in running] == [0, 0]
    known = folders.written(lib, FORM)
    assert {str(p.relative_to(lib)) for p in lib.rglob("*") if p.is_file()} == {
        *known, "manifest.json"
    }  # fmt: skip
    assert not folders.obstacles(lib, known, known)


def manifest_of(lib: Path, change: Callable[[dict[str, Any]], object]) -> None:
    table = json.loads((lib / "manifest.json").read_text())
    change(table)
    (lib / "manifest.json").write_text(json.dumps(table))


HASH = hashlib.sha256(MINE.encode()).hexdigest()


@pytest.mark.parametrize(
    "name",
    ["../mine.txt", "ABSOLUTE", "notes.txt", "src/mine.c", "src/../notes.txt", "./notes.txt",
     "src//mine.c", "include/mine.h", "src\\mine.c", "C:notes.txt", "", ".", "manifest.json",
     "src/ascua/../mine.c", "linked/mine.txt", "src/ascua/linked/mine.h", "test/b_mine.c",
     "notes.txt\n", "src/b.c/mine"],
)  # fmt: skip
def test_a_hostile_manifest_deletes_nothing(name: str, given: Path, tmp_path: Path) -> None:
    """It lists files of the user's, each with its true hash."""
    lib = tmp_path / "lib"
    assert compiled(given, lib).code == 0
    for path in ("notes.txt", "src/mine.c", "include/mine.h", "../mine.txt", "test/b_mine.c",
                 "../precious/mine.txt", "../precious/mine.h", "src\\mine.c",
                 "C:notes.txt"):  # fmt: skip
        put(lib / path)
    (lib / "linked").symlink_to(tmp_path / "precious")
    (lib / "src/ascua/linked").symlink_to(tmp_path / "precious")
    listed = str(tmp_path / "mine.txt") if name == "ABSOLUTE" else name
    manifest_of(lib, lambda table: table["files"].update({listed: HASH}))
    before = {p: v for p, v in everything(tmp_path).items() if v[1] == MINE.encode()}
    assert len(before) == 9
    for more in ((), ("--force",)):
        result = compiled(given, lib, *more, name="other")
        assert "Traceback" not in result.err
        after = everything(tmp_path)
        assert {p: after.get(p) for p in before} == before
    assert result.code == 0
    assert (lib / "src/other.c").exists()


@pytest.mark.parametrize("names", [["src/ascua/linked.h"], ["src/ascua/x.h", "src/ascua/y.h"]])
def test_a_listed_link_is_not_followed(names: list[str], given: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    assert compiled(given, lib).code == 0
    put(tmp_path / "mine.h")
    for name in names:
        (lib / name).symlink_to(tmp_path / "mine.h")
    manifest_of(lib, lambda table: table["files"].update(dict.fromkeys(names, HASH)))
    before = everything(tmp_path)
    refused(compiled(given, lib, name="other"), 1, f"{names[0]} is a link", "--force")
    assert everything(tmp_path) == before
    assert compiled(given, lib, "--force", name="other").code == 0
    assert (tmp_path / "mine.h").read_text() == MINE
    assert (lib / names[0]).is_symlink(), "it is in nobody's way"


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"generator": "ascua 1", "files": []}', "1" * 5000, "\x00", "null",
     '{"generator": "ascua 1", "files": {"src/b.c": 5}}', '{"files": {}}',
     '{"generator": "ascua 1", "files": {"src/b.c": {"a": 1}}}', '"ascua"',
     '{"generator": ["ascua 1"], "files": {}}', '{"generator": "ascua 1", "files": null}',
     '{"generator": "ascua 1", "holds": ["C library"], "files": {"src/b.c": "0"}}'],
)  # fmt: skip
def test_what_is_no_manifest(text: str, given: Path, tmp_path: Path) -> None:
    put(tmp_path / "src/b.c")
    (tmp_path / "manifest.json").write_text(text)
    before = everything(tmp_path)
    refused(compiled(given, tmp_path), 1, "Ascua did not write it", "--force")
    assert everything(tmp_path) == before


def test_a_manifest_that_is_no_file(given: Path, tmp_path: Path) -> None:
    assert compiled(given, tmp_path / "lib").code == 0
    path = tmp_path / "lib/manifest.json"
    path.rename(tmp_path / "away.json")
    for make in (lambda: path.symlink_to(tmp_path / "away.json"), lambda: os.mkfifo(path)):
        make()
        refused(compiled(given, tmp_path / "lib"), 1, "Ascua did not write it", "--force")
        path.unlink()
    with path.open("wb") as file:
        file.truncate(folders.MOST_BYTES + 1)
    refused(compiled(given, tmp_path / "lib"), 1, "Ascua did not write it")


def test_a_library_of_an_earlier_version_is_replaced(given: Path, tmp_path: Path) -> None:
    """Its manifest says less than today's."""
    assert compiled(given, tmp_path, name="before").code == 0
    keys = ("generator", "name", "files")
    manifest_of(tmp_path, lambda t: [t.pop(k) for k in list(t) if k not in keys])
    assert compiled(given, tmp_path).code == 0
    assert not list(tmp_path.rglob("before*"))
    assert folders.written(tmp_path, FORM)


def test_one_kind_of_folder_is_not_another(given: Path, tmp_path: Path) -> None:
    assert compiled(given, tmp_path / "lib").code == 0
    assert compared(given, tmp_path / "report").code == 0
    before = everything(tmp_path)
    refused(compared(given, tmp_path / "lib"), 1, "did not write it as a comparison", "--force")
    refused(compiled(given, tmp_path / "report"), 1, "did not write it as a C library", "--force")
    trained = ascua("train", "digits-dscnn", "-o", tmp_path / "lib")
    refused(trained, 1, "manifest.json is there, and Ascua did not write it", "--force")
    assert everything(tmp_path) == before


def test_a_report_of_somebody_elses(given: Path, tmp_path: Path) -> None:
    put(tmp_path / "report/report.md")
    before = everything(tmp_path)
    refused(compared(given, tmp_path / "report"), 1, "not empty", "--force")
    assert everything(tmp_path) == before
    assert compared(given, tmp_path / "report", "--force").code == 0
    assert "# Comparison" in (tmp_path / "report/report.md").read_text()


def test_the_folder_of_a_report_stays_what_it_is(given: Path, tmp_path: Path) -> None:
    """Its mode, the modes of files, links in it, and that it is behind a link."""
    real = tmp_path / "real"
    real.mkdir(mode=0o750)
    (tmp_path / "report").symlink_to("real")
    assert compared(given, tmp_path / "report").code == 0
    (real / "report.md").chmod(0o600)
    put(tmp_path / "notes.md")
    (real / "notes.md").symlink_to("../notes.md")
    (real / "gone").symlink_to("nowhere")
    (real / "empty").mkdir()
    (real / "mine.sh").write_text(MINE)
    (real / "mine.sh").chmod(0o751)
    before, inode = everything(tmp_path), real.stat().st_ino
    assert compared(given, tmp_path / "report").code == 0
    assert everything(tmp_path) == before
    assert real.stat().st_ino == inode


def trained(to: Path, *more: object, recipe: object = "digits-dscnn") -> Result:
    """The refusal of a training: it comes before Keras is imported."""
    return ascua("train", recipe, "-o", to, *more)


def test_a_recipe_is_not_trained_over(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('base = "digits-dscnn"\nname = "mine"  # my own\n')
    before = everything(tmp_path)
    for more in ((), ("--force",)):
        for to in (tmp_path, tmp_path / "."):
            refused(trained(to, *more, recipe=path), 1, "recipe.toml: this command reads it")
        other = tmp_path / "other"
        other.mkdir()
        (other / "recipe.toml").hardlink_to(path)
        refused(trained(other, *more, recipe=path), 1, "recipe.toml: this command reads it")
        shutil.rmtree(other)
    derived = tmp_path / "derived.toml"
    derived.write_text(f'base = "{path}"\nname = "derived"\n')
    refused(trained(tmp_path, "--force", recipe=derived), 1, "recipe.toml: this command reads it")
    derived.unlink()
    assert everything(tmp_path) == before
    refused(trained(tmp_path), 1, "recipe.toml is there, and Ascua did not write it", "--force")
    for option in ("--weights", "--teacher"):
        (tmp_path / "model.keras").write_text(MINE)
        arguments = (option, tmp_path / "model.keras", "--force")
        refused(trained(tmp_path, *arguments), 1, "model.keras: this command reads it")
    data = ("--data-dir", tmp_path, "--force")
    np.savez(tmp_path / "state.npz", x=np.zeros(3))
    path.unlink()
    (tmp_path / "model.keras").unlink()
    refused(trained(tmp_path, *data), 1, "state.npz: this command reads it")
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


@pytest.mark.parametrize("more", [(), ("--force",)])
def test_a_training_spares_the_one_before_it(more: tuple[str, ...], tmp_path: Path) -> None:
    result = trained(tmp_path / "digits-dscnn", "--qat", *more)
    refused(result, 1, "the recipe 'digits-dscnn', which is trained before, goes there")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [n for n in training.FILES if n != training.RECIPE])
def test_files_under_a_name_of_a_trainings(name: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(recipes.dump(recipes.load("digits-dscnn")))
    put(tmp_path / name)
    if name != training.STATE:  # beside such a recipe it is of a training of version 0.1
        refused(trained(tmp_path), 1, f"{name} is there, and Ascua did not write it", "--force")
    for make, words in (OBSTACLES["a folder"], OBSTACLES["a link"]):
        out = tmp_path / "x/y"
        shutil.copytree(tmp_path, out, ignore=lambda *_: [name])
        make(out / name)
        before = everything(tmp_path)
        refused(trained(out), 1, f"{name} {words}", "--force")
        if words == "is a folder":
            refused(trained(out, "--force"), 1, f"{name} is a folder")
        assert everything(tmp_path) == before
        shutil.rmtree(tmp_path / "x")
    assert (tmp_path / name).read_text() == MINE


def test_a_training_knows_its_files(tmp_path: Path) -> None:
    """While they are unchanged; killed while one is replaced, it knows both."""
    out = tmp_path / "out"
    for text in ("first", "second"):
        training.write_text(out / "history.csv", text)
        assert not training.in_the_way(out, training.FILES)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["holds"] == "training"
    assert [*manifest["files"]] == ["history.csv"]

    def killed(to: Path, *_: object) -> Path:
        if to.name == "history.csv":
            raise KeyboardInterrupt
        return replace(to, *_)

    replace = Path.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            training.write_text(out / "history.csv", "third")
    assert (out / "history.csv").read_text() == "second"
    assert not training.in_the_way(out, training.FILES)
    training.write_text(out / "history.csv", "third")
    assert not training.in_the_way(out, training.FILES)
    (out / "history.csv").write_text("second")
    assert not training.in_the_way(out, training.FILES)
    (out / "history.csv").write_text("first")
    (found,) = training.in_the_way(out, training.FILES)
    assert (found.path, found.why) == ("history.csv", "changed since Ascua wrote it")


def test_a_training_of_an_earlier_version_is_known(tmp_path: Path) -> None:
    """It has no manifest: its result says of which model it is."""
    recipe = recipes.load("digits-dscnn")
    finished(tmp_path / "old", recipe)
    result = {"model_sha256": hashlib.sha256(b"").hexdigest()}
    (tmp_path / "old/result.json").write_text(json.dumps(result))
    put(tmp_path / "old/confusion.svg")
    assert not training.in_the_way(tmp_path / "old", training.FILES)
    training.write_text(tmp_path / "old/confusion.svg", "new")
    assert not training.in_the_way(tmp_path / "old", training.FILES)
    (tmp_path / "old/model.tflite").write_text(MINE)
    assert [o.path for o in training.in_the_way(tmp_path / "old", training.FILES)] == [
        "model.tflite"
    ]
    assert dataclasses.asdict(recipes.read(tmp_path / "old/recipe.toml")) == dataclasses.asdict(
        recipe
    )
