"""What the kernels of max and average pooling share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ascua.geometry import Axis
from ascua.kernels._bounds import bounds
from ascua.kernels._kernel import Kernel, Rows
from ascua.ops import Pool2D

P = TypeVar("P", bound=Pool2D)


class PoolKernel(Kernel[P]):
    """A row kernel that takes the input's own rows and leaves padding out."""

    def work(self, op: P) -> Rows:
        rows, columns = op.rows, op.columns
        return Rows(
            kh=rows.kernel,
            sy=rows.stride,
            py=rows.before,
            left=columns.before,
            right=max(0, columns.after),
        )

    def terms(self, op: P) -> Mapping[str, float]:
        _, oh, ow, c = op.y.shape
        down, across = inside(op.rows), inside(op.columns)
        rows, twos, taps = sum(down) * ow, sum(n // 2 for n in across), sum(across)
        fours, ones = c // 4, c % 4
        # Windows of one width are unrolled where that is a constant.
        width = f" | of {across[0]}" if len({*across}) == 1 and across[0] < 4 else ""
        return {
            "pixel": oh * ow,
            f"four{width}": oh * ow * fours,
            f"four's row{width}": rows * fours,
            f"four's two taps{width}": sum(down) * twos * fours,
            f"four's odd tap{width}": sum(down) * (taps - 2 * twos) * fours,
            f"one{width}": oh * ow * ones,
            f"one's row{width}": rows * ones,
            f"one's tap{width}": sum(down) * taps * ones,
        }

    def params(self, op: P) -> Mapping[str, int | float]:
        return {**self.window(op), **bounds(op.activation, op.y)}

    def window(self, op: P) -> dict[str, int]:
        """The parameters by which the C finds the elements of a window."""
        columns = op.columns
        return {
            "ow": columns.out,
            "iw": columns.size,
            "c": op.x.shape[3],
            "kh": op.rows.kernel,
            "kw": columns.kernel,
            "sx": columns.stride,
            "px": columns.before,
        }


def vector_terms(op: Pool2D, size: int) -> dict[str, float]:
    """How often the parts of a kernel run that makes so many channels at a time."""
    _, oh, ow, c = op.y.shape
    down, across = sum(inside(op.rows)), sum(inside(op.columns))
    vectors = -(-c // size)
    return {
        "pixel": oh * ow,
        "vector": oh * ow * vectors,
        "vector's row": down * ow * vectors,
        "vector's tap": down * across * vectors,
    }


def global_(op: Pool2D) -> bool:
    """Whether it has one window, of the whole image."""
    axes = (op.rows, op.columns)
    return all(axis.out == 1 and inside(axis) == [axis.size] for axis in axes)


def inside(axis: Axis) -> list[int]:
    """The taps of each window that are no padding."""
    starts = [i * axis.stride - axis.before for i in range(axis.out)]
    return [min(s + axis.kernel, axis.size) - max(s, 0) for s in starts]
