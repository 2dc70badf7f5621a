"""Compares quantisers on whole test sets: Ascua's, TensorFlow's converter, LiteRT's quantizer.

`python -m scripts.quantizers --data-dir D [--litert PYTHON] [NETWORK…]`. Each line of
results/quantization.jsonl is one network, quantiser and draw of calibration samples; what read the
same (files, samples, labels, options, versions, compilers) is not measured again. Int8 networks are
run by Ascua's host build, float ones by LiteRT.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ascua import boards, inputs, measure, results, tflite, zoo
from ascua.model import Model
from ascua.passes import prepare
from ascua.quantize import Options, quantize
from ascua.quantize.best import quantize_best
from ascua.quantize.fidelity import dequantized
from ascua.results import Quantized
from ascua.run import build, litert, run
from ascua.run import key as run_key
from ascua.run.provenance import source_tree
from ascua.samples import pack, unpack
from ascua.study import Cache, Cell, InProcess, Processes, Work, execute, pure, stage
from ascua.study.stage import Values
from scripts.networks import BUILD, NETWORKS, ROOT, Array, Task

RESULTS = ROOT / "results"
DRAWS = 3
BOARD = "mps2-an385"
COUNTED = ("Ascua", "Ascua int4-weights", "Ascua int4-weights --adaround")
"""Quantisers whose networks are run on BOARD too, in the first draw."""


def by_tensorflow(file: bytes, task: Task) -> bytes:
    """What TFLiteConverter does after its conversion to float."""
    tf = zoo.import_tensorflow()
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    with zoo.quiet():
        seen = Calibrator(file).calibrate(lambda: ([x[None]] for x in task.calibration))
        types = {"input_data_type": tf.int8, "output_data_type": tf.int8}
        return bytes(mlir_quantize(seen, fully_quantize=True, **types))


def signed(file: bytes) -> bytes:
    """The .tflite `file` as LiteRT's quantizer takes it: with a signature and today's codes."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(file))
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    if not model.signatureDefs:
        graph, signature = model.subgraphs[0], schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        for field, at in (("inputs", graph.inputs[0]), ("outputs", graph.outputs[0])):
            tensor = schema.TensorMapT()
            tensor.name, tensor.tensorIndex = field.encode(), at
            setattr(signature, field, [tensor])
        model.signatureDefs = [signature]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def by_litert(python: str, file: bytes, task: Task) -> bytes:
    """What LiteRT's quantizer makes with its recipe `static_wi8_ai8`."""
    script = Path(__file__).with_name("litert_quantizer.py")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("float.tflite", "samples.npy", "int8.tflite")]
        paths[0].write_bytes(signed(file))
        np.save(paths[1], task.calibration)
        subprocess.run([python, script, *paths], check=True, capture_output=True)
        return paths[2].read_bytes()


def by_ascua(options: Options, file: bytes, task: Task) -> bytes:
    """Ascua's quantiser with `options`."""
    return tflite.write(quantize(tflite.read(file), [task.calibration], options, task.image))


def by_best(options: Options, file: bytes, task: Task) -> bytes:
    """Ascua's quantiser with what `--best` finds."""
    found = quantize_best(tflite.read(file), [task.calibration], options, task.image)
    print(f"    {found.chosen.options}", flush=True)
    return tflite.write(found.graph)


def model_of(file: bytes) -> Model:
    """The quantised network `file`, ready to compile."""
    original = tflite.read(file)
    digest = hashlib.sha256(file).hexdigest()
    return Model(Path("quantised.tflite"), digest, original, prepare(original))


def given(model: Model, x: Array) -> list[Array]:
    """Real samples as the network takes them."""
    t = model.graph.inputs[0]
    return [x if t.dtype == "float32" else inputs.quantize(x, t)]


def on_host(file: bytes, x: Array) -> Array:
    """Real outputs (n, m) of a quantised network on real samples."""
    model, board = model_of(file), boards.load("host")
    library = measure.compile_model(model, model.plan(board), "quantised")
    packed = pack(given(model, x))
    done = run(board, library, packed, len(x), build_dir=BUILD / "quantizers")
    y = model.graph.outputs[0]
    return dequantized(unpack(done.outputs, model.graph, len(x))[0].reshape(len(x), -1), y)


def on_board(file: bytes, x: Array) -> dict[str, Any]:
    """What one inference takes on an emulated Cortex-M3."""
    model, board = model_of(file), boards.load(BOARD)
    planned = model.plan(board)
    done = measure.run_model(model, planned, given(model, x[:1]), build=BUILD / "quantizers")
    found = done.measurement
    if found.mismatched_bytes:
        raise SystemExit(f"{BOARD}: {found.mismatched_bytes} mismatched bytes")
    return {
        "board": BOARD,
        "instructions": measure.whole(found.instructions),
        "flash_bytes": found.flash_bytes,
        "weights_bytes": found.weights_bytes,
    }


def in_float(file: bytes, x: Array) -> Array:
    """Outputs (n, m) of the float network, by LiteRT."""
    tf = zoo.import_tensorflow()
    net = tf.lite.Interpreter(model_content=file, num_threads=1)
    net.allocate_tensors()
    at, to = net.get_input_details()[0]["index"], net.get_output_details()[0]["index"]
    rows = []
    for sample in x:
        net.set_tensor(at, sample[None].astype(np.float32))
        net.invoke()
        rows.append(net.get_tensor(to).reshape(-1))
    return np.stack(rows)


def judged(real: Array, small: Array, y: Array) -> dict[str, Any]:
    """How `small`, the outputs (n, m) of the quantised network, stand beside `real`."""
    same = real.argmax(1) == small.argmax(1)
    lengths = np.linalg.norm(real, axis=1) * np.linalg.norm(small, axis=1)
    cosine = (real * small).sum(1) / np.maximum(lengths, 1e-12)
    return {
        "samples": len(y),
        "float_top1": round(float((real.argmax(1) == y).mean()), 6),
        "int8_top1": round(float((small.argmax(1) == y).mean()), 6),
        "agreement": round(float(same.mean()), 6),
        "cosine": round(float(cosine.mean()), 6),
    }


class Quantizer(NamedTuple):
    """One of those that are compared: (float file, task) → quantised file."""

    make: Callable[[bytes, Task], bytes]
    reads: str
    """What else decides what it makes: its version, and its options."""


def quantisers(litert_python: str | None) -> dict[str, Quantizer]:
    """By the names that results have."""
    plain = Options()
    four = Options("int4-weights", weights="mse")
    ours = {
        "Ascua": plain,
        "Ascua --ranges percentile": replace(plain, ranges="percentile"),
        "Ascua --ranges mse": replace(plain, ranges="mse"),
        "Ascua --no-bias-correction": replace(plain, bias_correction=False),
        "Ascua --adaround": replace(plain, adaround=True),
        "Ascua int16x8": Options("int16x8"),
        "Ascua int4-weights": four,
        "Ascua int4-weights --adaround": replace(four, adaround=True),
    }
    this = f"ascua {version('ascua')}"
    found = {
        "TFLiteConverter": Quantizer(by_tensorflow, f"tensorflow {litert.version()}"),
        "Ascua --best": Quantizer(partial(by_best, plain), f"{this}, best of {plain}"),
    }
    for name, options in ours.items():
        found[name] = Quantizer(partial(by_ascua, options), f"{this}, {options}")
    if litert_python:
        make = partial(by_litert, litert_python)
        found["ai-edge-quantizer"] = Quantizer(make, versions_in(litert_python))
    return found


def versions_in(python: str) -> str:
    """The versions of LiteRT's packages in another Python."""
    names = ("ai-edge-quantizer", "ai-edge-litert")
    code = f"from importlib.metadata import version; print(*map(version, {names}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout


def key_of(line: Sequence[object], file: bytes, quantizer: Quantizer, task: Task) -> str:
    """The SHA-256 of all that a line reads: files, samples, labels, options, and all tools.

    `line` is what it repeats of network, quantiser and draw.
    """
    arrays = [np.ascontiguousarray(a) for a in (task.calibration, task.x, task.y)]
    nothing, folder = build.empty(), BUILD / "quantizers"
    read = [
        [*line, hashlib.sha256(file).hexdigest(), quantizer.reads, litert.version()],
        [[a.shape, str(a.dtype), hashlib.sha256(a.data).hexdigest()] for a in arrays],
        [task.image.low, task.image.high],
        [run_key(boards.load(board), nothing, b"", 0, folder) for board in ("host", BOARD)],
    ]
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


@pure(1)
def real(work: Work, *, network: str, draw: int, key: str) -> Values:  # noqa: ARG001
    """The outputs of a float network; `key` is the hash of its file and of the samples."""
    found, task = NETWORKS[network], NETWORKS[network].task(draw, _data_dir(work))
    np.save(work.out / "real.npy", in_float(found.file(), task.x))
    return {}


@pure(1)
def judge(
    work: Work, *, network: str, draw: int, quantizer: str, litert_python: str | None,
    key: str,  # noqa: ARG001
) -> Values:  # fmt: skip
    """How near a quantiser comes to the `real` outputs; `key` is `key_of` what is compared."""
    file, task = NETWORKS[network].file(), NETWORKS[network].task(draw, _data_dir(work))
    begin = time.monotonic()
    small = quantisers(litert_python)[quantizer].make(file, task)
    seconds = time.monotonic() - begin
    outputs = np.load(work.inputs["real"] / "real.npy")
    counted = on_board(small, task.x) if quantizer in COUNTED and draw == 1 else {}
    told = {"calibration": len(task.calibration), **counted}
    return {**told, **judged(outputs, on_host(small, task.x), task.y), "seconds": round(seconds, 1)}


def _data_dir(work: Work) -> Path:
    assert work.data_dir is not None
    return work.data_dir


def main() -> None:
    """Measure what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--litert", help="a Python that has ai-edge-quantizer")
    parser.add_argument("--only", help="comma-separated names of quantisers")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    parser.add_argument("--jobs", type=int, default=1, help="measurements at once")
    asked = parser.parse_args()
    every = quantisers(asked.litert)
    chosen: Sequence[str] = asked.only.split(",") if asked.only else list(every)
    cells = [
        cell
        for name in asked.networks
        for draw in range(1, asked.draws + 1)
        for cell in unknown(
            name, draw, {q: every[q] for q in chosen}, asked.data_dir, asked.results, asked.litert
        )
    ]
    measure_all(cells, asked.results, asked.jobs)


def unknown(
    network: str, draw: int, chosen: Mapping[str, Quantizer], data_dir: Path, folder: Path,
    litert_python: str | None = None,
) -> list[Cell]:  # fmt: skip
    """A cell for each of the `chosen` quantisers that `folder` does not know on one draw."""
    file, task = NETWORKS[network].file(), NETWORKS[network].task(draw, data_dir)
    keys = {q: key_of((network, q, draw), file, how, task) for q, how in chosen.items()}
    found, clean = results.quantized(folder), source_tree()[1]
    digest = hashlib.sha256(file).hexdigest()
    at = {"network": network, "draw": draw}
    given = hashlib.sha256(file + np.ascontiguousarray(task.x).tobytes()).hexdigest()
    outputs = stage(real, {**at, "key": given})
    return [
        Cell(
            f"{network}/{q}/{draw}",
            {**at, "quantizer": q, "key": keys[q], "sha256": digest},
            {
                "judge": stage(
                    judge,
                    {**at, "quantizer": q, "litert_python": litert_python, "key": keys[q]},
                    real=outputs,
                )
            },
            data_dir,
        )
        for q in chosen
        if results.known(found, keys[q], clean=clean) is None
    ]


def measure_all(cells: Sequence[Cell], folder: Path, jobs: int = 1) -> None:
    """Append to `folder` what comes of the cells, `jobs` at once."""
    commit, clean = source_tree()
    cache = Cache(str(BUILD / "quantizers/stages"))
    with closing(InProcess() if jobs == 1 else Processes(cache, jobs)) as engine:
        for ended in execute(cells, cache, engine):
            if ended.failure is not None:
                raise SystemExit(f"{ended.cell.name}: {ended.failure.what}")
            axes, told = ended.cell.axes, dict(ended.outcomes["judge"].values)
            seconds = told.pop("seconds")
            row = Quantized(
                model=axes["network"], model_sha256=axes["sha256"], quantizer=axes["quantizer"],
                draw=axes["draw"], key=axes["key"], commit=commit, clean=clean, **told,
            )  # fmt: skip
            print(row.line(), f"{seconds} s", flush=True)
            results.append(folder, row)


if __name__ == "__main__":
    from scripts import quantizers  # by its name, stages are found in other processes too

    quantizers.main()
