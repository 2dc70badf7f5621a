"""Files of others that are damaged, or claim what they do not hold: words, and little memory."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import arrays, boards, data, recipes, tflite
from ascua.errors import InputError
from ascua.ops.conv2d import Conv2D
from tests.support import activation
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small


def npy(header: str, rest: bytes = b"") -> bytes:
    """An .npy file of this header."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + rest


def archive(change: Callable[[bytearray], object] = lambda _: None, **members: bytes) -> bytes:
    """An .npz file of these members, its bytes changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            z.writestr(f"{name}.npy", content)
    bytes_ = bytearray(out.getvalue())
    change(bytes_)
    return bytes(bytes_)


def both(at: int, offset: int, value: int) -> Callable[[bytearray], object]:
    """Change a field of the first member, in its own header and in the directory."""

    def change(b: bytearray) -> None:
        b[at] = value
        b[b.index(b"PK\x01\x02") + offset] = value

    return change


ONE = npy("{'descr': '|i1', 'fortran_order': False, 'shape': (4,), }", bytes(4))
HUGE = "{'descr': '|i1', 'fortran_order': False, 'shape': (%s,), }"


def bomb() -> bytes:
    """An .npz of 600 KB whose one array has 600 million zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z, z.open("x.npy", "w") as member:
        member.write(npy(HUGE % 600_000_000))
        for _ in range(600):
            member.write(bytes(1_000_000))
    return out.getvalue()


DAMAGED = {
    "encrypted": lambda: archive(both(6, 8, 1), x=ONE),
    "unknown method": lambda: archive(both(8, 10, 77), x=ONE),
    "bad stream": lambda: archive(lambda b: b.__setitem__(slice(35, 60), b"\xff" * 25), x=ONE),
    "claims 10**12": lambda: npy(HUGE % 10**12),
    "claims 10**12 inside": lambda: archive(x=npy(HUGE % 10**12)),
    "claims 2**70": lambda: npy(HUGE % 2**70),
    "objects": lambda: npy("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }", bytes(32)),
    "nested": lambda: npy("(" * 100),
    "negative": lambda: npy(HUGE % -4, bytes(4)),
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_damaged_arrays(make: Callable[[], bytes], tmp_path: Path) -> None:
    for name in ("x.npy", "x.npz"):
        path = tmp_path / name
        path.write_bytes(make())
        with pytest.raises(InputError, match=r"x\.np[yz]: not a complete .npy or .npz file"):
            arrays.read(path)
    with pytest.raises(InputError, match=r"(?s)not a data set: .*np\.savez"):
        data.load("npz", path)


def test_an_archive_that_expands_out_of_proportion(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(bomb())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="expand to 600,000,"):
        arrays.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB


@pytest.mark.parametrize(
    "a",
    [np.arange(6).reshape(2, 3).T, np.arange(6, dtype=">i4"), np.array(5), np.zeros((0, 3))],
    ids=["Fortran's order", "other byte order", "no dimension", "empty"],
)
def test_sound_arrays(a: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(a))
    (found,) = arrays.read(tmp_path / "x.npy").values()
    np.testing.assert_array_equal(found, a)
    assert found.dtype.isnative


@pytest.mark.parametrize("label", [2**62, 5000, -1, 2**63 + 5])
def test_labels_that_are_no_classes(label: int, tmp_path: Path) -> None:
    x, y = np.zeros((4, 3, 3), np.uint8), np.array([0, 1, 2, label % 2**64], np.uint64)
    y = y.view(np.int64) if label < 0 else y
    np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(InputError, match=r"(at most 4096 are taken|a label below 0)"):
        data.load("npz", tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["pipe", "device", "large"])
def test_what_is_no_file_that_ends(name: str, tmp_path: Path) -> None:
    model = model_file(tmp_path, small())
    for suffix, command in {
        ".tflite": ("analyze", "FILE"),
        ".kmodel": ("analyze", "FILE"),
        ".npy": ("run", model, "-b", "host", "--inputs", "FILE"),
        ".npz": ("run", model, "-b", "host", "--labels", "FILE"),
        ".toml": ("analyze", model, "-b", "FILE"),
    }.items():
        path = tmp_path / f"{name}{suffix}"
        if name == "pipe":
            os.mkfifo(path)
        elif name == "device":
            path.symlink_to("/dev/zero")
        else:
            with path.open("wb") as file:
                file.truncate(5 << 30)
        result = ascua(*(path if a == "FILE" else a for a in command))
        model_too_large = name == "large" and suffix in (".tflite", ".kmodel")
        said = "larger than" if model_too_large else "cannot be read"
        refused(result, 1, str(path), said, "Things to try:")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("x = " + "{a=" * 5000, "nested too deeply"),
        ("x = " + "1" * 5000, "not a TOML file"),
        ("x = 1" + "0" * 400, "a whole number has more than 64 bits"),
        ("x = {y = [0x" + "f" * 9000 + "]}", "a whole number has more than 64 bits"),
        ('x = "\\u0000.keras"', "a text holds the character U\\+0000"),
        ("[" + "a." * 2000 + "a]", "nested too deeply"),
        ("a." * 300_000 + "a = 1", "more than 16,384"),
        ("x" * (2 << 20), "more than 16,384"),
    ],
    ids=[
        "lists",
        "tables",
        "a long number",
        "64 bits",
        "a hexadecimal",
        "a zero",
        "a long name",
        "many dots",
        "a long file",
    ],
)
def test_toml_that_is_none(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    for load in (boards.load, recipes.load):
        with pytest.raises(InputError, match=words) as e:
            load(str(path))
        assert e.value.things_to_try


def test_streams_that_the_shell_has_closed() -> None:
    """Also no file that is opened later may become stdout."""
    program = "from ascua.cli import main; main()"
    for closed, words in ((">&-", ""), ("2>&-", "lm3s6965evb"), ("<&- >&- 2>&-", "")):
        command = ["sh", "-c", f'"$0" -c "$1" boards {closed}', sys.executable, program]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert words in done.stdout
    command = ["sh", "-c", '"$0" -c "$1" analyze none 2>/dev/full', sys.executable, program]
    assert subprocess.run(command, capture_output=True).returncode == 1


def test_a_model_that_only_hands_on(tmp_path: Path) -> None:
    """A plan without steps."""
    whole = small()
    path = tmp_path / "empty.tflite"
    path.write_bytes(tflite.write(replace(whole, ops=(), outputs=whole.inputs)))
    for more in ((), ("-b", "lm3s6965evb"), ("-b", "lm3s6965evb", "--json")):
        result = ascua("analyze", path, *more)
        assert (result.code, result.err) == (0, "")


def test_an_operator_that_no_output_depends_on_is_not_looked_at(tmp_path: Path) -> None:
    """Nor checked: these weights have no filters."""
    whole = small()
    w = activation("no filters", (0, 1, 1, 3))
    x, y = activation("dead x", (1, 4, 4, 3)), activation("dead y", (1, 4, 4, 2))
    dead = Conv2D((x, w), (y,), stride=(1, 1), dilation=(1, 1), padding="SAME", activation="NONE")
    path = tmp_path / "dead.tflite"
    graph = replace(whole, inputs=(*whole.inputs, x, w), ops=(*whole.ops, dead))
    path.write_bytes(tflite.write(graph))
    assert ascua("analyze", path).code == 0
    path.write_bytes(tflite.write(replace(graph, outputs=(y,))))
    refused(ascua("analyze", path), 1, "CONV_2D 'dead y'")
