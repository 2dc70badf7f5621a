"""What to try with a file that Ascua does not take: what it is instead, and who made it so."""

from __future__ import annotations

import io
import re
import shlex
import zipfile
from collections.abc import Iterable

from ascua.kmodel import begins

_LOOP = "A loop, as of an LSTM or a GRU: build the layer with `unroll=True` and a fixed length."
_SHAPE = (
    "It computes with a batch that nobody knows: convert a model whose batch is 1,"
    " `keras.Input(shape, batch_size=1)`, or give the .keras file to `ascua quantize`."
)
_OPERATORS = (
    ("WHILE|IF", _LOOP),
    (
        "(UN|B)IDIRECTIONAL_SEQUENCE_.*|BASIC_RNN|RNN|LSTM|SVDF",
        "A layer with states of its own: build the LSTM or GRU with `unroll=True`.",
    ),
    ("FILL|GATHER|REDUCE_PROD|RANGE|BROADCAST_ARGS", _SHAPE),
    (
        "TILE",
        "`UpSampling2D(interpolation='nearest')` becomes TILE: with 'bilinear' it is taken.",
    ),
    (
        "DENSIFY",
        "Its weights are sparse: convert it without EXPERIMENTAL_SPARSITY.",
    ),
    (
        "custom operator '(ethos-u|edgetpu-custom-op).*'",
        "It was compiled for an accelerator (Vela, Edge TPU): give the file from before that.",
    ),
    (
        "custom operator 'Flex.*'",
        "TensorFlow runs these layers itself. Where they are for training, as augmentation is, give"
        " the .keras file to `ascua quantize`, or leave them out of what is exported.",
    ),
)
"""By what an operator's name matches: the remedy."""


def for_operators(names: Iterable[str]) -> list[str]:
    """What to try, by the names of operators that are not supported; each remedy once."""
    known = [(re.compile(pattern), remedy) for pattern, remedy in _OPERATORS]
    found = [r for name in names for pattern, r in known if pattern.fullmatch(name)]
    return [
        *dict.fromkeys(found),
        "`ascua ops` lists what is supported.",
        "Replace the layers that make these operators, or cut them off the model.",
    ]


def of_other(data: bytes, name: str) -> tuple[str, list[str]]:
    """What a file is that is no .tflite file, and what to try; `name` is its path."""
    file = shlex.quote(name)
    to_tflite = f"`ascua quantize {file} --data D -o model.tflite` makes an int8 .tflite of it."
    if not data:
        return "is empty", ["If it was downloaded, check that the download is complete."]
    if begins(data[:8]):
        return (
            "is a kmodel, which `ascua analyze`, `run` and `ncc infer` take",
            ["Give the .tflite file that it was made of."],
        )
    if data.startswith(b"\x89HDF"):
        return "is a Keras file", [to_tflite]
    if data.startswith(b"PK\x03\x04"):
        members = _members(data)
        if "config.json" in members:
            return "is a Keras file", [to_tflite]
        inside = [m for m in members if m.endswith((".kmodel", ".tflite"))]
        if inside:
            return f"is an archive that holds {inside[0]}", [f"`unzip {file}`, and give that."]
        return "is an archive", ["Give the .tflite file."]
    if re.search(rb"\[[^\]]*\]\s*(?:\w+\s*(?:\([^{]*\))?\s*)*=\s*\{\s*0x", data[: 1 << 16]):
        return (
            "is C source with an array",
            [f"`grep -o '0x[0-9a-fA-F]\\{{1,2\\}}\\b' {file} | xxd -r -p > model.tflite` turns one"
             " array of bytes back."],
        )  # fmt: skip
    return (
        "is not a .tflite file (no TFL3 mark)",
        [
            "Convert the model first: `ascua quantize`, or TensorFlow's TFLiteConverter.",
            "If it was downloaded, check that the download is complete.",
        ],
    )


def _members(data: bytes) -> list[str]:
    """The names in a zip file; none where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
