"""Random Keras graphs, and what one answers without some channels, worked out by NaN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua import zoo

READERS = (
    "Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose", "SeparableConv1D",
    "SeparableConv2D", "Dense",
)  # fmt: skip
"""Layers that add up the channels they read: one that goes is a channel of zeros to them."""
LOSING = ("MaxPooling1D", "MaxPooling2D", "ZeroPadding1D", "ZeroPadding2D", "Pad")
"""Layers that answer numbers for some NaN."""


class Oracle:
    """Answers what a model does without channels: they are NaN from where they are made to where
    they are read, so that nothing has to be known of what lies between."""

    def __init__(self, model: Any, gone: Mapping[int, NDArray[np.bool_]]) -> None:
        self.model, self.gone = model, gone
        """By the `id` of a layer in READERS: which of the channels that it makes go."""
        self.crossed: set[str] = set()
        """Kinds of layers that had a channel of NaN to read."""

    def __call__(self, inputs: Any) -> list[NDArray[Any]]:
        ys = zoo.import_keras().tree.flatten(self.run(self.model, inputs))
        return [np.asarray(y, np.float32) for y in ys]

    def run(self, model: Any, inputs: Any) -> Any:
        graph = getattr(model, "_functional", None) or model
        return graph._run_through_graph(inputs, self.operation)

    def operation(self, op: Any) -> Callable[..., Any]:
        if hasattr(getattr(op, "_functional", op), "_run_through_graph"):
            return lambda *args, **kwargs: self.run(op, (args, kwargs))
        return lambda *args, **kwargs: self.called(op, args, kwargs)

    def called(self, op: Any, args: Any, kwargs: Any) -> Any:
        keras, kind = zoo.import_keras(), type(op).__name__
        if any(np.isnan(x).any() for x in keras.tree.flatten((args, kwargs)) if _is_tensor(x)):
            self.crossed.add(kind)
        if kind in LOSING and not kwargs:
            zeros = op(np.isnan(args[0]).astype(np.float32))
            return np.where(_anywhere(np.asarray(zeros) > 0), np.nan, op(*args))
        if kind not in READERS or getattr(op, "groups", 1) != 1:
            return op(*args, **kwargs)
        first = getattr(op, "data_format", "") == "channels_first"
        x = np.moveaxis(np.asarray(args[0]), 1, -1) if first else np.asarray(args[0])
        x = np.where(_anywhere(np.isnan(x)), x.dtype.type(0), x)
        y = np.array(op(np.moveaxis(x, -1, 1) if first else x))
        if id(op) in self.gone:
            y[(slice(None), self.gone[id(op)]) if first else (..., self.gone[id(op)])] = np.nan
        return keras.ops.convert_to_tensor(y)


def _is_tensor(x: Any) -> bool:
    return hasattr(x, "dtype") and np.issubdtype(np.asarray(x).dtype, np.floating)


def _anywhere(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which channels, along the last axis, have one True."""
    answer: NDArray[np.bool_] = found.any(tuple(range(found.ndim - 1)), keepdims=True)
    return answer


def shaken(model: Any, seed: int) -> None:
    """Give every weight of the model a random value, so that no two channels are alike."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.path
        values = rng.normal(size=shape) / np.sqrt(max(1, np.prod(shape[:-1])))
        if "gamma" in name or "variance" in name:
            values = rng.uniform(0.5, 1.5, shape)
        variable.assign(values.astype(np.float32))


def samples(model: Any, count: int = 2, seed: int = 0) -> Any:
    """Random inputs, in the structure in which the model takes them."""
    rng = np.random.default_rng(seed)
    graph, keras = getattr(model, "_functional", None) or model, zoo.import_keras()
    return keras.tree.map_structure(
        lambda x: keras.ops.convert_to_tensor(rng.normal(size=(count, *x.shape[1:])), x.dtype),
        graph._inputs_struct,
    )


def own_layers() -> tuple[Any, Any]:
    """A layer class that Keras makes again from its configuration, and one that it cannot."""
    keras = zoo.import_keras()

    class Scaled(keras.layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self, by: float = 2.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.by = by

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, x: Any) -> Any:
            return x * self.scale * self.by

        def get_config(self) -> Any:
            return {**super().get_config(), "by": self.by}

    class Unnamed(Scaled):
        def get_config(self) -> Any:
            raise NotImplementedError

    return Scaled, Unnamed


class Grower:
    """A network that grows: each step takes a random tensor that is there, and adds others."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.keras = zoo.import_keras()
        self.layers = self.keras.layers
        self.inputs = [self.keras.Input((5, 4, 2), name=f"x{i}") for i in range(self.number(1, 2))]
        self.live = list(self.inputs)

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)

    def step(self) -> None:
        """One more layer or several, behind one of the last tensors: so networks grow deep."""
        x = self.one(*self.live[-3:])
        rank = len(x.shape) - 1
        grow = self.one(*(grow for ranks, grow in STEPS if rank in ranks))
        y = grow(self, x)
        if y is not None:
            self.live.append(y)

    def model(self) -> Any:
        """With the last tensors as its outputs, some behind a layer with weights."""
        outputs = self.live[-self.number(1, 2) :]
        outputs = [self.layers.Dense(3)(y) if self.number(0, 3) else y for y in outputs]
        if self.number(0, 1):
            return self.keras.Model(
                {x.name: x for x in self.inputs}, {f"y{i}": y for i, y in enumerate(outputs)}
            )
        return self.keras.Model(
            self.inputs if len(self.inputs) > 1 else self.inputs[0],
            outputs if len(outputs) > 1 else outputs[0],
        )


def network(seed: int) -> Any:
    """A random model of a few steps."""
    grower = Grower(seed)
    for _ in range(grower.number(4, 8)):
        grower.step()
    model = grower.model()
    shaken(model, seed)
    return model


Step = Callable[[Grower, Any], Any]
STEPS: list[tuple[tuple[int, ...], Step]] = []
"""What a network can grow, behind a tensor of that many axes: or None, where it does not fit."""


def behind(*ranks: int) -> Callable[[Step], Step]:
    """Enters a step."""

    def enter(step: Step) -> Step:
        STEPS.append((ranks, step))
        return step

    return enter


def _channels(g: Grower) -> int:
    return g.number(2, 4)


def _activation(g: Grower) -> Any:
    return g.one(None, "relu", "sigmoid", "tanh", "hard_swish")


@behind(3)
def _conv2d(g: Grower, x: Any) -> Any:
    small = min(x.shape[1:3]) < 2
    return g.layers.Conv2D(
        _channels(g), g.number(1, 2), padding="same" if small else g.one("same", "valid"),
        activation=_activation(g), use_bias=bool(g.number(0, 1)),
    )(x)  # fmt: skip


@behind(3)
def _depthwise(g: Grower, x: Any) -> Any:
    return g.layers.DepthwiseConv2D(
        g.number(1, 2), padding="same", depth_multiplier=g.number(1, 2), activation=_activation(g)
    )(x)


@behind(3)
def _separable(g: Grower, x: Any) -> Any:
    return g.layers.SeparableConv2D(
        _channels(g), 2, padding="same", depth_multiplier=g.number(1, 2), activation=_activation(g)
    )(x)


@behind(3)
def _enlarged(g: Grower, x: Any) -> Any:
    if x.shape[1] > 9:
        return None
    padding, form = g.one("same", "valid"), g.one("nearest", "bilinear")
    return g.one(
        g.layers.Conv2DTranspose(_channels(g), 2, strides=g.number(1, 2), padding=padding),
        g.layers.UpSampling2D(2, interpolation=form),
    )(x)


@behind(1, 2, 3)
def _normalized(g: Grower, x: Any) -> Any:
    return g.layers.BatchNormalization(scale=bool(g.number(0, 1)))(x)


@behind(3)
def _prelu(g: Grower, x: Any) -> Any:
    return g.layers.PReLU(shared_axes=g.one(None, [1, 2], [1], [1, 2, 3]))(x)


@behind(1, 2, 3)
def _activated(g: Grower, x: Any) -> Any:
    layers, ops = g.layers, g.keras.ops
    return g.one(
        layers.ReLU(6.0), layers.LeakyReLU(), layers.ELU(), layers.Activation("sigmoid"),
        layers.Dropout(0.1), layers.Rescaling(2.0, 0.5), ops.relu, ops.tanh,
        lambda x: x * 2.0 + 1.0, lambda x: ops.clip(x, -1, 1),
    )(x)  # fmt: skip


@behind(3)
def _pooled(g: Grower, x: Any) -> Any:
    pool = g.one(g.layers.MaxPooling2D, g.layers.AveragePooling2D)
    return pool(2, strides=g.number(1, 2), padding="same")(x)


@behind(3)
def _padded(g: Grower, x: Any) -> Any:
    cropped = g.layers.Cropping2D(((0, 1), (1, 0))) if min(x.shape[1:3]) > 1 else g.layers.ReLU()
    return g.one(
        g.layers.ZeroPadding2D(((1, 0), (0, 1))), cropped,
        lambda x: g.keras.ops.pad(x, ((0, 0), (0, 1), (1, 0), (0, 0))),
        lambda x: g.keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, 2))),
    )(x)  # fmt: skip


@behind(3)
def _merged(g: Grower, x: Any) -> Any:
    """With what another layer makes of it, or with itself."""
    layers = g.layers
    other = g.one(
        layers.Conv2D(x.shape[-1], 1, activation=_activation(g)), layers.Conv2D(1, 1),
        layers.DepthwiseConv2D(2, padding="same"), layers.Identity(),
    )(x)  # fmt: skip
    pair = g.one([x, other], [other, x])
    merging = g.one("Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum", "ops")
    if merging != "ops":
        return getattr(layers, merging)()(pair)
    return g.one(lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b)(*pair)


@behind(3)
def _excited(g: Grower, x: Any) -> Any:
    """Squeeze and excite."""
    layers, many = g.layers, x.shape[-1]
    squeezed = layers.GlobalAveragePooling2D(keepdims=bool(g.number(0, 1)))(x)
    if len(squeezed.shape) == 2:
        squeezed = layers.Reshape(g.one((1, 1, many), (1, 1, -1), (-1, 1, many)))(squeezed)
    gate = layers.Conv2D(_channels(g), 1, activation="relu")(squeezed)
    return layers.Multiply()([x, layers.Conv2D(many, 1, activation="sigmoid")(gate)])


@behind(3)
def _concatenated(g: Grower, x: Any) -> Any:
    other = g.one(g.layers.Conv2D(_channels(g), 1), g.layers.DepthwiseConv2D(1))(x)
    if other.shape[-1] == x.shape[-1] and g.number(0, 2) == 0:
        return g.layers.Concatenate(axis=g.one(1, 2))([x, other])
    if g.number(0, 1):
        return g.keras.ops.concatenate([other, x], axis=-1)
    return g.layers.Concatenate()([x, other, x])


@behind(3)
def _shared(g: Grower, x: Any) -> Any:
    """One layer for two tensors, or for what it made itself."""
    layers, many = g.layers, x.shape[-1]
    layer = g.one(
        layers.Conv2D(many, 1), layers.SeparableConv2D(many, 1), layers.BatchNormalization(),
        layers.DepthwiseConv2D(1),
    )  # fmt: skip
    y = layers.Conv2D(many, 1)(x)
    return g.one(lambda: layer(layer(y)), lambda: layers.Add()([layer(x), layer(y)]))()


@behind(3)
def _nested(g: Grower, x: Any) -> Any:
    """A model inside, called once or twice."""
    layers, many = g.layers, x.shape[-1]
    given = g.keras.Input(g.one(tuple(x.shape[1:]), (None, None, many)))
    inside = layers.Conv2D(many, 1, activation="relu")(layers.Conv2D(_channels(g), 1)(given))
    if g.number(0, 1):
        inside = layers.Add()([inside, given])
    model = g.keras.Model(given, inside)
    return model(model(x)) if g.number(0, 1) else model(x)


@behind(3)
def _sequential(g: Grower, x: Any) -> Any:
    layers = g.layers
    inner = g.keras.Sequential([layers.Conv2D(_channels(g), 1), layers.BatchNormalization()])
    return g.keras.Sequential([layers.ReLU(), inner, layers.Conv2D(_channels(g), 1)])(x)


@behind(3)
def _permuted(g: Grower, x: Any) -> Any:
    """Channels elsewhere, read there, or back again."""
    away = g.layers.Permute((3, 1, 2))(x)
    if g.number(0, 2) == 0:
        return g.layers.Conv2D(_channels(g), 1)(away)
    away = g.layers.ReLU()(away)
    if g.number(0, 1):
        away = g.layers.BatchNormalization(axis=1)(away)
    return g.layers.Permute((2, 3, 1))(away)


@behind(3)
def _channels_first(g: Grower, x: Any) -> Any:
    layers = g.layers
    y = layers.Permute((3, 1, 2))(x)
    # Keras 3.15 adds a bias of as many channels as the image is wide along the wrong axis
    y = layers.Conv2D(_channels(g), 1, data_format="channels_first", use_bias=False)(y)
    return layers.GlobalAveragePooling2D(data_format="channels_first")(layers.ReLU()(y))


@behind(3)
def _left_alone(g: Grower, x: Any) -> Any:
    """What keeps its channels."""
    layers, (scaled, unnamed) = g.layers, own_layers()
    return g.one(
        scaled(3.0), unnamed(), layers.LayerNormalization(), layers.Softmax(),
        layers.Conv2D(4, 1, activation="softmax"),
        lambda x: layers.Conv2D(4, 1, groups=2)(layers.Conv2D(4, 1)(x)),
        lambda x: g.keras.ops.mean(x, axis=-1, keepdims=True),
        lambda x: x + np.ones(x.shape[-1], np.float32),
    )(x)  # fmt: skip


@behind(1, 2, 3)
def _dense(g: Grower, x: Any) -> Any:
    return g.layers.Dense(_channels(g), _activation(g))(x)


@behind(1, 2, 3)
def _flattened(g: Grower, x: Any) -> Any:
    return g.layers.Dense(_channels(g))(g.layers.Flatten()(x))


@behind(3)
def _pooled_to_one(g: Grower, x: Any) -> Any:
    return g.one(g.layers.GlobalAveragePooling2D, g.layers.GlobalMaxPooling2D)()(x)


@behind(3)
def _sequence(g: Grower, x: Any) -> Any:
    h, w, c = x.shape[1:]
    return g.layers.Reshape(g.one((h * w, c), (-1, c), (h * w, -1), (h, w * c)))(x)


def _line(g: Grower, x: Any) -> Any:
    return g.layers.Reshape((-1, x.shape[-1]))(x) if len(x.shape) == 4 else x


@behind(3, 2)
def _convolved_sequence(g: Grower, x: Any) -> Any:
    layers = g.layers
    return g.one(
        layers.Conv1D(_channels(g), 2, padding=g.one("same", "causal")),
        layers.SeparableConv1D(_channels(g), 2, padding="same", depth_multiplier=2),
        layers.DepthwiseConv1D(2, padding="same", depth_multiplier=2),
        layers.Conv1DTranspose(_channels(g), 2, padding="same"),
    )(_line(g, x))


@behind(3, 2)
def _moved_sequence(g: Grower, x: Any) -> Any:
    layers, x = g.layers, _line(g, x)
    return g.one(
        layers.MaxPooling1D(2, padding="same"), layers.ZeroPadding1D(1), layers.Permute((2, 1)),
        layers.UpSampling1D(2) if x.shape[1] < 40 else layers.ReLU(),
    )(x)  # fmt: skip


@behind(2)
def _pooled_sequence(g: Grower, x: Any) -> Any:
    return g.layers.GlobalAveragePooling1D()(x)


@behind(1)
def _repeated(g: Grower, x: Any) -> Any:
    return g.one(g.layers.RepeatVector(3), g.layers.Reshape((1, 1, x.shape[-1])))(x)
