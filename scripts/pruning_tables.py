"""results/pruning.jsonl as the tables of docs/pruning.md: rankings beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from ascua.pruning.rankings import RANKINGS
from ascua.results import PrunedResult, pruned

Row = Sequence[str | int | None]

COLUMNS = (
    "network", ">MACs gone", "scope", "ranking", ">accuracy", ">by seed", ">points beside none",
    ">before tuning", ">MACs", ">parameters",
)  # fmt: skip
RANKING = ("`--method`", "what a channel is worth", "looks at")
LOOKS = {"nothing": "weights", "images": "images", "labels": "labelled images"}
OTHERS = ("none", "scratch")
"""What is no ranking, first and last."""


def rankings() -> list[Row]:
    """Rows of RANKING."""
    return [(f"`{r.name}`", r.about, LOOKS[r.needs]) for r in RANKINGS.values()]


def rows(folder: Path) -> list[Row]:
    """Rows of COLUMNS: of each network, share and ranking, over the seeds that there are."""
    groups: dict[tuple[str, float, str, str], dict[int, PrunedResult]] = {}
    for r in pruned(folder):
        scope = str(r.scope) if r.ratio else ""
        groups.setdefault((r.network, r.ratio, scope, r.method), {})[r.seed] = r
    order = [OTHERS[0], *RANKINGS, OTHERS[1]]
    found: list[Row] = []
    for group in sorted(groups, key=lambda g: (*g[:3], order.index(g[3]))):
        network, ratio, scope, method = group
        seeds = groups[group]
        whole = groups.get((network, 0.0, "", OTHERS[0]), {})
        both = [s for s in seeds if s in whole]
        untuned = [r.untuned for r in seeds.values() if r.untuned is not None]
        first = next(iter(seeds.values()))
        found.append((
            network,
            f"{100 * ratio:.0f} %",
            scope or None,
            method,
            _percent(mean(r.accuracy for r in seeds.values())),
            ", ".join(_percent(seeds[s].accuracy) for s in sorted(seeds)),
            f"{100 * mean(seeds[s].accuracy - whole[s].accuracy for s in both):+.2f}"
            if both and method != OTHERS[0] else None,
            _percent(mean(untuned)) if untuned else None,
            first.macs,
            first.parameters,
        ))  # fmt: skip
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
