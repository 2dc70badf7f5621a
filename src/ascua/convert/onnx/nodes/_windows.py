"""How a window slides over an image, as ONNX says it, and as TFLite does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ascua import geometry
from ascua.convert.onnx import layout
from ascua.convert.onnx.builder import Builder, Node
from ascua.convert.onnx.layout import Shape, Value
from ascua.ir import Tensor
from ascua.ops.pad import Pad

Pair = tuple[int, int]
NHWC = (0, 2, 3, 1)


@dataclass(frozen=True)
class Window:
    """A window over rows and columns; of one dimension, over one row."""

    size: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    after: Pair

    @property
    def span(self) -> Pair:
        """Elements from the first tap to the last."""
        return _pair((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def out(self) -> Pair:
        """Windows down and to the right."""
        return _pair(
            (n + p + q - span) // s + 1
            for n, p, q, span, s in zip(
                self.size, self.before, self.after, self.span, self.stride, strict=True
            )
        )

    @property
    def padding(self) -> geometry.Padding | None:
        """TFLite's name for its padding; None where it has none."""
        if not any((*self.before, *self.after)):
            return "VALID"
        for i in (0, 1):
            same = geometry.axis(
                self.size[i], self.kernel[i], self.stride[i], self.dilation[i], "SAME"
            )
            theirs = (same.out, same.before, max(0, same.after))
            if theirs != (self.out[i], self.before[i], self.after[i]):
                return None
        return "SAME"


def window(n: Node, v: Value, kernel: Shape) -> Window:
    """The window of a convolution or a pool over `v` (n, channels, [height,] width)."""
    if len(v.shape) not in (3, 4):
        n.refuse(f"it slides over {len(v.shape) - 2} dimensions; one and two are taken")
    size = two(v.shape[2:], 1)
    kernel = two(kernel, 1)
    stride = two(n.get("strides") or [1] * (len(v.shape) - 2), 1)
    dilation = two(n.get("dilations") or [1] * (len(v.shape) - 2), 1)
    pads = list(n.get("pads") or [0] * 2 * (len(v.shape) - 2))
    before, after = two(pads[: len(pads) // 2], 0), two(pads[len(pads) // 2 :], 0)
    found = Window(size, kernel, stride, dilation, before, after)
    how = n.get("auto_pad", "NOTSET")
    if how == "VALID":
        return Window(size, kernel, stride, dilation, (0, 0), (0, 0))
    if how in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max(0, (-(-size[i] // stride[i]) - 1) * stride[i] + found.span[i] - size[i])
            for i in (0, 1)
        ]
        less, more = _pair(t // 2 for t in total), _pair(t - t // 2 for t in total)
        before, after = (less, more) if how == "SAME_UPPER" else (more, less)
        return Window(size, kernel, stride, dilation, before, after)
    if min(*before, *after) < 0:
        n.refuse("its padding is negative")
    return found


def image(v: Value) -> Value:
    """A batch of rows (n, channels, width) as one of images (n, channels, 1, width)."""
    return v if len(v.shape) == 4 else v.seen_as((*v.shape[:2], 1, v.shape[2]))


def laid(b: Builder, v: Value) -> Tensor:
    """`v` as TFLite has images: (n, height, width, channels)."""
    whole = image(v)
    x = b.laid(whole, whole.shape, NHWC)
    b.images |= {x, v.tensor} & {x, *b.inputs}
    return x


def put(b: Builder, name: str, y: Tensor, rank: int) -> None:
    """The array `name` is the image `y`, of as many dimensions as what it was made of."""
    n, h, w, c = y.shape
    b.images.add(y)
    whole = layout.value(y, (n, c, h, w), NHWC)
    b.known[name] = whole if rank == 4 else whole.seen_as((n, c, w))


def padded(b: Builder, x: Tensor, win: Window) -> tuple[Tensor, geometry.Padding]:
    """`x` and TFLite's padding for it: it gets a frame of zeros where there is none."""
    return (framed(b, x, win), "VALID") if win.padding is None else (x, win.padding)


def framed(b: Builder, x: Tensor, win: Window) -> Tensor:
    """`x` with the window's padding around it, of zeros."""
    if not any((*win.before, *win.after)):
        return x
    frame = [(0, 0), *zip(win.before, win.after, strict=True), (0, 0)]
    shape = tuple(n + sum(p) for n, p in zip(x.shape, frame, strict=True))
    how = b.integers(frame, f"{x.name}/paddings")
    return b.add(Pad, (x, how), shape, f"{x.name}/padded")


def two(found: Any, missing: int) -> Pair:
    """Numbers of one or two dimensions as two."""
    listed = [int(i) for i in found]
    return _pair([missing, *listed] if len(listed) == 1 else listed)


def _pair(found: Any) -> Pair:
    a, b = found
    return (int(a), int(b))
