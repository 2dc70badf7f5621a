"""What the kernels of max and average pooling share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

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
        kh, kw = op.rows.kernel, op.columns.kernel
        fours, ones = oh * ow * (c // 4), oh * ow * (c % 4)
        return {
            "pixel": oh * ow,
            "four": fours,
            "four's row": fours * kh,
            "four's tap": fours * kh * kw,
            "one": ones,
            "one's row": ones * kh,
            "one's tap": ones * kh * kw,
        }

    def params(self, op: P) -> Mapping[str, int]:
        columns = op.columns
        return {
            "ow": columns.out,
            "iw": columns.size,
            "c": op.x.shape[3],
            "kh": op.rows.kernel,
            "kw": columns.kernel,
            "sx": columns.stride,
            "px": columns.before,
            **bounds(op.activation, op.y),
        }
