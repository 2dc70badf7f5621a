"""A comparison of two networks as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ascua.compare import Answers, Comparison, LayerPair
from ascua.compare.verdict import share, verdict
from ascua.figures import MOST_CLASSES, ending
from ascua.nearness import MOST_DB
from ascua.report.tables import table

ROWS, CHANGED, NAME = 10, 5, 34
"""Layers, changed samples, and characters of a name that a short table has."""


def comparison(c: Comparison, classes: Sequence[str], *, whole: bool = False) -> RenderableType:
    """Layers, the worst first, then the answers, then the verdict; `whole`: all there is."""
    shown = worst_first(c)[: None if whole else ROWS]
    parts: list[RenderableType] = [table(*layer_rows(c, shown))]
    if len(shown) < len(c.layers):
        parts.append(Text(f"and {len(c.layers) - len(shown)} more: -v, --json or --markdown"))
    if said := fitted(c):
        parts.append(Text(said))
    for name, alone in ((c.a, c.alone_a), (c.b, c.alone_b)):
        if alone:
            parts.append(Text(f"without a twin in the other, of {name}: {len(alone)} layers"))
    if c.answers is not None:
        parts += [Text(), table(*answer_rows(c.answers, c.samples))]
        if whole and c.answers.confusion_b is not None:
            parts += [Text(), table(*confusion_rows(c.answers.confusion_b, classes))]
        lines = [changed(c.answers, i, classes) for i in range(len(c.answers.changed))]
        cut = lines[: None if whole else CHANGED]
        if lines:
            parts += [Text(), Text(f"{len(lines):,} of {c.samples:,} samples changed:")]
            parts += [Text(f"  {line}") for line in cut]
            if len(cut) < len(lines):
                parts.append(Text(f"  and {len(lines) - len(cut):,} more"))
    return Group(*parts, Text(), Text(verdict(c)))


def worst_first(c: Comparison) -> list[LayerPair]:
    """The layers by the error that they add to the scores, or without cuts by their own."""
    if any(layer.cut for layer in c.layers):
        return sorted(c.layers, key=lambda x: -x.cut.added if x.cut else 0.0)
    return sorted(c.layers, key=lambda x: x.own_sqnr_db)


def layer_rows(c: Comparison, shown: Sequence[LayerPair]) -> tuple[list[str], list[list[str]]]:
    """Names of columns and a row a layer."""
    columns = [
        "layer", "operator", ">SQNR dB", ">own dB", ">cosine", ">max", ">steps", ">bias",
        ">lowest", ">highest",
    ]  # fmt: skip
    cuts = any(layer.cut for layer in c.layers)
    if cuts:
        columns += [">same top-1" if c.start is None else ">accuracy", ">error"]
    rows = []
    for x in shown:
        ends = x.at_ends_b or x.at_ends_a
        row = [
            ending(x.title, NAME), x.op, db(x.sqnr_db), db(x.own_sqnr_db), f"{x.cosine:.5f}",
            f"{x.max_error:.3g}", "-" if x.max_steps is None else f"{x.max_steps:.1f}",
            f"{x.mean_error:.1e}", *([percent(e, 2) for e in ends] if ends else ["-", "-"]),
        ]  # fmt: skip
        if cuts:
            part = share(c, x)
            right = x.cut and (x.cut.same_top1 if x.cut.accuracy is None else x.cut.accuracy)
            row += ["-" if right is None else percent(right, 2),
                    "-" if part is None else percent(part, 0)]  # fmt: skip
        rows.append(row)
    return columns, rows


def fitted(c: Comparison) -> str | None:
    """Of how many layers B's scale is fitted, in words; None where all are known."""
    count = sum(layer.fitted for layer in c.layers)
    if not count:
        return None
    return f"scale fitted, as the file of B does not say it: {count} of {len(c.layers)} layers"


def answer_rows(a: Answers, samples: int) -> tuple[list[str], list[list[str]]]:
    """Names of columns and rows: accuracy and what changed."""
    same = ["same answer", percent(a.same_top1, 2), "", ""]
    if a.accuracy_a is None or a.accuracy_b is None or a.lost is None or a.p_value is None:
        return ["", ">both", "", ""], [same]

    def both(name: str, x: float | None, y: float | None) -> list[str]:
        assert x is not None
        assert y is not None
        return [name, percent(x, 2), percent(y, 2), f"{100 * (y - x):+.2f}"]

    rows = [both("accuracy", a.accuracy_a, a.accuracy_b)]
    if a.top > 1:
        rows.append(both(f"top-{a.top}", a.top_a, a.top_b))
    rows.append(["right here alone", f"{a.lost:,}", f"{a.won:,}", f"p = {a.p_value:.3g}"])
    rows.append(["same answer", percent(a.same_top1, 2), "", f"of {samples:,}"])
    return ["", ">A", ">B", ">B - A"], rows


def confusion_rows(
    counts: Sequence[Sequence[int]], classes: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """Names of columns and rows: labels against B's answers; of many classes the worst pairs."""
    names = [label(i, classes) for i in range(len(counts))]
    if len(names) > MOST_CLASSES:
        wrong = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
        worst = sorted(wrong, key=lambda x: -x[0])[:ROWS]
        return ["label", "B's answer", ">samples"], [
            [names[i], names[j], f"{n:,}"] for n, i, j in worst if n
        ]
    rows = [[n, *(str(v) if v else "" for v in row)] for n, row in zip(names, counts, strict=True)]
    return ["label, B's answer:", *(f">{n[:8]}" for n in names)], rows


def changed(a: Answers, i: int, classes: Sequence[str]) -> str:
    """Sample `i` of those that changed, in words."""
    x = a.changed[i]
    truth = "" if x.label is None else f" {label(x.label, classes)}:"
    return (
        f"sample {x.sample}:{truth} A {label(x.a, classes)} ({x.a_score:.3g}),"
        f" B {label(x.b, classes)} ({x.b_score:.3g})"
    )


def label(i: int, classes: Sequence[str]) -> str:
    """The name of a class, or its number."""
    return classes[i] if i < len(classes) else str(i)


def db(value: float) -> str:
    """Decibels; `exact` where there is no error."""
    return "exact" if value >= MOST_DB else f"{value:.1f}"


def percent(value: float, digits: int) -> str:
    """A share of 1."""
    return f"{round(100 * value, digits) + 0.0:.{digits}f} %"
