"""What a run tells: outputs, counts and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """How much of one memory of the board the whole firmware takes, without its stack."""

    name: str
    used: int
    size: int


@dataclass(frozen=True)
class Sizes:
    """Bytes of the network in the linked firmware, the harness not counted.

    `flash_bytes`: code, constants, and initial values of variables, with what the network takes
    from the C library. `static_bytes`: variables without the arena. `harness_flash_bytes` and
    `harness_static_bytes` are what was taken off. `regions` has the whole firmware.
    """

    flash_bytes: int
    static_bytes: int
    harness_flash_bytes: int
    harness_static_bytes: int
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class Outcome:
    """The outputs of a run, sample after sample, and what was measured.

    Counts are means over all inferences of this run, between the call of `<name>_run` and its
    return: `instructions` = `glue_instructions` (in `<name>_run` itself) + the sum of
    `step_instructions` (in the order of the library's steps, each with the functions it calls).
    `counter` says where they come from: "qemu plugin" is exact; "icount timer" knows only the sum,
    and each inference to `resolution` instructions; "none" counts nothing. `stack_bytes` is the
    high-water mark of the first inference. What a runner cannot tell is None.
    """

    outputs: bytes
    states: bytes | None
    """What the last run left for a next one, of a network that keeps states."""
    stack_bytes: int | None
    instructions: float | None
    step_instructions: tuple[float, ...] | None
    glue_instructions: float | None
    resolution: float | None
    counter: str
    sizes: Sizes | None
    tools: Mapping[str, str]
    """Versions by the tool's name."""
    seconds: float
    """Time that the runs took, without compiling."""
