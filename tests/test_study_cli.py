"""`ascua study` and `ascua report`: files of studies, what is run, what is told."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascua import boards, results, study
from ascua.errors import InputError, ToolMissing
from ascua.report import study as report
from ascua.results import CellResult
from ascua.run import build
from ascua.study import matrix
from ascua.study.stages import KERAS
from tests.support.command import ascua, process, refused
from tests.support.tools import require_board

M3 = "lm3s6965evb"
RECIPE = """
name = "mine"
title = "Five kinds of noise"
dataset = "npz"
model = "dscnn"
input = [9, 9, 3]
classes = 5
epochs = 2
batch = 8
lr = 1e-3

[network]
channels = [4, 8, 8, 8, 8]
"""
STUDY = """
title = "Noise, pruned"
seeds = [1]
forms = ["keras", "int8"]
boards = ["lm3s6965evb"]

[prune]
methods = ["l1"]
ratios = [0.5]
epochs = 1

[[networks]]
name = "tiny"
recipe = "mine.toml"
data_dir = "noise.npz"
"""


def written(folder: Path) -> Path:
    """A study of a tiny network on noise, in `folder`."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (40, 9, 9, 3), np.uint8), np.arange(40) % 5
    np.savez(folder / "noise.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (folder / "mine.toml").write_text(RECIPE)
    (folder / "noise.toml").write_text(STUDY)
    return folder / "noise.toml"


@pytest.fixture(autouse=True)
def as_in_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags of compilers are part of keys, and this process has stricter ones than workers."""
    monkeypatch.setattr(build, "WARNINGS", ())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that has been carried out."""
    require_board(boards.load(M3))
    folder = tmp_path_factory.mktemp("study")
    file = written(folder)
    done = process("study", file, *places(folder))
    assert done.code == 0, done.err
    assert "noise: 4 cells, 4 new, 0 failed." in done.out
    assert "[4/4]" in done.err
    return folder


def places(folder: Path) -> tuple[object, ...]:
    return "--cache", folder / "cache", "--results", folder / "results"


def test_every_cell_is_a_line(ran: Path) -> None:
    found = {r.cell: r for r in results.study(ran / "results", "noise")}
    assert list(found) == [
        n for n in found if n in {
            "tiny/none/0/keras/1", f"tiny/none/0/int8/1/{M3}",
            "tiny/l1/50/keras/1", f"tiny/l1/50/int8/1/{M3}",
        }
    ]  # fmt: skip
    assert len(found) == 4
    whole, pruned = (found[f"tiny/{m}/int8/1/{M3}"] for m in ("none/0", "l1/50"))
    for row in (whole, pruned):
        assert row.failed is None
        assert row.accuracy is not None
        assert row.flash_bytes is not None
        assert row.ram_bytes is not None
        assert row.cycles is not None
        assert row.samples == 4
    assert whole.instructions is not None
    assert pruned.instructions is not None
    assert pruned.instructions < whole.instructions
    assert pruned.layers["block1_pointwise"] == (8, 4)
    assert whole.layers == {}
    keras = found["tiny/none/0/keras/1"]
    assert (keras.board, keras.instructions) == (None, None)
    assert keras.bytes is not None
    assert str(ran) not in (ran / "results/studies/noise.jsonl").read_text()


def test_nothing_is_done_again(ran: Path) -> None:
    before = (ran / "results/studies/noise.jsonl").read_bytes()
    for more in ((), ("--again",)):
        done = ascua("study", "run", ran / "noise.toml", *places(ran), *more, "--json")
        assert done.code == 0, done.err
        told = json.loads(done.out)
        assert set(told) == {"schema", "study", "results", "failed", "warnings"}
        assert len(told["results"]) == 4
        assert told["failed"] == []
    assert (ran / "results/studies/noise.jsonl").read_bytes() == before


def test_with_the_results_alone_nothing_is_done_again(ran: Path, tmp_path: Path) -> None:
    done = ascua(
        "study", ran / "noise.toml", "--cache", tmp_path / "new", "--results", ran / "results"
    )
    assert done.code == 0, done.err
    assert "0 new" in done.out
    assert not (tmp_path / "new/outcomes").exists()


def test_the_trained_network_is_kept_beside_the_results(ran: Path, tmp_path: Path) -> None:
    kept = list((ran / "results/studies/noise").glob("*.zip"))
    assert len(kept) == 1
    other = study.Cache(str(tmp_path / "new"), (ran / "results/studies/noise",))
    cells = study.Cells(study.load(str(ran / "noise.toml")), None).chosen()
    there = study.survey(cells, other)
    assert [o.kind for o in there.values()] == ["train"]
    other.unpack(kept[0].stem, tmp_path / "out")
    assert (tmp_path / "out" / KERAS).is_file()


def test_status_and_bill(ran: Path) -> None:
    told = json.loads(ascua("study", ran / "noise.toml", *places(ran), "--status", "--json").out)
    assert told.pop("warnings") == []
    assert set(told) == {
        "schema", "study", "cells", "known", "failed", "stages_left", "stages_known", "running",
        "stopped", "cpu_hours_spent", "cache_bytes",
    }  # fmt: skip
    assert (told["cells"], told["known"], told["stages_left"]) == (4, 4, 0)
    said = ascua("study", ran / "noise.toml", *places(ran), "--status")
    assert "Nothing is left." in said.out
    told = json.loads(ascua("study", ran / "noise.toml", *places(ran), "--dry-run", "--json").out)
    assert set(told) == {
        "schema", "study", "cells", "known", "stages", "stages_known", "cpu_seconds", "jobs",
        "hours", "bytes", "warnings",
    }  # fmt: skip
    assert (told["known"], told["hours"], told["stages"]) == (4, 0.0, {})


def test_what_will_take_too_long_is_not_begun(ran: Path) -> None:
    longer = ran / "longer.toml"
    longer.write_text((ran / "noise.toml").read_text().replace("seeds = [1]", "seeds = [1, 2, 3]"))
    told = ascua("study", longer, *places(ran), "--dry-run")
    assert told.code == 0, told.err
    assert "12 cells, 0 of them known." in told.out
    assert "train" in told.out
    refused(
        ascua("study", longer, *places(ran), "--most-hours", "0.0001"), 1,
        "--most-hours is 0.0001", "--only",
    )  # fmt: skip
    assert not (ran / "results/studies/longer.jsonl").exists()


def test_one_seed_more_does_only_that(ran: Path) -> None:
    cells = study.Cells(study.load(str(ran / "noise.toml")), None).chosen()
    cache = study.Cache(str(ran / "cache"))
    more = ran / "more.toml"
    more.write_text((ran / "noise.toml").read_text().replace("epochs = 1", "epochs = 3"))
    changed = study.Cells(study.load(str(more)), None).chosen()
    there = study.survey(changed, cache)
    assert {o.kind for o in there.values()} == {"train", "prune"}
    assert len(there) == 2
    assert len(study.survey(cells, cache)) == len(study.stages_of(cells))


def test_report(ran: Path, tmp_path: Path) -> None:
    said = ascua("report", ran / "noise.toml", "--results", ran / "results")
    assert said.code == 0, said.err
    assert f"tiny on {M3}:" in said.out
    assert "1 seed: no spread is known" in said.out
    done = ascua("report", ran / "noise.toml", "--results", ran / "results", "-o", tmp_path / "r")
    assert done.code == 0, done.err
    assert {p.name for p in (tmp_path / "r").iterdir()} == {
        "report.md", "cells.csv", f"tiny-{M3}.svg", "manifest.json",
    }  # fmt: skip
    page = (tmp_path / "r/report.md").read_text()
    for words in ("## The answer", "## On boards", "| tiny | block1_pointwise | 8 | 50 %: 4 |"):
        assert words in page
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r/cells.csv").read_text())))
    assert len(rows) == 4
    told = json.loads(
        ascua("report", ran / "noise.toml", "--results", ran / "results", "--json").out
    )
    assert set(told) == {"schema", "study", "answers", "results", "out", "warnings"}


def test_report_of_nothing(ran: Path, tmp_path: Path) -> None:
    refused(
        ascua("report", ran / "noise.toml", "--results", tmp_path), 1,
        "nothing is known of noise", f"ascua study {ran}/noise.toml",
    )  # fmt: skip


@pytest.mark.slow
def test_layout(ran: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    command = ("report", ran / "noise.toml", "--layout", "X_Y", "-o", tmp_path / "nets",
               "--cache", ran / "cache", "--results", ran / "results")  # fmt: skip
    done = process(*command)
    assert done.code == 0, done.err
    folder = tmp_path / "nets/L1/tiny_50"
    assert {p.name for p in folder.iterdir()} == {
        "pruned.keras", "pruned_int8.tflite", "tiny_50.ipynb", "manifest.json",
    }  # fmt: skip
    book = json.loads((folder / "tiny_50.ipynb").read_text())
    printed = "".join(
        text for cell in book["cells"] for out in cell.get("outputs", ())
        for text in (out.get("text", ()))
    )  # fmt: skip
    assert "pruned.keras" in printed
    assert "% right" in printed
    assert "by TensorFlow Lite" in printed
    before = (folder / "tiny_50.ipynb").stat().st_mtime_ns
    assert process(*command).code == 0
    assert (folder / "tiny_50.ipynb").stat().st_mtime_ns == before


def test_layout_needs_a_folder_and_nbclient(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = ("--results", ran / "results")
    refused(ascua("report", ran / "noise.toml", *there, "--layout", "X_Y"), 1, "where to?", "--out")
    monkeypatch.setitem(sys.modules, "nbclient", None)
    done = ascua("report", ran / "noise.toml", "--layout", "X_Y", "-o", tmp_path / "n",
                 "--results", ran / "results")  # fmt: skip
    refused(done, 2, "nbclient", "'.[notebook]'")


def test_clean(ran: Path, tmp_path: Path) -> None:
    shutil.copytree(ran / "cache", tmp_path / "cache")
    count = len(list((tmp_path / "cache/outcomes").glob("*.zip")))
    kept = ascua("study", "clean", ran / "noise.toml", "--cache", tmp_path / "cache", "--json")
    told = json.loads(kept.out)
    assert set(told) == {"schema", "cache", "outcomes", "bytes", "unfinished", "warnings"}
    trials = told["outcomes"]  # what --dry-run has timed belongs to no cell
    assert len(list((tmp_path / "cache/outcomes").glob("*.zip"))) == count - trials
    (tmp_path / "cache/work/abc").mkdir(parents=True)
    dry = ascua("study", "clean", "--cache", tmp_path / "cache", "--dry-run")
    assert f"{count - trials} outcomes" in dry.out
    assert "1 unfinished stages would be removed" in dry.out
    done = ascua("study", "clean", "--cache", tmp_path / "cache")
    assert done.code == 0, done.err
    assert not list((tmp_path / "cache/outcomes").glob("*.zip"))
    assert not list((tmp_path / "cache/work").iterdir())


def test_a_failing_cell_is_told_and_the_others_go_on(ran: Path) -> None:
    """A board that is too small is a result; what is not there may be the next time."""
    small = ran / "small.toml"
    text = (ran / "noise.toml").read_text()
    (ran / "tiny-board.toml").write_text(
        (boards.FOLDER / f"{M3}.toml").read_text().replace(f'"{M3}"', '"tiny-board"')
        .replace("64K", "1K").replace("0x10000", "0x400").replace("65536", "1024")
    )  # fmt: skip
    small.write_text(text.replace(f'["{M3}"]', f'["{M3}", "tiny-board.toml"]'))
    done = ascua("study", small, *places(ran))
    assert done.code == 0, done.err
    found = {r.board: r for r in results.study(ran / "results", "small") if r.board}
    failed = found["tiny-board"].failed
    assert failed is not None
    assert failed.startswith("compile: ")
    assert "does not fit" in failed
    assert found[M3].failed is None
    assert "failed: compile" in done.out


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = ascua("study", file, *places(tmp_path), "--engine", "ray")
    refused(done, 2, "Ray is not installed", "'.[ray]'", "--engine processes")


def test_an_address_without_ray(tmp_path: Path) -> None:
    done = ascua("study", written(tmp_path), *places(tmp_path), "--address", "10.0.0.1:6379")
    refused(done, 1, "--address 10.0.0.1:6379", "--engine ray")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = [1]", "sedes = [1]", ("unknown key 'sedes'", "'seeds'")),
        ("seeds = [1]", 'seeds = ["x"]', ("seeds", "expected int")),
        ('"int8"]', '"int9"]', ("forms", "'int9'", "'int8'")),
        ('["lm3s6965evb"]', '["lm3s"]', ("no board called 'lm3s'", M3)),
        ('["lm3s6965evb"]', '["maix-bit"]', ("maix-bit: nothing counts there",)),
        ("seeds = [1]", 'name = "x"', ("called as its file is",)),
        ("boards =", 'goals = ["fast"]\nboards =', ("fast",)),
        ("boards =", "samples = 0\nboards =", ("samples must be at least 1",)),
        ('["l1"]', '["l7"]', ("l7", "bn-scale, fpgm, l1,")),
        ("[0.5]", "[1.5]", ("1.5", "between 0 and 1")),
        ("[0.5]", "[]", ("ratios: the list is empty",)),
        ("[0.5]", "[0.5, 0.500000001]", ("ratios: 50 % is there twice",)),
        ("seeds = [1]", "seeds = []", ("seeds: the list is empty",)),
        ("seeds = [1]", "seeds = [1, 1]", ("seeds: 1 is there twice",)),
        ('["lm3s6965evb"]', '["lm3s6965evb", "lm3s6965evb"]', ("lm3s6965evb is there twice",)),
        ("seeds = [1]", "seeds = [1]\nquantize = { foo = 1 }", ("quantize: unknown key 'foo'",)),
        ("seeds = [1]", 'seeds = [1]\nquantize = { scheme = "int8" }', ("one of the `forms`",)),
        ('name = "tiny"', 'name = "../tiny"', ("names of cells and files",)),
        ('name = "tiny"', "name = \"tiny\"\nchanges = { seed = 7 }", ("the study decides that",)),
        ("epochs = 1", "epochs = 0", ("epochs must be at least 1",)),
        ("epochs = 1", 'epochs = 1\nscratch = "l9"', ("l9",)),
        ('recipe = "mine.toml"', 'recipe = "mnist"', ("no recipe called 'mnist'", "mnist-lenet5")),
        ('recipe = "mine.toml"', 'recipe = "cifar10-dscnn-qat"', ("trains for int8",)),
        ('name = "tiny"', "changes = { epcohs = 3 }", ("epcohs", "'epochs'")),
        ('name = "tiny"', "prune = { ratio = [0.3] }", ("'ratio'", "'ratios'")),
        ('data_dir = "noise.npz"', 'data_dir = "nois.npz"', ("nois.npz",)),
        ("[[networks]]", '[[networks]]\nname = "tiny"\nrecipe = "mine.toml"\n[[networks]]',
         ("tiny is there twice",)),
        ("[[networks]]", "[[network]]", ("unknown key 'network'", "'networks'")),
        ("[prune]", "[prune", ("not a TOML file",)),
    ],
)  # fmt: skip
def test_wrong_studies(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    file = written(tmp_path)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    refused(ascua("study", file, *places(tmp_path), "--status"), 1, *words)
    assert not (tmp_path / "results").exists()


def test_a_study_without_pruning_says_nothing_of_it(tmp_path: Path) -> None:
    file = written(tmp_path)
    text = file.read_text()
    at = text.index("[prune]")
    file.write_text(text[:at] + text[text.index("[[networks]]") :])
    cells = study.Cells(study.load(str(file)), None).chosen()
    assert [c.name for c in cells] == ["tiny/none/0/keras/1", f"tiny/none/0/int8/1/{M3}"]
    file.write_text(file.read_text() + "prune = { epochs = 2 }\n")
    refused(ascua("study", file, "--status"), 1, "the study has no [prune]")


def test_finished_files(tmp_path: Path) -> None:
    """Boards and goals side by side for a file that is there; nothing is trained."""
    for name in (M3, "mps2-an386"):
        require_board(boards.load(name))
    shutil.copy(Path(__file__).parent / "golden/small/model.tflite", tmp_path / "small.tflite")
    file = tmp_path / "files.toml"
    file.write_text(
        f"""
title = "A file on two boards"
boards = ["{M3}", "mps2-an386"]
goals = ["balanced", "size"]
[[networks]]
file = "small.tflite"
"""
    )
    told = ascua("study", file, *places(tmp_path), "--dry-run")
    assert (told.code, "4 cells, 0 of them known." in told.out) == (0, True), told.err
    done = ascua("study", file, *places(tmp_path))
    assert done.code == 0, done.err
    found = results.study(tmp_path / "results", "files")
    assert {(r.board, r.goal) for r in found} == {
        (b, g) for b in (M3, "mps2-an386") for g in ("balanced", "size")
    }
    assert all(r.instructions and r.flash_bytes and r.accuracy is None for r in found)
    said = ascua("report", file, "--results", tmp_path / "results")
    assert said.code == 0, said.err
    assert "points" not in said.out
    (tmp_path / "small.tflite").write_bytes(b"none")
    refused(ascua("study", file, *places(tmp_path)), 1, "small.tflite")
    file.write_text(file.read_text().replace("file =", 'recipe = "mnist-lenet5"\nfile ='))
    refused(ascua("study", file, *places(tmp_path)), 1, "either a `recipe` or a .tflite `file`")
    file.write_text(file.read_text().replace('recipe = "mnist-lenet5"', "seeds = [3]"))
    refused(ascua("study", file, *places(tmp_path)), 1, "neither trained, pruned nor quantised")


def test_unknown_names() -> None:
    refused(
        ascua("study", "mobilenet-k210.toml"), 1, "no such file", "`ascua study mobilenet-k210`"
    )
    refused(ascua("study", "pruning"), 1, "no study called 'pruning'", "'pruning-study'")
    refused(ascua("study", "x.toml"), 1, "x.toml")
    refused(ascua("report", "pruning"), 1, "no study called 'pruning'")


def test_the_projects_study() -> None:
    """The file that comes with Ascua restates the project's matrix."""
    found = study.load("pruning-study")
    assert found.prune is not None
    assert found.prune.methods == ("apoz", "l1", "random")
    assert found.prune.ratios == (0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9)
    assert found.forms == ("keras", "float", "int8")
    recipes = {matrix.named(n): matrix.recipe_of(n, 1) for n in found.networks}
    told = {name: (r.dataset, r.model) for name, r in recipes.items()}
    assert told == {
        "LeNet": ("mnist", "lenet5"), "DS-CNN": ("cifar10", "dscnn"),
        "VGG": ("cifar10", "vgg_small"), "SqueezeNet": ("imagenette", "squeezenet"),
    }  # fmt: skip


def test_results_stay_known_when_boards_get_a_field() -> None:
    """What a board says counts, and what it leaves as it is by default does not."""
    board = boards.load("nrf52840")
    described = matrix._described(board)
    assert described["core"].keys() >= {"name", "cflags", "features", "timing"}
    assert not described["core"].keys() & {"costs", "int_bits", "constants"}
    other = replace(board, core=replace(board.core, costs="cortex-m4"))
    assert matrix._described(other) != described


def test_only(tmp_path: Path) -> None:
    every = study.Cells(study.load(str(written(tmp_path))), None)
    assert [c.name for c in every.chosen(["tiny/l1"])] == [
        "tiny/l1/50/keras/1", f"tiny/l1/50/int8/1/{M3}",
    ]  # fmt: skip
    assert len(every.chosen(["*/keras/*"])) == 2
    assert [c.name for c in every.chosen()] == every.names()
    with pytest.raises(InputError, match="no cell is called so") as e:
        every.chosen(["lenet/*"])
    assert "tiny/none/0/keras/1" in e.value.things_to_try[0]


def test_only_data_of_what_is_chosen_are_read(tmp_path: Path) -> None:
    file = written(tmp_path)
    more = '[[networks]]\nname = "other"\nrecipe = "mine.toml"\ndata_dir = "not-there.npz"\n'
    file.write_text(f"{file.read_text()}\n{more}")
    every = study.Cells(study.load(str(file)), None)
    assert len(every.chosen(["tiny/*"])) == 4
    with pytest.raises(InputError, match="not-there"):
        every.chosen()


CELL = CellResult(
    cell="net/none/0/int8/1/b", network="net", method="none", ratio=0.0, form="int8", seed=1,
    board="b", goal="balanced", definition="d", key="k", commit=None, clean=None,
    accuracy=0.9, instructions=1000, bytes=10, uj=50.0, uj_error=(-0.2, 0.3),
)  # fmt: skip


def cell(method: str, ratio: float, seed: int, accuracy: float, count: int) -> CellResult:
    name = f"net/{method}/{ratio}/int8/{seed}/b"
    return replace(
        CELL, cell=name, method=method, ratio=ratio, seed=seed, accuracy=accuracy,
        instructions=count, definition=name, key=name, uj=count / 20,
    )  # fmt: skip


FOUND = [
    *(cell("none", 0.0, s, a, 1000) for s, a in ((1, 0.90), (2, 0.91), (3, 0.92))),
    *(cell("l1", 0.5, s, a, 400) for s, a in ((1, 0.895), (2, 0.905), (3, 0.912))),
    *(cell("random", 0.5, s, a, 400) for s, a in ((1, 0.86), (2, 0.88), (3, 0.87))),
    *(cell("l1", 0.9, s, a, 100) for s, a in ((1, 0.70), (2, 0.70), (3, 0.70))),
]


def test_sentences() -> None:
    among = report.groups(FOUND)
    first, second, third = report.answers(among)
    assert first == (
        "net on b: for at most 1 point on average `l1` goes to 50 %: 60.0 % fewer instructions,"
        " accuracy -0.60 ± 0.43 points, an estimated 20 in place of 50 µJ an inference"
        " (3 seeds, 95 % confidence)."
    )
    assert second == first.replace("1 point on average ", "3 points ")
    assert third.startswith("net on b: at 50 % `l1` stands +3.40 ± ")
    assert third.endswith(
        "points beside a random ranking: beyond the spread (3 seeds, 95 % confidence)."
    )


def test_front_and_tables() -> None:
    among = report.groups(FOUND)
    best = [g.said for g in report.front(among, "instructions")]
    assert best == ["l1 90 %", "l1 50 %", "none"]
    rows = report.on_boards(among)
    assert [(r[3], r[4], r[-1]) for r in rows] == [
        ("none", "0 %", "*"), ("l1", "50 %", "*"), ("random", "50 %", ""), ("l1", "90 %", "*"),
    ]  # fmt: skip
    assert rows[0][5] == "91.00 ± 2.48 %"
    assert rows[1][10] == "-60.0 %"
    assert rows[0][12] == "50.0 (-20..+30 %)"


def test_failed_cells_are_told_and_counted_nowhere() -> None:
    bad = replace(cell("l1", 0.5, 4, 0.0, 0), failed="compile: it does not fit", accuracy=None,
                  instructions=None)  # fmt: skip
    among = report.groups([*FOUND, bad])
    assert report.answers(among) == report.answers(report.groups(FOUND))
    assert "- net, l1 50 %, int8 on b: compile: it does not fit" in report.document("T", among)


def test_the_last_line_of_a_cell_counts() -> None:
    again = replace(FOUND[0], accuracy=0.99, key="other")
    group = report.groups([*FOUND, again])[0]
    assert group.values("accuracy")[1] == 0.99


@pytest.mark.parametrize("seeds", [*range(2, 32), 60, 200])
def test_intervals_are_students(seeds: int) -> None:
    """Half-widths as SciPy computes them."""
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(seeds).normal(90, 3, seeds)
    found = report.interval(list(values))
    low, high = stats.t.interval(0.95, seeds - 1, values.mean(), stats.sem(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.mean - found.half == pytest.approx(low, abs=2e-3)
    assert found.mean + found.half == pytest.approx(high, abs=2e-3)


def test_over_shares_that_all_seeds_have() -> None:
    """A seed that has other shares than another one is compared at those that both have."""
    found = [
        *(cell(m, r, s, a, 100) for m, r, s, a in (
            ("l1", 0.1, 1, 0.9), ("random", 0.1, 1, 0.8), ("l1", 0.9, 1, 0.5),
            ("random", 0.9, 1, 0.5), ("l1", 0.1, 2, 0.9), ("random", 0.1, 2, 0.8),
        )),
        cell("none", 0.0, 1, 0.9, 1000),
    ]  # fmt: skip
    said = report.answers(report.groups(found))[-1]
    assert said.startswith("net on b: at 10 % `l1` stands +10.00 ± 0.00 points")
    apart = [r for r in found if (r.seed, r.ratio) != (1, 0.1) and r.method != "none"]
    assert not any("stands" in text for text in report.answers(report.groups(apart)))


def test_forms_are_told_apart() -> None:
    other = [replace(r, form="int16x8", cell=f"{r.cell}-16", key=f"{r.key}-16") for r in FOUND]
    among = report.groups([*FOUND, *other])
    assert {text.partition(":")[0] for text in report.answers(among)} == {
        "net on b, int8", "net on b, int16x8",
    }  # fmt: skip
    assert set(report.pictures(among)) == {"net-b-int8.svg", "net-b-int16x8.svg"}


def test_a_network_that_does_not_fit_is_told() -> None:
    found = [
        replace(r, failed="compile: it does not fit", instructions=None)
        if r.method == "none"
        else r
        for r in FOUND
    ]
    among = report.groups(found)
    (said,) = report.answers(among)
    assert said.startswith(
        "net on b: the whole network does not run there; `l1` 50 % does, accuracy"
    )
    assert report.forms(among)[0][4] == "91.00 ± 2.48 %"


@pytest.mark.parametrize("value", [float("nan"), 7.5, -1.0])
def test_figures_that_none_can_be_are_refused(tmp_path: Path, value: float) -> None:
    folder = tmp_path / "results/studies"
    folder.mkdir(parents=True)
    line = {**FOUND[0].line(), "accuracy": value}
    (folder / "noise.jsonl").write_text(json.dumps(line) + "\n")
    done = ascua("report", written(tmp_path), "--results", tmp_path / "results")
    refused(done, 1, "noise.jsonl, line 1", "accuracy")


def test_a_board_is_known_by_its_content(tmp_path: Path) -> None:
    """Another board under the same name is another cell; the same from another folder is not."""
    file = written(tmp_path)
    board = (boards.FOLDER / f"{M3}.toml").read_text()
    (tmp_path / "mine-board.toml").write_text(board.replace(f'"{M3}"', '"mine"', 1))
    file.write_text(file.read_text().replace(f'["{M3}"]', '["mine-board.toml"]'))

    def definitions() -> set[str]:
        cells = study.Cells(study.load(str(file)), None).chosen()
        return {c.definition for c in cells if "board" in c.axes}

    first = definitions()
    (tmp_path / "mine-board.toml").write_text((tmp_path / "mine-board.toml").read_text() + "\n# .")
    assert definitions() == first
    changed = (tmp_path / "mine-board.toml").read_text().replace("title = ", 'title = "x" # ')
    (tmp_path / "mine-board.toml").write_text(changed)
    assert not definitions() & first
    (tmp_path / "elsewhere").mkdir()
    for name in ("noise.toml", "mine.toml", "noise.npz", "mine-board.toml"):
        shutil.copy(tmp_path / name, tmp_path / "elsewhere")
    there = study.Cells(study.load(str(tmp_path / "elsewhere/noise.toml")), None).chosen()
    assert {c.definition for c in there if "board" in c.axes} == definitions()


def test_weights_are_known_by_their_content(tmp_path: Path) -> None:
    file = written(tmp_path)
    weights = tmp_path / "w.keras"
    weights.write_bytes(b"one")
    file.write_text(
        file.read_text().replace(
            'name = "tiny"', f'name = "tiny"\nchanges = {{ weights = "{weights}" }}'
        )
    )
    first = study.Cells(study.load(str(file)), None).chosen()[0].definition
    weights.write_bytes(b"two")
    assert study.Cells(study.load(str(file)), None).chosen()[0].definition != first


def test_names_are_no_patterns(tmp_path: Path) -> None:
    cells = study.Cells(study.load(str(written(tmp_path))), None)
    exact = cells.names()[0]
    assert [c.name for c in cells.chosen([exact])] == [exact]


def test_clean_spares_what_is_kept_beside_the_results(ran: Path, tmp_path: Path) -> None:
    """The base network is beside the results alone: what was made of it is needed all the same."""
    shutil.copytree(ran / "cache", tmp_path / "cache")
    (kept,) = (ran / "results/studies/noise").glob("*.zip")
    (tmp_path / "cache/outcomes" / kept.name).unlink()
    command = ("study", "clean", ran / "noise.toml", "--cache", tmp_path / "cache", "--dry-run")
    all_of_it = json.loads(ascua(*command, "--json").out)["outcomes"]
    spared = json.loads(ascua(*command, "--results", ran / "results", "--json").out)["outcomes"]
    assert spared < 5 < all_of_it
    refused(ascua("study", "clean", "--cache", tmp_path / "no"), 1, "no such folder")
    assert not (tmp_path / "no").exists()


def test_asking_writes_nothing_here(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ascua("study", ran / "noise.toml", *places(ran), "--status").code == 0
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), max_size=30))
def test_nothing_beats_the_front(points: list[tuple[int, int]]) -> None:
    among = report.groups(
        cell("l1", 0.01 + i / 100, 1, a / 50, c) for i, (c, a) in enumerate(points)
    )
    best = report.front(among, "instructions")
    found: list[tuple[Any, Any]] = [(g.mean("instructions"), g.mean("accuracy")) for g in among]
    for g in best:
        c, a = g.mean("instructions"), g.mean("accuracy")
        assert not any(x <= c and y >= a and (x, y) != (c, a) for x, y in found)
    for c, a in found:
        assert any(
            g.mean("instructions") <= c and g.mean("accuracy") >= a
            for g in best  # type: ignore[operator]
        )


def test_pictures_are_drawn() -> None:
    ((name, svg),) = report.pictures(report.groups(FOUND)).items()
    assert name == "net-b.svg"
    assert svg.count("<circle") == 4
    assert 'class="bar' in svg
    assert "nan" not in svg


def test_a_missing_tool_names_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is wrong with this computer is no result."""
    file = written(tmp_path)

    def missing(_: object) -> object:
        raise ToolMissing("TensorFlow is not installed.", ["`pip install '.[train]'`"])

    train = study.stage  # the module's own name stays as it is
    assert train is study.stage
    monkeypatch.setattr("ascua.study.stages.train", replace(matrix.stages.train, reads=missing))
    done = ascua("study", file, *places(tmp_path))
    refused(done, 1, "4 of 4 cells failed", "'.[train]'", "tries them again")
    assert not (tmp_path / "results").exists()
