"""Measures kmodels of the K210: memory, estimated time, and agreement with their float network.

`python -m scripts.k210 FOLDER`. FOLDER has kmodelV3/NAME.kmodel and kmodelV4/NAME.kmodel, made by
nncase or who `--compiler` says, and NAME.tflite, the float network, of those whose agreement is
measured on the labelled ImageNet sample. Each line of results/k210.jsonl is one file; what read
the same is not measured again. Kmodels are run by Ascua's simulator, float networks by LiteRT.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ascua import kmodel, kpu, results
from ascua.kmodel import Kmodel
from ascua.kpu import latency, published
from ascua.kpu.arithmetic import DEFAULTS
from ascua.kpu.rounding import Rounding
from ascua.quantize import Range
from ascua.results import Agreement, KmodelResult, Timing
from ascua.run import litert
from ascua.run.provenance import source_tree
from scripts.networks import ROOT, Array, photographs
from scripts.quantizers import RESULTS, in_float, judged

INPUTS = {3: Range(0.0, 1.0), 4: Range(-1.0, 1.0)}
"""What pixels 0 and 255 are to the float network, as nncase's files were compiled."""
SIGNED = {3: INPUTS[4], 4: INPUTS[4]}
"""And as the network was trained, which files of other compilers take."""
NNCASE = "nncase"
OTHER: dict[Rounding, Rounding] = {"half-up": "half-even", "half-even": "half-up"}
NAMES = {"mbnet75": published.MOBILENET}
"""The files of networks that timings were published of."""
CODE = ("kmodel", "kpu")
"""The packages that decide what a line says."""


class Sample(NamedTuple):
    """Photographs (n, h, w, c) uint8 and their classes."""

    x: Array
    y: Array


def sample(size: int) -> Sample:
    """The middle of each photograph of the sample, but for every tenth, kept for calibration."""
    x, y = photographs(size, scaled=False)
    judges = np.arange(len(x)) % 10 != 0
    return Sample(x[judges], y[judges])


def in_top(k: int, classes: Array, scores: Array) -> Array:
    """Whether each class is among the first k of its scores (n, m); of equals the first is."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found: Array = (best == classes[:, None]).any(axis=1)
    return found


def pixels(compiler: str) -> dict[int, Range]:
    """What pixels 0 and 255 are, by version."""
    return INPUTS if compiler == NNCASE else SIGNED


def agreement(model: Kmodel, file: bytes, given: Sample, image: Range) -> Agreement:
    """How near `model` comes to the float network `file` on the photographs `given`."""
    unit = np.float32(255 / (image.high - image.low))
    real = in_float(file, given.x.astype(np.float32) / unit + np.float32(image.low))
    (y,) = kpu.run(model, given.x)
    first = y.argmax(1)
    default = DEFAULTS[model.version]
    others = [
        kpu.Simulator(model, rounding=OTHER[default]).run([given.x])[0],
        kpu.Simulator(model, fused=True).run([given.x])[0],
    ]
    found = judged(real, y, given.y)
    other, fused = (round(float((z.argmax(1) == first).mean()), 6) for z in others)
    return Agreement(
        float_sha256=hashlib.sha256(file).hexdigest(),
        float_by=f"LiteRT of TensorFlow {litert.version()}",
        samples=found["samples"],
        float_top1=found["float_top1"],
        kmodel_top1=found["int8_top1"],
        same_top1=found["agreement"],
        float_in_top5=round(float(in_top(5, real.argmax(1), y).mean()), 6),
        cosine=found["cosine"],
        other_rounding=other,
        fused=fused,
    )


def known_at_once(name: str, model: Kmodel) -> dict[str, Any]:
    """What is known of `model`, the file `name`, without running it: fields of its line."""
    used = kmodel.usage(model)
    seconds = latency.latency(model, latency.Clocks()).total.total
    figures = [
        timing.figure(model)
        for timing in published.NETWORKS
        if (timing.network, timing.version) == (NAMES.get(name), model.version)
    ]
    return {
        "file_bytes": used.file_bytes,
        "main_bytes": used.main_bytes,
        "kpu_lines": used.kpu_lines,
        "estimate_ms": round(1000 * seconds, 3),
        "frames_per_second": round(1 / (seconds + latency.FRAME.value), 2),
        "timings": tuple(
            Timing(f.source, f.what, round(1000 * f.measured, 3), round(1000 * f.estimate, 3))
            for f in figures
        ),
    }


def code() -> list[str]:
    """Hashes of the sources that compute what a line says."""
    every = (p for name in CODE for p in sorted((ROOT / "src/ascua" / name).rglob("*.py")))
    return [hashlib.sha256(p.read_bytes()).hexdigest() for p in every]


def key_of(
    path: Path, known: dict[str, Any], file: bytes | None, given: Sample | None,
    compiler: str = NNCASE,
) -> str:  # fmt: skip
    """The SHA-256 of all that the line of the kmodel at `path` reads, and of what it repeats."""
    read: list[Any] = [path.stem, hashlib.sha256(path.read_bytes()).hexdigest(), code()]
    read.append({**known, "timings": [asdict(t) for t in known["timings"]]})
    if file is not None and given is not None:
        arrays = [np.ascontiguousarray(a) for a in given]
        read += [hashlib.sha256(file).hexdigest(), litert.version()]
        read += [[a.shape, str(a.dtype), hashlib.sha256(a.data).hexdigest()] for a in arrays]
        read += [[image.low, image.high] for image in pixels(compiler).values()]
    if compiler != NNCASE:
        read.append(compiler)
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


def measured(path: Path, folder: Path, compiler: str = NNCASE) -> KmodelResult:
    """The line of the kmodel at `path`; it is appended to `folder` where it is new."""
    model = kmodel.load(path)
    beside = path.parents[1] / f"{path.stem}.tflite"
    file = beside.read_bytes() if beside.exists() else None
    given = None if file is None else sample(model.inputs[0].shape[3])
    known = known_at_once(path.stem, model)
    if compiler != NNCASE:
        known["timings"] = ()  # what was published is of nncase's files
    key = key_of(path, known, file, given, compiler)
    commit, clean = source_tree()
    there = results.known(results.kmodels(folder), key, clean=clean)
    if there is not None:
        return there
    row = KmodelResult(
        model=path.stem,
        version=model.version,
        model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        key=key,
        commit=commit,
        clean=clean,
        agreement=None
        if file is None or given is None
        else agreement(model, file, given, pixels(compiler)[model.version]),
        compiler=compiler,
        **known,
    )
    return results.append(folder, row)[0]


def main() -> None:
    """Measure what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--compiler", default=NNCASE, help="who made the files")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    asked = parser.parse_args()
    paths = sorted(asked.folder.glob("kmodelV[34]/*.kmodel"))
    if not paths:
        raise SystemExit(f"{asked.folder}: there is no kmodelV3/*.kmodel and no kmodelV4/*.kmodel")
    for path in paths:
        print(measured(path, asked.results, asked.compiler).line(), flush=True)


if __name__ == "__main__":
    main()
