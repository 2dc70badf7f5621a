"""What a network needs of a board: measured on the firmware of its int8 form."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.boards import Board
from ascua.errors import DoesNotFit, InputError
from ascua.estimate import estimate
from ascua.measure import run_model
from ascua.model import Model, load_model
from ascua.plan import STACK_BYTES
from ascua.samples import sample_vectors
from ascua.train.export import calibration_samples, export_int8

IMAGES = 16
"""On which a candidate is calibrated: its bytes and instructions do not depend on them."""
UNITS: Mapping[str, float] = {
    "": 1, "b": 1, "k": 1e3, "kb": 1024, "kib": 1024, "m": 1e6, "mb": 1024**2, "mib": 1024**2,
}  # fmt: skip


@dataclass(frozen=True)
class Needs:
    """Of one inference."""

    flash: int
    """Bytes of the linked network."""
    ram: int
    """Bytes of arena, variables and stack."""
    instructions: int
    """Mean over two random samples."""
    uj: float | None = None
    """Microjoules, estimated; None where no source tells what a cycle takes."""


@dataclass(frozen=True)
class Limits:
    """What a network may need at most; None: whatever there is."""

    flash: int | None = None
    ram: int | None = None
    instructions: int | None = None
    uj: int | None = None

    def unmet(self, needs: Needs | None) -> tuple[str, ...]:
        """Which limits `needs` exceed; all, where there are none, for what does not fit at all."""
        limits = {k: v for k, v in asdict(self).items() if v is not None}
        if needs is None:
            return tuple(limits)
        return tuple(k for k, most in limits.items() if (getattr(needs, k) or 0) > most)

    def __str__(self) -> str:
        return ", ".join(f"{k} {v:,}" for k, v in asdict(self).items() if v is not None)


def limits(text: str) -> Limits:
    """Of `flash=200KB,ram=48KB,instructions=5M,uj=300`; KB are 1024 bytes. Raises InputError."""
    known, found = [f.name for f in fields(Limits)], {}
    for part in text.split(","):
        name, _, value = (p.strip().lower() for p in part.partition("="))
        number = value.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = value[len(number) :]
        try:
            amount = float(number.replace("_", "")) * UNITS["" if name == "uj" else unit]
            if name == "uj" and unit:
                raise ValueError("microjoules have no unit behind them")
        except (ValueError, KeyError):
            amount = 0
        if name not in known or name in found or not 1 <= amount < 2**40:
            raise InputError(
                f"--until {text}: {part.strip()!r} is no limit.",
                [
                    "Write limits as `flash=200KB,ram=48KB,instructions=5M,uj=300`:"
                    f" {', '.join(known)}."
                ],
            )
        found[name] = int(amount)
    return Limits(**found)


def check_board(board: Board, limits: Limits | None = None) -> None:
    """Raise InputError for a board on which nothing counts what is measured or limited here."""
    if board.target != "c":
        raise InputError(
            f"{board.name}: what is measured is firmware in C, and its target is {board.target!r}.",
            ["Leave out `--board`; quantise what is written, and `ascua compile` that."],
        )
    if board.runner is None and not board.counts_on:
        raise InputError(
            f"{board.name}: its firmware is not run here, so nothing is counted.",
            ["Name a board with an emulator: `ascua boards`."],
        )
    if limits is not None and limits.uj is not None and board.energy_of_a_cycle is None:
        raise InputError(
            f"--until uj={limits.uj:,}: no source tells what a cycle takes on {board.name}.",
            [
                "Limit `instructions`, or name a board of docs/energy.md.",
                "Read your own meter, and put `[meter]` into a copy of the board's file.",
            ],
        )


def needs(model: Any, board: Board, images: NDArray[np.uint8] | None, build: Path) -> Needs | None:
    """Of the Keras `model` on `board`, calibrated on uint8 images, or on noise: built and run.

    None where it does not fit. Raises InputError for a board that is not run, Unsupported,
    ToolMissing, ToolFailed.
    """
    check_board(board)
    with _int8(model, images) as loaded:
        try:
            xs = [*sample_vectors(loaded.graph, 2)]
            found = run_model(loaded, loaded.plan(board), xs, build=build).measurement
        except DoesNotFit:
            return None
    assert found.flash_bytes is not None
    assert found.instructions is not None
    uj = found.estimate.uj if found.estimate else None
    return Needs(
        found.flash_bytes, found.ram.total or found.ram.arena, round(found.instructions),
        None if uj is None else round(uj.value, 1),
    )  # fmt: skip


def expected(model: Any, board: Board, images: NDArray[np.uint8] | None) -> Needs:
    """The same by the plan, without a build; `board` is one whose core has a table of costs.

    Raises Unsupported.
    """
    with _int8(model, images) as loaded:
        planned = loaded.plan(board)
    assert planned.cost is not None
    found = estimate(board, planned.cost.cycles or None)
    return Needs(
        planned.const_bytes + planned.code_estimate,
        planned.ram_bytes + STACK_BYTES,
        round(planned.cost.instructions),
        round(found.uj.value, 1) if found and found.uj else None,
    )


@contextmanager
def _int8(model: Any, images: NDArray[np.uint8] | None) -> Iterator[Model]:
    if images is None:
        shape = (IMAGES, *model.inputs[0].shape[1:])
        images = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    content = export_int8(model, calibration_samples(images, IMAGES, 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.tflite"
        path.write_bytes(content)
        yield load_model(path)
