"""Constants in generated C: exact bytes, whatever they are, and quick to write and to compile."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ascua import kernels
from ascua.ir import Array
from ascua.kernels import Const
from ascua.targets.c.constants import LISTED, LONGEST_STRING, declaration, definition
from tests.ops.test_conv2d import conv
from tests.ops.test_fully_connected import dense
from tests.support import as_int4
from tests.support.command import ascua, model_file
from tests.support.compilers import C11, COMPILERS, tool

RNG = np.random.default_rng(5)


def noise(size: int) -> Array:
    return RNG.integers(-128, 128, size).astype(np.int8)


def repeated(text: bytes) -> Array:
    return np.frombuffer((text * (LISTED // len(text) + 1))[: LISTED + 1], np.int8)


DATA = {
    "every_value": np.arange(-128, 128).astype(np.int8).repeat(5),
    "every_pair": np.stack(np.meshgrid(np.arange(256), np.arange(256))).T.astype(np.uint8),
    "listed": noise(LISTED), "strings": noise(LISTED + 1), "one": noise(1),
    **{f"size_{n}": noise(n) for n in (4094, 4095, 4096, 8191, 12289, 65537)},
    "zeros": np.zeros(5000, np.int8), "ones": np.full(5000, -1, np.int8),
    "digits": repeated(b"\0000\x017"), "trigraphs": repeated(b"??=??/??'"),
    "quotes": repeated(b"\"\\'%s\n\r"), "hex": repeated(b"\xffabcdef\x0f"),
    "int16": RNG.integers(-(2**15), 2**15, 3000).astype(np.int16),
}  # fmt: skip


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_compiler_has_the_bytes(compiler: str, tmp_path: Path) -> None:
    cc = COMPILERS[compiler]
    cc.require()
    consts = {n: Const(n, d, f"{d.dtype}_t") for n, d in DATA.items()}
    (tmp_path / "data.h").write_text(
        '#include "kernel.h"\n' + "".join(declaration(n, c) for n, c in consts.items())
    )
    (tmp_path / "data.c").write_text(
        '#include "data.h"\n' + "\n".join(definition(n, c) for n, c in consts.items())
    )
    (tmp_path / "main.c").write_text(
        '#include "data.h"\n#include <stdio.h>\nint main(void) {\n'
        + "".join(f"    fwrite({n}, 1, {c.bytes}, stdout);\n" for n, c in consts.items())
        + "}\n"
    )
    tool([cc.c, *C11, f"-I{kernels.FOLDER}", "main.c", "data.c", "-o", "data.out"], cwd=tmp_path)
    said = subprocess.run([tmp_path / "data.out"], capture_output=True, check=True).stdout
    for name, c in consts.items():
        assert said[: c.bytes] == c.data.tobytes(), name
        said = said[c.bytes :]
    assert said == b""


def test_strings_waste_next_to_nothing() -> None:
    for size in [*range(LISTED + 1, 20000, 7), 1 << 22, 4_193_280, 999_983]:
        text = declaration("w", Const("w", np.zeros(size, np.int8)))
        length, rows = (int(part.partition("]")[0]) for part in text.split("[")[1:])
        assert length <= LONGEST_STRING
        assert size <= length * rows <= size * 1.002


def test_a_compiler_reads_few_numbers() -> None:
    """What it takes grows with them: a byte of a string costs a tenth of one as a number."""
    size = 1 << 20
    text = definition("w", Const("w", noise(size)))
    assert text.count(",") < size / 20
    assert len(text) < 3.4 * size


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("kind", ["dense", "conv", "int4"])
def test_four_megabytes_take_four_seconds(kind: str, compiler: str, tmp_path: Path) -> None:
    """Of the processor, to compile the network and to build its library."""
    cc = COMPILERS[compiler]
    cc.require()
    graph = {
        "dense": lambda: dense(k=2048, oc=2048),
        "conv": lambda: conv(ic=512, oc=910, ih=4, iw=4, kh=3, kw=3),
        "int4": lambda: as_int4(dense(k=4096, oc=2048)),
    }[kind]()
    model = model_file(tmp_path, graph)
    assert model.stat().st_size > 4_190_000
    before = seconds()
    assert ascua("compile", model, "-b", "host", "-o", tmp_path / "net").code == 0
    cc.compile(tmp_path / "net", "-O2")
    assert seconds() - before < 4


def seconds() -> float:
    """Of processor time, of this process and those that it waited for."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usage)
