"""Writes kmodel files, as the compilers of the two versions lay them out."""

from __future__ import annotations

import struct

from ascua.kmodel import codec
from ascua.kmodel.checks import check, check_header
from ascua.kmodel.codec import Word, Writer
from ascua.kmodel.memory import Range
from ascua.kmodel.model import K210, MARK, PADDING, Kmodel


def write(model: Kmodel) -> bytes:
    """The bytes of the file.

    Raises ModelError where a field cannot hold its value, or what `check` refuses.
    """
    check_header(model)
    writer = Writer(model.name, model.weight_bits)
    padding = (_write_v4 if model.version == 4 else _write_v3)(writer, model)
    if not 0 <= model.missing <= padding:
        writer.part = "file"
        raise writer.fail(f"{model.missing} bytes of its last padding are missing, of {padding}")
    check(model)
    return bytes(writer.data[: len(writer.data) - model.missing])


def _words(writer: Writer, **values: int) -> None:
    for field, value in values.items():
        Word("<I", 0, (1 << 32) - 1).write(writer, field, value, {})


def _write_v3(writer: Writer, model: Kmodel) -> int:
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
    return _write_layers(writer, model)


def _write_v4(writer: Writer, model: Kmodel) -> int:
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
        codec.write(Range, port.range, writer, "input ")
    for port in model.inputs:
        codec.SIZES.write(writer, "an input's shape", port.shape, {})
    for each in model.outputs:
        codec.write(Range, each, writer, "output ")
    writer.data += model.constants
    return _write_layers(writer, model)


def _write_layers(writer: Writer, model: Kmodel) -> int:
    """Append headers and layers; answers the bytes of padding behind the last one."""
    at = len(writer.data)
    headers: list[int] = []
    padding = 0
    writer.data += bytes(8 * len(model.layers))
    for i, layer in enumerate(model.layers):
        writer.part = f"layer {i} ({layer.title})"
        begin = len(writer.data)
        codec.write(type(layer), layer, writer)
        padding = -len(writer.data) % PADDING
        writer.gap(PADDING)
        headers += [layer.code, len(writer.data) - begin]
    writer.data[at : at + 4 * len(headers)] = struct.pack(f"<{len(headers)}I", *headers)
    return padding
