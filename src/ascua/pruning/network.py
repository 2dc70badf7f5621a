"""A Keras model as the calls that it makes, in the order they run, without models inside models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ascua.errors import InputError
from ascua.zoo import import_keras

Value = int
"""A tensor of the network, by its index in `Network.shapes`."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, or of a function of `keras.ops`; a shared layer has several."""

    layer: Any
    name: str
    """The layer's, with the names of the models around it: unique to the layer."""
    xs: tuple[Value, ...]
    """The tensors among its arguments, in order."""
    ys: tuple[Value, ...]
    arguments: Any
    """As Keras keeps them, with its symbolic tensors."""
    values: Mapping[int, Value]
    """What each of those tensors is, by its `id`."""

    @property
    def kind(self) -> str:
        """The name of the layer's class."""
        return type(self.layer).__name__

    def filled(self, tensors: Mapping[Value, Any]) -> tuple[Any, Any]:
        """Its arguments, and those by name, with `tensors` put in."""
        return self.arguments.fill_in({key: tensors[v] for key, v in self.values.items()})  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Network:
    """A functional model, flat."""

    model: Any
    shapes: tuple[tuple[int | None, ...], ...]
    """Of each value, without the samples."""
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    calls: tuple[Call, ...]

    @property
    def layers(self) -> dict[str, list[Call]]:
        """The calls of each layer, by its name."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            found.setdefault(call.name, []).append(call)
        return found


def flattened(model: Any) -> Network:
    """The network that a functional or sequential Keras `model` is; InputError for others."""
    if not isinstance(model, import_keras().Model):
        raise InputError(
            f"{model!r}: a {type(model).__name__} is no Keras model.",
            ["Load it first: `keras.models.load_model(path)`."],
        )
    if _graph(model) is None:
        raise InputError(
            f"{type(model).__name__} {model.name!r} has no graph of layers: it has a `call` of its"
            " own, or was not built yet.",
            ["Build `keras.Model(inputs, outputs)`, or a Sequential with an Input."],
        )
    return _Flattening().network(model)


def _graph(layer: Any) -> Any:
    """The functional graph of a layer that is a model, and None of any other."""
    keras = import_keras()
    if isinstance(layer, keras.Sequential):
        own = type(layer).call is not keras.Sequential.call
        return None if own else getattr(layer, "_functional", None)
    functional = _functional_class()
    plain = isinstance(layer, functional) and type(layer).call is functional.call
    return layer if plain else None


@cache
def _functional_class() -> Any:
    keras = import_keras()
    x = keras.Input((1,))
    return type(keras.Model(x, x))


class _Flattening:
    """Walks through models and the models inside them."""

    def __init__(self) -> None:
        self.tensors: list[Any] = []
        """A symbolic tensor of each value: inside a model that is called, as it is there."""
        self.calls: list[Call] = []
        self.names: dict[int, str] = {}
        """Of layers, by `id`."""

    def network(self, model: Any) -> Network:
        graph = _graph(model)
        inputs = [self.value(x) for x in graph.inputs]
        outputs = self.walk(graph, inputs, "")
        shapes = tuple(tuple(t.shape[1:]) for t in self.tensors)
        return Network(model, shapes, tuple(inputs), tuple(outputs), tuple(self.calls))

    def value(self, tensor: Any) -> Value:
        """A new value, of the shape of a symbolic tensor."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def walk(self, graph: Any, inputs: list[Value], prefix: str) -> list[Value]:
        """Go through a functional `graph` whose inputs are these values; answers its outputs."""
        known = {id(x): v for x, v in zip(graph.inputs, inputs, strict=True)}
        for _, nodes in sorted(graph._nodes_by_depth.items(), reverse=True):
            for node in nodes:
                if node.is_input or any(id(x) not in known for x in node.input_tensors):
                    continue
                layer, xs = node.operation, [known[id(x)] for x in node.input_tensors]
                inner = _graph(layer)
                if inner is not None:
                    ys = self.walk(inner, xs, f"{prefix}{layer.name}_")
                else:
                    ys = self.call(node, xs, prefix)
                known |= {id(y): v for y, v in zip(node.output_tensors, ys, strict=True)}
        return [known[id(y)] for y in graph.outputs]

    def call(self, node: Any, xs: list[Value], prefix: str) -> list[Value]:
        """Add a call of a layer; answers what it makes."""
        layer, first = node.operation, len(self.tensors)
        count = len(node.output_tensors)
        call = Call(
            layer, self.name(layer, prefix), tuple(xs), tuple(range(first, first + count)),
            node.arguments, {id(x): v for x, v in zip(node.input_tensors, xs, strict=True)},
        )  # fmt: skip
        made = node.output_tensors
        if [x.shape for x in node.input_tensors] != [self.tensors[v].shape for v in xs]:
            args, kwargs = call.filled(dict(enumerate(self.tensors)))
            made = import_keras().tree.flatten(layer.compute_output_spec(*args, **kwargs))
        self.tensors += made
        self.calls.append(call)
        return list(call.ys)

    def name(self, layer: Any, prefix: str) -> str:
        """Of a layer: the same at each call, and no other's."""
        if id(layer) not in self.names:
            name, taken, n = f"{prefix}{layer.name}", set(self.names.values()), 1
            while name in taken:
                name, n = f"{prefix}{layer.name}_{n}", n + 1
            self.names[id(layer)] = name
        return self.names[id(layer)]


def replayed(
    network: Network,
    call: Callable[[Call, Any, Any], Any],
    inputs: Mapping[Value, Any],
    after: Callable[[Value, Any], Any] = lambda _, tensor: tensor,
) -> dict[Value, Any]:
    """Every value of the network once more, where `call` answers a call with its arguments.

    What `after` answers for a value stands for it from then on.
    """
    tree = import_keras().tree
    tensors = {v: after(v, x) for v, x in inputs.items()}
    for c in network.calls:
        ys = tree.flatten(call(c, *c.filled(tensors)))
        tensors |= {v: after(v, y) for v, y in zip(c.ys, ys, strict=True)}
    return tensors
