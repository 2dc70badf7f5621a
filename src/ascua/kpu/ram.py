"""The memories of the chip while a network runs: KPU RAM, the workspace, the file's constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ascua.ir import Array
from ascua.kmodel import KPU_BYTES, LINE, DType, Kmodel, Layout, Memory, Range
from ascua.kmodel.usage import BUDGETS

DTYPES: dict[DType, np.dtype[Any]] = {DType.F32: np.dtype("<f4"), DType.U8: np.dtype("u1")}
"""NumPy's names for the types of ranges."""

SRAM = next(b.most for b in BUDGETS if b.name == "SRAM")
"""Bytes of main memory, which hold every workspace."""


@dataclass(frozen=True, eq=False)
class Ram:
    """The bytes of each memory, uint8."""

    const: Array
    main: Array
    kpu: Array

    @classmethod
    def of(cls, model: Kmodel) -> Ram:
        """The memories of `model` before a run: zeros, where the chip has what was there before."""
        const = np.frombuffer(model.constants, np.uint8)
        return cls(const, np.zeros(model.main_bytes, np.uint8), np.zeros(KPU_BYTES, np.uint8))

    def clear(self) -> None:
        """As it was before a run."""
        self.main[:] = 0
        self.kpu[:] = 0

    def view(self, where: Range) -> Array:
        """The elements of a range, in place."""
        memory = {Memory.CONST: self.const, Memory.MAIN: self.main, Memory.KPU: self.kpu}
        return memory[where.memory][where.start : where.end].view(DTYPES[where.dtype])

    def image(self, start: int, layout: Layout) -> Array:
        """The map (c, h, w) that lies in KPU RAM from the byte `start` on; maybe in place."""
        planes = self._planes(start, layout)
        return planes.reshape(-1, layout.height, layout.width)[: layout.channels]

    def store(self, start: int, layout: Layout, x: Array) -> None:
        """Put `x` (c, h, w) there; bytes of rows behind the width keep what they had."""
        planes = self._planes(start, layout)
        whole = layout.channels // layout.groups
        end = whole * layout.groups
        planes[:whole] = x[:end].reshape(whole, layout.groups, *x.shape[1:])
        planes[whole:, : layout.channels - end] = x[end:]

    def _planes(self, start: int, layout: Layout) -> Array:
        """A view (groups of channels, channels of a group, h, w) of KPU RAM."""
        lines = self.kpu[start : start + layout.lines * LINE]
        row = layout.row_lines * LINE // layout.groups
        rows = lines.reshape(-1, layout.height, layout.groups, row)
        return rows.transpose(0, 2, 1, 3)[..., : layout.width]
