"""Ascua: from data to measured firmware.

model = ascua.load_model("model.tflite")
board = ascua.load_board("lm3s6965evb")
plan, known = ascua.analyze(model, board)
run = ascua.run_model(model, plan, xs, labels=ys, build=Path("build/firmware"))
print(run.measurement.instructions, run.measurement.accuracy)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ascua.boards import Board
    from ascua.boards import load as load_board
    from ascua.errors import AscuaError
    from ascua.executors.reference import reference
    from ascua.measure import Measurement, Run, analyze, compile_model, known, run_model
    from ascua.model import Model, load_model
    from ascua.pruning import prune
    from ascua.recipes import Recipe
    from ascua.recipes import load as load_recipe

WHERE = {
    "AscuaError": "errors",
    "Board": "boards",
    "Measurement": "measure",
    "Model": "model",
    "Recipe": "recipes",
    "Run": "measure",
    "analyze": "measure",
    "compile_model": "measure",
    "known": "measure",
    "load_board": "boards",
    "load_model": "model",
    "load_recipe": "recipes",
    "prune": "pruning",
    "reference": "executors.reference",
    "run_model": "measure",
}
"""The module of each public name: it is loaded when the name is first used."""

__all__ = [
    "AscuaError",
    "Board",
    "Measurement",
    "Model",
    "Recipe",
    "Run",
    "analyze",
    "compile_model",
    "known",
    "load_board",
    "load_model",
    "load_recipe",
    "prune",
    "reference",
    "run_model",
]


def __getattr__(name: str) -> object:
    """The public name `name`, or the version."""
    if name == "__version__":
        return version("ascua")
    if name not in WHERE:
        raise AttributeError(f"module 'ascua' has no attribute {name!r}")
    module = import_module(f"ascua.{WHERE[name]}")
    own = {"load_board": "load", "load_recipe": "load"}.get(name, name)
    globals()[name] = getattr(module, own)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
