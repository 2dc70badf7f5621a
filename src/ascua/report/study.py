"""What a study found: tables, figures, and the answer in sentences, with its uncertainty."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import sqrt
from statistics import mean, stdev
from typing import NamedTuple

from ascua.figures import Mark, curves, scatter
from ascua.report.tables import markdown, telling
from ascua.results import CellResult
from ascua.study.matrix import KERAS, NONE, SCRATCH

RANDOM = "random"
"""The ranking that knows nothing."""
T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""Student's t for 1, 2 ... degrees of freedom: 95 % lie within so many standard errors."""
POINTS = (1.0, 3.0)
"""Of accuracy that somebody may be ready to lose: for each the answer says how far it goes."""
Row = Sequence[str | int | float | None]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, and how far 95 % of such means lie at most from the true one."""

    mean: float
    half: float | None
    """None of one seed: nothing tells the spread."""
    seeds: int

    @property
    def sure(self) -> bool:
        """Whether it is beyond its spread."""
        return self.half is not None and abs(self.mean) > self.half


def interval(values: Sequence[float]) -> Interval:
    """The mean of one value a seed, with its 95 % confidence (W. Gosset, 1908)."""
    n = len(values)
    if n < 2:
        return Interval(values[0], None, n)
    t = T95[n - 2] if n - 2 < len(T95) else 1.96 + 2.5 / (n - 1)
    return Interval(mean(values), t * stdev(values) / sqrt(n), n)


@dataclass(frozen=True)
class Group:
    """Cells that differ in their seeds alone."""

    network: str
    method: str
    ratio: float
    form: str
    board: str | None
    goal: str | None
    cells: Mapping[int, CellResult]
    """By seed; those that failed before their accuracy was known are not among them."""
    failed: tuple[str, ...] = ()
    """Reasons."""

    def values(self, name: str) -> dict[int, float]:
        """What the cells have of a field, by seed."""
        found = {seed: getattr(cell, name) for seed, cell in self.cells.items()}
        return {seed: value for seed, value in found.items() if value is not None}

    def mean(self, name: str) -> float | None:
        """Over the seeds; None where none has it."""
        found = self.values(name)
        return mean(found.values()) if found else None

    @property
    def place(self) -> tuple[str, str, str | None, str | None]:
        """What it can be compared within."""
        return self.network, self.form, self.board, self.goal

    @property
    def said(self) -> str:
        """Its name among those of its place."""
        return self.method if self.method == NONE else f"{self.method} {100 * self.ratio:g} %"


def groups(found: Iterable[CellResult]) -> list[Group]:
    """The cells by all but their seed: of each the last line, in the order of the file."""
    last = {r.cell: r for r in found}
    by: dict[tuple[object, ...], list[CellResult]] = {}
    for r in last.values():
        by.setdefault((r.network, r.method, r.ratio, r.form, r.board, r.goal), []).append(r)
    made = [
        Group(
            cells[0].network, cells[0].method, cells[0].ratio, cells[0].form, cells[0].board,
            cells[0].goal, {c.seed: c for c in sorted(cells, key=lambda c: c.seed)
                            if c.failed is None or c.accuracy is not None},
            tuple(c.failed for c in cells if c.failed is not None),
        )
        for cells in by.values()
    ]  # fmt: skip
    order = {NONE: 0, SCRATCH: 2}
    networks = list(dict.fromkeys(g.network for g in made))
    return sorted(
        made, key=lambda g: (networks.index(g.network), g.ratio, order.get(g.method, 1), g.method)
    )


def whole(of: Group, among: Iterable[Group]) -> Group | None:
    """The network itself, of the same form, on the same board."""
    return next((g for g in among if g.place == of.place and g.method == NONE), None)


def beside(of: Group, other: Group | None, name: str = "accuracy") -> Interval | None:
    """What a group has more than another, seed by seed; None where they share no seed."""
    if other is None:
        return None
    a, b = of.values(name), other.values(name)
    both = [seed for seed in a if seed in b]
    return interval([a[s] - b[s] for s in both]) if both else None


def front(among: Sequence[Group], cost: str) -> list[Group]:
    """Those that no other one beats in accuracy at no more of the `cost`, the cheapest first."""
    placed = [(g.mean(cost), g.mean("accuracy"), g) for g in among]
    points = [(c, a, g) for c, a, g in placed if c is not None and a is not None]
    kept: list[tuple[float, Group]] = []
    for _, a, g in sorted(points, key=lambda p: (p[0], -p[1])):
        if not kept or a > kept[-1][0]:
            kept.append((a, g))
    return [g for _, g in kept]


FORM_COLUMNS = (
    "network", "channels", ">gone", "form", ">accuracy", ">beside none", ">untuned",
    ">parameters", ">MACs", ">file B",
)  # fmt: skip


def forms(among: Sequence[Group]) -> list[Row]:
    """Rows of FORM_COLUMNS: each form of each network once."""
    found: list[Row] = []
    seen: set[tuple[object, ...]] = set()
    for g in among:
        name = (g.network, g.method, g.ratio, g.form)
        if name in seen or not g.cells:
            continue
        seen.add(name)
        untuned = g.mean("untuned")
        found.append((
            g.network, g.method, _percent(g.ratio), g.form, _accuracy(g), _points(g, among),
            None if untuned is None else f"{100 * untuned:.2f} %", _whole(g.mean("parameters")),
            _whole(g.mean("macs")), _whole(g.mean("bytes")),
        ))  # fmt: skip
    return found


BOARD_COLUMNS = (
    "network", "board", "form", "channels", ">gone", ">int accuracy", ">beside none", ">flash B",
    ">RAM B", ">instructions", ">change", ">model cycles", ">µJ (estimate)", "front",
)  # fmt: skip


def on_boards(among: Sequence[Group]) -> list[Row]:
    """Rows of BOARD_COLUMNS: means over seeds; `*` is on the front of accuracy and instructions."""
    best = {id(g) for place in places(among) for g in front(place, "instructions")}
    found: list[Row] = []
    for g in among:
        count = g.mean("instructions")
        if count is None:
            continue
        base = whole(g, among)
        all_of_it = None if base is None else base.mean("instructions")
        found.append((
            g.network, _on(g), g.form, g.method, _percent(g.ratio), _accuracy(g), _points(g, among),
            _whole(g.mean("flash_bytes")), _whole(g.mean("ram_bytes")), _whole(count),
            f"{100 * (count / all_of_it - 1):+.1f} %" if all_of_it and g.method != NONE else None,
            _whole(g.mean("cycles")), _energy(g), "*" if id(g) in best else "",
        ))  # fmt: skip
    return found


def places(among: Sequence[Group]) -> list[list[Group]]:
    """The groups by network, form and board, as far as they ran on one."""
    by: dict[object, list[Group]] = {}
    for g in among:
        if g.board is not None and g.cells:
            by.setdefault(g.place, []).append(g)
    return list(by.values())


IDLE = {"channels": "none", "gone": "0 %"}
"""What columns say of networks from which nothing is removed."""
BRIEF = tuple(c for c in BOARD_COLUMNS if c not in ("network", ">model cycles"))
"""What of it fits a terminal, of one network at a time."""
LAYER_COLUMNS = ("network", "layer", ">filters", "left, by share and ranking")


KMODEL_COLUMNS = (
    "network", "form", ">accuracy", ">file B", ">workspace B", ">KPU RAM B", ">ms (estimate)",
    ">training, last",
)  # fmt: skip


def kmodels(among: Sequence[Group]) -> list[Row]:
    """Rows of KMODEL_COLUMNS: what a K210 takes for each network, and how long it was trained."""
    return [
        (
            g.network, g.form, _accuracy(g), _whole(g.mean("bytes")), _whole(g.mean("ram_bytes")),
            _whole(g.mean("kpu_bytes")), _milliseconds(g), _duration(g.mean("training_seconds")),
        )
        for g in among if g.mean("kpu_bytes") is not None
    ]  # fmt: skip


def layers(among: Sequence[Group]) -> list[Row]:
    """Rows of LAYER_COLUMNS: what is left of each layer's filters, where it differs."""
    found: dict[tuple[str, str, int], dict[str, dict[str, str]]] = {}
    for g in among:
        if g.form != KERAS or not g.cells:
            continue
        for layer, (before, after) in next(iter(g.cells.values())).layers.items():
            if before == after:
                continue
            left = sorted({cell.layers[layer][1] for cell in g.cells.values()})
            said = str(left[0]) if len(left) == 1 else f"{left[0]}-{left[-1]}"
            shares = found.setdefault((g.network, layer, before), {})
            shares.setdefault(_percent(g.ratio), {})[g.method] = said
    return [
        (network, layer, before, "; ".join(_left(share, by) for share, by in shares.items()))
        for (network, layer, before), shares in found.items()
    ]


def _left(share: str, by: Mapping[str, str]) -> str:
    if len(set(by.values())) == 1:
        return f"{share}: {next(iter(by.values()))}"
    return f"{share}: {', '.join(f'{method} {left}' for method, left in by.items())}"


def answers(among: Sequence[Group]) -> list[str]:
    """A sentence or more for each network on each board: which ranking, how far, for how much."""
    found = []
    for place in places(among):
        base = next((g for g in place if g.method == NONE), None)
        if base is None:
            continue
        where = _where(base, among)
        if base.mean("instructions") is None:
            found += [f"{where}: {text}" for text in _fitting(place, base)]
            continue
        found += [f"{where}: {text}" for points in POINTS if (text := _far(place, base, points))]
        found += [f"{where}: {text}" for text in _which(place)]
    return found


def _where(of: Group, among: Sequence[Group]) -> str:
    """A network, its board, and what else there is more than one of."""
    others = [g for g in among if (g.network, g.board) == (of.network, of.board)]
    form = f", {of.form}" if len({g.form for g in others}) > 1 else ""
    goal = f", {of.goal}" if len({g.goal for g in others}) > 1 else ""
    return f"{of.network} on {of.board}{form}{goal}"


def _fitting(place: Sequence[Group], base: Group) -> list[str]:
    """What runs where the whole network does not."""
    ran = [g for g in place if g.method not in (NONE, SCRATCH) and g.values("instructions")]
    if not ran or not base.failed:
        return []
    best = max(ran, key=lambda g: g.mean("accuracy") or 0.0)
    loss = beside(best, base)
    said = "" if loss is None else f", accuracy {_signed(loss)} points ({_seeds(loss)})"
    return [
        f"the whole network does not run there; `{best.method}` {100 * best.ratio:g} % does{said}."
    ]


def _far(place: Sequence[Group], base: Group, points: float) -> str | None:
    """The most that goes for so many points."""
    taken = base.mean("instructions")
    assert taken is not None
    within = []
    for g in place:
        loss, count = beside(g, base), g.mean("instructions")
        ranked = g.method not in (NONE, SCRATCH)
        if ranked and loss is not None and count is not None and 100 * loss.mean >= -points:
            within.append((count, g, loss))
    if not any(g.method not in (NONE, SCRATCH) for g in place):
        return None
    if not within:
        return f"no ranking stays within {_in_points(points)} of the whole network."
    count, g, loss = min(within, key=lambda each: (each[0], -each[2].mean))
    sure = loss.half is None or 100 * (loss.mean - loss.half) >= -points
    words = (
        f"for at most {_in_points(points)}{'' if sure else ' on average'} `{g.method}` goes to"
        f" {100 * g.ratio:g} %: {100 * (1 - count / taken):.1f} % fewer instructions, accuracy"
        f" {_signed(loss)} points"
    )
    saved, energy = g.mean("uj"), base.mean("uj")
    if saved is not None and energy is not None:
        words += f", an estimated {saved:,.0f} in place of {energy:,.0f} µJ an inference"
    return f"{words} ({_seeds(loss)})."


def _in_points(count: float) -> str:
    return f"{count:g} point{'' if count == 1 else 's'}"


def _which(place: Sequence[Group]) -> list[str]:
    """How rankings compare with the random one, and with shapes from random weights."""
    said = []
    methods = list(dict.fromkeys(g.method for g in place))
    ranked = [m for m in methods if m not in (NONE, SCRATCH, RANDOM)]
    for other, words in ((RANDOM, "a random ranking"), (SCRATCH, "the shape from random weights")):
        if other not in methods:
            continue
        for method in ranked:
            over = _over_ratios(place, method, other)
            if over is None:
                continue
            sure = "beyond" if over.difference.sure else "not beyond"
            beyond = "" if over.difference.half is None else f": {sure} the spread"
            shares = ", ".join(f"{100 * ratio:g}" for ratio in over.shares)
            said.append(
                f"at {shares} % `{method}` stands {_signed(over.difference)} points beside {words}"
                f"{beyond} ({_seeds(over.difference)})."
            )
    return said


class Over(NamedTuple):
    """A difference, and the shares that it is a mean over: those that all seeds have."""

    difference: Interval
    shares: tuple[float, ...]


def _over_ratios(place: Sequence[Group], method: str, other: str) -> Over | None:
    """The difference of accuracy between two methods, for each seed a mean over shares."""
    by: dict[int, dict[float, float]] = {}
    for g in place:
        rival = next((o for o in place if o.method == other and o.ratio == g.ratio), None)
        if g.method != method or rival is None:
            continue
        a, b = g.values("accuracy"), rival.values("accuracy")
        for seed in a.keys() & b.keys():
            by.setdefault(seed, {})[g.ratio] = a[seed] - b[seed]
    shares = set.intersection(*map(set, by.values())) if by else set()
    if not shares:
        return None
    means = [mean(values[ratio] for ratio in shares) for values in by.values()]
    return Over(interval(means), tuple(sorted(shares)))


def pictures(among: Sequence[Group]) -> dict[str, str]:
    """SVG pictures by file name: accuracy against instructions, a network and board each.

    Where more than one network is trained and none pruned, of their trainings too.
    """
    drawn = trainings(among)
    if drawn:
        return drawn
    for place in places(among):
        marks = []
        for g in place:
            x, accuracy = g.mean("instructions"), g.values("accuracy")
            if x is None or not accuracy:
                continue
            seen = interval(list(accuracy.values()))
            marks.append(Mark(g.method, x, 100 * seen.mean, seen.half and 100 * seen.half))
        best = [
            (x, 100 * y)
            for g in front(place, "instructions")
            if (x := g.mean("instructions")) is not None and (y := g.mean("accuracy")) is not None
        ]
        if not marks:
            continue
        where = _where(place[0], among)
        name = re.sub(r"[^\w.-]+", "-", where.replace(" on ", " "))
        drawn[f"{name}.svg"] = scatter(f"{where}: accuracy, %, over instructions", marks, best)
    return drawn


def trainings(among: Sequence[Group]) -> dict[str, str]:
    """SVG pictures of networks that are only trained: accuracy by epoch, by size, and the time."""
    alone = [g for g in among if g.ratio == 0 and g.cells]
    networks = list(dict.fromkeys(g.network for g in alone))
    if len(networks) < 2 or any(g.ratio for g in among):
        return {}
    drawn = {}
    histories = {g.network: next(iter(g.cells.values())).history for g in alone if g.form == KERAS}
    lines = {
        name: [val if val is not None else seen for seen, val in history]
        for name, history in histories.items() if history
    }  # fmt: skip
    if lines:
        drawn["epochs.svg"] = curves("accuracy on validation images, by epoch", lines)
    sized = [
        Mark(g.form, size, 100 * accuracy)
        for g in alone
        if (size := g.mean("bytes")) is not None and (accuracy := g.mean("accuracy")) is not None
    ]
    if sized:
        drawn["size.svg"] = scatter("accuracy, %, over bytes of the file", sized, [])
    timed = [
        Mark(g.network, size, seconds / 60)
        for g in alone
        if g.form == KERAS and (size := g.mean("parameters")) is not None
        and (seconds := g.mean("training_seconds")) is not None
    ]  # fmt: skip
    if timed:
        drawn["training.svg"] = scatter("minutes of training over parameters", timed, [])
    return drawn


def document(title: str, among: Sequence[Group], figures: str = "") -> str:
    """The report in Markdown, with its pictures in the folder `figures` ("docs/", say)."""
    parts = [f"# {title}\n"]
    if sentences := answers(among):
        parts += ["## The answer\n", "".join(f"- {text}\n" for text in sentences)]
    parts += [f"![{name}]({figures}{name})\n" for name in pictures(among)]
    for heading, columns, rows in (
        ("On boards", BOARD_COLUMNS, on_boards(among)),
        ("Each form", FORM_COLUMNS, forms(among)),
        ("On a K210, simulated", KMODEL_COLUMNS, kmodels(among)),
        ("Filters left of each layer", LAYER_COLUMNS, layers(among)),
    ):
        if rows:
            parts += [f"## {heading}\n", markdown(*telling(columns, rows, IDLE))]
    if failed := [(g, why) for g in among for why in g.failed]:
        listed = [
            f"- {g.network}, {g.said}, {g.form}{f' on {g.board}' if g.board else ''}:"
            f" {' '.join(why.split())}\n"
            for g, why in failed
        ]
        parts += ["## What failed\n", "".join(dict.fromkeys(listed))]
    parts.append(NOTES)
    return "\n".join(parts)


NOTES = """\
Accuracy is of all test images, the mean over seeds, ± its 95 % confidence (Student's t over seeds;
with one seed nothing tells the spread). "beside none" compares seed by seed with the network
itself, trained as long. Instructions are exact counts of an emulated core; model cycles and energy
are estimates (docs/energy.md). `*`: no other one has more accuracy at no more instructions.
"""


def table_csv(found: Iterable[CellResult]) -> str:
    """Every cell as a line of CSV; of each the last one."""
    names = [f.name for f in fields(CellResult) if f.name not in ("layers", "tools")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for r in {r.cell: r for r in found}.values():
        writer.writerow([getattr(r, name) for name in names])
    return text.getvalue()


def _on(g: Group) -> str:
    """Its board, with the goal, and with the board that counted for it."""
    counted = next((c.counted_on for c in g.cells.values() if c.counted_on), None)
    goal = "" if g.goal in (None, "balanced") else f", {g.goal}"
    return f"{g.board}{goal}{f' (counted on {counted})' if counted else ''}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _accuracy(g: Group) -> str | None:
    found = list(g.values("accuracy").values())
    if not found:
        return None
    mean_ = interval(found)
    half = "" if mean_.half is None else f" ± {100 * mean_.half:.2f}"
    return f"{100 * mean_.mean:.2f}{half} %"


def _points(g: Group, among: Sequence[Group]) -> str | None:
    loss = beside(g, whole(g, among))
    return None if loss is None or g.method == NONE else _signed(loss)


def _signed(of: Interval) -> str:
    half = "" if of.half is None else f" ± {100 * of.half:.2f}"
    return f"{100 * of.mean:+.2f}{half}"


def _seeds(of: Interval) -> str:
    return f"{of.seeds} seeds, 95 % confidence" if of.seeds > 1 else "1 seed: no spread is known"


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds / 60:.1f} min"


def _milliseconds(g: Group) -> str | None:
    ms = g.mean("ms")
    error = next((c.ms_error for c in g.cells.values() if c.ms_error is not None), None)
    if ms is None:
        return None
    said = "" if error is None else f" ({100 * error[0]:+.0f}..{100 * error[1]:+.0f} %)"
    return f"{ms:,.2f}{said}"


def _energy(g: Group) -> str | None:
    uj = g.mean("uj")
    if uj is None:
        return None
    error = next((c.uj_error for c in g.cells.values() if c.uj_error is not None), None)
    said = "" if error is None else f" ({100 * error[0]:+.0f}..{100 * error[1]:+.0f} %)"
    return f"{uj:,.1f}{said}"
