"""A Keras model as the calls that it makes, in the order they run, without models inside models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """The network that a functional or sequential Keras `model` is. Raises InputError for others."""
    if _graph(model) is None:
        raise InputError(
            f"{type(model).__name__} {model.name!r}: a model with a `call` of its own has no graph"
            " of layers.",
            ["Build a functional model: `keras.Model(inputs, outputs)`, or a Sequential."],
        )
    return _Flattening().network(model)


def _graph(layer: Any) -> Any:
    """The functional graph of a layer that is a model, and None of any other."""
    keras = import_keras()
    if isinstance(layer, keras.Sequential):
        return getattr(layer, "_functional", None)
    functional = getattr(layer, "operations", None) is not None and hasattr(layer, "inputs")
    if not functional or type(layer).call is not type(keras.Model(*_tiny(keras))).call:
        return None
    return layer


def _tiny(keras: Any) -> tuple[Any, Any]:
    x = keras.Input((1,))
    return x, x


class _Flattening:
    """Walks through models and the models inside them."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int | None, ...]] = []
        self.calls: list[Call] = []
        self.names: dict[int, str] = {}
        """Of layers, by `id`."""

    def network(self, model: Any) -> Network:
        graph = _graph(model)
        inputs = [self.value(x) for x in graph.inputs]
        outputs = self.walk(graph, inputs, "")
        return Network(model, tuple(self.shapes), tuple(inputs), tuple(outputs), tuple(self.calls))

    def value(self, tensor: Any) -> Value:
        """A new value, of the shape of a symbolic tensor."""
        self.shapes.append(tuple(tensor.shape[1:]))
        return len(self.shapes) - 1

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
                    ys = [self.value(y) for y in node.output_tensors]
                    values = {id(x): v for x, v in zip(node.input_tensors, xs, strict=True)}
                    name = self.name(layer, prefix)
                    self.calls.append(
                        Call(layer, name, tuple(xs), tuple(ys), node.arguments, values)
                    )
                known |= {id(y): v for y, v in zip(node.output_tensors, ys, strict=True)}
        return [known[id(y)] for y in graph.outputs]

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
