"""Trains batch normalisation with TensorFlow's fused operator: the same network, far faster.

Keras 3 composes it of a dozen element-wise operators, which took 45 % of a step of the CIFAR-10
network on two cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ascua.recipes import Precision
from ascua.zoo import import_keras, import_tensorflow, settle

LANES = 16
"""Channels that oneDNN's fast kernel takes at once; with others it is several times slower,
and products are not."""


def fuse(model: Any, precision: Precision = "float32") -> Any:
    """A copy of the Keras `model` for training: same layers, names and weights, in that order.

    Where the model answers probabilities, the copy answers logits. Its activations have
    `precision`, its weights are float32. A bias that goes into a batch normalisation stays as it
    is, for it has no effect: its gradient is zero, and took a tenth of a step. A layer that cannot
    be copied (a subclass without `get_config`, a SavedModel) is the same in both.
    """
    keras, fused = import_keras(), _fused_layer()

    def copy(layer: Any) -> Any:
        try:
            config = layer.get_config()
        except NotImplementedError:
            return layer
        kind = type(layer)
        if kind is keras.layers.BatchNormalization and layer.axis in (3, -1, 2):
            kind = fused
        if layer is model.layers[-1]:  # the loss wants logits
            if kind is keras.layers.Softmax:
                return _logits_layer()(name=layer.name)
            if config.get("activation") == "softmax":
                config["activation"] = "linear"
        if precision != "float32" and "dtype" in config:
            config["dtype"] = f"mixed_{precision}"
        try:
            return kind.from_config(config)
        except Exception:  # a user's class may raise anything
            return layer

    twin = keras.models.clone_model(model, clone_function=copy)
    twin.set_weights(model.get_weights())
    settle(twin)
    for layer in _before_normalisation(twin):
        layer.bias.trainable = False
    if _answers_probabilities(twin):  # of a softmax that is not a last layer of its own
        y = _logarithm_layer()(dtype="float32", name="logits")(twin.outputs[0])
        twin = keras.Model(twin.inputs[0], y, name=twin.name)
    return twin


def _answers_probabilities(model: Any) -> bool:
    """Whether its answers to random samples are positive and add up to one."""
    samples = np.random.default_rng(0).random((4, *model.inputs[0].shape[1:]), np.float32)
    answers = np.asarray(model(samples, training=False), np.float32)
    if answers.ndim != 2 or answers.shape[1] < 2:
        return False
    return bool(np.all(answers >= 0) and np.allclose(answers.sum(1), 1, atol=0.02))


def _logarithm_layer() -> Any:
    """The class of what makes logits of probabilities."""
    keras = import_keras()

    class Logarithm(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Logits whose softmax the probabilities are."""

        def call(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
            return keras.ops.log(keras.ops.maximum(inputs, 1e-7))

    return Logarithm


def _logits_layer() -> Any:
    """The class of what stands for a softmax: called like it, it changes nothing."""
    keras = import_keras()

    class Logits(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """The identity."""

        def call(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
            return inputs

    return Logits


def _before_normalisation(model: Any) -> list[Any]:
    """The layers with a bias whose output goes into a batch normalisation and nowhere else."""
    norm = import_keras().layers.BatchNormalization
    readers: dict[int, list[Any]] = {}
    for operation in model.operations:
        for node in operation._inbound_nodes:
            for x in node.input_tensors:
                readers.setdefault(id(x), []).append(operation)

    def vain(layer: Any) -> bool:
        nodes = layer._inbound_nodes
        if getattr(layer, "bias", None) is None or len(nodes) != 1:
            return False
        following = readers.get(id(nodes[0].output_tensors[0]), [])
        return [isinstance(r, norm) and r.trainable for r in following] == [True]

    return [layer for layer in model.layers if vain(layer)]


def normalised(x: Any, scale: Any, offset: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """What FusedBatchNormV3 answers for `x` (n, h, w, c): y, and the mean and variance a channel.

    Sums are products with a row of ones; where the width allows it, pixels lie beside each other in
    a row, so that their channels fill the lanes. Every pixel counts alike: the statistics are those
    of the whole channel, as they will be when the network is used.
    """
    tf = import_tensorflow()
    w, c = x.shape[2:]
    beside = next((k for k in (1, 2, 4, 8) if k * c % LANES == 0 and w % k == 0), 1)
    rows = tf.reshape(tf.cast(x, tf.float32), (-1, beside * c))
    ones = tf.ones((1, tf.shape(rows)[0]))
    pixels = tf.cast(beside * tf.shape(rows)[0], tf.float32)

    def mean(values: Any) -> Any:
        return tf.reduce_sum(tf.reshape(tf.matmul(ones, values), (beside, c)), 0) / pixels

    def wide(values: Any) -> Any:
        return tf.tile(values, [beside])

    @tf.custom_gradient  # type: ignore[misc]
    def forward(rows: Any, scale: Any, offset: Any) -> Any:
        middle = mean(rows)
        off = rows - wide(middle)
        variance = mean(off * off)
        inverse = tf.math.rsqrt(variance + epsilon)
        y = off * wide(inverse * scale) + wide(offset)

        def gradient(dy: Any, *_: Any) -> tuple[Any, Any, Any]:
            by_offset, by_scale = mean(dy), mean(dy * off) * inverse
            own = dy - wide(by_offset) - off * wide(by_scale * inverse)
            return own * wide(inverse * scale), by_scale * pixels, by_offset * pixels

        return (y, middle, variance), gradient

    y, middle, variance = forward(rows, scale, offset)
    unbiased = variance * pixels / tf.maximum(pixels - 1, 1)  # as that operator has it
    return tf.cast(tf.reshape(y, tf.shape(x)), x.dtype), middle, unbiased


def _fused_layer() -> Any:
    """The layer's class; made here, since Keras is imported late."""
    keras, tf = import_keras(), import_tensorflow()

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc,name-defined]
        """Batch normalisation over the channels, the last axis, of images or sequences."""

        def call(self, inputs: Any, *, training: bool | None = None, mask: Any = None) -> Any:
            if len(inputs.shape) == 3 and self.axis in (2, -1):
                return self.call(inputs[:, None], training=training)[:, 0]
            if len(inputs.shape) != 4 or self.axis not in (3, -1):
                return super().call(inputs, training=training, mask=mask)
            if not (training and self.trainable):
                return self.known(inputs)
            scale, offset = (tf.cast(v, tf.float32) for v in (self.gamma, self.beta))
            if inputs.shape[3] % LANES:
                y, mean, variance = normalised(inputs, scale, offset, self.epsilon)
            else:
                y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                    x=inputs, scale=scale, offset=offset, mean=[], variance=[],
                    epsilon=self.epsilon, is_training=True,
                )  # fmt: skip
            keep = self.momentum
            self.moving_mean.assign(self.moving_mean * keep + mean * (1 - keep))
            self.moving_variance.assign(self.moving_variance * keep + variance * (1 - keep))
            return y

        def known(self, inputs: Any) -> Any:
            """Normalised with the statistics of training."""
            values = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
            scale, offset, mean, variance = (tf.cast(v, tf.float32) for v in values)
            return tf.raw_ops.FusedBatchNormV3(
                x=inputs, scale=scale, offset=offset, mean=mean, variance=variance,
                epsilon=self.epsilon, is_training=False,
            )[0]  # fmt: skip

    return FusedBatchNormalization
