"""Where windows fall on an image: output sizes and padding of convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ascua.ir import Array

Padding = Literal["SAME", "VALID"]
PADDINGS: tuple[Padding, ...] = ("SAME", "VALID")
"""By their number in .tflite files."""

MOST_STRIDE = 4096
"""A larger one is taken for a damaged number."""


@dataclass(frozen=True)
class Axis:
    """One axis of a sliding window: sizes in elements, `after` may be negative (unread rest)."""

    size: int
    out: int
    kernel: int
    stride: int
    dilation: int
    before: int

    @property
    def span(self) -> int:
        """Elements from the first tap to the last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def after(self) -> int:
        """Elements of padding after the last one; negative where the end is never read."""
        return (self.out - 1) * self.stride + self.span - self.before - self.size

    def inside(self) -> range:
        """The taps of an undilated window that meet an element, not only padding, somewhere."""
        first = self.before - (self.out - 1) * self.stride
        return range(max(0, first), min(self.kernel, self.before + self.size))


def axis(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> Axis:
    """The axis of TFLite's SAME or VALID padding."""
    span = (kernel - 1) * dilation + 1
    if padding == "SAME":
        out = -(-size // stride)
        total = max(0, (out - 1) * stride + span - size)
    else:
        out = max(0, -(-(size - span + 1) // stride))
        total = 0
    return Axis(size, out, kernel, stride, dilation, total // 2)


MOST_PADDED = 1 << 22
"""Elements of an image with its padding, where the padding is most of it by far."""


def unwieldy(rows: Axis, columns: Axis, channels: int) -> str | None:
    """None, or how large the padded image is that windows would slide over."""
    h, w = (a.before + a.size + max(0, a.after) for a in (rows, columns))
    if h * w * channels > max(MOST_PADDED, 16 * rows.size * columns.size * channels):
        return f"with its padding its input has {h:,} by {w:,} pixels, more than are taken"
    return None


def read_padding(number: int) -> Padding:
    """The padding with this number in a .tflite file. Raises ValueError."""
    if not 0 <= number < len(PADDINGS):
        raise ValueError(f"padding {number} does not exist")
    return PADDINGS[number]


def read_stride(*strides: int) -> tuple[int, ...]:
    """Strides, dilations or window sizes. Raises ValueError unless each is positive and sane."""
    if any(s < 1 for s in strides):
        raise ValueError(f"stride, dilation or window {strides} is not positive")
    if any(s > MOST_STRIDE for s in strides):
        raise ValueError(f"stride, dilation or window {strides} is beyond {MOST_STRIDE}")
    return strides


def taps(x: Array, rows: Axis, columns: Axis, ky: int, kx: int) -> Array:
    """The elements of padded x (n, h, w, c) that tap (ky, kx) meets: (n, oh, ow, c), a view."""
    y0, x0 = ky * rows.dilation, kx * columns.dilation
    return x[
        :,
        y0 : y0 + (rows.out - 1) * rows.stride + 1 : rows.stride,
        x0 : x0 + (columns.out - 1) * columns.stride + 1 : columns.stride,
    ]
