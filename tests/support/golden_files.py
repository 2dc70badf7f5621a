"""Makes the golden files: `make golden`. Each case is a model, the oracle's outputs, and the C."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np

from ascua import boards, tflite
from ascua.ir import Graph
from ascua.passes import prepare
from ascua.plan import goal_named, plan
from ascua.run import litert as run_litert
from ascua.run import tflm
from ascua.targets.c import emit
from tests.support import litert, oracle, samples
from tests.support.examples import EXAMPLES, UINT8, WIDE, small
from tests.support.states import STATEFUL

FOLDER = Path(__file__).parents[1] / "golden"
BOARD = "lm3s6965evb"
SAMPLES = 3


def cases() -> dict[str, Graph]:
    """The examples of all operators by name, each network once, and the small network."""
    found: dict[bytes, tuple[str, Graph]] = {}
    for kind, examples in (("", EXAMPLES), ("_int16", WIDE)):
        for name, graphs in examples.items():
            for i, graph in enumerate(graphs):
                label = f"{name.lower()}{kind}_{i}" if i else name.lower() + kind
                found.setdefault(tflite.write(graph), (label, graph))
    states = {f"states_{name}": STATEFUL[name] for name in ("ring", "delays")}
    return {**dict(found.values()), "small": small(), **UINT8, **states}


def generated(model: bytes) -> str:
    """The C that Ascua writes for a model, without its constants."""
    graph = prepare(tflite.read(model))
    planned = plan(graph, boards.load(BOARD), goal_named("speed"))
    return emit(planned, "golden").text("src/golden.c")


def main() -> None:
    """Write every case anew."""
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    for name, graph in cases().items():
        folder = FOLDER / name
        folder.mkdir(parents=True)
        model = tflite.write(graph)
        xs = samples(graph, SAMPLES)
        ys = litert(model, xs) if name in UINT8 else oracle(model, xs)
        arrays = {f"x{i}": x for i, x in enumerate(xs)} | {f"y{i}": y for i, y in enumerate(ys)}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        (folder / "model.tflite").write_bytes(model)
        (folder / "io.npz").write_bytes(buffer.getvalue())
        (folder / "model.c").write_text(generated(model), encoding="utf-8")
    made = {"oracle": "tflite-micro", "version": tflm.version(), "rounding": "double (gemmlowp)"}
    made["uint8"] = f"LiteRT, TensorFlow {run_litert.version()}"
    (FOLDER / "oracle.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
