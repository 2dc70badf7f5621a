"""`ascua clean` tells what is kept, and removes what is named and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import ascua, refused

HASH = "0123456789abcdef"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in (
        f"build/firmware/model-host-{HASH}/firmware.elf",
        "build/firmware/mine/notes.txt",
        f"build/firmware/note-{HASH}",
        "build/other/model.tflite",
        "build/net/manifest.json",
        "build/net/model.keras",
        "cache/ascua/photos/folder-train-8x8x3-x/x.npy",
        "cache/ascua/study/outcomes/x",
        "cache/ascua/study-ab/work",
        "cache/ascua/cifar-10-batches-py/data_batch_1",
        "cache/another/thing",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 5000)
    told = {"schema": 1, "generator": "ascua", "holds": "training", "files": {}}
    (tmp_path / "build/net/manifest.json").write_text(json.dumps(told))
    return tmp_path


def files(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def test_it_tells_and_removes_nothing(here: Path) -> None:
    before = files(here)
    said = ascua("clean")
    assert said.code == 0
    assert "Nothing was removed" in said.out
    assert "`ascua clean firmware photos`" in said.out
    found = json.loads(ascua("clean", "--json").out)
    items = {p["name"]: p["items"] for p in found["places"]}
    assert items == {
        "firmware": 1, "photos": 1, "study": 2, "plugin": 0, "downloads": 1, "trainings": 1,
    }  # fmt: skip
    assert all(p["bytes"] >= 5000 for p in found["places"] if p["items"])
    assert found["freed_bytes"] == 0
    assert set(found) == {"schema", "places", "freed_bytes", "warnings"}
    assert "bytes would be freed" in ascua("clean", "study", "--dry-run").out
    assert files(here) == before


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("firmware", {f"build/firmware/model-host-{HASH}/firmware.elf"}),
        ("photos", {"cache/ascua/photos/folder-train-8x8x3-x/x.npy"}),
        ("study", {"cache/ascua/study/outcomes/x", "cache/ascua/study-ab/work"}),
        ("downloads", {"cache/ascua/cifar-10-batches-py/data_batch_1"}),
        ("trainings", {"build/net/manifest.json", "build/net/model.keras"}),
        ("plugin", set()),
    ],
)
def test_what_is_named_goes_and_nothing_else(name: str, gone: set[str], here: Path) -> None:
    before = files(here)
    said = ascua("clean", name)
    assert said.code == 0, said.err
    assert "bytes freed." in said.out
    assert before - files(here) == gone


def test_a_link_is_not_followed(here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (here / f"build/firmware/model-host-{HASH}/link").symlink_to(outside)
    (here / f"build/firmware/model-rp2040-{HASH}").symlink_to(outside)
    assert ascua("clean", "firmware").code == 0
    assert (outside / "kept").exists()


def test_unknown_names_are_answered(here: Path) -> None:
    before = files(here)
    refused(ascua("clean", "photos", "fotos"), 1, "fotos", "Did you mean 'photos'?")
    assert files(here) == before
    assert ascua("clean", "--build-dir", "absent").code == 0
