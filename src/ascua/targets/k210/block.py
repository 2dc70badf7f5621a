"""A convolution of the KPU without its place: all that its arithmetic depends on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Conv, Layout, Norms, Registers
from ascua.kmodel.conv import KERNELS, LOAD_BYTES, STRIDES

MOST_BYTE = 255


@dataclass(frozen=True)
class Affine:
    """What bytes mean: real = scale * (q - zero)."""

    scale: float
    """Above zero."""
    zero: int
    """From 0 to 255."""

    @property
    def low(self) -> float:
        """The least number that a byte stands for."""
        return -self.scale * self.zero

    @property
    def high(self) -> float:
        """The greatest number that a byte stands for."""
        return self.scale * (MOST_BYTE - self.zero)

    @classmethod
    def of(cls, low: float, high: float) -> Affine:
        """The finest one whose bytes reach from `low` to `high`, and in any case hold 0."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = (high - low) / MOST_BYTE or 1.0
        return cls(scale, int(np.rint(-low / scale)))

    def bytes(self, real: Array) -> Array:
        """The nearest byte to each number, halves to even."""
        q: Array = np.clip(np.rint(real / self.scale) + self.zero, 0, MOST_BYTE).astype(np.uint8)
        return q

    def real(self, q: Array) -> Array:
        """The numbers that bytes stand for, float64."""
        x: Array = self.scale * (q.astype(np.float64) - self.zero)
        return x


@dataclass(frozen=True, eq=False)
class Block:
    """Weights, batch normalisation, activation table and pooling of one KPU convolution.

    The zero points of both factors are as the registers have them: of the weights in arg_x, which
    multiplies the sum of activations, of the activations in arg_w, and arg_add is the product of
    both for the taps of one input channel.
    """

    weights: Array
    """uint8 or uint16 (oc, ic, k, k), or (c, 1, k, k) where it is depthwise; k is 1 or 3."""
    norms: Norms
    activation: Activation
    pad_value: int
    """The byte outside of the image."""
    arg_x: int
    arg_w: int
    arg_add: int
    shr_x: int = 0
    shr_w: int = 0
    pool: int = 0
    """The kind of pooling, from 0 (none) to 9."""
    depthwise: bool = False
    error: float = 0.5
    """The largest of the activation table, in steps of the output: 0.5 is rounding alone."""

    @property
    def ic(self) -> int:
        """Channels of the input."""
        return self.oc if self.depthwise else self.weights.shape[1]

    @property
    def oc(self) -> int:
        """Channels of the output."""
        return len(self.weights)

    @property
    def k(self) -> int:
        """Rows and columns of the kernel."""
        k: int = self.weights.shape[2]
        return k

    @property
    def weights_zero(self) -> int:
        """The weight that stands for 0."""
        return -(self.arg_x >> self.shr_x)

    @property
    def x_zero(self) -> int:
        """The activation that stands for 0."""
        return -(self.arg_w >> self.shr_w)

    def y(self, x: Layout) -> Layout:
        """The output's map for an input's."""
        stride = STRIDES[self.pool]
        return Layout(x.width // stride, x.height // stride, self.oc)

    def spread(self) -> Block:
        """A depthwise one as one of all channels, with zeros between them: the same sums."""
        shape = (self.oc, self.oc, self.k, self.k)
        weights = np.full(shape, self.weights_zero, self.weights.dtype)
        each = np.arange(self.oc)
        weights[each, each] = self.weights[:, 0]
        return replace(self, weights=weights, depthwise=False)

    def conv(self, x: Layout, source_line: int, target_line: int, *, main: bool = False) -> Conv:
        """The layer for a map `x` at `source_line`, whose output goes to `target_line`.

        `main`: the file says that a copy goes to main memory, as V4 files do; the runtime of V3
        says so itself. A depthwise layer with a pool is spread: the chip has none.
        """
        if self.depthwise and self.pool:
            return self.spread().conv(x, source_line, target_line, main=main)
        y = self.y(x)
        pixels = y.width * y.height
        registers = Registers(
            depth_wise_layer=int(self.depthwise),
            image_src_addr=source_line,
            image_dst_addr=target_line,
            i_ch_num=self.ic - 1,
            o_ch_num=self.oc - 1,
            i_row_wid=x.width - 1,
            i_col_high=x.height - 1,
            o_row_wid=y.width - 1,
            o_col_high=y.height - 1,
            kernel_type=KERNELS.index(self.k),
            pool_type=self.pool,
            pad_value=self.pad_value,
            channel_switch_addr=x.channel_lines,
            row_switch_addr=x.row_lines,
            coef_group=x.groups,
            wb_channel_switch_addr=y.channel_lines,
            wb_row_switch_addr=y.row_lines,
            wb_group=y.groups,
            shr_w=self.shr_w,
            shr_x=self.shr_x,
            arg_w=self.arg_w,
            arg_x=self.arg_x,
            arg_add=self.arg_add,
            send_data_out=int(main),
            channel_byte_num=(pixels - 1) & 0xFFFF,  # nobody reads it of an output without copy
            dma_total_byte=pixels * self.oc - 1,
            **self._loads(),
        )
        return Conv(registers, self.norms, self.activation, self.weights)

    def _loads(self) -> dict[str, int]:
        """How the weights are loaded: as many kernels at once as there is room for."""
        each = self.weights.nbytes // self.oc
        most = LOAD_BYTES[8 * self.weights.itemsize] // each
        at_once = self.oc if self.depthwise else min(self.oc, most)
        loads = -(-self.oc // at_once)
        return {
            "o_ch_num_coef": at_once - 1, "load_time": loads - 1, "para_size": at_once * each,
        }  # fmt: skip
