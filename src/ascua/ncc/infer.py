"""`ncc infer`: a kmodel runs on files, and each one's outputs become a file of bare numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from ascua.errors import InputError, Unsupported
from ascua.ir import Array
from ascua.kmodel import DType, Kmodel, Port, Range
from ascua.kpu import Simulator

Progress = Callable[[int, int], None]
NAMED = 5
"""Files with a fault that a message names."""


class Sample(Protocol):
    """A file as a sample (h, w, c), or what is wrong with it in words."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def x(self) -> Array | str:
        """Its numbers, as the input takes them."""


def one_input(model: Kmodel) -> Port:
    """The input of a network. Raises Unsupported where it has none, several, or takes batches."""
    if len(model.inputs) != 1:
        raise Unsupported(
            f"{model.name}: it has {len(model.inputs)} inputs, and a file is one sample of one.",
            ["`ascua run` takes an array for each input."],
        )
    (port,) = model.inputs
    if port.shape[0] != 1:
        raise Unsupported(
            f"{model.name}: it takes {port.shape[0]} samples at a time, and a file is one.",
            ["Compile the network for one sample."],
        )
    return port


def infer(
    model: Kmodel, samples: Iterable[Sample], total: int, progress: Progress
) -> list[list[Array]]:
    """The outputs of each sample: an array (elements,) an output, in NCHW, float32 or uint8.

    All files are looked at: raises InputError for those that are no samples.
    """
    simulator = Simulator(model)
    found: list[list[Array]] = []
    wrong: list[str] = []
    for i, sample in enumerate(samples):
        if isinstance(sample.x, str):
            wrong.append(f"{sample.path}: {sample.x}")
        elif not wrong:
            found.append([y[0] for y in simulator.run([sample.x[None]])])
        progress(i + 1, total)
    if wrong:
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise InputError(
            f"{len(wrong):,} of {total:,} files cannot be used: {'; '.join(wrong[:NAMED])}{more}.",
            ["Replace them, or move them out of the folder."],
        )
    return found


def content(outputs: Iterable[Array]) -> bytes:
    """What `ncc` writes: the bytes of all outputs, one behind the other, and nothing else."""
    return b"".join(y.tobytes() for y in outputs)


def said(outputs: Iterable[Range]) -> str:
    """What a file holds, in words."""
    words = (f"{o.count:,} {'floats' if o.dtype is DType.F32 else 'bytes'}" for o in outputs)
    return ", then ".join(words)
