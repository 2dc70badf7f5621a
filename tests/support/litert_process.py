"""LiteRT's reference kernels in a process that stays, as importing TensorFlow takes seconds.

A process of its own, as LiteRT may abort: then it is said, and the next question starts another.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ascua.ir import Array

PROGRAM = """
import json, os, sys
import numpy as np
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import tensorflow as tf
kernels = tf.lite.experimental.OpResolverType.BUILTIN_REF

def run(model, given, taken):
    net = tf.lite.Interpreter(model, experimental_op_resolver_type=kernels)
    net.allocate_tensors()
    places = [d["index"] for d in net.get_input_details()]
    wanted = [d["index"] for d in net.get_output_details()]
    with np.load(given) as table:
        xs = [table[f"x{i}"] for i in range(len(table.files))]
    rows = []
    for sample in zip(*xs):
        for place, x in zip(places, sample):
            net.set_tensor(place, x)
        net.invoke()
        rows.append([net.get_tensor(y) for y in wanted])
    np.savez(taken, **{f"y{i}": np.stack(ys) for i, ys in enumerate(zip(*rows))})

for line in sys.stdin:
    try:
        run(*json.loads(line))
        said = None
    except Exception as e:
        said = str(e)
    print(json.dumps(said), file=answers, flush=True)
"""

_kept: list[subprocess.Popen[str]] = []


def _process() -> subprocess.Popen[str]:
    if not _kept or _kept[0].poll() is not None:
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
        _kept[:] = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True,
            )
        ]  # fmt: skip
        atexit.register(_kept[0].kill)
    return _kept[0]


def run(model: bytes, xs: list[Array], outputs: int) -> list[Array]:
    """The outputs (n, *shape) of the .tflite file `model` for samples `xs` (n, *shape)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "model.tflite").write_bytes(model)
        np.savez(root / "x.npz", allow_pickle=False, **{f"x{i}": x for i, x in enumerate(xs)})
        asked = _process()
        assert asked.stdin is not None
        assert asked.stdout is not None
        names = ("model.tflite", "x.npz", "y.npz")
        print(json.dumps([str(root / n) for n in names]), file=asked.stdin, flush=True)
        answer = asked.stdout.readline()
        assert answer, f"LiteRT ended with {asked.wait()}"
        said = json.loads(answer)
        assert said is None, f"LiteRT refuses the model: {said}"
        with np.load(root / "y.npz") as table:
            return [table[f"y{i}"] for i in range(outputs)]
