"""What passes through a network: statistics of its channels, batch by batch, and their gradients.

Memory does not grow with the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError
from ascua.pruning.layers import rule
from ascua.pruning.network import Call, Value, replayed
from ascua.pruning.tracing import Traced
from ascua.zoo import import_tensorflow


def sites(traced: Traced) -> tuple[Value, ...]:
    """The values that layers with weights of their own read, before what only moves them.

    So of a convolution's channels, those after normalisation and activation, before a pooling.
    """
    made = {v: call for call in traced.network.calls for v in call.ys}
    found: dict[Value, None] = {}
    for call in traced.network.calls:
        known = rule(call)
        if known is not None and known.multiplies and "out" in traced.layers.get(call.name, {}):
            found |= dict.fromkeys(_before_moves(call.xs[0], made))
    return tuple(v for v in found if v not in traced.network.inputs)


def _before_moves(value: Value, made: dict[Value, Call]) -> Iterator[Value]:
    call = made.get(value)
    known = None if call is None else rule(call)
    if call is None or known is None or not known.moves:
        yield value
        return
    for x in call.xs:
        yield from _before_moves(x, made)


def means(
    traced: Traced, batches: Iterable[Any], statistic: Callable[[Any, int], Any]
) -> dict[Value, NDArray[np.float64]]:
    """The mean over all samples of a statistic (channels,) of each site: of values and their axis.

    A sample weighs the same in whatever batch it is.
    """
    tf, places = import_tensorflow(), sites(traced)

    def seen(x: Any) -> Any:
        tensors = _run(traced, x)
        return [statistic(tensors[v], traced.values[v].axis) for v in places]

    graph = tf.function(seen, autograph=False, reduce_retracing=True)
    totals, count = [np.float64(0)] * len(places), 0
    for x in batches:
        totals = [t + len(x) * s.numpy().astype(np.float64)
                  for t, s in zip(totals, graph(tf.constant(x)), strict=True)]  # fmt: skip
        count += len(x)
    found = {v: np.asarray(t / count) for v, t in zip(places, totals, strict=True)}
    if not all(np.isfinite(values).all() for values in found.values()):
        raise InputError(
            f"{traced.network.model.name}: its values for these samples are no numbers.",
            ["Look at the data's values."],
        )
    return found


def gradients(
    traced: Traced, batches: Iterable[tuple[Any, NDArray[np.int64] | None]]
) -> Iterator[dict[Value, NDArray[np.float64]]]:
    """Of each batch: the mean loss's derivative by a factor on each channel of each site.

    The loss is the cross-entropy of the network's only output (n, classes): logits, or what a
    softmax makes of them.
    """
    tf, places = import_tensorflow(), sites(traced)
    axes = [traced.values[v].axis for v in places]
    sizes = [traced.network.shapes[v] for v in places]
    factors = [
        tf.Variable(tf.ones([s[a] if i == a else 1 for i in range(len(s))]))
        for s, a in zip(sizes, axes, strict=True)
    ]
    by_value = dict(zip(places, factors, strict=True))

    def slopes(x: Any, y: Any) -> Any:
        def after(v: Value, tensor: Any) -> Any:
            return tensor * tf.cast(by_value[v], tensor.dtype) if v in by_value else tensor

        with tf.GradientTape() as tape:
            answer = tf.cast(_run(traced, x, after)[traced.network.outputs[0]], tf.float32)
            loss = tf.reduce_mean(_loss(traced, answer, y))
        return tape.gradient(loss, factors, unconnected_gradients="zero")

    graph = tf.function(slopes, autograph=False, reduce_retracing=True)
    for number, (x, y) in enumerate(batches, 1):
        found = graph(tf.constant(x), tf.constant(y))
        if not all(np.isfinite(g).all() for g in found):
            raise InputError(
                f"{traced.network.model.name}: its loss is no number in batch {number}.",
                ["Look at the data's values, and whether the model was trained on such."],
            )
        yield {v: g.numpy().reshape(-1).astype(np.float64)
               for v, g in zip(places, found, strict=True)}  # fmt: skip


def _loss(traced: Traced, answer: Any, y: Any) -> Any:
    tf = import_tensorflow()
    if _probabilities(traced):
        answer = tf.math.log(tf.maximum(answer, 1e-7))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, answer)


def _probabilities(traced: Traced) -> bool:
    """Whether the network ends in a softmax."""
    last = next(c for c in reversed(traced.network.calls) if traced.network.outputs[0] in c.ys)
    activation = getattr(getattr(last.layer, "activation", None), "__name__", "")
    return "softmax" in (last.kind.lower(), activation)


def _run(
    traced: Traced, x: Any, after: Callable[[Value, Any], Any] = lambda _, tensor: tensor
) -> dict[Value, Any]:
    """All values of the network with one input, as it answers after training."""
    network = traced.network
    return replayed(network, lambda c, a, k: c.layer(*a, **k), {network.inputs[0]: x}, after)
