"""results/quantization.jsonl as the table of docs/quantization.md: quantisers beside each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

NAME = "quantization.jsonl"
COLUMNS = (
    "model", "quantiser", ">float", ">quantised", ">loss", ">least to most", ">same top-1",
    ">cosine", ">judged on", ">draws",
)  # fmt: skip

SIZES = ("model", "quantiser", ">flash B", ">of it weights", ">instructions")


def _lines(folder: Path) -> list[dict[str, Any]]:
    """The results of each model's newest weights, Ascua's quantisers last."""
    path = folder / NAME
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    newest = {r["model"]: r["model_sha256"] for r in lines}
    order = list(newest)

    def ours(r: dict[str, Any]) -> bool:
        return str(r["quantizer"]).startswith("Ascua")

    kept = [r for r in lines if r["model_sha256"] == newest[r["model"]]]
    return sorted(kept, key=lambda r: (order.index(r["model"]), ours(r), r["quantizer"]))


def rows(folder: Path) -> list[Sequence[str | int]]:
    """Rows of COLUMNS: a model and quantiser each, means over the draws of calibration samples.

    Accuracies are top-1; the loss is in points. Of a network measured twice, the newest weights.
    """
    groups: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for r in _lines(folder):
        groups.setdefault((r["model"], r["quantizer"]), {})[r["draw"]] = r
    return [_row(*group, list(draws.values())) for group, draws in groups.items()]


def sizes(folder: Path) -> list[Sequence[str | int]]:
    """Rows of SIZES: the networks that were run on a board."""
    keys = ("model", "quantizer", "flash_bytes", "weights_bytes", "instructions")
    return [[r[k] for k in keys] for r in _lines(folder) if "instructions" in r]


def _row(model: str, quantizer: str, draws: Sequence[dict[str, Any]]) -> Sequence[str | int]:
    top = [100 * r["int8_top1"] for r in draws]
    losses = [100 * (r["float_top1"] - r["int8_top1"]) for r in draws]
    least, middle, most = (round(v, 2) + 0.0 for v in (min(losses), mean(losses), max(losses)))
    return (
        model,
        quantizer,
        f"{100 * mean(r['float_top1'] for r in draws):.2f} %",
        f"{mean(top):.2f} %",
        f"{middle:.2f}",
        f"{least:.2f} to {most:.2f}",
        f"{100 * mean(r['agreement'] for r in draws):.2f} %",
        f"{mean(r['cosine'] for r in draws):.5f}",
        draws[0]["samples"],
        len(draws),
    )
