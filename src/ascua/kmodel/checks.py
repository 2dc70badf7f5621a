"""Whether a kmodel can run: its memory, its order, and what its layers say of themselves."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ascua.errors import ModelError, Unsupported
from ascua.kmodel import v3, v4
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import KPU_BYTES, KPU_LINES, LINE, DType, Layout, Map, Memory, Range
from ascua.kmodel.model import MAX_LAYERS, MAX_PORTS, Kmodel, Port, v3_inputs

UNWRITTEN = (
    "Look for the layer before it that should write there: one of the two addresses is wrong.",
    "Compile the model again.",
)
AGAIN = ("Compile the model again, or look for damage.",)
NAMES = {Memory.CONST: "the constants", Memory.MAIN: "main memory", Memory.KPU: "KPU RAM"}


class Bytes:
    """What somebody has written of a memory of bytes: disjoint intervals in order."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, r: Range) -> None:
        """The range is written now."""
        start, end = r.start, r.end
        first, last = bisect_left(self.ends, start), bisect_right(self.starts, end)
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last], self.ends[first:last] = [start], [end]

    def hole(self, r: Range) -> str | None:
        """The first byte of the range that nobody wrote, in words."""
        i = bisect_right(self.starts, r.start) - 1
        reached = max(r.start, self.ends[i]) if i >= 0 else r.start
        return f"byte {reached}" if reached < r.end else None


class Lines:
    """What somebody has written of KPU RAM: of each line, one bit a byte."""

    def __init__(self) -> None:
        self.masks = np.zeros(KPU_LINES, np.uint64)

    def add(self, r: Map) -> None:
        """The map is written now; other bytes of its lines are not what they were."""
        first = r.start // LINE
        self.masks[first : first + r.layout.lines] = r.layout.masks

    def hole(self, r: Map) -> str | None:
        """The first pixel of the map that nobody wrote, in words."""
        first = r.start // LINE
        needed = r.layout.masks & ~self.masks[first : first + r.layout.lines]
        at = np.flatnonzero(needed)
        if not at.size:
            return None
        bit = (int(needed[at[0]]) & -int(needed[at[0]])).bit_length() - 1
        return f"byte {bit} of line {first + at[0]}"


class _Walk:
    """A model's memories, while its layers are passed in order."""

    def __init__(self, model: Kmodel) -> None:
        self.model = model
        self.part = "header"
        self.sizes = {
            Memory.CONST: len(model.constants),
            Memory.MAIN: model.main_bytes,
            Memory.KPU: KPU_BYTES,
        }
        self.main = Bytes()
        self.kpu = Lines()

    def fail(self, what: str, hints: Sequence[str] = AGAIN) -> ModelError:
        return ModelError(f"{self.model.name}: {self.part}: {what}.", hints)

    def inside(self, what: str, r: Range) -> None:
        """Refuse a range that leaves its memory, or begins between elements."""
        size = self.sizes[r.memory]
        if r.end > size:
            raise self.fail(f"{what} {_said(r)} leaves {NAMES[r.memory]}, which has {size} bytes")
        unit = LINE if r.memory is Memory.KPU else r.dtype.bytes
        if r.start % unit or r.bytes % unit:
            raise self.fail(f"{what} {_said(r)} does not consist of units of {unit} bytes")

    def read(self, what: str, r: Range) -> None:
        """Refuse what nobody wrote."""
        self.inside(what, r)
        hole = self.kpu.hole(r) if isinstance(r, Map) else None
        hole = self.main.hole(r) if r.memory is Memory.MAIN else hole
        if hole:
            raise self.fail(f"{what} {_said(r)} is read, and nobody wrote {hole} before", UNWRITTEN)

    def write(self, what: str, r: Range) -> None:
        """Refuse to write where nothing can be written."""
        self.inside(what, r)
        if isinstance(r, Map):
            self.kpu.add(r)
        elif r.memory is Memory.MAIN:
            self.main.add(r)
        else:
            raise self.fail(f"{what} {_said(r)} is written, and only main memory can be")

    def layer(self, i: int, layer: Layer) -> None:
        """Pass one layer."""
        self.part = f"layer {i} ({layer.title})"
        reason = layer.malformed()
        if reason:
            raise self.fail(reason)
        reads, writes = layer.reads, layer.writes
        for r in reads:
            self.read("its input", r)
        for r in writes:
            self.write("its output", r)
            for other in reads:
                if _overlap(r, other) and not (layer.in_place and _same(r, other)):
                    raise self.fail(f"its output {_said(r)} overlaps its input {_said(other)}")


def check(model: Kmodel) -> None:
    """Raise ModelError where a kmodel contradicts itself or its memories."""
    check_header(model)
    walk = _Walk(model)
    for port in model.inputs:
        _input(walk, port)
    _apart(walk, "inputs", [p.range for p in model.inputs])
    for i, layer in enumerate(model.layers):
        walk.layer(i, layer)
    walk.part = "outputs"
    for k, r in enumerate(model.outputs):
        if r.memory is not Memory.MAIN:
            raise walk.fail(f"output {k} is in {NAMES[r.memory]}, not in main memory")
        if not r.count:
            raise walk.fail(f"output {k} has {r.bytes} bytes, which are no value")
        walk.read(f"output {k}", r)
    _apart(walk, "outputs", list(dict.fromkeys(model.outputs)))


def executable(model: Kmodel) -> None:
    """Raise Unsupported for the first layer that no runtime or nobody's knowledge executes."""
    for i, layer in enumerate(model.layers):
        reason = layer.check()
        if reason:
            raise Unsupported(
                f"{model.name}: layer {i} ({layer.title}): {reason}.",
                ["Compile the network so that it needs no such layer."],
            )


def check_header(model: Kmodel) -> None:
    """Raise ModelError for what its version cannot say, and where layers or outputs lack."""
    walk = _Walk(model)
    kind = {3: v3.LayerV3, 4: v4.LayerV4}.get(model.version)
    if kind is None:
        raise walk.fail(f"there is no version {model.version}, but 3 and 4")
    _number(walk, "layers", len(model.layers), MAX_LAYERS)
    for i, layer in enumerate(model.layers):
        if not isinstance(layer, kind):
            raise walk.fail(f"layer {i} ({layer.title}) is none of version {model.version}")
    (_v4 if model.version == 4 else _v3)(walk, model)
    _number(walk, "inputs", len(model.inputs), MAX_PORTS)
    _number(walk, "outputs", len(model.outputs), MAX_PORTS)


def _number(walk: _Walk, what: str, found: int, most: int) -> None:
    if not 0 < found <= most:
        raise walk.fail(f"it has {found} {what}, not 1 to {most}")


def _v3(walk: _Walk, model: Kmodel) -> None:
    """Refuse what a V3 file cannot say."""
    if model.weight_bits not in (8, 16) or model.constants:
        raise walk.fail("a V3 file has weights of 8 or 16 bits, and no constants of its own")
    first = model.layers[0]
    if not isinstance(first, v3.K210Conv | v3.FullyConnected):
        raise walk.fail(
            f"layer 0 is {first.title}: the runtime begins with K210Conv or FullyConnected alone"
        )
    if model.inputs != v3_inputs(model.layers):
        raise walk.fail("its input is not what its first layer reads")
    for i, layer in enumerate(model.layers):
        if isinstance(layer, v3.K210Conv) and 8 * layer.conv.weights.itemsize != model.weight_bits:
            raise walk.fail(f"the weights of layer {i} do not have {model.weight_bits} bits")


def _v4(walk: _Walk, model: Kmodel) -> None:
    """Refuse what a V4 file cannot say."""
    if model.weight_bits != 8:
        raise walk.fail(f"its weights have {model.weight_bits} bits, and in V4 they have 8")


def _input(walk: _Walk, port: Port) -> None:
    """Refuse an input whose range and shape contradict each other."""
    r, (n, c, h, w) = port.range, port.shape
    if r.memory is not Memory.KPU:
        if r.bytes != n * c * h * w * r.dtype.bytes:
            raise walk.fail(f"an input of {n}x{c}x{h}x{w} has {r.bytes} bytes")
        return walk.write("an input", r)
    taken = Layout(w, h, c).at(r.start // LINE)
    if n > 1 or r.dtype is not DType.U8 or (r.start, r.bytes) != (taken.start, taken.bytes):
        raise walk.fail(
            f"an input in KPU RAM is one image of bytes, and {c}x{h}x{w} takes {taken.bytes} bytes"
            f" from a multiple of {LINE}: it has {r.bytes} from {r.start}"
        )
    return walk.write("an input", taken)


def _apart(walk: _Walk, what: str, ranges: Sequence[Range]) -> None:
    """Refuse ranges that overlap."""
    for a, b in combinations(ranges, 2):
        if _overlap(a, b):
            raise walk.fail(f"the {what} {_said(a)} and {_said(b)} overlap")


def _said(r: Range) -> str:
    """A range in words."""
    if r.memory is Memory.KPU:
        return f"at lines {r.start // LINE} to {r.end // LINE} of KPU RAM"
    return f"at bytes {r.start} to {r.end} of {NAMES[r.memory]}"


def _overlap(a: Range, b: Range) -> bool:
    return a.memory is b.memory and a.start < b.end and b.start < a.end


def _same(a: Range, b: Range) -> bool:
    return (a.start, a.bytes) == (b.start, b.bytes)
