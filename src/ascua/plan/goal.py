"""What a plan is for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ascua.errors import InputError, did_you_mean

TURNS_A_SECOND, TRIES_A_SECOND = 40_000, 30
"""What a usual computer does."""

Kind = Literal["speed", "balanced", "size", "ram"]

SPEED_ARENA = 12 * 1024
"""Bytes that `speed` may take beyond the tensors, where "balanced" may not take more."""
BALANCED_ARENA, BALANCED_FLASH = 1.35, 1.3
"""Most of `balanced`, of the tensors and of what `size` takes."""
BALANCED_COST = 1.05
"""Most of `balanced`, of the cost of steps of one operator each, for less memory."""
RAM_COST = 1.25
"""Most of `ram` an operator, of the cost of its cheapest kernel."""


@dataclass(frozen=True)
class Goal:
    """The wishes that a plan fulfils, beside fitting its board.

    "balanced": least cost with an arena of at most 1.35 times the tensors and flash of at most 1.3
    times that of "size"; "speed": least cost, with such an arena, or of small networks the tensors
    and 12 KB; "size": least flash. Where no kernel keeps to a limit, the least is taken. Cost is in
    model cycles, and in instructions of cores without a timing.

    Cost and flash are known of cores with a table of costs. Of others "speed" gives each kernel a
    copy of its own, "balanced" those with most outputs, and "size" none.
    """

    kind: Kind = "balanced"
    inline: bool | None = None
    """Whether calls have a copy of their kernel each, or share one; None: as the kind wants it."""
    by_rows: bool = False
    """Whether a function of the user's hands over the one input row by row."""
    seconds: float = 10.0
    """About how long to look for less memory: as much is tried as a usual computer does in that."""
    patch: float = 1.0
    """How many times the multiply-accumulates may be executed: some again, for less memory, where
    the kind is "ram"."""
    avoid: frozenset[str] = frozenset()
    """Kernels, by name, that are not taken: so that one is compared with another."""
    placements: tuple[tuple[str, str], ...] = ()
    """Tensors by name, activations or an operator's weights, each with the memory to lie in."""

    def __post_init__(self) -> None:
        """Raise InputError for `seconds` or a `patch` that is none, or not for this kind."""
        if not 0 <= self.seconds < math.inf:
            raise InputError(
                f"--max-allocator-solve-secs {self.seconds:g}: it is a time, 0 or more seconds.",
                ["Leave it out: 10 is enough for most."],
            )
        if not 1 <= self.patch < math.inf:
            raise InputError(
                f"--patch {self.patch:g}: it is how many times the network's multiply-accumulates"
                " may be executed, 1 or more.",
                ["1.1 lets a tenth of them be done again."],
            )
        if self.patch > 1 and self.kind != "ram":
            raise InputError(
                f"--patch {self.patch:g}: it is for `--goal ram`, and this is {self.kind}.",
                ["Add `--goal ram`, or leave it out."],
            )

    def json(self) -> dict[str, str | bool | float]:
        """What was wished for, as `--json` and manifests have it."""
        return {"goal": self.kind, "by_rows": self.by_rows, "patch": self.patch}

    @property
    def effort(self) -> int:
        """Turns of calls that are tried in search of steps that hold less."""
        return round(TURNS_A_SECOND * self.seconds)

    @property
    def tries(self) -> int:
        """Placements that are tried."""
        times = 5.0 if self.patch > 1 else 1.0 if self.kind == "ram" else 0.2
        return round(TRIES_A_SECOND * self.seconds * times)


BALANCED = Goal()
"""What verbs plan for where nothing else is asked."""
GOALS = tuple(replace(BALANCED, kind=kind) for kind in get_args(Kind))


def goal_named(name: str) -> Goal:
    """The goal called `name`. Raises InputError with those that there are."""
    for g in GOALS:
        if g.kind == name:
            return g
    raise InputError(f"--goal {name}: unknown.", did_you_mean(name, get_args(Kind)))
