"""Whether the registers of a convolution go together, and whether anybody knows what they do."""

from __future__ import annotations

from collections.abc import Iterator

from ascua.kmodel.conv import LOAD_BYTES, STRIDES, Conv
from ascua.kmodel.memory import Layout

WIDTHS = range(4, 513)
HEIGHTS = range(4, 257)
"""Of inputs that nncase 0.2 gives to the KPU."""
UNUSED = (
    "ram_flag", "full_add", "pad_type", "first_stride", "bypass_conv", "coef_column_offset",
    "coef_row_offset", "coef_size",
)  # fmt: skip
"""Fields that compilers leave at 0: nobody wrote down what they do."""
SET = ("load_para", "load_coor", "load_act")
"""Fields that compilers set: without them, parameters stay those of the layer before."""


def malformed(conv: Conv, *, to_main: bool) -> str | None:
    """None, or which register contradicts another; `to_main` where a copy goes to main memory."""
    if conv.pool >= len(STRIDES):
        return f"pool_type is {conv.pool}, none of 0 to {len(STRIDES) - 1}"
    for field, wanted, why in _expected(conv, to_main):
        value = getattr(conv.registers, field)
        if value != wanted:
            return f"{field} is {value}, not {wanted}, {why}"
    return None


def unknown(conv: Conv) -> str | None:
    """None, or what of this convolution nobody wrote down."""
    for field in UNUSED:
        if getattr(conv.registers, field):
            return f"{field} is set, and what it does is not known"
    for field in SET:
        if not getattr(conv.registers, field):
            return f"{field} is 0, and what the KPU computes then is not known"
    if conv.x.width not in WIDTHS or conv.x.height not in HEIGHTS:
        return (
            f"its input is {conv.x.width} wide and {conv.x.height} high; the KPU takes"
            f" {WIDTHS[0]} to {WIDTHS[-1]} and {HEIGHTS[0]} to {HEIGHTS[-1]}"
        )
    if conv.depthwise and conv.pool:
        return "it is depthwise and pools, which no compiler lets the KPU do"
    return None


def _expected(conv: Conv, to_main: bool) -> Iterator[tuple[str, int, str]]:  # noqa: FBT001
    """What registers must be as others are, and why."""
    stride = STRIDES[conv.pool]
    for field, size in (("o_row_wid", conv.x.width), ("o_col_high", conv.x.height)):
        if size < stride:
            yield field, -1, f"as pooling leaves nothing of {size} pixels"
        yield field, size // stride - 1, f"which is {size} // {stride} - 1, by the pooling"
    yield from _addresses(conv.x, "channel_switch_addr", "row_switch_addr", "coef_group")
    yield from _addresses(conv.y, "wb_channel_switch_addr", "wb_row_switch_addr", "wb_group")
    yield from _loads(conv)
    if to_main:
        pixels = conv.y.width * conv.y.height
        yield "channel_byte_num", pixels - 1, f"of a channel of {pixels} bytes"
        yield "dma_total_byte", pixels * conv.oc - 1, f"of an output of {pixels * conv.oc} bytes"


def _addresses(at: Layout, channel: str, row: str, group: str) -> Iterator[tuple[str, int, str]]:
    """The three registers of a map's layout."""
    size = f"of a map of {at.width}x{at.height}"
    yield row, at.row_lines, f"the lines of a row {size}"
    yield channel, at.channel_lines, f"the lines of a channel {size}"
    yield group, at.groups, f"the channels that share a line {size}"


def _loads(conv: Conv) -> Iterator[tuple[str, int, str]]:
    """The registers of how the weights are loaded."""
    each = conv.weights.nbytes // conv.oc
    per_load = conv.registers.o_ch_num_coef + 1
    room = LOAD_BYTES[8 * conv.weights.itemsize]
    if conv.depthwise:
        yield "o_ch_num_coef", conv.oc - 1, "as depthwise weights are loaded at once"
    elif per_load > min(conv.oc, room // each):
        most = min(conv.oc, room // each)
        yield "o_ch_num_coef", most - 1, f"the most of {conv.oc} kernels in {room} bytes, or less"
    yield "para_size", per_load * each, f"the bytes of {per_load} kernels of {each}"
    yield "load_time", -(-conv.oc // per_load) - 1, f"for {conv.oc} kernels, {per_load} a load"
