"""What each operator of ONNX becomes: one function each, in the module of its kin."""

from __future__ import annotations

from collections.abc import Callable

from ascua.convert.onnx.builder import Builder, Node

Handler = Callable[[Node, Builder], None]
NODES: dict[str, Handler] = {}
"""By the operator's name; the modules of this package enter themselves."""


def node(*names: str) -> Callable[[Handler], Handler]:
    """Enters a function for the operators of these names."""

    def enter(handler: Handler) -> Handler:
        NODES.update(dict.fromkeys(names, handler))
        return handler

    return enter
