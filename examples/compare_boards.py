"""Runs one model on every emulated board that it fits, and compares the instructions.

python examples/compare_boards.py model.tflite
"""

import sys
from pathlib import Path

import ascua
from ascua.boards import names
from ascua.errors import DoesNotFit, ToolMissing
from ascua.inputs import pseudo_random


def main(path: str) -> None:
    """Print a line a board."""
    model = ascua.load_model(Path(path))
    xs = pseudo_random(model.graph)
    for name in names():
        board = ascua.load_board(name)
        if board.counter == "none":
            continue
        try:
            run = ascua.run_model(model, model.plan(board), xs, build=Path("build/firmware"))
        except DoesNotFit:
            print(f"{name:16} does not fit")
            continue
        except ToolMissing:
            print(f"{name:16} cannot run here: see `ascua doctor`")
            continue
        count = run.measurement.instructions
        print(f"{name:16} {count:>12,.0f} instructions, {count / model.graph.macs():.2f} a MAC")


if __name__ == "__main__":
    main(sys.argv[1])
