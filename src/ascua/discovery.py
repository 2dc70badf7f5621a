"""Finds the classes that the modules of a package define, so that nobody keeps a list of them."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from typing import TypeVar

T = TypeVar("T")


def concrete(package: str, path: list[str], base: type[T]) -> list[type[T]]:
    """The classes in the modules of `package`, at `path`, that are a `base` and not abstract.

    They come in the order of the modules' names, then of their lines.
    """
    modules = [import_module(f"{package}.{info.name}") for info in iter_modules(path)]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base) and not isabstract(kind)
        if kind.__module__ == module.__name__
    ]
