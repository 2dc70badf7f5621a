"""Builds cifar10-dscnn-seed for Zephyr, runs it on a ship, and reads the table of memory.

ZEPHYR_BASE says which Zephyr (tests/support/zephyr.py: what else the environment has); DATA is the
folder of CIFAR-10. On qemu_cortex_m3 for every goal, on the other boards for the least RAM:
results/zephyr.jsonl. What the results hold is not built again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from ascua import boards, cli, results
from ascua.data import cifar10
from ascua.model import Model, load_model
from ascua.plan import GOALS
from ascua.results import ZephyrResult
from ascua.run.provenance import source_tree
from ascua.samples import as_inputs
from tests.support import zephyr

ROOT = Path(__file__).parents[1]
MODEL = "cifar10-dscnn-seed"
FIRST, GOAL = "lm3s6965evb", "ram"
CASES = (
    *((FIRST, goal.kind) for goal in GOALS),
    *((board, GOAL) for board in zephyr.TARGETS if board != FIRST),
)


def network(folder: Path) -> Model:
    """The trained network, as the results keep it."""
    sha256 = results.results(folder, MODEL)[-1].model_sha256
    path = results.kept(folder, sha256)
    assert path is not None, f"{sha256} is not kept"
    return load_model(path)


def ship(model: Model, data: Path, to: Path) -> tuple[Path, Path]:
    """The first ship of the test images as an input, and the classes: files in the folder `to`."""
    images, labels = cifar10.read_batch(cifar10.find(data) / cifar10.TEST[0])
    first = int(np.flatnonzero(labels == cifar10.CLASSES.index("ship"))[0])
    to.mkdir(parents=True, exist_ok=True)
    np.save(to / "ship.npy", as_inputs(model.original, images[first : first + 1])[0])
    (to / "labels.txt").write_text("\n".join((*cifar10.CLASSES, "")), encoding="utf-8")
    return to / "ship.npy", to / "labels.txt"


def row(model: Model, case: tuple[str, str], key: str, files: tuple[Path, Path]) -> ZephyrResult:
    """The line of a board and a goal, built beside `files`."""
    base = zephyr.base()
    assert base is not None, "ZEPHYR_BASE is not set"
    (board, goal), (x, labels) = case, files
    folder = x.parent / f"{board}-{goal}"
    command = ["export", "zephyr", str(model.path), "-o", str(folder / "net"), "--name", "net"]
    command += ["--board", board, "--goal", goal, "--inputs", str(x), "--labels", str(labels)]
    assert cli.invoke([*command, "--force"]) == 0
    target = zephyr.target(base, board)
    built = zephyr.built(folder / "net/app", target, folder / zephyr.version(base))
    said = zephyr.console(built.elf, board)
    assert "PASS 1/1" in said, said
    told = json.loads((folder / "net/manifest.json").read_text(encoding="utf-8"))
    commit, clean = source_tree()
    return ZephyrResult(
        model=MODEL, model_sha256=model.sha256, key=key, commit=commit, clean=clean,
        zephyr=zephyr.version(base), target=target, goal=goal,
        flash_bytes=built.flash_bytes, ram_bytes=built.ram_bytes, arena_bytes=told["arena_bytes"],
        stack_bytes=int(built.settings["MAIN_STACK_SIZE"]),
        heap_bytes=int(built.settings["HEAP_MEM_POOL_SIZE"]),
        answer=re.findall(r"class (\w+),", said)[0],
    )  # fmt: skip


def main() -> None:
    """Build what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--build", type=Path, default=ROOT / "build/zephyr", help="a folder")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="a folder")
    asked = parser.parse_args()
    base = zephyr.base()
    if base is None:
        raise SystemExit("ZEPHYR_BASE is not set: it names the folder of a Zephyr.")
    model = network(asked.results)
    files = ship(model, asked.data, asked.build)
    commit, clean = source_tree()
    for case in CASES:
        said = f"{commit} {zephyr.version(base)} {boards.load(case[0])} {case[1]} {model.sha256}"
        key = hashlib.sha256(said.encode()).hexdigest()
        if results.known(results.zephyr(asked.results), key, clean=clean) is None:
            found = row(model, case, key, files)
            print(results.append(asked.results, found)[0].line(), flush=True)


if __name__ == "__main__":
    main()
