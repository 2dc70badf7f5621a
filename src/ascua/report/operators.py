"""The support table, printed from the registry of operators: operator, type, kernel, cores."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ascua import boards, kernels
from ascua.ir import Op
from ascua.kernels import Kernel
from ascua.ops import OPERATORS

VIEW, FOLDED = "a view", "folded"
"""What stands for a kernel where none is needed."""


@dataclass(frozen=True)
class KernelSupport:
    """One kernel: the types of activations and weights that it runs, and the cores it runs on."""

    name: str
    types: tuple[str, ...]
    weights: tuple[str, ...]
    needs: tuple[str, ...]
    cores: tuple[str, ...]
    """Those of all boards that have what it needs."""


@dataclass(frozen=True)
class Support:
    """One operator: what it is called, up to which version it is read, what runs it."""

    op: str
    tflite: str
    max_version: int
    types: tuple[str, ...]
    """Types of activations; int16 stands beside int8 weights."""
    kernels: tuple[KernelSupport, ...]
    by_type: Mapping[str, tuple[str, ...]]
    """Kernel names, the best first, what they need behind a colon; a type has other weights than
    int8 where it names them, as in `int8 x int4`."""
    summary: str


def support() -> tuple[Support, ...]:
    """Every operator that Ascua takes, by its TFLite name."""
    every = [boards.load(name) for name in boards.names("c")]
    return tuple(_row(name, every) for name in sorted(OPERATORS))


def types(rows: tuple[Support, ...]) -> tuple[str, ...]:
    """The types that some operator takes: the columns of the table."""
    return tuple(dict.fromkeys(t for r in rows for t in sorted(r.by_type, key=_rank)))


def _rank(name: str) -> tuple[bool, str]:
    return name != "int8", name


def _row(name: str, every: list[boards.Board]) -> Support:
    op = OPERATORS[name]
    return Support(
        op=op.__module__.rpartition(".")[2],
        tflite=name,
        max_version=op.max_version,
        types=_types(op),
        kernels=tuple(_kernel(k, every) for k in kernels.of(op)),
        by_type=_by_type(op),
        summary=_summary(op),
    )


def _kernel(k: Kernel[Any], every: list[boards.Board]) -> KernelSupport:
    cores = dict.fromkeys(b.core.name for b in every if k.runs_on(b.core))
    return KernelSupport(k.name, k.types, k.weights, tuple(sorted(k.needs)), tuple(cores))


def _types(op: type[Op]) -> tuple[str, ...]:
    """The types of activations that it takes, float32 where there are kernels for that."""
    return tuple(dict.fromkeys((*op.types, *(("float32",) if op.floats else ()))))


def _by_type(op: type[Op]) -> dict[str, tuple[str, ...]]:
    if not kernels.of(op):
        return dict.fromkeys(_types(op), (VIEW if op.view else FOLDED,))
    found: dict[str, tuple[str, ...]] = {}
    for k in kernels.of(op):
        label = f"{k.name}: {', '.join(sorted(k.needs))}" if k.needs else k.name
        for t in (t for t in _types(op) if t in k.types):
            for w in k.weights or ("int8",):
                column = t if w in ("int8", t) else f"{t} x {w}"
                found[column] = (*found.get(column, ()), label)
    return found


def _summary(op: type[object]) -> str:
    """What the operator's module says of it in its first line, behind the TFLite name."""
    first = (sys.modules[op.__module__].__doc__ or "").strip().splitlines()[0]
    return first.partition(": ")[2].rstrip(".")
