"""What training makes small: the losses of a batch of logits."""

from __future__ import annotations

from typing import Any

from ascua.recipes import Teacher
from ascua.zoo import import_tensorflow


def cross_entropy(logits: Any, y: Any, smoothing: float) -> Any:
    """Mean over the batch, in nats; `smoothing` is the share of a label that all classes get."""
    tf = import_tensorflow()
    classes = logits.shape[-1]
    wanted = tf.one_hot(y, classes, 1 - smoothing + smoothing / classes, smoothing / classes)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))


def distillation(loss: Any, logits: Any, taught: Any, teacher: Teacher) -> Any:
    """The `loss` against the labels, mixed with the distance to the logits `taught`, in nats.

    That distance is Kullback and Leibler's, of the student's classes at the temperature T from the
    teacher's; times T², which keeps its gradient as large as the labels' at any T.
    """
    tf = import_tensorflow()
    t = teacher.temperature
    wanted, got = tf.nn.log_softmax(taught / t), tf.nn.log_softmax(logits / t)
    distance = tf.reduce_mean(tf.reduce_sum(tf.exp(wanted) * (wanted - got), -1))
    return teacher.alpha * t * t * distance + (1 - teacher.alpha) * loss
