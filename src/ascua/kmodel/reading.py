"""Reads kmodel files: every count and length is checked against the file."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from ascua import files
from ascua.errors import InputError, ModelError, Unsupported
from ascua.kmodel import codec, v3, v4
from ascua.kmodel.checks import check
from ascua.kmodel.codec import Reader, Word
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import DType, Memory, Range
from ascua.kmodel.model import K210, MARK, MAX_LAYERS, MAX_PORTS, PADDING, Kmodel, Port, v3_inputs

MAX_BYTES = 16 << 20
"""The flash of the boards: a larger file is on none of them."""

TFLITE = b"TFL3"
"""Of .tflite files, behind their first four bytes."""
COMPILED = "A network becomes a kmodel by `ascua compile MODEL --board maix-bit --out M.kmodel`."


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
    model = _v4(data, where) if version(data, where) == 4 else _v3(data, where)
    check(model)
    return model


def begins(head: bytes) -> bool:
    """Whether a file that begins with `head` (8 bytes or more) says that it is a kmodel.

    No .tflite file begins so; of V5 and later, those with nncase's mark are known too.
    """
    return len(head) >= 8 and int.from_bytes(head[:4], "little") in (3, MARK)


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
        tries = ["Check that this is the file.", *codec.DAMAGED]
        if data[4:8] == TFLITE:
            tries = ["It is a .tflite file: give it a name that ends so.", COMPILED]
        elif data[:4] in (b"PK\x03\x04", b"\x89HDF"):  # as Keras writes them
            tries = [COMPILED]
        raise ModelError(f"{where}: {what}.", tries)
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
    for _ in range(_count(reader, "the number of outputs", MAX_PORTS)):
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
    inputs, outputs = (
        _count(reader, f"the number of {n}", MAX_PORTS) for n in ("inputs", "outputs")
    )
    reserved = _count(reader, "reserved", (1 << 32) - 1)
    ranges = [codec.read(Range, reader, "input ") for _ in range(inputs)]
    shapes = [codec.SIZES.read(reader, "an input's shape", {}) for _ in range(inputs)]
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
        raise reader.refuse(
            f"it goes on behind its last layer, from byte {reader.at}",
            [f"If other data follow the kmodel: `head -c {reader.at} FILE > net.kmodel`."],
        )
    return tuple(found), missing


def _unknown(reader: Reader, code: int, unknown: Mapping[int, str]) -> ModelError:
    if code in unknown:
        return reader.refuse(
            f"{unknown[code]} ({code}): no runtime for the K210 executes it",
            ["Compile the network without that operator."],
        )
    return reader.fail(f"no layer has the type {code}")
