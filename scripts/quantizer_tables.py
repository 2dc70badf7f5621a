"""results/quantization.jsonl as the table of docs/quantization.md: quantisers beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from ascua.results import Quantized, quantized

COLUMNS = (
    "model", "quantiser", ">float", ">quantised", ">loss", ">least to most", ">same top-1",
    ">cosine", ">judged on", ">draws",
)  # fmt: skip

SIZES = ("model", "quantiser", ">flash B", ">of it weights", ">instructions")


def _kept(folder: Path) -> list[Quantized]:
    """The results of each model's newest weights, Ascua's quantisers last."""
    found = quantized(folder)
    newest = {r.model: r.model_sha256 for r in found}
    order = list(newest)

    def place(r: Quantized) -> tuple[int, bool, str]:
        return order.index(r.model), r.quantizer.startswith("Ascua"), r.quantizer

    return sorted((r for r in found if r.model_sha256 == newest[r.model]), key=place)


def rows(folder: Path) -> list[Sequence[str | int]]:
    """Rows of COLUMNS: a model and quantiser each, means over the draws of calibration samples.

    Accuracies are top-1; the loss is in points. Of a network measured twice, the newest weights.
    """
    groups: dict[tuple[str, str], dict[int, Quantized]] = {}
    for r in _kept(folder):
        groups.setdefault((r.model, r.quantizer), {})[r.draw] = r
    return [_row(*group, list(draws.values())) for group, draws in groups.items()]


def sizes(folder: Path) -> list[Sequence[str | float | None]]:
    """Rows of SIZES: the networks that were run on a board, the newest run of each."""
    found = {(r.model, r.quantizer): r for r in _kept(folder) if r.instructions is not None}
    return [
        (r.model, r.quantizer, r.flash_bytes, r.weights_bytes, r.instructions)
        for r in found.values()
    ]


def _row(model: str, quantizer: str, draws: Sequence[Quantized]) -> Sequence[str | int]:
    top = [100 * r.int8_top1 for r in draws]
    losses = [100 * (r.float_top1 - r.int8_top1) for r in draws]
    least, middle, most = (round(v, 2) + 0.0 for v in (min(losses), mean(losses), max(losses)))
    return (
        model,
        quantizer,
        f"{100 * mean(r.float_top1 for r in draws):.2f} %",
        f"{mean(top):.2f} %",
        f"{middle:.2f}",
        f"{least:.2f} to {most:.2f}",
        f"{100 * mean(r.agreement for r in draws):.2f} %",
        f"{mean(r.cosine for r in draws):.5f}",
        draws[0].samples,
        len(draws),
    )
