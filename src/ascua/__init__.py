"""Ascua: from data to measured firmware.

model = ascua.load_model("model.tflite")
board = ascua.load_board("lm3s6965evb")
run = ascua.run_model(model, model.plan(board), xs, labels=ys)
print(run.measurement.instructions, run.measurement.accuracy)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ascua.boards import Board
    from ascua.boards import load as load_board
    from ascua.compare import Comparison
    from ascua.errors import AscuaError
    from ascua.measure import Measurement, Run, analyze, compile_model, known
    from ascua.model import Model
    from ascua.pruning import prune
    from ascua.quantize.options import Options
    from ascua.recipes import Recipe
    from ascua.recipes import load as load_recipe
    from ascua.train import Trained
    from ascua.validation import Check
    from ascua.verbs.bringing import load_model
    from ascua.verbs.comparing import compare_models
    from ascua.verbs.quantizing import Quantized, quantize_model
    from ascua.verbs.running import reference, run_model
    from ascua.verbs.training import train_recipe
    from ascua.verbs.validating import validate_model

WHERE = {
    "AscuaError": "errors",
    "Board": "boards",
    "Check": "validation",
    "Comparison": "compare",
    "Measurement": "measure",
    "Model": "model",
    "Options": "quantize.options",
    "Quantized": "verbs.quantizing",
    "Recipe": "recipes",
    "Run": "measure",
    "Trained": "train",
    "analyze": "measure",
    "compare_models": "verbs.comparing",
    "compile_model": "measure",
    "known": "measure",
    "load_board": "boards",
    "load_model": "verbs.bringing",
    "load_recipe": "recipes",
    "prune": "pruning",
    "quantize_model": "verbs.quantizing",
    "reference": "verbs.running",
    "run_model": "verbs.running",
    "train_recipe": "verbs.training",
    "validate_model": "verbs.validating",
}
"""The module of each public name: it is loaded when the name is first used."""

__all__ = [
    "AscuaError",
    "Board",
    "Check",
    "Comparison",
    "Measurement",
    "Model",
    "Options",
    "Quantized",
    "Recipe",
    "Run",
    "Trained",
    "analyze",
    "compare_models",
    "compile_model",
    "known",
    "load_board",
    "load_model",
    "load_recipe",
    "prune",
    "quantize_model",
    "reference",
    "run_model",
    "train_recipe",
    "validate_model",
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
