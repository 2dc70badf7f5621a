"""Kmodel files made with `struct` alone, so that they owe nothing to the writer under test.

A layer is (type, make), where make(at) answers the body that begins at byte `at` of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

Make = Callable[[int], bytes]

# Of the twelve register words: word and lowest bit of each field that is not always 0.
FIELDS = {
    "int_en": (0, 0), "full_add": (0, 2), "depth_wise_layer": (0, 3),
    "image_src_addr": (1, 0), "image_dst_addr": (1, 32),
    "i_ch_num": (2, 0), "o_ch_num": (2, 32), "o_ch_num_coef": (2, 48),
    "i_row_wid": (3, 0), "i_col_high": (3, 10), "o_row_wid": (3, 32), "o_col_high": (3, 42),
    "kernel_type": (4, 0), "pool_type": (4, 4), "first_stride": (4, 8), "load_para": (4, 10),
    "dma_burst_size": (4, 16), "pad_value": (4, 24), "bwsx_base_addr": (4, 32),
    "load_coor": (5, 0), "load_time": (5, 1), "para_size": (5, 15), "para_start_addr": (5, 32),
    "channel_switch_addr": (7, 0), "row_switch_addr": (7, 16), "coef_group": (7, 28),
    "load_act": (7, 31), "active_addr": (7, 32),
    "wb_channel_switch_addr": (8, 0), "wb_row_switch_addr": (8, 16), "wb_group": (8, 20),
    "shr_w": (9, 0), "shr_x": (9, 4), "arg_w": (9, 8), "arg_x": (9, 32), "arg_add": (10, 0),
    "send_data_out": (11, 0), "channel_byte_num": (11, 16), "dma_total_byte": (11, 32),
}  # fmt: skip
NEGATIVE = {"arg_w": 24, "arg_x": 24, "arg_add": 40}
"""Bits of the fields that have a sign."""

CONV = {
    "iw": 8, "ih": 8, "ic": 4, "ow": 8, "oh": 8, "oc": 16, "k": 1, "dw": 0, "pool": 0, "src": 0,
    "dst": 64, "bits": 8,
}  # fmt: skip
"""A small convolution: 8x8x4 (8 lines) to 8x8x16 (32 lines)."""


def registers(size: dict[str, int], *, main: bool, **changed: int) -> list[int]:
    """The twelve words, of a convolution of `size` (see CONV), some fields changed."""
    s = size

    def layout(width: int) -> tuple[int, int]:
        return (-(-width // 64), 4 if width <= 16 else 2 if width <= 32 else 1)

    (in_row, in_group), (out_row, out_group) = layout(s["iw"]), layout(s["ow"])
    one = s["k"] ** 2 * (1 if s["dw"] else s["ic"]) * s["bits"] // 8
    per_load = s["oc"] if s["dw"] else min(s["oc"], s["bits"] // 8 * 30720 // one)
    pixels = s["ow"] * s["oh"]
    fields = {
        "depth_wise_layer": s["dw"], "image_src_addr": s["src"], "image_dst_addr": s["dst"],
        "i_ch_num": s["ic"] - 1, "o_ch_num": s["oc"] - 1, "o_ch_num_coef": per_load - 1,
        "i_row_wid": s["iw"] - 1, "i_col_high": s["ih"] - 1, "o_row_wid": s["ow"] - 1,
        "o_col_high": s["oh"] - 1, "kernel_type": int(s["k"] == 3), "pool_type": s["pool"],
        "load_para": 1, "dma_burst_size": 15, "pad_value": 7, "load_coor": 1,
        "load_time": -(-s["oc"] // per_load) - 1, "para_size": one * per_load,
        "channel_switch_addr": in_row * s["ih"], "row_switch_addr": in_row,
        "coef_group": in_group, "load_act": 1, "wb_channel_switch_addr": out_row * s["oh"],
        "wb_row_switch_addr": out_row, "wb_group": out_group, "shr_w": 2, "shr_x": 3,
        "arg_w": -5, "arg_x": -165, "arg_add": -190080,
        "channel_byte_num": (pixels - 1) & 0xFFFF if main or pixels <= 65536 else 0,
        "dma_total_byte": pixels * s["oc"] - 1,
    }  # fmt: skip
    words = [0] * 12
    for name, value in {**fields, **changed}.items():
        word, low = FIELDS[name]
        words[word] |= (value & ((1 << NEGATIVE[name]) - 1) if name in NEGATIVE else value) << low
    return words


def norms(oc: int) -> bytes:
    """Of channel i: mul i - 3, add -1000 i, shift i % 16."""
    return b"".join(
        struct.pack("<Q", (i - 3) & 0xFFFFFF | (-1000 * i & 0xFFFFFFFF) << 24 | i % 16 << 56)
        for i in range(oc)
    )


def activation(top: int = 0) -> bytes:
    """Of segment i: start -2^35 + i, mul -i, shift i, bias 10 i; `top` is in the unused bits."""
    words = (
        i | (-i & 0xFFFF) << 8 | (-(1 << 35) + i & (1 << 36) - 1) << 24 | top << 60
        for i in range(16)
    )
    return struct.pack("<16Q", *words) + bytes(10 * i for i in range(16))


def weights(size: dict[str, int]) -> bytes:
    """Bytes or words that count up."""
    count = size["k"] ** 2 * size["oc"] * (1 if size["dw"] else size["ic"])
    if size["bits"] == 8:
        return bytes(i % 256 for i in range(count))
    return struct.pack(f"<{count}H", *(i % 65536 for i in range(count)))


def conv3(main_out: int | None = None, **changed: int) -> tuple[int, Make]:
    """A K210Conv: the keys of CONV and registers may be changed, and `off_…` the four offsets."""
    size = {k: changed.pop(k, v) for k, v in CONV.items()}
    shifts = [changed.pop(f"off_{name}", 0) for name in ("layer", "weights", "bn", "act")]

    def make(at: int) -> bytes:
        body = bytearray(24)
        offsets = []

        def block(alignment: int, data: bytes) -> None:
            body.extend(bytes(-(at + len(body)) % alignment))
            offsets.append(at + len(body))
            body.extend(data)

        words = registers(size, main=main_out is not None, **changed)
        block(8, struct.pack("<12Q", *words))
        block(128, weights(size))
        block(128, norms(size["oc"]))
        block(256, activation())
        shifted = [o + s for o, s in zip(offsets, shifts, strict=True)]
        body[:24] = struct.pack("<6I", main_out is not None, main_out or 0, *shifted)
        return bytes(body)

    return 10240, make


def conv4(main_out: int | None = None, **changed: int) -> tuple[int, Make]:
    """A kpu_conv2d; `batches`, and `top` for the unused bits of its activation table."""
    size = {k: changed.pop(k, v) for k, v in CONV.items()}
    batches, top = changed.pop("batches", 1), changed.pop("top", 0)
    copied = size["ow"] * size["oh"] * size["oc"] if main_out is not None else 0

    def make(at: int) -> bytes:
        skips, blocks = {}, bytearray()
        begin = at + 16 + 8 + 96
        for field, data in (
            ("bwsx_base_addr", norms(size["oc"])), ("active_addr", activation(top)),
            ("para_start_addr", weights(size)),
        ):  # fmt: skip
            skips[field] = -(begin + len(blocks)) % 256
            blocks += bytes(skips[field]) + data
        fields = {"send_data_out": int(main_out is not None), **skips, **changed}
        words = registers(size, main=main_out is not None, **fields)
        out = (1, 1, main_out, copied) if main_out is not None else (0, 0, 0, 0)
        return struct.pack("<4I2i12Q", *out, batches, 0, *words) + bytes(blocks)

    return 0x2002, make


def layer(code: int, form: str, *values: Any) -> tuple[int, Make]:
    """A layer whose body is `values`, packed as `form` says, or the bytes of the last one."""
    return code, lambda _: struct.pack(f"<{form}", *values)


def file3(
    layers: Sequence[tuple[int, Make]],
    outputs: Sequence[tuple[int, int]] = ((0, 1024),),
    *,
    main: int = 8192,
    **changed: int,
) -> bytes:
    """A V3 file; `changed` are words of its header."""
    words = {
        "version": 3, "flags": 1, "arch": 0, "layers": len(layers), "max_start": 5, "main": main,
        "outputs": len(outputs),
    }  # fmt: skip
    head = struct.pack("<7I", *{**words, **changed}.values())
    head += b"".join(struct.pack("<2I", *each) for each in outputs)
    return head + _bodies(layers, len(head))


def file4(
    layers: Sequence[tuple[int, Make]],
    outputs: Sequence[Sequence[int]] = ((1, 0, 0, 1024),),
    inputs: Sequence[tuple[Sequence[int], Sequence[int]]] = (((2, 1, 0, 512), (1, 4, 8, 8)),),
    *,
    constants: bytes = b"",
    main: int = 8192,
    **changed: int,
) -> bytes:
    """A V4 file of these outputs (ranges) and inputs (range, shape)."""
    words = {
        "mark": 0x4B4D444C, "version": 4, "flags": 0, "target": 1, "constants": len(constants),
        "main": main, "layers": len(layers), "inputs": len(inputs), "outputs": len(outputs),
        "reserved": 0xABCD,
    }  # fmt: skip
    head = struct.pack("<10I", *{**words, **changed}.values())
    head += b"".join(struct.pack("<4I", *where) for where, _ in inputs)
    head += b"".join(struct.pack("<4i", *shape) for _, shape in inputs)
    head += b"".join(struct.pack("<4I", *each) for each in outputs) + constants
    return head + _bodies(layers, len(head))


def _bodies(layers: Sequence[tuple[int, Make]], at: int) -> bytes:
    headers, bodies = b"", b""
    begin = at + 8 * len(layers)
    for code, make in layers:
        body = make(begin + len(bodies))
        body += bytes(-(begin + len(bodies) + len(body)) % 8)
        headers += struct.pack("<2I", code, len(body))
        bodies += body
    return headers + bodies
