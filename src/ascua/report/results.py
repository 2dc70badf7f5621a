"""The committed results beside the peers' figures, as rows that tables and pages print."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ascua.figures import confusion, curves
from ascua.files import lines
from ascua.report import quantizers

COLUMNS = (
    "model", "core", "", ">instructions", ">against TFLM", ">flash B", ">RAM B", ">stack B",
)  # fmt: skip
Row = Sequence[str | int | float | None]


def load(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(ours, peers): every peers' line, and our newest for each recipe and board."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    peers: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.jsonl")):
        if path.name == quantizers.NAME:
            continue
        found = lines.read(path)
        if path.stem == "peers":
            peers = found
        else:
            ours = (r for r in found if {"recipe", "board"} <= r.keys())
            newest.update({(r["recipe"], r["board"]): r for r in ours})
    return list(newest.values()), peers


def figures(folder: Path) -> dict[str, str]:
    """SVG pictures of the recipes' trainings and of what their firmware confuses, by file name."""
    pictures = {}
    for r in load(folder)[0]:
        name, history = r["recipe"], folder / f"{r['recipe']}.csv"
        if "confusion" not in r:
            continue
        rows = list(csv.DictReader(io.StringIO(history.read_text(encoding="utf-8"))))
        drawn = {
            "training": [float(row["accuracy"]) for row in rows],
            "validation": [float(row["val_accuracy"]) for row in rows],
        }
        pictures[f"{name}-curve.svg"] = curves(f"{name}: accuracy over epochs", drawn)
        right = f"{100 * r['accuracy']:.2f} % of {r['samples']:,}"
        title = f"{name} on {r['board']}: {right}"
        pictures[f"{name}-confusion.svg"] = confusion(title, r["confusion"], r["classes"])
    return pictures


def against_peers(folder: Path) -> list[Row]:
    """Rows of COLUMNS for each (model, core) of the peers: theirs first, ours last.

    RAM is arena, variables and input and output; stack is apart. Instructions are exact counts of
    one inference in QEMU.
    """
    ours, peers = load(folder)
    rows: list[Row] = []
    for model, core in dict.fromkeys((p["model"], p["core"]) for p in peers):
        theirs = [p for p in peers if (p["model"], p["core"]) == (model, core)]
        mine = [r for r in ours if (r["recipe"], r["core"]) == (model, core)]
        base = next(p["instructions"] for p in theirs if p["peer"] == "TFLM reference")
        for r in (*theirs, *mine):
            ram, count = r["ram_bytes"], r["instructions"]
            own = isinstance(ram, dict)
            rows.append(
                (
                    model,
                    core,
                    "Ascua" if own else r["peer"],
                    count,
                    f"{count / base:.2f}",
                    r["flash_bytes"],
                    ram["arena"] + ram["static"] if own else ram,
                    ram["stack"] if own else r["stack_bytes"],
                )
            )
    return rows


RECIPE_COLUMNS = (
    "recipe", "board", ">float", ">int8", ">on the board", ">samples", ">mismatched bytes",
    ">instructions", ">flash B", ">RAM B",
)  # fmt: skip


def recipes(folder: Path) -> list[Row]:
    """Rows of RECIPE_COLUMNS: accuracy over the whole test set; RAM is arena, variables, stack."""
    ours, _ = load(folder)
    return [
        (
            r["recipe"],
            r["board"],
            f"{100 * r['accuracy_float']:.2f} %",
            f"{100 * r['accuracy_int8']:.2f} %",
            f"{100 * r['accuracy']:.2f} %",
            r["samples"],
            r["mismatched_bytes"],
            round(r["instructions"]),
            r["flash_bytes"],
            r["ram_bytes"]["total"],
        )
        for r in ours
        if r["accuracy"] is not None
    ]
