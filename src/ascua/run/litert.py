"""The oracle of uint8: LiteRT's reference kernels, as TensorFlow brings them.

It runs in a process of its own: it may abort, and importing TensorFlow takes seconds.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ascua.errors import ToolFailed
from ascua.ir import Array
from ascua.run.child import python

PROGRAM = """
import sys
import warnings
import numpy as np
import tensorflow as tf
model, given, taken, kernels = sys.argv[1:]
warnings.simplefilter("ignore")
resolver = getattr(tf.lite.experimental.OpResolverType, kernels)
interpreter = tf.lite.Interpreter(model, experimental_op_resolver_type=resolver)
interpreter.allocate_tensors()
places = [d["index"] for d in interpreter.get_input_details()]
wanted = [d["index"] for d in interpreter.get_output_details()]
with np.load(given) as table:
    xs = [table[f"x{i}"] for i in range(len(table.files))]
rows = []
for sample in zip(*xs):
    for place, x in zip(places, sample):
        interpreter.set_tensor(place, x)
    interpreter.invoke()
    rows.append([interpreter.get_tensor(y) for y in wanted])
np.savez(taken, **{f"y{i}": np.stack(ys) for i, ys in enumerate(zip(*rows))})
"""


def version() -> str | None:
    """The version of TensorFlow; None where it is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        return None
    for package in ("tensorflow", "tensorflow-cpu"):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "of unknown version"


def run(model: bytes, xs: Sequence[Array], outputs: int, *, reference: bool = True) -> list[Array]:
    """The outputs (n, *shape) of the .tflite file `model` for samples `xs` (n, *shape).

    By its reference kernels, or else by its fast ones, without delegates.

    Raises ToolFailed with what LiteRT said when it refuses the model.
    """
    with tempfile.TemporaryDirectory(prefix="ascua-") as folder:
        root = Path(folder)
        (root / "model.tflite").write_bytes(model)
        np.savez(root / "x.npz", allow_pickle=False, **{f"x{i}": x for i, x in enumerate(xs)})
        files = [str(root / name) for name in ("model.tflite", "x.npz", "y.npz")]
        kernels = "BUILTIN_REF" if reference else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
        status, said = python(PROGRAM, [*files, kernels], ("numpy", "tensorflow"))
        if status != 0:
            lines = [line for line in said.splitlines() if line.strip()]
            raise ToolFailed("\n".join(["LiteRT refuses the model:", *lines[-1:]]))
        with np.load(root / "y.npz") as table:
            return [table[f"y{i}"] for i in range(outputs)]
