"""One step of training: loss and gradients of a batch, computed in parts side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ascua.recipes import Recipe
from ascua.train.loss import cross_entropy, distillation
from ascua.train.teacher import Taught, scaled
from ascua.zoo import PARALLEL, image_of, import_tensorflow

Step = Callable[[Any, Any], tuple[Any, Any]]
"""(samples, classes) → (loss, share right), after which the model is another."""

PART = 32
"""Samples that a part has at least: batch normalisation looks at a part by itself."""


def parts(samples: int) -> int:
    """How many equal parts a batch is computed in: one a thread, unless they get small.

    A thread that takes a part through the whole network waits for no other; two threads that
    share each operator took half as long again on two cores, and twice as long on busy ones.
    """
    fitting = (n for n in range(PARALLEL, 1, -1) if samples >= n * PART and samples % n == 0)
    return next(fitting, 1)


def train_step(recipe: Recipe, model: Any, samples: int, taught: Taught | None = None) -> Step:
    """What changes `model` once, given a batch of `samples` samples; it imitates `taught`."""
    tf = import_tensorflow()
    variables, count = model.trainable_variables, parts(samples)
    own = image_of(model)

    def part(x: Any, y: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            image = tf.cast(x, tf.float32) / 255 if x.dtype == tf.uint8 else x
            given = scaled(image, own) if x.dtype == tf.uint8 else x
            logits = tf.cast(model(given, training=True), tf.float32)
            loss = cross_entropy(logits, y, recipe.label_smoothing)
            if taught is not None and recipe.teacher is not None:
                loss = distillation(loss, logits, taught.logits(image), recipe.teacher)
        right = tf.reduce_mean(tf.cast(tf.argmax(logits, 1) == y, tf.float32))
        return loss, right, tape.gradient(loss, variables)

    def step(x: Any, y: Any) -> tuple[Any, Any]:
        each = [part(*xy) for xy in zip(tf.split(x, count), tf.split(y, count), strict=True)]
        losses, rights, gradients = zip(*each, strict=True)
        mean = [tf.add_n(g) / count for g in zip(*gradients, strict=True)]
        model.optimizer.apply(mean, variables)
        return tf.add_n(losses) / count, tf.add_n(rights) / count

    graph: Step = tf.function(step, jit_compile=False, autograph=False)  # XLA: ten times slower
    return graph
