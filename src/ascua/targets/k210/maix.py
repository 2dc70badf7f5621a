"""What a Maix board needs to run a kmodel: for MaixPy, and as a project in C."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from ascua.errors import Unsupported
from ascua.files.folders import Form
from ascua.kmodel import DType, Kmodel, Memory, v3, v4
from ascua.targets.c.constants import string
from ascua.targets.k210.library import CHIP, HEADERS, RUNTIME, SOURCES

PROJECT = Path(__file__).parent / "project"
FIRMWARE_AT, MODEL_AT = 0x000000, 0x200000
"""Addresses in flash: of a program that starts by itself, and where models begin."""
PACKAGE, MAIN, LABELS = "model.kfpkg", "main.py", "labels.txt"
FLASH_LIST = "flash-list.json"
"""In a package, what goes where."""
FRAME = (240, 320)
"""Rows and columns that the camera gives."""
CMAKE = "project.cmake"
"""What Kendryte's SDK reads beside the sources."""
FLAGS = "-O2 -fno-fast-math -fno-single-precision-constant -ffp-contract=off"
"""Of the project's compiler: its scores are the simulator's to the last bit."""
BOARDS = {"maix-bit": "sipeed-maix-bit", "maix-go": "sipeed-maix-go"}
"""What PlatformIO calls them."""


def _names(path: str, _: Mapping[str, Any]) -> bool:
    """Whether an exported folder has a file at `path`."""
    own = {PACKAGE, MAIN, LABELS, "README.md", "project/platformio.ini", f"project/src/{CMAKE}"}
    return path in own or (path.startswith("project/src/") and path.endswith((".c", ".h")))


FORM = Form("folder for Maix boards", _names, "--out")


def check(model: Kmodel) -> None:
    """Raise Unsupported for a network that no camera feeds."""
    ports = model.inputs
    if len(ports) != 1 or ports[0].range.dtype is not DType.U8 or ports[0].shape[1] not in (1, 3):
        shapes = ", ".join("x".join(map(str, p.shape[1:])) for p in ports)
        raise Unsupported(
            f"{model.name}: its inputs are {shapes} (channels, rows, columns), and a camera gives"
            " one image of 1 or 3 channels.",
            ["`ascua run` computes it on samples of yours."],
        )
    if ports[0].range.memory is not Memory.KPU:
        raise Unsupported(
            f"{model.name}: it does not begin with a layer of the KPU, as MaixPy wants it.",
            ["Compile a network that begins with a convolution."],
        )


def classes(model: Kmodel) -> int:
    """Values of the first output."""
    return model.outputs[0].count


def export(
    model: Kmodel, content: bytes, labels: Sequence[str], board: str, firmware: bytes | None
) -> dict[str, bytes]:
    """The files of a folder, by their paths; `content` is the kmodel's file.

    `firmware` is MaixPy's .bin file, which goes into the package beside the model.
    """
    files = {
        PACKAGE: package(content, firmware),
        MAIN: main_py(model).encode(),
        "README.md": readme(
            model, with_firmware=firmware is not None, with_labels=bool(labels)
        ).encode(),
        **{
            f"project/{path}": data for path, data in project(model, content, labels, board).items()
        },
    }
    if labels:
        files[LABELS] = "".join(f"{name}\n" for name in labels).encode()
    return files


def package(content: bytes, firmware: bytes | None) -> bytes:
    """A .kfpkg file, which kflash writes: the model, and MaixPy where there is one.

    The same bytes make the same package.
    """
    parts = [("maixpy.bin", FIRMWARE_AT, firmware), ("model.kmodel", MODEL_AT, content)]
    there = [(name, at, data) for name, at, data in parts if data is not None]
    table = {
        "version": "0.1.0",
        "files": [
            # A program is told by its length and hash in front of it; a model lies as it is.
            {"address": at, "bin": name, "sha256Prefix": at == FIRMWARE_AT}
            for name, at, _ in there
        ],
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in (
            (FLASH_LIST, json.dumps(table, indent=2).encode()),
            *((name, data) for name, _, data in there),
        ):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)
    return held.getvalue()


def main_py(model: Kmodel) -> str:
    """A program for MaixPy: camera, display, the best class, frames a second."""
    _, channels, height, width = model.inputs[0].shape
    direct = height <= FRAME[0] and width <= FRAME[1] and height >= FRAME[0] * 3 // 4
    outputs = ""
    if model.version == 4:
        outputs = "".join(
            f"kpu.set_outputs(task, {i}, 1, 1, {out.count})  # which version 4 does not say\n"
            for i, out in enumerate(model.outputs)
        )
    return _template(
        "main.py.in", address=f"{MODEL_AT:#x}", height=height, width=width,
        side=0 if direct else min(FRAME), format="RGB565" if channels == 3 else "GRAYSCALE",
        outputs=outputs,
    )  # fmt: skip


def project(model: Kmodel, content: bytes, labels: Sequence[str], board: str) -> dict[str, bytes]:
    """A project in C, for PlatformIO and for Kendryte's standalone SDK."""
    _, channels, height, width = model.inputs[0].shape
    found = {n: (RUNTIME / n).read_bytes() for n in (*SOURCES, CHIP, *HEADERS)}
    found |= {p.name: p.read_bytes() for p in PROJECT.glob("*.[ch]")}
    work = -(-max(8, model.main_bytes) // 8) * 8
    one, unit = (100, "%%") if _answers_probabilities(model) else (1, "")
    found["main.c"] = _template(
        "main.c.in", height=height, width=width, channels=channels, work=work, one=one, unit=unit
    ).encode()
    found[CMAKE] = _template("project.cmake.in", flags=FLAGS).encode()
    found["labels.h"] = b"const char *label(unsigned index);\n"
    found["labels.c"] = _labels(labels, classes(model)).encode()
    found["model.h"] = (
        f"#include <stdint.h>\n\nextern const uint8_t model[{len(content)}];\n".encode()
    )
    found["model.c"] = _bytes(content).encode()
    settings = _template("platformio.ini.in", board=BOARDS[board], flags=FLAGS)
    return {"platformio.ini": settings.encode(), **{f"src/{n}": d for n, d in found.items()}}


def _answers_probabilities(model: Kmodel) -> bool:
    """Whether its scores are 0 to 1 and 1 together."""
    return isinstance(model.layers[-1], (v3.Softmax, v4.Softmax))


def _labels(labels: Sequence[str], count: int) -> str:
    """The names of classes as C; without any, their numbers."""
    names = labels or [str(i) for i in range(count)]
    lines = "".join(f"    {string(name)},\n" for name in names)
    return (
        '#include "labels.h"\n\n'
        f"static const char *const NAMES[] = {{\n{lines}}};\n\n"
        "const char *label(unsigned index) {\n"
        '    return index < sizeof NAMES / sizeof *NAMES ? NAMES[index] : "?";\n}\n'
    )


def _bytes(content: bytes) -> str:
    """The file as an array, at the multiple of bytes that the KPU wants."""
    rows = [", ".join(map(str, content[i : i + 24])) for i in range(0, len(content), 24)]
    body = ",\n".join(rows)
    return (
        f'#include "model.h"\n\n_Alignas(256) const uint8_t model[{len(content)}] = {{\n{body}}};\n'
    )


def readme(model: Kmodel, *, with_firmware: bool, with_labels: bool) -> str:
    """How the folder is used."""
    needs = "MaixPy" if model.version == 3 else "MaixPy with its runtime for version 4"
    first = "" if with_firmware else (
        f"`{PACKAGE}` holds the model alone: flash MaixPy first, or export again with"
        " `--firmware maixpy.bin`.\n\n"
    )  # fmt: skip
    return _template(
        "README.md.in", version=model.version, needs=needs, first=first, package=PACKAGE,
        written=f"{'MaixPy, and ' * with_firmware}the model at {MODEL_AT:#x} of the flash",
        copied=f"`{MAIN}`" + f" and `{LABELS}`" * with_labels,
    )  # fmt: skip


def _template(file: str, **fields: object) -> str:
    return Template((PROJECT / file).read_text(encoding="utf-8")).substitute(fields)
