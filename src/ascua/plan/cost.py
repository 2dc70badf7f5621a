"""What kernels cost on a core, by tables that tests/support/tune.py measures on emulators."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ascua.boards import Core
from ascua.ir import Op, limits
from ascua.kernels import Kernel, Rows, Run, Work

FOLDER = Path(__file__).parent / "costs"
MODES = ("shared", "inline")
SHAPE = " | "
"""Between the name of a part and how it is compiled for an operator."""
LARGE = "large"
"""In such a name: of sums that are not small."""
CALL = "call"
"""The term that each call counts once."""


@dataclass(frozen=True)
class Cost:
    """Of a call or of a network: retired instructions and model cycles."""

    instructions: float = 0.0
    cycles: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.instructions + other.instructions, self.cycles + other.cycles)

    def times(self, n: float) -> Cost:
        """Of so many such calls."""
        return Cost(self.instructions * n, self.cycles * n)

    @property
    def least_first(self) -> tuple[float, float]:
        """What is compared: cycles where they are known, and else instructions."""
        return self.cycles or self.instructions, self.instructions


@dataclass(frozen=True)
class Fit:
    """A kernel on a core, with a copy of its own for a call or shared by several."""

    terms: Mapping[str, tuple[float, float]]
    """Instructions and cycles of one of each term."""
    own: float
    """Bytes of a step that runs it, the mean."""
    parts: Mapping[str, float]
    """Bytes of the functions that it calls, as others may."""
    shapes: bool = True
    """Whether parts are compiled in as many ways as their names say: not in a shared copy."""

    def cost(self, terms: Mapping[str, float]) -> Cost:
        """Of an operator with these terms."""
        known = [(n, self._of(name)) for name, n in terms.items() if n]
        return Cost(sum(n * i for n, (i, _) in known), sum(n * c for n, (_, c) in known))

    def _of(self, name: str) -> tuple[float, float]:
        """What one of a term takes; where its shape was not measured, that of the dearest."""
        name = name if self.shapes else without_shape(name)
        if name in self.terms:
            return self.terms[name]
        part = name.partition(SHAPE)[0]
        alike = [v for known, v in self.terms.items() if known.partition(SHAPE)[0] == part]
        return max(alike, default=(0.0, 0.0))


def without_shape(name: str) -> str:
    """The name of a part in code that is compiled once; large sums go their own way there, too."""
    part, _, shape = name.partition(SHAPE)
    return f"{part}{SHAPE}{LARGE}" if LARGE in shape.split() else part


@dataclass(frozen=True)
class Costs:
    """The kernels of a core, by name and mode."""

    compiler: str
    kernels: Mapping[str, Mapping[str, Fit]]

    def fit(self, kernel: Kernel[Any], *, inline: bool) -> Fit | None:
        """What is known of a kernel; None where it was not measured."""
        return self.kernels.get(kernel.name, {}).get(MODES[inline])


def terms(kernel: Kernel[Any], op: Op, work: Work, *, looped: bool = False) -> dict[str, float]:
    """How often the parts of `kernel` run for `op`; `looped`: by calls for each of its rows.

    Padded rows have a term, too, and so have bounds that an activation sets.
    """
    runs = op.y.height if looped and isinstance(work, Run) else 1
    found = {CALL: float(runs), "product": float(op.macs()), **kernel.run_terms(op, runs)}
    params = kernel.params(op)
    integers = op.y.dtype != "float32"
    if integers and "low" in params and (params["low"], params["high"]) != limits(op.y.dtype):
        found["clamped"] = float(op.y.size)
    if isinstance(work, Rows):
        calls = float(work.calls(op.y))
        found |= {"row": calls} | ({CALL: calls} if looped else {})
        if work.fill is not None and work.padded(op.x, op.y):
            # A loop of one operator copies each row once.
            copies = calls * work.kh / op.x.height if looped else 1.0
            found["padded"] = op.x.size * copies
            found["padded row"] = calls
    return found


@cache
def costs(core: Core) -> Costs | None:
    """The table of a core, or of one that it names; None where there is none."""
    path = FOLDER / f"{core.costs or core.name}.json"
    if not path.is_file():
        return None
    read = json.loads(path.read_text(encoding="utf-8"))
    return Costs(
        read["compiler"],
        {
            name: {
                mode: Fit({t: (i, c) for t, (i, c) in fit["terms"].items()}, fit["own"],
                          fit["parts"], mode == "inline")
                for mode, fit in modes.items()
            }
            for name, modes in read["kernels"].items()
        },
    )  # fmt: skip
