"""`ncc infer`: a kmodel runs on files, and each one's outputs become a file of bare numbers."""

from __future__ import annotations

from collections.abc import Iterable

from ascua.errors import Unsupported
from ascua.ir import Array
from ascua.kmodel import DType, Kmodel, Port, Range
from ascua.kpu import Simulator
from ascua.ncc.samples import Progress, Sample, sound


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
    usable = sound(samples, total, progress)
    return [[y[0] for y in simulator.run([x[None]])] for x in usable]


def content(outputs: Iterable[Array]) -> bytes:
    """What `ncc` writes: the bytes of all outputs, one behind the other, and nothing else."""
    return b"".join(y.tobytes() for y in outputs)


def said(outputs: Iterable[Range]) -> str:
    """What a file holds, in words."""
    words = (f"{o.count:,} {'floats' if o.dtype is DType.F32 else 'bytes'}" for o in outputs)
    return ", then ".join(words)
