"""The committed results beside the peers' figures, as rows that tables and pages print."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from ascua.figures import confusion, curves, road
from ascua.plan import BALANCED, GOALS
from ascua.results import Peer, Result, history_path, newest, peers

COLUMNS = (
    "model", "core", "", ">instructions", ">against TFLM", ">flash B", ">RAM B", ">stack B",
)  # fmt: skip
Row = Sequence[str | int | float | None]


def figures(folder: Path) -> dict[str, str]:
    """SVG pictures of the recipes' trainings and of what their firmware confuses, by file name."""
    pictures = {}
    for r in newest(folder):
        if not r.confusion or r.accuracy is None:
            continue
        name, history = r.recipe, history_path(folder, r.recipe)
        rows = list(csv.DictReader(io.StringIO(history.read_text(encoding="utf-8"))))
        drawn = {
            "training": [float(row["accuracy"]) for row in rows],
            _seen(r): [float(row["val_accuracy"]) for row in rows],
        }
        pictures[f"{name}-curve.svg"] = curves(f"{name}: accuracy over epochs", drawn)
        title = f"{name} on {r.board}: {100 * r.accuracy:.2f} % of {r.samples:,}"
        pictures[f"{name}-confusion.svg"] = confusion(title, r.confusion, r.classes)
    return pictures


def road_picture(folder: Path, recipe: str) -> str | None:
    """An SVG picture of a recipe's road from data to its board, with the figures of its result.

    None where there is none.
    """
    r = next((r for r in newest(folder) if r.recipe == recipe), None)
    if r is None:
        return None
    how, ram = r.training or {}, r.ram_bytes.total
    assert r.accuracy is not None
    assert r.instructions is not None
    h, w, c = how["input"]
    return road(
        f"{recipe}: from data to a microcontroller",
        [
            ("data", [how["dataset"], f"{h} x {w} x {c}", f"{len(r.classes)} classes"]),
            ("ascua train", [how["model"], f"{how['epochs']} epochs",
                             f"float {100 * (r.accuracy_float or 0):.2f} %"]),
            ("model.tflite", ["int8", f"{r.weights_bytes:,} B of weights",
                              f"int8 {100 * (r.accuracy_int8 or 0):.2f} %"]),
            ("ascua compile", ["plain C, no heap", f"flash {r.flash_bytes:,} B", f"RAM {ram:,} B"]),
            ("ascua run", [f"{r.board}, emulated", f"{r.instructions:,.0f} instructions",
                           f"{100 * r.accuracy:.2f} % of {r.samples:,}",
                           f"{r.mismatched_bytes} bytes differ"]),
        ],
    )  # fmt: skip


def against_peers(folder: Path) -> list[Row]:
    """Rows of COLUMNS for each of the peers' models and each core: theirs first, ours last.

    Cores that no peer was measured on come behind the others; ours have a row a goal. RAM is arena,
    variables and input and output; stack is apart. Instructions are exact counts of one inference
    in QEMU.
    """
    goals: list[str] = [g.kind for g in GOALS]
    ours = sorted(newest(folder, goals), key=lambda r: goals.index(r.goal))
    theirs = peers(folder)
    cores = dict.fromkeys((*(p.core for p in theirs), *sorted(r.core for r in ours)))
    rows: list[Row] = []
    for model, core in product(dict.fromkeys(p.model for p in theirs), cores):
        beside = [p for p in theirs if (p.model, p.core) == (model, core)]
        base = next((p.instructions for p in beside if p.peer == "TFLM reference"), None)
        rows += [(model, core, *_peer(p, base)) for p in beside]
        rows += [(model, core, *_own(r, base)) for r in ours if (r.recipe, r.core) == (model, core)]
    return rows


def _peer(p: Peer, base: int | None) -> Row:
    return (
        p.peer, p.instructions, _ratio(p.instructions, base), p.flash_bytes, p.ram_bytes,
        p.stack_bytes,
    )  # fmt: skip


def _own(r: Result, base: int | None) -> Row:
    ram = r.ram_bytes.arena + (r.ram_bytes.static or 0)
    label = "Ascua" if r.goal == BALANCED.kind else f"Ascua, {r.goal}"
    against = _ratio(r.instructions, base)
    return (label, r.instructions, against, r.flash_bytes, ram, r.ram_bytes.stack)


def _ratio(instructions: float | None, base: int | None) -> str | None:
    return None if instructions is None or base is None else f"{instructions / base:.2f}"


RECIPE_COLUMNS = (
    "recipe", "board", ">float", ">on the board", ">samples", ">bytes wrong", ">instructions",
    ">flash B", ">RAM B", "epochs seen on",
)  # fmt: skip


def _seen(r: Result) -> str:
    """On which images the epochs were looked at: once there were none kept for validation."""
    return "validation" if r.training and r.training.get("validation") else "test"


def recipes(folder: Path) -> list[Row]:
    """Rows of RECIPE_COLUMNS: accuracy over the whole test set; RAM is arena, variables, stack."""
    return [
        (
            r.recipe,
            r.board,
            _percent(r.accuracy_float),
            _percent(r.accuracy),
            r.samples,
            r.mismatched_bytes,
            None if r.instructions is None else round(r.instructions),
            r.flash_bytes,
            r.ram_bytes.total,
            _seen(r),
        )
        for r in newest(folder)
        if r.accuracy is not None
    ]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"
