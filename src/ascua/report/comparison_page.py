"""A comparison of two networks as a folder: report.md with pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ascua.compare import Comparison, Samples
from ascua.compare.verdict import verdict
from ascua.errors import InputError
from ascua.figures import bars, confusion, png
from ascua.files import folders
from ascua.nearness import MOST_DB
from ascua.report.comparison import answer_rows, changed, fitted, label, layer_rows
from ascua.report.tables import markdown, telling

REPORT = "report.md"
OURS = re.compile(r"report\.md|(sqnr|cuts|confusion_(a|b|ab))\.svg|changed/\d+\.png")
"""What a report consists of."""
FORM = folders.Form("comparison", lambda path, _: bool(OURS.fullmatch(path)), "--markdown")
SHOWN = 48
"""Changed samples that the report has; all are in the JSON."""
MOST_CLASSES = 100
"""A larger confusion matrix is no picture."""


def files(c: Comparison, samples: Samples) -> dict[str, bytes]:
    """The report and its pictures by file name."""
    made: dict[str, bytes] = {}
    parts = [
        "# Comparison\n",
        f"A: `{c.a}`\n\nB: `{c.b}`\n\n{c.samples:,} samples of `{samples.source}`.\n",
        f"**{verdict(c)}**\n",
        "## Layers\n",
    ]
    for name, (caption, picture) in _layer_figures(c).items():
        made[name] = picture.encode()
        parts.append(f"![{caption}]({name})\n")
    parts.append(_table(*telling(*layer_rows(c, c.layers), {})))
    if said := fitted(c):
        parts.append(f"{said[0].upper()}{said[1:]}.\n")
    if c.answers is not None:
        parts += ["## Answers\n", _table(*answer_rows(c.answers, c.samples))]
        for name, (caption, picture) in _matrices(c, samples.classes).items():
            made[name] = picture.encode()
            parts.append(f"![{caption}]({name})\n")
        parts += _changed(c, samples, made)
    return {**made, REPORT: ("\n".join(parts).rstrip() + "\n").encode()}


def _layer_figures(c: Comparison) -> dict[str, tuple[str, str]]:
    def shown(value: float) -> float | None:
        return None if value >= MOST_DB else value

    names = [f"{x.title} {x.op}" for x in c.layers]
    sqnr = {
        "SQNR": [shown(x.sqnr_db) for x in c.layers],
        "its own": [shown(x.own_sqnr_db) for x in c.layers],
    }
    title = "Signal to error of each layer, dB (no bar: exact)"
    found = {"sqnr.svg": (title, bars(title, names, sqnr))}
    cuts = [(n, x.cut) for n, x in zip(names, c.layers, strict=True) if x.cut is not None]
    if cuts:
        right = [100 * (x.same_top1 if x.accuracy is None else x.accuracy) for _, x in cuts]
        what = "Same answers as A" if c.start is None else "Accuracy"
        title = f"{what} with B up to each layer and A after it, %"
        found["cuts.svg"] = (title, bars(title, [n for n, _ in cuts], {"": right}))
    return found


def _matrices(c: Comparison, classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    a = c.answers
    if a is None or len(a.confusion_ab) > MOST_CLASSES:
        return {}
    names = [label(i, classes) for i in range(len(a.confusion_ab))]
    wanted = (
        ("confusion_a.svg", "Confusion of A: labels down, answers across", a.confusion_a),
        ("confusion_b.svg", "Confusion of B: labels down, answers across", a.confusion_b),
        ("confusion_ab.svg", "Answers: of A down, of B across", a.confusion_ab),
    )
    return {
        name: (title, confusion(title, counts, names))
        for name, title, counts in wanted
        if counts is not None
    }


def _changed(c: Comparison, samples: Samples, made: dict[str, bytes]) -> list[str]:
    """The section on samples that changed; their pictures go to `made`."""
    assert c.answers is not None
    if not c.answers.changed:
        return []
    parts = [f"## {len(c.answers.changed):,} samples changed\n"]
    place = {int(n): i for i, n in enumerate(samples.index)}
    rows = []
    for i, x in enumerate(c.answers.changed[:SHOWN]):
        image = samples.pixels(place[x.sample])
        name = f"changed/{x.sample}.png"
        if image is not None:
            made[name] = png(image)
        picture = "" if image is None else f"![{x.sample}]({name})"
        rows.append([picture, changed(c.answers, i, samples.classes)])
    parts.append(_table(["image", "answers (score)"], rows))
    if len(c.answers.changed) > SHOWN:
        parts.append(f"and {len(c.answers.changed) - SHOWN:,} more: `--json`.\n")
    return parts


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return (
        markdown([clean(c) for c in columns], [[clean(str(c)) for c in row] for row in rows]) + "\n"
    )


def clean(words: str) -> str:
    """Words out of files as Markdown shows them."""
    printable = "".join(c if c.isprintable() else "?" for c in words)
    return printable.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def check_target(folder: Path, *, force: bool = False) -> None:
    """Raise InputError unless the folder can be made, is empty, or holds an unchanged report."""
    if not folder.parent.is_dir():
        raise InputError(
            f"{folder}: {folder.parent} is no folder that can be written to.",
            ["Make it first, or name another with `--markdown`."],
        )
    folders.check(folder, FORM, force=force)


def write(folder: Path, content: Mapping[str, bytes], *, force: bool = False) -> None:
    """Make the folder hold `content` in place of an earlier report; all of it or nothing.

    Files of another origin stay. Raises InputError as `check_target` does.
    """
    folders.fill(folder, FORM, content, force=force)
