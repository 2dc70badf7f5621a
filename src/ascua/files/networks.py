"""What a file or folder of a network is, by what it holds, and which road leads from it."""

from __future__ import annotations

import io
import re
import shlex
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ascua.errors import InputError
from ascua.files import check_regular
from ascua.files.kinds import KMODEL

MOST_BYTES = 1 << 30
"""A larger file is no network for a microcontroller."""
HEAD = 1 << 16
"""So much of a file is looked at, and all of what is made of fields."""

TFLITE, KERAS, SAVED_MODEL, GRAPH_DEF, ONNX = "tflite", "Keras", "SavedModel", "GraphDef", "ONNX"
ROADS = (TFLITE, KERAS, SAVED_MODEL, GRAPH_DEF, ONNX)
"""The forms that Ascua reads a network from, by its extras."""


@dataclass(frozen=True)
class Other:
    """A file that is no network for Ascua: what it is, and what to try."""

    what: str
    tries: tuple[str, ...] = ()


def form(path: Path) -> str | Other:
    """Of ROADS the one that `path` is, or what it is instead.

    Raises InputError where it cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            return Other(f"is larger than {MOST_BYTES >> 20:,} MiB", (
                "Take a network for microcontrollers: they have a few MB at most.",
            ))  # fmt: skip
        check_regular(path, MOST_BYTES)
        with path.open("rb") as file:
            head = file.read(HEAD)
            if head.startswith(b"PK") or _fields(head):  # what they are stands at their end
                head += file.read()
    except OSError as e:
        tries = ["Check the path of the model file."]
        raise InputError(f"{path}: cannot be read: {e.strerror}.", tries) from e
    return form_of(head, str(path))


def _folder(path: Path) -> str | Other:
    if (path / "saved_model.pb").is_file():
        return SAVED_MODEL
    if (path / "Manifest.json").is_file() and path.suffix == ".mlpackage":
        return _CORE_ML
    return Other("is a folder without saved_model.pb: no SavedModel", (
        "Give the file of the network, or the folder that Keras exported: `model.export(folder)`.",
    ))  # fmt: skip


def form_of(data: bytes, name: str) -> str | Other:
    """As `form`, of the bytes of a file; `name` is its path."""
    file = shlex.quote(name)
    if not data:
        return Other("is empty", ("If it was downloaded, check that the download is complete.",))
    if data[4:8] == b"TFL3":
        return TFLITE
    if data.startswith(b"\x89HDF\r\n\x1a\n"):
        return KERAS
    if KMODEL.holds(data[:16], Path(name)):
        return Other("is a kmodel, which `ascua analyze`, `run` and `ncc infer` take",
                     ("Give the .tflite file that it was made of.",))  # fmt: skip
    if data.startswith(b"PK\x03\x04"):
        return _zipped(data, file)
    return _by_begin(data, file) or _by_fields(data) or _UNKNOWN


def _zipped(data: bytes, file: str) -> str | Other:
    """What an archive is: Keras and PyTorch write such."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        members = []
    if "config.json" in members:
        return KERAS
    if any(m.endswith(("/data.pkl", "/constants.pkl")) for m in members):
        return _TORCH
    if any("Data/com.apple.CoreML" in m for m in members):
        return _CORE_ML
    inside = [m for m in members if m.endswith((".kmodel", ".tflite", ".onnx", ".keras", ".h5"))]
    if inside:
        return Other(f"is an archive that holds {inside[0]}", (f"`unzip {file}`, and give that.",))
    return Other("is an archive", ("Give the file of the network that it holds.",))


def _by_begin(data: bytes, file: str) -> Other | None:
    """What is known by how it begins."""
    start = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"version https://git-lfs"):
        return Other("is a pointer of Git LFS, not the file itself",
                     ("`git lfs pull` in its repository brings the file.",))  # fmt: skip
    if re.match(rb"(?i)<(!doctype html|html|head|\?xml)", start):
        return Other("is a page of HTML: a download that got a web page in its place",
                     ("Download the file itself: the `raw` address, not its page.",))  # fmt: skip
    if re.match(rb"\x80[\x02-\x05].{0,12}", data, re.DOTALL) and b"torch" in data[:HEAD]:
        return _TORCH
    if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or data[257:262] == b"ustar":
        return Other(
            "is a packed archive", (f"`tar xf {file}`, and give the network that it holds.",)
        )
    if re.search(rb"\[[^\]]*\]\s*(?:\w+\s*(?:\([^{]*\))?\s*)*=\s*\{\s*0x", data[:HEAD]):
        return Other("is C source with an array", (
            f"`grep -o '0x[0-9a-fA-F]\\{{1,2\\}}\\b' {file} | xxd -r -p > model.tflite` turns one"
            " array of bytes back.",
        ))  # fmt: skip
    return None


def _by_fields(data: bytes) -> str | Other | None:
    """What a message of Protocol Buffers is, by the numbers of its fields."""
    fields = _fields(data)
    numbers = {number for number, _ in fields}
    if (7, 2) in fields and (8, 2) in fields and (1, 0) in fields:
        return ONNX
    if (1, 0) in fields and numbers & _CORE_ML_TYPES:
        return _CORE_ML
    if (1, 0) in fields and (2, 2) in fields and numbers <= {1, 2}:
        return Other("is the program of a SavedModel", ("Give its folder, variables and all.",))
    if (1, 2) in fields and numbers <= {1, 2, 3, 4, 5}:
        return GRAPH_DEF
    return None


def _fields(data: bytes) -> set[tuple[int, int]]:
    """The fields of a message, number and type; what a part of one has, where `data` is a part."""
    found: set[tuple[int, int]] = set()
    at = 0
    while at < len(data):
        try:
            key, at = _varint(data, at)
            number, kind = key >> 3, key & 7
            if kind == 0:
                _, at = _varint(data, at)
            elif kind == 2:
                size, at = _varint(data, at)
                at += size
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            else:
                return set()
        except IndexError:
            break
        if not number:
            return set()
        found.add((number, kind))
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next one begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise IndexError


_CORE_ML_TYPES = set(range(200, 700)) | {3000}
_CORE_ML = Other("is a Core ML network", (
    "Give what it was made of: a PyTorch model as ONNX (`torch.onnx.export`), or a .keras file.",
))  # fmt: skip
_UNKNOWN = Other("is not a .tflite file (no TFL3 mark), nor of another form that is known", (
    "Networks are read from .tflite, .keras, .h5, .onnx and frozen .pb files, and SavedModels.",
    "If it was downloaded, check that the download is complete.",
))  # fmt: skip
_TORCH = Other("is a file of PyTorch", (
    "In Python, with the model: `torch.onnx.export(model.eval(), x, 'model.onnx')`, and give that:"
    " docs/convert.md.",
))  # fmt: skip
