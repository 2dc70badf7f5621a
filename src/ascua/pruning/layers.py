"""What the layers of Keras do to channels, and which axes of their weights are channels.

A layer that is not here keeps all channels that it reads, and all that it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ascua.pruning.channels import Channels, Trace, Units
from ascua.pruning.network import Call
from ascua.zoo import import_keras

Masks: TypeAlias = Mapping[str, NDArray[np.bool_]]
"""Which channels stay: of those a layer reads ("in") and makes ("out"), of those that its depthwise
part makes ("between"), or along an axis of the shape that it gives ("0", "1", …)."""


@dataclass(frozen=True)
class Rule:
    """Of one kind of layer."""

    follow: Callable[[Trace, Call], list[Channels]]
    """The channels of what a call makes; it ties and pins them on the way."""
    weights: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """By the layer's attribute: the axes of it that are channels."""
    config: Callable[[Any, Masks], dict[str, Any]] = lambda _layer, _masks: {}
    """What of the layer's configuration changes when channels go."""
    multiplies: tuple[str, ...] = ()
    """Attributes of which each value is multiplied once for each place of the output."""
    moves: bool = False
    """It computes nothing: a channel of zeros comes out as zeros."""


def rule(call: Call) -> Rule | None:
    """That of the called layer, if there is one: Keras's own class, not one that derives from it.

    A layer whose weights are quantised, or have adapters, has none.
    """
    kind, keras = type(call.layer), import_keras()
    if getattr(call.layer, "quantization_mode", None) or getattr(call.layer, "lora_enabled", False):
        return None
    if kind is getattr(keras.layers, call.kind, None):
        return LAYERS.get(call.kind)
    if kind.__module__.startswith("keras.src.ops."):
        return FUNCTIONS.get(call.kind)
    return None


def followed(trace: Trace, call: Call) -> list[Channels]:
    """The channels of what `call` makes."""
    known = rule(call)
    return _opaque(trace, call) if known is None else known.follow(trace, call)


def _opaque(trace: Trace, call: Call, why: str = "") -> list[Channels]:
    return trace.opaque(call, f"{call.name} ({call.kind}{why}) takes and makes them as they are")


def _x(trace: Trace, call: Call) -> Channels:
    return trace.values[call.xs[0]]


def _axis(trace: Trace, call: Call) -> int:
    """Where the layer has its channels, the samples not counted."""
    first = getattr(call.layer, "data_format", None) == "channels_first"
    return 0 if first else len(trace.network.shapes[call.xs[0]]) - 1


def _elementwise_activation(layer: Any) -> bool:
    """Whether each value that the layer's activation answers depends on one alone."""
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", type(activation).__name__)
    known = getattr(import_keras().activations, name, None) is activation
    return activation is None or (known and name not in MIXING)


MIXING = ("softmax", "log_softmax", "glu", "sparsemax")
"""Activations in which channels depend on each other."""


def _made(trace: Trace, call: Call, count: int) -> Channels:
    """The channels that a layer with weights makes."""
    units = trace.source(call, count)
    if not _elementwise_activation(call.layer):
        trace.pin(units, f"the activation of {call.name} may mix them")
    return Channels(_axis(trace, call), units)


def _read(trace: Trace, call: Call) -> Units:
    """The channels that a layer with weights multiplies: where they lie elsewhere, they stay."""
    x, axis = _x(trace, call), _axis(trace, call)
    if x.axis == axis:
        return trace.along(call, "in", x.units)
    trace.pin(x.units, f"{call.name} ({call.kind}) multiplies along another axis")
    count = trace.network.shapes[call.xs[0]][axis]
    return trace.along(call, "in", trace.pinned(count, f"read by {call.name}"))


def _convolution(trace: Trace, call: Call) -> list[Channels]:
    if getattr(call.layer, "groups", 1) != 1:
        return _opaque(trace, call, " in groups")
    _read(trace, call)
    return [_made(trace, call, call.layer.filters)]


def _separable(trace: Trace, call: Call) -> list[Channels]:
    units = _read(trace, call)
    trace.along(call, "between", np.repeat(units, call.layer.depth_multiplier))
    return [_made(trace, call, call.layer.filters)]


def _dense(trace: Trace, call: Call) -> list[Channels]:
    _read(trace, call)
    return [_made(trace, call, call.layer.units)]


def _depthwise(trace: Trace, call: Call) -> list[Channels]:
    """A channel goes with all that are made of it."""
    x = _x(trace, call)
    if x.axis != _axis(trace, call) or not _elementwise_activation(call.layer):
        return _opaque(trace, call)
    units = trace.along(call, "in", x.units)
    many = trace.along(call, "between", np.repeat(units, call.layer.depth_multiplier))
    return [Channels(x.axis, many)]


def _per_channel(trace: Trace, call: Call) -> list[Channels]:
    """Weights for each channel, along the last axis or the layer's."""
    x, rank = _x(trace, call), len(trace.network.shapes[call.xs[0]])
    axis = getattr(call.layer, "axis", -1)
    axis = axis + rank if isinstance(axis, int) and axis < 0 else axis - 1
    if x.axis != axis:
        return _opaque(trace, call)
    trace.along(call, "in", x.units)
    return [x]


def _elementwise(trace: Trace, call: Call) -> list[Channels]:
    limits = [getattr(call.layer, name, 0.0) for name in ("x_min", "x_max")]
    arrays = _constants(call) or any(np.ndim(x) for x in limits)
    if arrays or not _elementwise_activation(call.layer):
        return _opaque(trace, call)
    return [_x(trace, call)]


def _rescaling(trace: Trace, call: Call) -> list[Channels]:
    if np.ndim(call.layer.scale) or np.ndim(call.layer.offset):
        return _opaque(trace, call)
    return [_x(trace, call)]


def _spatial(trace: Trace, call: Call) -> list[Channels]:
    """What happens to each channel's places alike."""
    x = _x(trace, call)
    return [x] if x.axis == _axis(trace, call) else _opaque(trace, call)


def _pooled(trace: Trace, call: Call) -> list[Channels]:
    """One value a channel is left."""
    x = _x(trace, call)
    if x.axis != _axis(trace, call):
        return _opaque(trace, call)
    return [x if call.layer.keepdims else Channels(0, x.units)]


def _flattened(trace: Trace, call: Call) -> list[Channels]:
    if _axis(trace, call) == 0 and len(trace.network.shapes[call.xs[0]]) > 1:
        return _opaque(trace, call)  # it puts channels last, and flattens then
    y = _refolded(trace, call)
    return _opaque(trace, call) if y is None else [y]


def _reshaped(trace: Trace, call: Call) -> list[Channels]:
    y = _refolded(trace, call)
    if y is None:
        return _opaque(trace, call)
    trace.along(call, str(y.axis), y.units)
    if len(axes := trace.layers[call.name]) > 1:
        for units in axes.values():
            trace.pin(units, f"{call.name} ({call.kind}) has them along one axis, then another")
    return [y]


def _refolded(trace: Trace, call: Call) -> Channels | None:
    """The channels of a value of another shape, where each fills whole slices along an axis."""
    x = _x(trace, call)
    shape, to = ([n or 0 for n in trace.network.shapes[v]] for v in (call.xs[0], call.ys[0]))
    if not x.units.size or 0 in (*shape, *to):
        return None
    line = x.units.reshape([-1 if i == x.axis else 1 for i in range(len(shape))])
    units = np.broadcast_to(line, shape).reshape(to)
    for axis in reversed(range(len(to))):
        own = units[tuple(slice(None) if i == axis else slice(0, 1) for i in range(len(to)))]
        if np.array_equal(np.broadcast_to(own, to), units):
            return Channels(axis, own.reshape(-1))
    return None


def _target(layer: Any, masks: Masks) -> dict[str, Any]:
    """The shape that a Reshape gives once channels are gone."""
    target = list(layer.target_shape)
    for axis, mask in masks.items():
        if target[int(axis)] != -1:
            target[int(axis)] = int(mask.sum())
    return {"target_shape": tuple(target)}


def _permuted(trace: Trace, call: Call) -> list[Channels]:
    x = _x(trace, call)
    return [Channels(list(call.layer.dims).index(x.axis + 1), x.units)]


def _repeated(trace: Trace, call: Call) -> list[Channels]:
    return [Channels(1, _x(trace, call).units)]


def _merged(trace: Trace, call: Call) -> list[Channels]:
    """Channel by channel; what has one channel alone is there for all, and stays."""
    xs = [trace.values[v] for v in call.xs]
    ranks = {len(trace.network.shapes[v]) for v in call.xs}
    if len(ranks) > 1 or len({x.axis for x in xs}) > 1 or _constants(call):
        return _opaque(trace, call)
    most = max(len(x.units) for x in xs)
    whole = [x for x in xs if len(x.units) == most]
    for x in xs:
        if len(x.units) != most:
            trace.pin(x.units, f"{call.name} ({call.kind}) spreads it over {most} channels")
    for x in whole[1:]:
        trace.tie(whole[0].units, x.units, call.name)
    return [whole[0]]


def _concatenated(trace: Trace, call: Call) -> list[Channels]:
    xs, rank = [trace.values[v] for v in call.xs], len(trace.network.shapes[call.xs[0]])
    axis = call.layer.axis
    axis = axis + rank if axis < 0 else axis - 1
    if len({x.axis for x in xs}) > 1 or _constants(call):
        return _opaque(trace, call)
    if xs[0].axis == axis:
        return [Channels(axis, np.concatenate([x.units for x in xs]))]
    for x in xs[1:]:
        trace.tie(xs[0].units, x.units, call.name)
    return [xs[0]]


def _padded(trace: Trace, call: Call) -> list[Channels]:
    """Padding with channels of zeros: those stay."""
    x = _x(trace, call)
    width: Any = getattr(call.layer, "pad_width", None)
    rank = len(trace.network.shapes[call.xs[0]]) + 1
    if getattr(call.layer, "mode", "constant") != "constant" or np.shape(width) != (rank, 2):
        return _opaque(trace, call)
    before, after = (
        trace.pinned(n, f"{call.name} pads with it") for n in np.asarray(width)[x.axis + 1]
    )
    return [Channels(x.axis, np.concatenate([before, x.units, after]))]


def _constants(call: Call) -> bool:
    """Whether an argument of the call is an array."""
    tree = import_keras().tree
    fixed = tree.flatten((call.arguments.args, call.arguments.kwargs))
    return any(prod(np.shape(a)) > 1 for a in fixed if id(a) not in call.values)


def _count(name: str) -> Callable[[Any, Masks], dict[str, Any]]:
    return lambda _, masks: {name: int(masks["out"].sum())} if "out" in masks else {}


def _all(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


_FILTERS = _count("filters")
LAYERS: dict[str, Rule] = {
    **_all(
        Rule(
            _convolution, {"kernel": {-2: "in", -1: "out"}, "bias": {0: "out"}}, _FILTERS,
            multiplies=("kernel",),
        ),
        "Conv1D", "Conv2D", "Conv3D",
    ),
    **_all(
        Rule(
            _convolution, {"kernel": {-1: "in", -2: "out"}, "bias": {0: "out"}}, _FILTERS,
            multiplies=("kernel",),
        ),
        "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    ),
    **_all(
        Rule(
            _separable,
            {
                "depthwise_kernel": {-2: "in"},
                "pointwise_kernel": {-2: "between", -1: "out"},
                "bias": {0: "out"},
            },
            _FILTERS,
            multiplies=("depthwise_kernel", "pointwise_kernel"),
        ),
        "SeparableConv1D", "SeparableConv2D",
    ),
    **_all(
        Rule(
            _depthwise, {"kernel": {-2: "in"}, "bias": {0: "between"}}, multiplies=("kernel",)
        ),
        "DepthwiseConv1D", "DepthwiseConv2D",
    ),
    "Dense": Rule(
        _dense, {"kernel": {0: "in", 1: "out"}, "bias": {0: "out"}}, _count("units"),
        multiplies=("kernel",),
    ),
    "BatchNormalization": Rule(
        _per_channel,
        {name: {0: "in"} for name in ("gamma", "beta", "moving_mean", "moving_variance")},
    ),
    "PReLU": Rule(_per_channel, {"alpha": {-1: "in"}}),
    "Rescaling": Rule(_rescaling),
    **_all(Rule(_elementwise), "Activation", "ReLU", "LeakyReLU", "ELU"),
    **_all(
        Rule(_elementwise, moves=True),
        "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout",
        "GaussianNoise", "AlphaDropout", "ActivityRegularization", "Identity",
    ),
    **_all(
        Rule(_spatial, moves=True),
        *(
            f"{what}{n}D"
            for what in ("ZeroPadding", "Cropping", "MaxPooling", "AveragePooling", "UpSampling")
            for n in (1, 2, 3)
        ),
        "Resizing",
    ),
    **_all(
        Rule(_pooled, moves=True),
        *(f"Global{what}Pooling{n}D" for what in ("Max", "Average") for n in (1, 2, 3)),
    ),
    "Flatten": Rule(_flattened, moves=True),
    "Reshape": Rule(_reshaped, config=_target, moves=True),
    "Permute": Rule(_permuted, moves=True),
    "RepeatVector": Rule(_repeated, moves=True),
    **_all(Rule(_merged), "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
    "Concatenate": Rule(_concatenated, moves=True),
}  # fmt: skip
"""By the name of the class in `keras.layers`."""

FUNCTIONS: dict[str, Rule] = {
    **_all(
        Rule(_elementwise),
        "Relu", "Relu6", "Sigmoid", "Tanh", "Silu", "HardSigmoid", "HardSilu", "HardSwish",
        "Softplus", "Softsign", "LeakyRelu", "Elu", "Selu", "Gelu", "Absolute", "Abs", "Negative",
        "Square", "Sqrt", "Rsqrt", "Exp", "Clip",
    ),
    **_all(
        Rule(_merged),
        "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum",
    ),
    "Pad": Rule(_padded),
    "Concatenate": Rule(_concatenated, moves=True),
}  # fmt: skip
"""By the name of the class behind a function of `keras.ops`."""
