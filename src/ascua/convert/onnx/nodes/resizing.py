"""Nodes that make an image larger or smaller."""

from __future__ import annotations

from math import floor

import numpy as np

from ascua.convert.onnx.builder import Builder, Node
from ascua.convert.onnx.nodes import _windows as windows
from ascua.convert.onnx.nodes import node
from ascua.ir import Array, Tensor
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor

BILINEAR = {"half_pixel": (False, True), "pytorch_half_pixel": (False, True),
            "align_corners": (True, False), "asymmetric": (False, False)}  # fmt: skip
"""By how ONNX says where pixels lie: TFLite's `align_corners` and `half_pixel_centers`."""


@node("Resize", "Upsample")
def resize(n: Node, b: Builder) -> None:
    """RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR."""
    v = b.value(n)
    if len(v.shape) != 4:
        n.refuse(f"it resizes {len(v.shape)} dimensions; images are taken")
    shape, scales = _sizes(n, b, v.shape)
    if shape[:2] != v.shape[:2]:
        n.refuse("it resizes more than rows and columns")
    mode = n.get("mode", "nearest")
    older = n.op == "Upsample" or n.opset < 11
    where = "asymmetric" if older else n.get("coordinate_transformation_mode", "half_pixel")
    x = windows.laid(b, v)
    size = b.integers(shape[2:], f"{n.y}/size")
    out = (x.shape[0], *shape[2:], x.shape[3])
    if mode == "nearest":
        rounding = "floor" if older else n.get("nearest_mode", "round_prefer_floor")
        y = _nearest(n, b, x, size, out, scales, where, rounding)
    elif mode == "linear":
        if where not in BILINEAR or (where == "pytorch_half_pixel" and 1 in shape[2:]):
            n.refuse(f"its coordinate_transformation_mode {where!r} has no counterpart")
        if n.get("antialias", 0):
            n.refuse("its antialias has no counterpart")
        corners, half = BILINEAR[where]
        y = b.add(ResizeBilinear, (x, size), out, n.y, align_corners=corners,
                  half_pixel_centers=half)  # fmt: skip
    else:
        n.refuse(f"its mode is {mode!r}; 'nearest' and 'linear' are taken")
    windows.put(b, n.y, y, 4)


def _sizes(n: Node, b: Builder, old: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The new shape, and the factors that ONNX computes with."""
    at = 1 if n.op == "Upsample" or n.opset < 11 else 2
    scales = sizes = None
    if n.has(3):
        sizes = [int(i) for i in b.fixed(n, 3, "sizes").array.ravel()]
    elif n.has(at):
        scales = [float(i) for i in b.fixed(n, at, "scales").array.ravel()]
    elif n.get("scales") is not None:
        scales = [float(i) for i in n.get("scales")]
    if not sizes and not scales:
        n.refuse("it says no size")
    axes = [int(a) % 4 for a in n.get("axes") or range(4)]
    if n.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        n.refuse("its keep_aspect_ratio_policy has no counterpart")
    shape, factors = list(old), [1.0] * 4
    for i, a in enumerate(axes):
        shape[a] = sizes[i] if sizes else floor(old[a] * scales[i])  # type: ignore[index]
        factors[a] = shape[a] / old[a] if sizes else scales[i]  # type: ignore[index]
    return tuple(shape), tuple(factors)


def _nearest(
    n: Node, b: Builder, x: Tensor, size: Tensor, out: tuple[int, ...],
    scales: tuple[float, ...], where: str, rounding: str,
) -> Tensor:  # fmt: skip
    """The operator that takes the same pixels as ONNX does; refuses where none does."""
    wanted = [_taken(x.shape[i], out[i], scales[i + 1], where, rounding) for i in (1, 2)]
    for corners, half in ((False, False), (False, True), (True, False)):
        y = Tensor(n.y, out, "float32")
        op = ResizeNearestNeighbor(
            inputs=(x, size), outputs=(y,), align_corners=corners, half_pixel_centers=half
        )
        if all(np.array_equal(a, c) for a, c in zip(op.places(), wanted, strict=True)):
            return b.add(ResizeNearestNeighbor, (x, size), out, n.y, align_corners=corners,
                         half_pixel_centers=half)  # fmt: skip
    return n.refuse(f"{where!r} with {rounding!r} takes other pixels than TFLite ever does")


def _taken(old: int, new: int, scale: float, where: str, rounding: str) -> Array:
    """The position that each of `new` pixels is taken from."""
    i = np.arange(new, dtype=np.float64)
    if where in ("half_pixel", "half_pixel_symmetric"):
        x = (i + 0.5) / scale - 0.5
        if where == "half_pixel_symmetric":
            x += old / 2 * (1 - new / (scale * old))
    elif where == "pytorch_half_pixel":
        x = (i + 0.5) / scale - 0.5 if new > 1 else i * 0
    elif where == "align_corners":
        x = i * (old - 1) / (new - 1) if new > 1 else i * 0
    else:
        x = i / scale
    at = {"floor": np.floor(x), "ceil": np.ceil(x), "round_prefer_ceil": np.floor(x + 0.5),
          "round_prefer_floor": np.ceil(x - 0.5)}[rounding]  # fmt: skip
    return np.clip(at, 0, old - 1).astype(np.int64)
