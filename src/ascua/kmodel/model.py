"""A kmodel: header, constants and layers; read from bytes and written to the same bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ascua import files
from ascua.errors import InputError, ModelError, Unsupported
from ascua.kmodel import codec, v3, v4
from ascua.kmodel.codec import Many, Reader, Word, Writer
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import DType, Memory, Range

MARK = 0x4B4D444C
"""The identifier of V4 files: the bytes LDMK."""
MAX_BYTES = 16 << 20
"""The flash of the boards: a larger file is on none of them."""
MAX_LAYERS = 4096
"""More are no network for this chip."""
PADDING = 8
"""Layers end at multiples of this, counted from the beginning of the file."""
_SHAPE = Many(Word("<i", 1, (1 << 31) - 1), 4)
K210 = {3: 0, 4: 1}
"""What says "K210" in a file: the field is called arch in V3, target in V4."""


@dataclass(frozen=True)
class Port:
    """An input: where it lies, and its shape (n, c, h, w)."""

    range: Range
    shape: v4.Four


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


def load(path: Path | str) -> Kmodel:
    """The kmodel in the file at `path`.

    Raises InputError when the file cannot be opened, ModelError when it is damaged, Unsupported
    when it is of a version, for a chip or has a layer that Ascua does not take.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(
                f"{path}: larger than {MAX_BYTES >> 20} MiB, the flash of K210 boards.",
                ["Take a smaller network: 6 MiB of memory hold it and its workspace."],
            )
        files.check_regular(path, MAX_BYTES)
        data = path.read_bytes()
    except OSError as e:
        raise InputError(
            f"{path}: cannot be read: {e.strerror}.", ["Check the path of the kmodel."]
        ) from e
    return read(data, str(path))


def read(data: bytes, where: str = "kmodel") -> Kmodel:
    """The kmodel in the bytes of a file; `where` (a path) stands in error messages."""
    return _v4(data, where) if version(data, where) == 4 else _v3(data, where)


def version(data: bytes, where: str) -> int:
    """3 or 4. Raises ModelError for what is no kmodel, Unsupported for another version."""
    first, second = struct.unpack("<2I", data[:8].ljust(8, b"\0"))
    if len(data) >= 8 and first == MARK and second == 4:
        return 4
    if len(data) >= 8 and first == 3:
        return 3
    hints = ["V3 is what nncase 0.1 (ncc 0.1) writes, V4 nncase 0.2: take one of these."]
    if first == MARK:
        found = second
    elif first in (1, 2, 4, 5):
        found = first
    else:
        what = "is empty" if not data else "is no kmodel: it begins neither with 3 nor with LDMK"
        raise ModelError(f"{where}: {what}.", ["Check that this is the file.", *codec.DAMAGED])
    raise Unsupported(f"{where}: kmodel version {found}; Ascua reads versions 3 and 4.", hints)


def _count(reader: Reader, field: str, most: int) -> int:
    return Word("<I", 0, most).read(reader, field, {})


def _fixed(reader: Reader, field: str, wanted: int, meaning: str) -> None:
    """Pass a word that has one value alone."""
    value = _count(reader, field, (1 << 32) - 1)
    if value != wanted:
        raise reader.refuse(
            f"{field} is {value}, and {wanted} is {meaning}",
            ["Compile the model for the K210: `ncc compile -t k210`."],
        )


def _v3(data: bytes, where: str) -> Kmodel:
    reader = Reader(data, where)
    reader.take(4, "version")
    flags = Word("<I", 0, 1).read(reader, "flags", {})
    reader.weight_bits = 8 if flags else 16
    _fixed(reader, "arch", K210[3], "the K210")
    count = _count(reader, "the number of layers", MAX_LAYERS)
    max_start = _count(reader, "max_start_address", (1 << 32) - 1)
    main = _count(reader, "main_mem_usage", (1 << 32) - 1)
    outputs = []
    for _ in range(_count(reader, "the number of outputs", MAX_LAYERS)):
        start, size = struct.unpack("<2I", reader.take(8, "an output"))
        outputs.append(Range(Memory.MAIN, DType.F32, start, size))
    layers, missing = _layers(reader, count, v3.LAYERS, v3.UNKNOWN)
    return Kmodel(
        name=where,
        version=3,
        main_bytes=main,
        inputs=v3_inputs(layers),
        outputs=tuple(outputs),
        layers=layers,
        weight_bits=reader.weight_bits,
        max_start=max_start,
        missing=missing,
    )


def _v4(data: bytes, where: str) -> Kmodel:
    reader = Reader(data, where)
    reader.take(8, "identifier and version")
    _fixed(reader, "flags", 0, "all that is known")
    _fixed(reader, "target", K210[4], "the K210")
    constants = _count(reader, "the bytes of constants", (1 << 32) - 1)
    main = _count(reader, "main_mem", (1 << 32) - 1)
    count = _count(reader, "the number of nodes", MAX_LAYERS)
    inputs, outputs = (_count(reader, f"the number of {n}", 1024) for n in ("inputs", "outputs"))
    reserved = _count(reader, "reserved", (1 << 32) - 1)
    ranges = [codec.read(Range, reader, "input ") for _ in range(inputs)]
    shapes = [_SHAPE.read(reader, "an input's shape", {}) for _ in range(inputs)]
    ports = tuple(map(Port, ranges, shapes))
    written = tuple(codec.read(Range, reader, "output ") for _ in range(outputs))
    held = bytes(reader.take(constants, "constants"))
    layers, missing = _layers(reader, count, v4.LAYERS, v4.UNKNOWN)
    return Kmodel(
        name=where,
        version=4,
        main_bytes=main,
        inputs=ports,
        outputs=written,
        layers=layers,
        constants=held,
        reserved=reserved,
        missing=missing,
    )


def _layers(
    reader: Reader, count: int, known: Mapping[int, type[Layer]], unknown: Mapping[int, str]
) -> tuple[tuple[Layer, ...], int]:
    """All layers, and the bytes of the last one's padding that the file lacks."""
    headers = reader.values("<u4", (count, 2), "the layers' headers").tolist()
    found: list[Layer] = []
    missing = 0
    for i, (code, size) in enumerate(headers):
        reader.part = f"layer {i}"
        kind = known.get(code)
        if kind is None:
            raise _unknown(reader, code, unknown)
        reader.part = f"layer {i} ({kind.title})"
        end = reader.at + size
        missing = max(end - len(reader.data), 0)
        reader.end = end - missing
        if missing and (i < count - 1 or missing >= PADDING):
            raise reader.fail(f"its body has {size} bytes, and {reader.end - reader.at} are left")
        found.append(codec.read(kind, reader))
        if -(-reader.at // PADDING) * PADDING != end:
            raise reader.fail(f"its body has {size} bytes, and its fields end at {reader.at}")
        reader.gap(PADDING, "the next layer", end)
        reader.at = end
    reader.part = "file"
    if reader.at - missing < len(reader.data):
        raise reader.fail(f"it goes on behind its last layer, from byte {reader.at}")
    return tuple(found), missing


def _unknown(reader: Reader, code: int, unknown: Mapping[int, str]) -> ModelError:
    if code in unknown:
        return reader.refuse(
            f"{unknown[code]} ({code}): no runtime for the K210 executes it",
            ["Compile the network without that operator."],
        )
    return reader.fail(f"no layer has the type {code}")


def v3_inputs(layers: tuple[Layer, ...]) -> tuple[Port, ...]:
    """The input of a V3 network, which is what its first layer reads."""
    match layers:
        case (v3.K210Conv(conv=conv), *_):
            return (Port(conv.source, (1, conv.ic, conv.x.height, conv.x.width)),)
        case (v3.FullyConnected() as dense, *_):
            return (Port(dense.reads[0], (1, dense.in_channels, 1, 1)),)
    return ()


def write(model: Kmodel) -> bytes:
    """The bytes of the file. Raises ModelError where a field cannot hold its value."""
    writer = Writer(model.name, model.weight_bits)
    (_write_v4 if model.version == 4 else _write_v3)(writer, model)
    del writer.data[len(writer.data) - model.missing :]
    return bytes(writer.data)


def _words(writer: Writer, **values: int) -> None:
    for field, value in values.items():
        Word("<I", 0, (1 << 32) - 1).write(writer, field, value, {})


def _write_v3(writer: Writer, model: Kmodel) -> None:
    _words(
        writer,
        version=3,
        flags=int(model.weight_bits == 8),
        arch=K210[3],
        layers=len(model.layers),
        max_start_address=model.max_start,
        main_mem_usage=model.main_bytes,
        outputs=len(model.outputs),
    )
    for each in model.outputs:
        _words(writer, output_address=each.start, output_size=each.bytes)
    _write_layers(writer, model)


def _write_v4(writer: Writer, model: Kmodel) -> None:
    _words(
        writer,
        identifier=MARK,
        version=4,
        flags=0,
        target=K210[4],
        constants=len(model.constants),
        main_mem=model.main_bytes,
        nodes=len(model.layers),
        inputs=len(model.inputs),
        outputs=len(model.outputs),
        reserved=model.reserved,
    )
    for port in model.inputs:
        codec.write(port.range, writer, "input ")
    for port in model.inputs:
        _SHAPE.write(writer, "an input's shape", port.shape, {})
    for each in model.outputs:
        codec.write(each, writer, "output ")
    writer.data += model.constants
    _write_layers(writer, model)


def _write_layers(writer: Writer, model: Kmodel) -> None:
    at = len(writer.data)
    headers = []
    writer.data += bytes(8 * len(model.layers))
    for i, layer in enumerate(model.layers):
        writer.part = f"layer {i} ({layer.title})"
        begin = len(writer.data)
        codec.write(layer, writer)
        writer.gap(PADDING)
        headers += [layer.code, len(writer.data) - begin]
    writer.data[at : at + 4 * len(headers)] = struct.pack(f"<{len(headers)}I", *headers)
