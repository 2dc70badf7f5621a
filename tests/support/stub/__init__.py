"""A network written by hand in C, for tests of what compiles and runs networks."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from ascua.artifact import Library
from ascua.ir import Tensor

FOLDER = Path(__file__).parent
STEPS = ("stub_add", "stub_spin", "stub_frame", "stub_copy")
SPIN, FRAME = 2002, 6
"""Instructions of the steps `stub_spin` and `stub_frame`, counted by hand."""
FRAME_BYTES = 264
"""Stack of the step `stub_frame`."""


def library(more: str = "", arena_bytes: int = 64) -> Library:
    """The stub; `more` are C statements before its last step."""
    files = {name: (FOLDER / name).read_text() for name in ("include/stub.h", "src/stub.c")}
    files["src/stub.c"] = files["src/stub.c"].replace("/* more */", more)
    header = files["include/stub.h"]
    files["include/stub.h"] = header.replace("ARENA_BYTES 64", f"ARENA_BYTES {arena_bytes}")
    sources, include = ("src/stub.c",), ("include",)
    tensors = tuple(Tensor(name, (n,), "int8") for name, n in (("a", 16), ("b", 4)))
    return Library(
        name="stub", files={name: text.encode() for name, text in files.items()},
        inputs=tensors, outputs=tensors, steps=STEPS,
        sources=sources, include_dirs=include, arena_bytes=arena_bytes,
    )  # fmt: skip


def without_step(name: str) -> Library:
    """The stub with a step that its code does not have."""
    return replace(library(), steps=(*STEPS, name))


def samples(count: int, seed: int = 0) -> bytes:
    """Random inputs of `count` samples."""
    return random.Random(seed).randbytes(20 * count)


def reference(inputs: bytes) -> bytes:
    """What the stub answers: a + b, and the sum of that."""
    outputs = b""
    for start in range(0, len(inputs), 20):
        a, b = inputs[start : start + 16], inputs[start + 16 : start + 20]
        y = bytes((a[k] + b[k % 4]) & 255 for k in range(16))
        outputs += y + sum(y).to_bytes(4, "little")
    return outputs
