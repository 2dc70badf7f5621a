"""Measures kmodels of the K210: memory, estimated time, and agreement with their float network.

`python -m scripts.k210 FOLDER`. FOLDER has kmodelV3/NAME.kmodel and kmodelV4/NAME.kmodel, made by
nncase, and NAME.tflite, the float network, of those whose agreement is measured on the labelled
ImageNet sample. Beside each file comes what Ascua compiles: of NAME.tflite, calibrated on every
tenth photograph, with each of CHOICES; of a name without one, of the zoo's network of that shape.
Each line of results/k210.jsonl is one file; what read the same is not measured again. Kmodels are
run by Ascua's simulator, float networks by LiteRT.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ascua import k210, kmodel, kpu, results, tflite, zoo
from ascua.kmodel import Conv, Kmodel, Layer
from ascua.kpu import latency, published
from ascua.kpu.arithmetic import DEFAULTS
from ascua.kpu.rounding import Rounding
from ascua.quantize import Options, Range
from ascua.results import Agreement, KmodelResult, LayerEstimate, Timing
from ascua.run import litert
from ascua.run.provenance import source_tree
from ascua.targets.k210.ops import Runtime
from ascua.train.export import export_float
from scripts.k210_tables import ASCUA, NNCASE
from scripts.networks import ROOT, UNIT, Array, photographs
from scripts.quantizers import RESULTS, in_float, judged

INPUTS = {3: Range(0.0, 1.0), 4: Range(-1.0, 1.0)}
"""What pixels 0 and 255 are to the float network, as nncase's files were compiled."""
TRAINED = INPUTS[4]
"""And as the network was trained, which Ascua's files take."""
OTHER: dict[Rounding, Rounding] = {"half-up": "half-even", "half-even": "half-up"}
NAMES = {"mbnet75": published.MOBILENET}
"""The files of networks that timings were published of."""
ALPHAS = {"mbnet50": 0.5, "mbnet75": 0.75}
"""Of the zoo's MobileNetV1 with the chip's padding, whose layers have the shapes of those files."""
CODE = ("kmodel", "kpu")
"""The packages that decide what a line says of a file."""


class Choice(NamedTuple):
    """What Ascua is asked for."""

    options: Options = Options()
    bits: int = 8
    versions: tuple[Runtime, ...] = (3, 4)


CHOICES = {
    "": Choice(),
    "no bias correction": Choice(Options(bias_correction=False)),
    "equalised": Choice(Options(equalize=True)),
    "16-bit weights": Choice(bits=16, versions=(3,)),
}
"""By the names that lines have."""


class File(NamedTuple):
    """A kmodel to measure."""

    name: str
    data: bytes
    compiler: str
    source: bytes | None
    """The float .tflite file beside which it is judged."""
    options: str = ""

    def image(self, version: int) -> Range:
        """What pixels 0 and 255 are to its float network."""
        return INPUTS[version] if self.compiler == NNCASE else TRAINED


class Sample(NamedTuple):
    """Photographs (n, h, w, c) uint8 and their classes."""

    x: Array
    y: Array


def sample(size: int, *, calibration: bool = False) -> Sample:
    """The middle of each photograph of the sample: every tenth for `calibration`, or the others."""
    x, y = photographs(size, scaled=False)
    chosen = (np.arange(len(x)) % 10 == 0) == calibration
    return Sample(x[chosen], y[chosen])


def in_top(k: int, classes: Array, scores: Array) -> Array:
    """Whether each class is among the first k of its scores (n, m); of equals the first is."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found: Array = (best == classes[:, None]).any(axis=1)
    return found


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


def known_at_once(file: File, model: Kmodel) -> dict[str, Any]:
    """What is known of `model`, that of `file`, without running it: fields of its line."""
    used = kmodel.usage(model)
    taken = latency.latency(model, latency.Clocks())
    seconds = taken.total.total
    figures = [
        timing.figure(model)
        for timing in published.NETWORKS
        if (timing.network, timing.version) == (NAMES.get(file.name), model.version)
        and file.compiler == NNCASE
    ]
    layers = [LayerEstimate("image", "", ms(taken.input.total))]
    for layer, each in zip(model.layers, taken.layers, strict=True):
        layers.append(LayerEstimate(layer.title, what(layer), ms(each.total)))
    return {
        "file_bytes": used.file_bytes,
        "main_bytes": used.main_bytes,
        "kpu_lines": used.kpu_lines,
        "estimate_ms": ms(seconds),
        "frames_per_second": round(1 / (seconds + latency.FRAME.value), 2),
        "timings": tuple(Timing(f.source, f.what, ms(f.measured), ms(f.estimate)) for f in figures),
        "layers": tuple(layers),
    }


def ms(seconds: float) -> float:
    """In milliseconds, to a thousandth."""
    return round(1000 * seconds, 3)


def what(layer: Layer) -> str:
    """Kernel and maps of a convolution by the KPU; of other layers nothing."""
    conv = getattr(layer, "conv", None)
    if not isinstance(conv, Conv):
        return ""
    kind = f"{conv.k}x{conv.k}{' depthwise' if conv.depthwise else ''}"
    x, y = (f"{m.width}x{m.height}x{m.channels}" for m in (conv.x, conv.y))
    return f"{kind}, {x} to {y}"


def code() -> list[str]:
    """Hashes of the sources that compute what a line says."""
    every = (p for name in CODE for p in sorted((ROOT / "src/ascua" / name).rglob("*.py")))
    return [hashlib.sha256(p.read_bytes()).hexdigest() for p in every]


def key_of(file: File, known: dict[str, Any], given: Sample | None) -> str:
    """The SHA-256 of all that the line of `file` reads, and of what it repeats."""
    read: list[Any] = [file.name, file.compiler, file.options, code()]
    read.append(hashlib.sha256(file.data).hexdigest())
    read.append(
        {k: [asdict(e) for e in v] if isinstance(v, tuple) else v for k, v in known.items()}
    )
    if file.source is not None and given is not None:
        arrays = [np.ascontiguousarray(a) for a in given]
        read += [hashlib.sha256(file.source).hexdigest(), litert.version()]
        read += [[a.shape, str(a.dtype), hashlib.sha256(a.data).hexdigest()] for a in arrays]
        read += [[image.low, image.high] for image in map(file.image, (3, 4))]
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


def measured(file: File, folder: Path) -> KmodelResult:
    """The line of `file`; it is appended to `folder` where it is new."""
    model = kmodel.read(file.data, file.name)
    judges = None if file.source is None else sample(model.inputs[0].shape[3])
    known = known_at_once(file, model)
    key = key_of(file, known, judges)
    commit, clean = source_tree()
    there = results.known(results.kmodels(folder), key, clean=clean)
    if there is not None:
        return there
    row = KmodelResult(
        model=file.name,
        version=model.version,
        model_sha256=hashlib.sha256(file.data).hexdigest(),
        key=key,
        commit=commit,
        clean=clean,
        agreement=None
        if file.source is None or judges is None
        else agreement(model, file.source, judges, file.image(model.version)),
        compiler=file.compiler,
        options=file.options,
        **known,
    )
    return results.append(folder, row)[0]


def by_nncase(folder: Path) -> Iterator[File]:
    """The files of the folder."""
    for path in sorted(folder.glob("kmodelV[34]/*.kmodel")):
        beside = folder / f"{path.stem}.tflite"
        source = beside.read_bytes() if beside.exists() else None
        yield File(path.stem, path.read_bytes(), NNCASE, source)


def by_ascua(name: str, source: bytes | None) -> Iterator[File]:
    """What Ascua makes of the float file `source`, or of a network that has its shape alone."""
    if source is None:
        if name not in ALPHAS:
            return
        arguments = {"alpha": ALPHAS[name], "padding": "k210", "softmax": True}
        model = zoo.build("mobilenet_v1", (224, 224, 3), 1000, seed=1, **arguments)
        graph, image, choices = tflite.read(export_float(model)), UNIT, {"": CHOICES[""]}
    else:
        graph, image, choices = tflite.read(source), TRAINED, CHOICES
    x = sample(graph.inputs[0].shape[2], calibration=True).x
    x = x[:1] if source is None else x  # of a shape, numbers are nothing
    for options, choice in choices.items():
        for version in choice.versions:
            made = k210.compile_floats(graph, x, image, version, choice.options, bits=choice.bits)
            yield File(name, kmodel.write(made.network), ASCUA, source, options)


def main() -> None:
    """Measure what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    asked = parser.parse_args()
    theirs = list(by_nncase(asked.folder))
    if not theirs:
        raise SystemExit(f"{asked.folder}: there is no kmodelV3/*.kmodel and no kmodelV4/*.kmodel")
    sources = {file.name: file.source for file in theirs}
    ours = (file for name, source in sources.items() for file in by_ascua(name, source))
    for file in itertools.chain(theirs, ours):
        print(measured(file, asked.results).line(), flush=True)


if __name__ == "__main__":
    main()
