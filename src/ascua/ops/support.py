"""The support table, printed from the registry of operators."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ascua.ops import OPERATORS


@dataclass(frozen=True)
class Support:
    """One operator: what it is called, up to which version it is read, what runs it."""

    op: str
    tflite: str
    max_version: int
    kernels: tuple[str, ...]
    """Kernel names, the features they need behind a colon."""
    summary: str


def support() -> tuple[Support, ...]:
    """Every operator that Ascua takes, by its TFLite name."""
    return tuple(_row(name) for name in sorted(OPERATORS))


def _row(name: str) -> Support:
    op = OPERATORS[name]
    kernels = tuple(
        f"{k.name}: {', '.join(sorted(k.needs))}" if k.needs else k.name for k in op.kernels
    )
    module = op.__module__.rpartition(".")[2]
    if not kernels:
        kernels = ("none needed: a view",) if op.view else ("none needed: folds away",)
    return Support(module, name, op.max_version, kernels, _summary(op))


def _summary(op: type[object]) -> str:
    """What the operator's module says of it in its first line, behind the TFLite name."""
    first = (sys.modules[op.__module__].__doc__ or "").strip().splitlines()[0]
    return first.partition(": ")[2].rstrip(".")
