"""Where the accuracy went, in a sentence."""

from __future__ import annotations

from typing import NamedTuple

from ascua.chance import mcnemar
from ascua.compare import Comparison, LayerPair
from ascua.nearness import MOST_DB

CHANCE = 0.05
"""A difference that chance makes more often than this names no culprit."""
SATURATED = 0.01
"""Share of values at an end that is worth a word."""
UNRELATED = 1.5
"""Of the whole error, that one layer adds: others then take as much away again."""


class Culprit(NamedTuple):
    """The layer that is named, and by what: `accuracy`, `noise` (of the scores) or `own_sqnr`."""

    layer: LayerPair
    by: str


def culprit(c: Comparison) -> Culprit | None:
    """The layer that costs most; None where nothing differs.

    By accuracy where both the whole loss and the layer's are more than chance; else by the error
    that the layer adds to the scores; without cuts by its own error.
    """
    followed = [layer for layer in c.layers if layer.cut is not None]
    if followed and _lost(c):
        worst = max(followed, key=_net_loss)
        if worst.cut and worst.cut.lost > worst.cut.won and _chance(worst) < CHANCE:
            return Culprit(worst, "accuracy")
    noisy = [layer for layer in followed if layer.cut and layer.cut.added > 0]
    if noisy:
        return Culprit(max(noisy, key=_added), "noise")
    worst = min(c.layers, key=lambda layer: layer.own_sqnr_db)
    return Culprit(worst, "own_sqnr") if worst.own_sqnr_db < MOST_DB else None


def verdict(c: Comparison) -> str:
    """What happened to the answers, and at which layer most of it."""
    if all(layer.sqnr_db == MOST_DB for layer in c.layers) and c.output_sqnr_db == MOST_DB:
        return "The two compute the same: no value differs."
    found = culprit(c)
    return _what(c) if found is None else f"{_what(c)} {_where(c, found)}{_why(found.layer)}."


def share(c: Comparison, layer: LayerPair) -> float | None:
    """What part of the error of the scores came with `layer`."""
    total = next((x.cut.noise for x in reversed(c.layers) if x.cut), 0.0)
    return layer.cut.added / total if layer.cut and total else None


def _lost(c: Comparison) -> bool:
    """Whether B has lost accuracy, by more than chance."""
    a = c.answers
    if a is None or a.lost is None or a.won is None or a.p_value is None:
        return False
    return a.lost > a.won and a.p_value < CHANCE


def _net_loss(layer: LayerPair) -> int:
    return layer.cut.lost - layer.cut.won if layer.cut else 0


def _added(layer: LayerPair) -> float:
    return layer.cut.added if layer.cut else 0.0


def _chance(layer: LayerPair) -> float:
    return mcnemar(layer.cut.lost, layer.cut.won) if layer.cut else 1.0


def _what(c: Comparison) -> str:
    a = c.answers
    if a is None:
        return f"The output's SQNR is {c.output_sqnr_db:.1f} dB."
    if a.accuracy_a is None or a.accuracy_b is None or a.p_value is None:
        return f"B answers as A does for {a.same_top1:.2%} of the samples."
    p = f"p = {a.p_value:.3g}"
    if a.p_value >= CHANCE:
        return (
            f"Accuracy {a.accuracy_a:.2%} and {a.accuracy_b:.2%}: no difference beyond chance"
            f" ({p})."
        )
    verb = "falls" if a.accuracy_b < a.accuracy_a else "rises"
    return f"Accuracy {verb} from {a.accuracy_a:.2%} to {a.accuracy_b:.2%} ({p})."


def _where(c: Comparison, found: Culprit) -> str:
    layer = found.layer
    name = f"{layer.op} '{layer.title}'"
    if found.by == "accuracy":
        total = sum(map(_net_loss, c.layers)) / c.cut_samples
        points = _net_loss(layer) / c.cut_samples
        return (
            f"It goes at {name}: {100 * points:.2f} of {100 * total:.2f} points on"
            f" {c.cut_samples:,} samples"
        )
    lead = "No one layer loses it; most" if _lost(c) and found.by == "noise" else "Most"
    if found.by == "noise":
        part = share(c, layer)
        if part is not None and part > UNRELATED:
            return (
                "Their layers have little in common: errors cancel one another, and no layer is the"
                f" cause. The first guess is {name}, or that these are two trainings"
            )
        much = "" if part is None else f", {part:.0%} of it"
        return f"{lead} of the error in the scores comes in at {name}{much}"
    return f"The layer with the greatest error of its own is {name}"


def _why(layer: LayerPair) -> str:
    said = "" if layer.own_sqnr_db == MOST_DB else f"own SQNR {layer.own_sqnr_db:.1f} dB"
    if said and layer.fitted:
        said += ", its scale fitted"
    top = max((ends[1] for ends in (layer.at_ends_a, layer.at_ends_b) if ends), default=0.0)
    if top > SATURATED:
        said += f", {top:.1%} of its values at the greatest integer"
    return f" ({said.removeprefix(', ')})" if said else ""
