"""Measures what `ascua optimize` saves of public files: results/optimized.jsonl.

Each file of MODELS, and the one that is made of it: what they have, what they take on a board, and
whether `tflite-micro` gives the same bytes for both. What the results hold is not measured again.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from ascua import boards, measure, results, tflite
from ascua.errors import AscuaError
from ascua.ir import Array, Graph
from ascua.model import Model, load_model
from ascua.passes.names import bare
from ascua.passes.optimizing import weights
from ascua.passes.unsigned import is_uint8
from ascua.plan import Goal, goal_named
from ascua.results import Footprint, OptimizedResult
from ascua.run import tflm
from ascua.run.provenance import source_tree
from ascua.samples import mismatches, sample_vectors

ROOT = Path(__file__).parents[1]
BOARD = boards.load("mps2-an386")
GOAL = goal_named("speed")
SAMPLES = 400
EXTREMES = 8


def inputs(graph: Graph) -> list[Array]:
    """SAMPLES inputs, random ones and some of nothing but ends of the types."""
    xs = sample_vectors(graph, SAMPLES)
    rng = np.random.default_rng(2)
    for x in xs:
        if x.dtype.kind == "i":
            ends = np.array([np.iinfo(x.dtype).min, np.iinfo(x.dtype).max], x.dtype)
            x[0], x[1] = ends
            x[2:EXTREMES] = rng.choice(ends, x[2:EXTREMES].shape)
    return xs


def footprint(model: Model, content: bytes, build: Path, goal: Goal) -> Footprint:
    """What a network has, as it is planned, and takes on BOARD."""
    planned = model.plan(BOARD, goal)
    done = measure.run_model(model, planned, sample_vectors(model.original, 1), build=build)
    if done.measurement.mismatched_bytes:
        raise SystemExit(f"{model.path}: {done.measurement.mismatched_bytes} bytes differ")
    assert done.measurement.instructions is not None
    assert done.measurement.flash_bytes is not None
    return Footprint(
        weights=weights(model.graph),
        macs=model.graph.macs(),
        bytes=len(content),
        instructions=round(done.measurement.instructions),
        flash_bytes=done.measurement.flash_bytes,
    )


def row(path: Path, key: str, build: Path) -> OptimizedResult | None:
    """The line of a file; None of one that Ascua or TFLM does not run in int8."""
    whole, small = load_model(path, smaller=False), load_model(path)
    if is_uint8(whole.graph):
        return None
    content = tflite.write(bare(small.graph), small=True)
    xs, outputs = inputs(whole.original), len(whole.original.outputs)
    before, after = (tflm.run(c, xs, outputs) for c in (path.read_bytes(), content))
    commit, clean = source_tree()
    return OptimizedResult(
        model=path.stem, model_sha256=whole.sha256, key=key, commit=commit, clean=clean,
        board=BOARD.name, goal=GOAL.kind, samples=SAMPLES, differing=mismatches(before, after),
        before=footprint(whole, path.read_bytes(), build, GOAL),
        after=footprint(small, content, build, GOAL),
    )  # fmt: skip


def main() -> None:
    """Measure what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, metavar="MODELS")
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="a folder")
    asked = parser.parse_args()
    for path in sorted(asked.models.glob("*.tflite")):
        commit, clean = source_tree()
        said = f"{commit} {BOARD.name} {GOAL.kind} {SAMPLES}".encode() + path.read_bytes()
        key = hashlib.sha256(said).hexdigest()
        if results.known(results.optimized(asked.results), key, clean=clean) is not None:
            continue
        try:
            found = row(path, key, asked.build)
        except AscuaError as e:
            print(f"{path.name}: {e.what.splitlines()[0]}")
            continue
        if found is not None:
            print(results.append(asked.results, found)[0].line(), flush=True)


if __name__ == "__main__":
    main()
