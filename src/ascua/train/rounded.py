"""Keras layers that round as the int8 network will, and let gradients through."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ascua.quantize import Range
from ascua.quantize.rules import SCHEMES
from ascua.zoo import import_keras, import_tensorflow

INT8 = SCHEMES["int8"]
ENDS = ("low", "high")
"""The names of what a range is trained by."""
NARROWEST = 1e-6
"""The least width of a range: steps are divided by."""


@cache
def activations() -> Any:
    """The class of layers that round activations; made here, since Keras is imported late."""
    keras, tf = import_keras(), import_tensorflow()

    class RoundedActivations(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Rounds to the 256 steps of a range, which is trained where it is not given.

        Values beyond the range become its ends, and pull at them: the gradient of an end is the sum
        of theirs. Tensors that share one quantisation share a layer.
        """

        def __init__(self, start: Range | None, *, trained: bool = True, **options: Any) -> None:
            """`start`: the range to begin with; None: that of the first batch of training.

            Then `left` counts the tensors of that batch that are still to be seen.
            """
            super().__init__(**options)
            self.left: Any = None
            if start is None:
                self.left = self.add_weight(name="left", initializer="zeros", trainable=False)
            low, high = (0.0, 0.0) if start is None else start
            self.low, self.high = (
                self.add_weight(name=name, initializer="zeros", trainable=trained) for name in ENDS
            )
            self.low.assign(min(low, 0.0))
            self.high.assign(max(high, 0.0))

        def call(self, x: Any, *, training: bool | None = None) -> Any:
            if self.left is not None and training:
                tf.cond(self.left > 0, lambda: self.see(x), tf.no_op)
            low, high = tf.minimum(self.low, 0.0), tf.maximum(self.high, 0.0)
            low64, width = tf.cast(low, tf.float64), tf.cast(high, tf.float64)
            width = tf.maximum(width - low64, NARROWEST)
            # As Scheme.quant: the scale is a float32, the zero point an integer.
            scale = tf.cast(tf.cast(width / (INT8.high - INT8.low), tf.float32), tf.float64)
            zero = tf.round(INT8.low - low64 / scale)
            zero = tf.clip_by_value(zero, INT8.low, INT8.high)
            ends = (tf.cast((q - zero) * scale, tf.float32) for q in (INT8.low, INT8.high))
            least, greatest = (
                end + tf.stop_gradient(exact - end)
                for end, exact in zip((low, high), ends, strict=True)
            )
            return tf.quantization.fake_quant_with_min_max_vars(x, least, greatest, num_bits=8)

        def see(self, x: Any) -> Any:
            """Make the range cover `x`, one of the first batch's."""
            self.low.assign(tf.minimum(tf.reduce_min(x), self.low))
            self.high.assign(tf.maximum(tf.reduce_max(x), self.high))
            self.left.assign_sub(1.0)
            return tf.no_op()

        @property
        def range(self) -> Range:
            """The range as it is now."""
            low, high = min(float(self.low.numpy()), 0.0), max(float(self.high.numpy()), 0.0)
            return Range(low, max(high, low + NARROWEST))

    return RoundedActivations


@cache
def weights() -> Any:
    """The class of layers that round the weights of the layer they wrap."""
    keras, tf = import_keras(), import_tensorflow()

    class RoundedWeights(keras.layers.Wrapper):  # type: ignore[misc,name-defined]
        """Another layer, computed with weights rounded to 255 steps a channel, symmetric."""

        def call(self, x: Any) -> Any:
            layer = self.layer
            trained, rest = (
                [self.rounded(v) if v is layer.kernel else v for v in values]
                for values in (layer.trainable_variables, layer.non_trainable_variables)
            )
            return layer.stateless_call(trained, rest, x)[0]

        def rounded(self, kernel: Any) -> Any:
            """The kernel (..., channels) as int8 will have it."""
            kernel = tf.convert_to_tensor(kernel)
            shape, turned = kernel.shape, (0, 1, 3, 2)
            if isinstance(self.layer, keras.layers.Conv2DTranspose):  # (..., channels, inputs)
                return tf.transpose(self.by_channel(tf.transpose(kernel, turned)), turned)
            if isinstance(self.layer, keras.layers.DepthwiseConv2D):
                kernel = tf.reshape(kernel, (*shape[:2], shape[2] * shape[3]))
            return tf.reshape(self.by_channel(kernel), shape)

        def by_channel(self, kernel: Any) -> Any:
            """A kernel whose last axis is the channels, rounded for each by itself."""
            peaks = tf.reduce_max(tf.abs(kernel), axis=tuple(range(len(kernel.shape) - 1)))
            peaks = tf.stop_gradient(tf.maximum(peaks, np.finfo(np.float32).tiny * 1024))
            return tf.quantization.fake_quant_with_min_max_vars_per_channel(
                kernel, -peaks, peaks, num_bits=8, narrow_range=True
            )

    return RoundedWeights
