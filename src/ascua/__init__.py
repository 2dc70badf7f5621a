"""Ascua: from data to measured firmware.

model = ascua.load_model(Path("model.tflite"))
board = ascua.load_board("lm3s6965evb")
plan, known = ascua.analyze(model, board)
run = ascua.run_model(model, plan, xs, labels=ys, build=Path("build/firmware"))
print(run.measurement.instructions, run.measurement.accuracy)
"""

from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.errors import AscuaError
from ascua.executors.reference import reference
from ascua.measure import Measurement, Run, analyze, compile_model, known, run_model
from ascua.model import Model, load_model
from ascua.recipes import Recipe
from ascua.recipes import load as load_recipe

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
    "reference",
    "run_model",
]
