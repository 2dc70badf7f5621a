"""Operators with weights, as quantiser and pruners see them: matrices from channels to channels."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from ascua.ir import Array, Op, Tensor
from ascua.ops._activation import Activation


class Weighted(Op):
    """y = activation(bias + sums of products of `x` and the weights `w`), a bias a channel.

    The channels of the input and of the output, their last axis, are `groups` in order, mostly one:
    an output sums over the input channels of its own group. In a depthwise convolution each input
    channel is a group by itself.
    """

    activation: Activation

    optional = (2,)
    out_axis: ClassVar[int]
    """The axis of `w` along which the output's channels lie; each may have a scale of its own."""
    in_axis: ClassVar[int]
    """The axis of `w` along which the input channels of one group lie.

    Depthwise weights have one there: what goes with an input channel is a group, on `out_axis`.
    """
    one_int4_scale: ClassVar[bool] = False
    """Whether `w` of int4 has one scale, for all channels."""

    @property
    def w(self) -> Tensor:
        """The weights: the second input."""
        assert self.inputs[1] is not None
        return self.inputs[1]

    @property
    def bias(self) -> Tensor | None:
        """One value a channel of the output, or None."""
        (at,) = self.optional
        return self.inputs[at] if len(self.inputs) > at else None

    @property
    def biases(self) -> Array:
        """The values of the bias (channels,); zeros of float32 where there is none."""
        if self.bias is None:
            return np.zeros(self.channels, np.float32)
        return self.bias.values.reshape(-1)

    @property
    def channels(self) -> int:
        """How many channels the output has."""
        return self.w.shape[self.out_axis]

    @property
    def groups(self) -> int:
        """How many groups the channels make."""
        return self.x.shape[-1] // self.w.shape[self.in_axis]

    def matrices(self, values: Array | None = None) -> Array:
        """`w`, or `values` in its place, as (groups, outputs of a group, products of one)."""
        moved = np.moveaxis(self.w.values if values is None else values, self.out_axis, 0)
        return moved.reshape(self.groups, -1, moved[0].size)

    def from_matrices(self, matrices: Array) -> Array:
        """What `matrices` answers, in the shape of `w` again."""
        rest = (n for axis, n in enumerate(self.w.shape) if axis != self.out_axis)
        moved = np.moveaxis(matrices.reshape(self.channels, *rest), 0, self.out_axis)
        return np.ascontiguousarray(moved)

    def along_outputs(self, values: Array) -> Array:
        """One value an output channel, shaped so that they go along those of `w`."""
        return values.reshape([-1 if i == self.out_axis else 1 for i in range(len(self.w.shape))])

    @abstractmethod
    def gathered(self, x: Array) -> Array:
        """What each vector of the output is made of, on inputs (n, *x.shape).

        It is (n * vectors, taps * input channels), and 0 where a tap meets no input.
        """

    @abstractmethod
    def finish(self, acc: Array, samples: int) -> Array:
        """Sums of products (..., channels) int64, without bias, as the output (samples, *y.shape).

        It adds the bias, rescales and clamps, and so never falls where a sum of 32 bits grows.
        """

    def patches(self, x: Array) -> Array:
        """As `gathered`, by group, as `matrices` wants it: (groups, n * vectors, products).

        The sums of a group, without bias, are `patches(x)[g] @ matrices()[g].T`.
        """
        rows = self.gathered(x)
        apart = rows.reshape(len(rows), -1, self.groups, self.w.shape[self.in_axis])
        return apart.transpose(2, 0, 1, 3).reshape(self.groups, len(rows), -1)

    def with_weights(self, weights: Array, bias: Array | None = None) -> Self:
        """The same with other values in `w`, and in the bias if they are given, in their dtypes.

        A bias where there was none has the dtype of the weights.
        """
        (at,) = self.optional
        w = replace(self.w, data=weights.astype(self.w.values.dtype))
        inputs = (self.inputs[0], w, *self.inputs[2:])
        if bias is not None:
            old = self.bias or Tensor(f"{w.name}/bias", (), w.dtype, None, w.values)
            values = bias.astype(old.values.dtype)
            inputs = (*inputs[:at], replace(old, shape=values.shape, data=values))
        return replace(self, inputs=inputs)

    def macs(self) -> int:
        return self.y.size // self.channels * self.w.size
