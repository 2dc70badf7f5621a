"""The slow simulator of kmodel files, from Python: bytes of a file and of its input in, bytes out.

It knows nothing of the package, and the package nothing of it: what both answer is compared.
"""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

SOURCES = (
    "file.c", "numbers.c", "conv.c", "v3.c", "v4.c", "v4_numbers.c", "v4_windows.c", "v4_moves.c",
)  # fmt: skip
FLAGS = ("-std=c11", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-Wl,-Bsymbolic",
         "-Wall", "-Wextra", "-Wshadow", "-Werror")  # fmt: skip

Bytes = bytes | npt.NDArray[np.uint8] | npt.NDArray[np.float32]
_OUTPUT = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64)
_STATE = ctypes.CFUNCTYPE(
    None, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64
)


class Refused(Exception):
    """The slow simulator does not run this file; the reason."""


@dataclass(frozen=True)
class State:
    """Both memories after a layer."""

    layer: int
    type: int
    """As the file numbers it."""
    kpu: bytes
    main: bytes


class _Request(ctypes.Structure):
    _fields_ = (
        ("file", ctypes.c_char_p), ("file_bytes", ctypes.c_uint64),
        ("inputs", ctypes.c_char_p), ("input_bytes", ctypes.c_uint64),
        ("half_even", ctypes.c_int), ("fma", ctypes.c_int), ("fill", ctypes.c_int),
        ("output", _OUTPUT), ("state", _STATE),
    )  # fmt: skip


@functools.cache
def _library() -> ctypes.CDLL:
    """The C beside this file, compiled once a process."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow.so"
        sources = [Path(__file__).parent / name for name in SOURCES]
        subprocess.run(["cc", *FLAGS, *sources, "-o", library, "-lm"], check=True)
        return ctypes.CDLL(str(library))


def run(
    data: bytes,
    *inputs: Bytes,
    rounding: str | None = None,
    fma: bool = False,
    fill: int = 0,
    state: Callable[[State], None] | None = None,
) -> list[bytes]:
    """The bytes of each output of the file `data`, for one sample.

    `inputs` are as the file wants them: CHW, bytes or float32. `rounding` is "half-up" or
    "half-even", or as the file's version has it; `fma` is whether float layers are contracted as
    on the chip; `fill` is what memories hold before. `state` gets both memories after each layer.
    """
    outputs: list[bytes] = []

    def output(_: int, address: int, count: int) -> None:
        outputs.append(ctypes.string_at(address, count) if count else b"")

    def states(layer: int, kind: int, kpu: int, main: int, count: int) -> None:
        if state is not None:
            memory = ctypes.string_at(main, count) if count else b""
            state(State(layer, kind, ctypes.string_at(kpu, 2 << 20), memory))

    whole = b"".join(x if isinstance(x, bytes) else x.tobytes() for x in inputs)
    even = {None: -1, "half-up": 0, "half-even": 1}[rounding]
    request = _Request(data, len(data), whole, len(whole), even, fma, fill, _OUTPUT(output),
                       _STATE() if state is None else _STATE(states))  # fmt: skip
    message = ctypes.create_string_buffer(200)
    if _library().slow_run(ctypes.byref(request), message):
        raise Refused(message.value.decode())
    return outputs
