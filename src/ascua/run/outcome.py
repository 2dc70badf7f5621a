"""What a run tells: outputs, counts and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ascua.boards.timing import Kind


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
class Span:
    """Cycles: the least, what is assumed, and the most."""

    least: float
    assumed: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Span:
        """The three values."""
        least, assumed, most = values
        return cls(least, assumed, most)

    def scaled(self, by: float) -> Span:
        """All three times `by`."""
        return Span(self.least * by, self.assumed * by, self.most * by)


@dataclass(frozen=True)
class Cycles:
    """Cycles of an inference, from what was executed and the core's timing: not measured.

    `kind` is how the timing was come by ("model", "bound", "fitted"); `steps` are in the order of
    the library's. `unknown` are mnemonics that the timing lacks, the most executed first.
    """

    kind: Kind
    core: str
    total: Span
    steps: tuple[Span, ...]
    unknown: tuple[str, ...]
    wait: int = 0
    """Wait states of the memory that code lies in; in the most, and in what a model assumes."""


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
    extremes: tuple[int, int] | None = None
    """The least and the most instructions of one inference, where the plugin counts."""
    cycles: Cycles | None = None
    """None where blocks are not counted, and of a core whose timing nothing public tells."""
