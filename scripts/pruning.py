"""Measures what rankings are worth: networks pruned and tuned, in results/pruning.jsonl.

Each network is trained for 30 epochs, pruned, and tuned for 10. Beside them stand the network
itself, trained as long, and the shape that one ranking leaves, trained as long from random weights.
It can stop at any time and go on; what BUILD and the results hold is not trained again, nor the
whole networks beside them, in results/pruning. Hours.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from ascua import data as datasets
from ascua import files, results, zoo
from ascua.data import Dataset
from ascua.pruning import Base, Course, prune, run
from ascua.pruning.select import Scope
from ascua.recipes import Recipe
from ascua.results import PrunedResult
from ascua.run.provenance import source_tree
from ascua.train import train
from ascua.train.fit import accuracy
from ascua.zoo.files import load_keras

ROOT = Path(__file__).parents[1]
NETWORKS: dict[str, dict[str, Any]] = {"dscnn": {"dropout": 0.0}, "resnet8": {}}
SEEDS = (1, 2)
METHODS = {0.25: ("taylor", "l1", "bn-scale"), 0.5: ("taylor", "random", "l1", "bn-scale")}
"""By the share of multiply-accumulates that goes."""
EPOCHS, TUNING = 30, 10
LR = 4e-3
TUNING_LR = LR / 2
SHAPE = "taylor"
"""The ranking whose shape is trained from random weights; in one scope all leave the same."""
ROUND_TO = 2
"""Of fewer channels together TensorFlow's kernels are several times slower."""


def recipe(network: str, seed: int) -> Recipe:
    """How the whole network is trained."""
    return Recipe(
        name=f"{network}-{seed}", title=f"{network} for CIFAR-10", dataset="cifar10",
        model=network, input=(32, 32, 3), classes=10, epochs=EPOCHS, batch=128, lr=LR, warmup=1.0,
        weight_decay=0.02, augment=("flip", "crop"), seed=seed, network=NETWORKS[network],
    )  # fmt: skip


class Cell:
    """One line of the results: a way to train a network that is smaller, or as long."""

    def __init__(
        self, network: str, seed: int, method: str, ratio: float, scope: Scope = "layer"
    ) -> None:
        self.network, self.seed, self.method, self.ratio = network, seed, method, ratio
        self.scope: Scope = scope if ratio else "layer"

    @property
    def name(self) -> str:
        """Of its folder."""
        scope = "" if self.scope == "layer" else f"-{self.scope}"
        return f"{self.network}-{self.seed}-{self.method}-{self.ratio:g}{scope}"

    @property
    def key(self) -> str:
        """The hash of what decides the training.

        The weights that it begins with are not: the same recipe gives others, in the last bits
        of each step, on another processor.
        """
        how = [EPOCHS, TUNING, LR, TUNING_LR, ROUND_TO, repr(recipe(self.network, self.seed))]
        how += [] if self.scope == "layer" else [self.scope, SHAPE]
        return hashlib.sha256(json.dumps([self.name, *how]).encode()).hexdigest()


def cells(only: str, scope: Scope) -> Iterator[Cell]:
    """All of a scope, or those whose name begins so."""
    for network in NETWORKS:
        for seed in SEEDS:
            ranked = ((method, ratio) for ratio, methods in METHODS.items() for method in methods)
            every = [("none", 0.0), *ranked, ("scratch", 0.5)]
            for method, ratio in every:
                cell = Cell(network, seed, method, ratio, scope)
                if cell.name.startswith(only):
                    yield cell


def whole(
    first: Recipe, build: Path, kept: Path, data_dir: Path, console: Console
) -> Path:  # fmt: skip
    """The whole network's file, which stays beside the results: other computers go on with it."""
    path = kept / "pruning" / f"{first.name}.keras"
    if not path.exists():
        made = train(first, out=build / first.name, data_dir=data_dir, console=console)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, lambda to: shutil.copyfile(made.keras, to))
    return path


def trained(
    cell: Cell, base: Path, data: Dataset, build: Path, data_dir: Path, console: Console
) -> Any:
    """The model of a cell, made of the whole network in `base`; its accuracy before the tuning."""
    first, out = recipe(cell.network, cell.seed), build / cell.name
    split = data.split(first.validation, first.seed)
    given = Base(load_keras(base), base, first, split, data_dir)
    if cell.method == "none":
        tuned = replace(
            first, name=cell.name, model=str(base), network={}, epochs=TUNING, warmup=0.0,
            lr=TUNING_LR,
        )  # fmt: skip
        keras = train(tuned, out=out, data_dir=data_dir, console=console).keras
        return load_keras(keras), accuracy(load_keras(base), data.x_test, data.y_test)
    if cell.method == "scratch":
        file = build / f"{cell.name}.keras"
        if not file.exists():
            zoo.import_keras().utils.set_random_seed(cell.seed)
            shape = prune(
                load_keras(base), SHAPE, cell.ratio, of="macs", scope=cell.scope,
                round_to=ROUND_TO, seed=cell.seed,
                samples=given.samples(Course.looked_at, cell.seed),
            ).model  # fmt: skip
            files.write(file, zoo.import_keras().models.clone_model(shape).save)
        anew = replace(first, name=cell.name, model=str(file), network={}, epochs=EPOCHS + TUNING)
        return load_keras(train(anew, out=out, data_dir=data_dir, console=console).keras), None
    course = Course(
        cell.method,
        cell.ratio,
        of="macs",
        scope=cell.scope,
        round_to=ROUND_TO,
        epochs=TUNING,
        lr=TUNING_LR,
        seed=cell.seed,
    )
    made = run(given, course, out, None, build=build, console=console, say=console.print)
    untuned = load_keras(out / "step1/pruned.keras")
    return made.pruned.model, accuracy(untuned, data.x_test, data.y_test)


def main() -> None:
    """Train what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("--data-dir", type=Path, required=True, help="where CIFAR-10 is")
    parser.add_argument("--only", default="", help="cells whose name begins so: dscnn-1")
    parser.add_argument("--scope", choices=get_args(Scope), default="layer")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="a folder")
    asked = parser.parse_args()
    data = datasets.load("cifar10", asked.data_dir)
    console = Console()
    for cell in cells(asked.only, asked.scope):
        commit, clean = source_tree()
        if results.known(results.pruned(asked.results), cell.key, clean=clean) is not None:
            continue
        first = recipe(cell.network, cell.seed)
        base = whole(first, asked.build, asked.results, asked.data_dir, console)
        model, untuned = trained(cell, base, data, asked.build, asked.data_dir, console)
        size = zoo.size(model)
        row = PrunedResult(
            network=cell.network, seed=cell.seed, method=cell.method, ratio=cell.ratio,
            scope=cell.scope, epochs=EPOCHS + TUNING, key=cell.key, commit=commit,
            clean=clean,
            accuracy=accuracy(model, data.x_test, data.y_test), untuned=untuned,
            parameters=size.parameters, macs=size.macs,
        )  # fmt: skip
        print(results.append(asked.results, row)[0].line(), flush=True)


if __name__ == "__main__":
    main()
