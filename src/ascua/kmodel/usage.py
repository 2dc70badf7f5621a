"""How much memory a kmodel takes, and of which budgets of the boards it is within."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ascua.kmodel.memory import KPU_LINES, LINE, Memory
from ascua.kmodel.model import Kmodel
from ascua.kmodel.writing import write


@dataclass(frozen=True)
class Budget:
    """Room for a model: `bytes` are there in any case, `most` where all goes well."""

    name: str
    holds: Literal["file", "file and workspace"]
    bytes: int
    most: int
    source: str
    v4_runtime: int = 0
    """What the runtime of V4 files takes of it, beside that of V3 files."""


BUDGETS = (
    Budget(
        name="SRAM",
        holds="file and workspace",
        bytes=6 << 20,
        most=6 << 20,
        source="Kendryte's data sheet: 8 MiB, of which 2 MiB are the KPU's",
    ),
    Budget(
        name="C",
        holds="file and workspace",
        bytes=5_000_000,
        most=5_500_000,
        source="projects on Sipeed's boards: 5 to 5.5 MB are left beside firmware in C",
    ),
    Budget(
        name="MicroPython",
        holds="file and workspace",
        bytes=3_500_000,
        most=4_000_000,
        source="Sipeed, of MaixPy: 3.5 to 4 MB are left, and its V4 runtime takes 360 kB more",
        v4_runtime=360_000,
    ),
    Budget(
        name="flash",
        holds="file",
        bytes=14 << 20,
        most=14 << 20,
        source="Sipeed's boards: 16 MiB, in which models begin at 0x200000",
    ),
)
"""What the boards have for a model."""


@dataclass(frozen=True)
class Fit:
    """A budget, and what a model needs of it."""

    budget: Budget
    bytes: int

    @property
    def verdict(self) -> Literal["fits", "may fit", "does not fit"]:
        """Whether it is within the budget."""
        if self.bytes <= self.budget.bytes:
            return "fits"
        return "may fit" if self.bytes <= self.budget.most else "does not fit"


@dataclass(frozen=True)
class Usage:
    """The memory that a model takes."""

    file_bytes: int
    main_bytes: int
    """Of the workspace in main memory."""
    kpu_lines: int
    """Of KPU RAM that the layer which needs most reads and writes."""
    kpu_layer: int | None
    """The number of that layer; None where the KPU has nothing to do."""
    fits: tuple[Fit, ...]

    @property
    def kpu_bytes(self) -> int:
        """The lines in bytes."""
        return self.kpu_lines * LINE

    @property
    def kpu_share(self) -> float:
        """Of KPU RAM: 1 is all of it."""
        return self.kpu_lines / KPU_LINES


def usage(model: Kmodel) -> Usage:
    """The memory that `model` takes, and which budgets hold it."""
    file_bytes = len(write(model))
    lines = [
        sum(r.bytes for r in (*layer.reads, *layer.writes) if r.memory is Memory.KPU) // LINE
        for layer in model.layers
    ]
    most = max(lines)
    return Usage(
        file_bytes=file_bytes,
        main_bytes=model.main_bytes,
        kpu_lines=most,
        kpu_layer=lines.index(most) if most else None,
        fits=tuple(_fit(budget, model, file_bytes) for budget in BUDGETS),
    )


def _fit(budget: Budget, model: Kmodel, file_bytes: int) -> Fit:
    workspace = model.main_bytes if budget.holds == "file and workspace" else 0
    runtime = budget.v4_runtime if model.version == 4 else 0
    return Fit(budget, file_bytes + workspace + runtime)
