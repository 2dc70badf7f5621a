"""Runs kmodels: every layer on the bytes of KPU RAM and main memory, as its runtime does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ascua.errors import DoesNotFit, InputError, Unsupported
from ascua.ir import Array
from ascua.kmodel import Kmodel, Layer, Layout, Memory, executable
from ascua.kpu.arithmetic import Arithmetic
from ascua.kpu.ram import DTYPES, SRAM, Ram
from ascua.kpu.rounding import Rounding
from ascua.kpu.steps import step

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


class Simulator:
    """A kmodel that is ready to run: what no sample changes is computed once.

    `rounding` is that of the activation tables, by default that of the version's emulator.
    `fused` says whether products and sums of the CPU's floats are rounded once (`Arithmetic`).
    Memory is zeros before each sample, where the chip has what was there: 15 of 16 pixels of
    K210AddPadding's maps are such bytes.
    """

    def __init__(
        self, model: Kmodel, *, rounding: Rounding | None = None, fused: bool = False
    ) -> None:
        """Raises Unsupported for a layer that no runtime executes, by number and type.

        And for an input of several samples at a time.

        Raises DoesNotFit where the workspace is larger than the chip's main memory.
        """
        executable(model)
        for i, port in enumerate(model.inputs):
            if port.shape[0] != 1:
                raise Unsupported(
                    f"{model.name}: input {i} takes {port.shape[0]} samples at a time.",
                    ["Compile the network for one sample."],
                )
        if model.main_bytes > SRAM:
            raise DoesNotFit(
                f"{model.name}: its workspace takes {model.main_bytes} bytes of main memory,"
                f" and the chip has {SRAM}.",
                ["Compile a smaller network, or one for smaller images."],
            )
        self.model = model
        how = Arithmetic.of(model, rounding, fused=fused)
        with np.errstate(all="ignore"):  # floats become inf as they do in C, without a word
            self.steps = [step(layer, how) for layer in model.layers]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of one sample of each input: (h, w, c), as a camera gives it."""
        return [(h, w, c) for _, c, h, w in (port.shape for port in self.model.inputs)]

    def run(self, xs: Sequence[Array], progress: Progress | None = None) -> list[Array]:
        """The outputs (n, elements), float32 or uint8, for samples `xs` (n, h, w, c) an input.

        One sample is in memory at a time. Raises InputError for other shapes or types.
        """
        self.check(xs)
        n = len(xs[0])
        outputs = self.model.outputs
        ys = [np.empty((n, o.count), DTYPES[o.dtype]) for o in outputs]
        ram = Ram.of(self.model)
        for i in range(n):
            for _ in self._layers(ram, [x[i] for x in xs]):
                pass
            for y, o in zip(ys, outputs, strict=True):
                y[i] = ram.view(o)
            if progress:
                progress(i + 1, n)
        return ys

    def layers(self, xs: Sequence[Array]) -> Iterator[tuple[Layer, Array]]:
        """Each layer with what it wrote, for one sample (h, w, c) an input.

        That is the map (c, h, w) in KPU RAM, or the values in main memory in a row.
        """
        self.check([x[None] for x in xs])
        yield from self._layers(Ram.of(self.model), xs)

    def observed(self, xs: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """What each layer wrote, as `layers` gives it, and the outputs, for one sample an input."""
        self.check([x[None] for x in xs])
        ram = Ram.of(self.model)
        made = [y for _, y in self._layers(ram, xs)]
        return made, [ram.view(o).copy() for o in self.model.outputs]

    def _layers(self, ram: Ram, xs: Sequence[Array]) -> Iterator[tuple[Layer, Array]]:
        ram.clear()
        for port, x in zip(self.model.inputs, xs, strict=True):
            _, c, h, w = port.shape
            planes = x.transpose(2, 0, 1)
            if port.range.memory == Memory.KPU:
                ram.store(port.range.start, Layout(w, h, c), planes)
            else:
                ram.view(port.range)[:] = planes.reshape(-1)
        with np.errstate(all="ignore"):
            for layer, execute in zip(self.model.layers, self.steps, strict=True):
                yield layer, execute(ram)

    def check(self, xs: Sequence[Array]) -> None:
        """Raise InputError unless there is an array of the right type and shape an input."""
        name, shapes = self.model.name, self.shapes
        if len(xs) != len(shapes):
            raise InputError(
                f"{name}: {len(xs)} inputs are given, and the model has {len(shapes)}.",
                ["Give one array of samples for each input."],
            )
        for i, (x, shape, port) in enumerate(zip(xs, shapes, self.model.inputs, strict=True)):
            dtype = DTYPES[port.range.dtype]
            if x.shape[1:] != shape or x.dtype != dtype or len(x) != len(xs[0]):
                sizes = ", ".join(map(str, shape))
                raise InputError(
                    f"{name}: input {i} is {x.dtype} {x.shape}, and the model takes"
                    f" {dtype.name} (n, {sizes}).",
                    [f"Give images of {shape[0]} rows and {shape[1]} columns, channels last."],
                )


def run(model: Kmodel, xs: Array, progress: Progress | None = None) -> list[Array]:
    """The outputs of a `model` with one input for its samples `xs`: see `Simulator`."""
    return Simulator(model).run([xs], progress)
