"""The folder that `ascua compile` writes: all or nothing, and nothing of anybody else's is lost."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ascua import measure, targets
from ascua.artifact import Artifact
from ascua.boards import load as load_board
from ascua.errors import InputError
from ascua.files import folders as folder_form
from ascua.model import load_model
from ascua.plan import Plan, plan
from ascua.samples import sample_vectors
from ascua.targets import folder as folders
from tests.support import network
from tests.support.command import Result, ascua, model_file, refused
from tests.support.examples import small
from tests.test_cli_errors import dense

FILES = {
    "CMakeLists.txt", "README.md", "include/small.h", "manifest.json", "src/small.c",
    "src/small_on.c", "src/small_weights.c", "src/small_weights.h", "test/main.c",
    "test/small_selftest.c", "test/small_selftest.h", "test/small_vectors.h",
}  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_file(tmp_path, small())


def compile_to(folder: Path, model: Path, *more: str) -> Result:
    return ascua("compile", model, "--board", "host", "-o", folder, *more)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_files_and_manifest(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new/lib"
    result = compile_to(folder, model)
    assert (result.code, result.err) == (0, "")
    written = files(folder)
    assert {p for p in written if not p.startswith("src/ascua/")} == FILES
    manifest = json.loads(written["manifest.json"])
    assert manifest["name"] == "small"
    assert manifest["board"] == "host"
    assert [manifest[key] for key in ("goal", "by_rows", "patch")] == ["balanced", False, 1]
    assert manifest["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert manifest["files"] == {
        p: hashlib.sha256(data).hexdigest() for p, data in written.items() if p != "manifest.json"
    }
    assert not any(p.name.startswith(".") for p in tmp_path.rglob("*"))
    kernels = {f"src/ascua/{s['kernel']}.h" for s in manifest["steps"]}
    assert kernels <= set(written)


def test_json(model: Path, tmp_path: Path) -> None:
    found = json.loads(compile_to(tmp_path / "lib", model, "--json").out)
    planned = load_model(model).plan(load_board("host"))
    assert found["ram_bytes"]["arena"] == planned.arena.bytes
    assert found["board"] == "host"


def test_the_same_again_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    compile_to(tmp_path / "a", model)
    before = files(tmp_path / "a")
    assert compile_to(tmp_path / "a", model).code == 0
    compile_to(tmp_path / "b", model)
    assert files(tmp_path / "a") == files(tmp_path / "b") == before


def test_another_library_replaces_the_files_and_keeps_others(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    compile_to(folder, model)
    (folder / "build").mkdir()
    (folder / "build/mine.o").write_text("mine")
    assert compile_to(folder, model_file(tmp_path, dense(4, 3), "other")).code == 0
    assert (folder / "build/mine.o").read_text() == "mine"
    assert not [p for p in files(folder) if "small" in p]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(files(folder)) == {*manifest["files"], "manifest.json", "build/mine.o"}


def test_changed_files_are_not_lost(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    compile_to(folder, model)
    (folder / "src/small.c").write_text("mine")
    refused(compile_to(folder, model), 1, str(folder), "src/small.c changed", "--force")
    assert (folder / "src/small.c").read_text() == "mine"
    assert compile_to(folder, model, "--force").code == 0
    assert (folder / "src/small.c").read_text() != "mine"
    (folder / "src/small.c").unlink()
    assert compile_to(folder, model).code == 0


@pytest.mark.parametrize(
    "manifest",
    [None, "{}", "[]", '{"generator": "other", "files": {}}', '{"name": "an app"}', "\x00",
     '{"generator": "ascua 1", "files": {"../../model": ""}}', '{"generator": 1}'],
)  # fmt: skip
def test_folders_of_others_are_left_alone(
    manifest: str | None, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    before = files(folder)
    refused(compile_to(folder, model), 1, str(folder), "Ascua did not write it", "--force")
    assert files(folder) == before
    assert compile_to(folder, model, "--force").code == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert model.exists()


@pytest.mark.parametrize("path", ["file", "file/lib", "file/a/b"])
def test_a_file_is_in_the_way(path: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(compile_to(tmp_path / path, model), 1, str(tmp_path / path), "not a folder", "`-o`")
    assert (tmp_path / "file").read_text() == "mine"


def full_at(at: int, original: Callable[..., object]) -> Callable[..., object]:
    """`original`, but the disk is full at one of its calls."""
    calls = itertools.count()

    def call(*arguments: object, **named: object) -> object:
        if next(calls) == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*arguments, **named)

    return call


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("method", ["write_bytes", "rename"])
def test_full_disk(
    method: str, existing: bool, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at each file that is written, or moved, in turn: all is as it was."""
    folder = tmp_path / "some/lib"
    other = model_file(tmp_path, dense(4, 3), "other")
    if existing:
        compile_to(folder, other)
        (folder / "mine").write_text("mine")
    before = files(tmp_path)
    for fails_at in range(0, 60, 3):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, full_at(fails_at, getattr(Path, method)))
            result = compile_to(folder, model)
        if result.code == 0:
            assert fails_at > (12 if existing or method == "write_bytes" else 0)
            return
        refused(result, 1, str(folder), "No space left", "disk is not full")
        assert files(tmp_path) == before
        assert folder.exists() == existing
    pytest.fail("it never came through")


def test_the_folder_is_checked_before_the_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = compile_to(tmp_path / "file", tmp_path / "none.tflite")
    refused(result, 1, "not a folder")


def test_strange_names(tmp_path: Path) -> None:
    for stem, name in (("1 näme", "model_1_n_me"), ("String", "model_string"), ("  ", "model")):
        model = model_file(tmp_path, network(*small().ops[:1]), stem)
        assert compile_to(tmp_path / f"lib {stem}", model).code == 0
        assert (tmp_path / f"lib {stem}/include/{name}.h").exists()


def test_checked_again_when_written(model: Path, tmp_path: Path) -> None:
    """`write_folder` does not rely on its caller."""
    loaded = load_model(model)
    planned = loaded.plan(load_board("host"))
    library = measure.compile_model(loaded, planned, None)
    xs = sample_vectors(loaded.graph)
    with pytest.raises(InputError, match="Ascua did not write it"):
        folders.write_folder(tmp_path, planned, library, xs, xs, model="m", sha256="0", force=False)


BOARD = """
name = "another"
title = "A board of another target"
target = "fpga"
memories = [
  { name = "flash", origin = 0x0, bytes = 0x100000, use = "rx" },
  { name = "ram", origin = 0x20000000, bytes = 0x10000, use = "rw" },
]
[core]
name = "another"
cflags = []
"""


def test_the_artifact_of_another_target_is_a_folder_too(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is the target's: name, bytes, what is added for people, and how it is used."""
    form = folder_form.Form("weights", lambda path, _: path.endswith(".bin"), "-o")

    def emit(planned: Plan, name: str) -> Artifact:
        graph = planned.graph
        steps = tuple(s.name for s in planned.steps)
        files = {f"{name}.bin": bytes(range(256))}
        return Artifact(
            name=name, files=files, inputs=graph.inputs, outputs=graph.outputs, steps=steps
        )

    other = targets.Target(
        lower=plan, emit=emit, named=str.upper, form=form,
        extras=lambda _, xs, ys, _labels: {"x.bin": xs[0].tobytes(), "y.bin": ys[0].tobytes()},
        flat=lambda _, files: files, usage=lambda made: f"flash {made.name}.bin",
    )  # fmt: skip
    monkeypatch.setattr(targets, "TARGETS", {**targets.TARGETS, "fpga": other})
    (tmp_path / "another.toml").write_text(BOARD)
    for _ in range(2):
        result = ascua("compile", model, "--board", tmp_path / "another.toml", "-o", tmp_path / "o")
        assert (result.code, result.err) == (0, "")
        assert result.out == f"4 files in {tmp_path / 'o'}: flash SMALL.bin\n"
    written = files(tmp_path / "o")
    assert {*written} == {"SMALL.bin", "manifest.json", "x.bin", "y.bin"}
    assert written["SMALL.bin"] == bytes(range(256))
    assert json.loads(written["manifest.json"])["holds"] == "weights"
    refused(compile_to(tmp_path / "o", model), 1, "Ascua did not write it as a C library")
    result = ascua("run", model, "--board", tmp_path / "another.toml", "--build-dir", tmp_path)
    refused(result, 1, "its file names no runner")
    odd = BOARD.replace("target =", 'cc = "cc"\nrunner = "host"\nstartup = "posix"\ntarget =')
    (tmp_path / "odd.toml").write_text(odd)
    result = ascua("run", model, "--board", tmp_path / "odd.toml", "--build-dir", tmp_path)
    refused(result, 1, "its runner 'host' cannot run what its target 'fpga' makes")


def test_names_that_are_given(model: Path, tmp_path: Path) -> None:
    assert compile_to(tmp_path / "lib", model, "--name", "Net_2").code == 0
    assert (tmp_path / "lib/include/Net_2.h").exists()
    assert compile_to(tmp_path / "keyword", model, "--name", "int").code == 0
    for name in ("", "2net", "my net", "a-b", "näme", "string", "_x", "x" * 64, "a\n"):
        result = compile_to(tmp_path / "bad", model, "--name", name)
        refused(result, 1, "cannot be the name of a C library", "`--name ")
        assert not (tmp_path / "bad").exists()
