"""A kmodel: what a file of the K210's compilers says, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from ascua.kmodel import v3
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import Range

MARK = 0x4B4D444C
"""The identifier of V4 files: the bytes LDMK."""
K210 = {3: 0, 4: 1}
"""What says "K210" in a file: the field is called arch in V3, target in V4."""
MAX_LAYERS = 4096
"""More are no network for this chip."""
MAX_PORTS = 64
"""Inputs, or outputs."""
PADDING = 8
"""Layers end at multiples of this, counted from the beginning of the file."""


@dataclass(frozen=True)
class Port:
    """An input: where it lies, and its shape (n, c, h, w)."""

    range: Range
    shape: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Kmodel:
    """A network for the K210, as a file of version 3 or 4 has it."""

    name: str
    """Of the file; it stands in messages."""
    version: int
    main_bytes: int
    """Of the workspace in main memory."""
    inputs: tuple[Port, ...]
    """V3 files do not say them: their one input is what the first layer reads."""
    outputs: tuple[Range, ...]
    layers: tuple[Layer, ...]
    constants: bytes = b""
    """V4 alone."""
    weight_bits: int = 8
    """Of the KPU's weights; 16 in V3 alone."""
    max_start: int = 0
    """V3: the lowest line of KPU RAM that the compiler allocated; no runtime reads it."""
    reserved: int = 0
    """V4: a word of the header that its writer does not set."""
    missing: int = 0
    """Bytes of the last layer's padding that the file ends before."""


def v3_inputs(layers: tuple[Layer, ...]) -> tuple[Port, ...]:
    """The input of a V3 network, which is what its first layer reads."""
    match layers:
        case (v3.K210Conv(conv=conv), *_):
            return (Port(conv.source, (1, conv.ic, conv.x.height, conv.x.width)),)
        case (v3.FullyConnected() as dense, *_):
            return (Port(dense.reads[0], (1, dense.in_channels, 1, 1)),)
    return ()
