"""Writes into a K210's flash: by kflash, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ascua.errors import InputError, ToolFailed, ToolMissing
from ascua.files import check_regular
from ascua.files.kinds import KMODEL, TFLITE

RESETS = {"maix-bit": "bit", "maix-go": "goE", "maixduino": "maixduino", "maix-dan": "dan"}
"""What kflash calls the boards: each is reset by other lines of its serial port."""
MOST_BYTES = 16 << 20
"""The flash."""
LIST = "flash-list.json"
"""What a package has beside its parts: where each goes."""
PROGRAM = 37
"""Bytes that a program takes beside its own: its length and its hash, which the ROM reads."""
SILENCE = 60.0
"""Seconds without a word after which it is stopped."""
CODE = """
import errno, sys
import serial
from kflash import KFlash

# Adapters without the lines that reset a board, and terminals, have no such calls.
for name in ("dtr", "rts"):
    def setter(port, value, set_=getattr(serial.Serial, name).fset):
        try:
            set_(port, value)
        except OSError as e:
            if e.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
    kept = getattr(serial.Serial, name)
    setattr(serial.Serial, name, property(kept.fget, setter))

def said(*words, **_):
    print(*words, flush=True)

def done(what, at, of, speed):
    print("progress", at, of, flush=True)

port, baud, board, file = sys.argv[1:]
KFlash(print_callback=said).process(
    terminal=False, dev=port, baudrate=int(baud), board=board, file=file, callback=done,
    noansi=True,
)
"""
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_NO_ANSWER = re.compile("No valid Kendryte K210 found|Failed to Connect to K210's Stub")


def flash(
    file: Path, port: str, baud: int, board: str,
    progress: Callable[[int, int], None] | None = None,
) -> None:  # fmt: skip
    """Write a .kfpkg package, or a program, into the flash of a board.

    Raises InputError for a file or a port that will not do, ToolMissing, or ToolFailed in words for
    a board that does not answer.
    """
    _check(file)
    if importlib.util.find_spec("kflash") is None:
        raise ToolMissing(
            "kflash is not installed, which writes into a K210's flash.",
            ["In Ascua's folder: `pip install '.[maix]'`."],
        )
    _check_port(port)
    command = [sys.executable, "-c", CODE, port, str(baud), RESETS[board], str(file)]
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        ) as child:  # fmt: skip
            heard = _listened(child, progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Interrupted: the flash of the board on {port} may be half written; the same command"
            " writes it again."
        ) from None
    if child.returncode != 0 or not any("Rebooting" in line for line in heard.lines[-6:]):
        silent = child.returncode < 0  # it was stopped
        raise _failure(port, baud, board, heard, silent=silent)


@dataclass
class Heard:
    """What kflash said, and how many bytes it had written."""

    lines: list[str] = field(default_factory=list)
    written: int = 0
    of: int = 0


def _listened(child: subprocess.Popen[str], progress: Callable[[int, int], None] | None) -> Heard:
    """What a child says, to its end; `progress` hears how far it is."""
    word = threading.Event()
    silent = threading.Thread(target=_watch, args=(child, word), daemon=True)
    silent.start()
    heard = Heard()
    assert child.stdout is not None
    try:
        for raw in child.stdout:
            word.set()
            line = _COLORS.sub("", raw).strip()
            if at := re.fullmatch(r"progress (\d+) (\d+)", line):
                heard.written, heard.of = int(at[1]), int(at[2])
                if progress:
                    progress(heard.written, heard.of)
            elif line:
                heard.lines.append(line)
    except BaseException:
        child.kill()
        raise
    child.wait()
    return heard


def _watch(child: subprocess.Popen[str], heard: threading.Event) -> None:
    """Stop a child that has said nothing for too long."""
    while child.poll() is None:
        heard.clear()
        if not heard.wait(SILENCE) and child.poll() is None:
            child.kill()
            return


def _check(file: Path) -> None:
    """Raise InputError for what is no package and no program, by what the file holds."""
    try:
        check_regular(file, MOST_BYTES)
        with file.open("rb") as f:
            head = f.read(16)
    except OSError as e:
        raise InputError(f"{file}: cannot be read: {e.strerror}.", ["Check the path."]) from e
    if not head:
        raise InputError(f"{file}: it is empty.", ["Check that this is the file."])
    if head.startswith(b"PK") or file.suffix == ".kfpkg":
        if file.suffix != ".kfpkg":
            raise InputError(
                f"{file}: it is a package, and kflash knows one by its name.",
                [f"Call it {file.with_suffix('.kfpkg').name}."],
            )
        _check_package(file)
    elif KMODEL.holds(head, file) or TFLITE.holds(head, file):
        raise InputError(
            f"{file}: a model; as a program it would go to the beginning of the flash, over the"
            " firmware.",
            ["`ascua export maix` packs a kmodel: flash its .kfpkg."],
        )
    elif file.suffix.lower() != ".bin":
        raise InputError(
            f"{file}: neither a package (.kfpkg) nor a program (.bin): it would go to the beginning"
            " of the flash, over the firmware.",
            ["`ascua export maix` writes a package; PlatformIO's program is firmware.bin."],
        )


def _check_package(file: Path) -> None:
    """Raise InputError unless the package says of each of its parts where in the flash it goes."""
    remedy = ["`ascua export maix` writes such a package."]
    try:
        with zipfile.ZipFile(file) as package:
            sizes = {i.filename: i.file_size for i in package.infolist()}
            if LIST not in sizes:
                raise InputError(f"{file}: it has no {LIST}, which says what goes where.", remedy)
            text = package.read(LIST).decode()
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as e:
        raise InputError(
            f"{file}: it is damaged: no zip file, as a .kfpkg is.", ["Export it again."]
        ) from e
    try:  # as kflash reads it: an address is a number on a line of its own
        listed = json.loads(re.sub(r'"address": (.*),', r'"address": "\1",', text))["files"]
        parts = [
            (int(str(f["address"]), 0), str(f["bin"]), bool(f["sha256Prefix"])) for f in listed
        ]
    except (ValueError, KeyError, TypeError) as e:
        raise InputError(
            f"{file}: its {LIST} does not say of each file its address, bin and sha256Prefix, one a"
            " line.",
            remedy,
        ) from e
    if not parts:
        raise InputError(f"{file}: its {LIST} names no file.", remedy)
    end, before = 0, ""
    for at, name, program in sorted(parts):
        if name not in sizes:
            raise InputError(f"{file}: its {LIST} names {name}, which is not in it.", remedy)
        if at < end:
            where = f"{at:#x}, where {before} still lies" if before else f"{at:#x}"
            raise InputError(f"{file}: {name} would go to {where}.", remedy)
        end, before = at + sizes[name] + PROGRAM * program, name
        if end > MOST_BYTES:
            raise InputError(f"{file}: {name} would end behind the flash of 16 MiB.", remedy)


def _check_port(port: str) -> None:
    """Raise InputError for a port that is not there."""
    from serial.tools import list_ports

    known = [p.device for p in list_ports.comports()]
    if port in known:
        return
    if Path(port).exists():
        if _may_be_serial(port):
            return
        raise InputError(
            f"--port {port}: it is no serial port.",
            ["A board's is called /dev/ttyUSB0, /dev/ttyACM0 or COM3, or so."],
        )
    there = ", ".join(known) or "none"
    raise InputError(
        f"--port {port}: there is no such port; there are: {there}.",
        ["Plug the board in, with a cable that carries data.", "Name one of these ports."],
    )


def _may_be_serial(port: str) -> bool:
    """Whether what is there is a terminal, or will not say what it is."""
    if not Path(port).is_char_device():
        return False
    try:
        opened = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:  # kflash says why it may not be opened
        return True
    try:
        return os.isatty(opened)
    finally:
        os.close(opened)


def _failure(port: str, baud: int, board: str, heard: Heard, *, silent: bool) -> ToolFailed:
    """What kflash's last words mean."""
    lines = heard.lines
    text = "\n".join(lines)
    last = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "")
    if re.search("Permission denied", text):
        return ToolFailed(
            f"{port}: it may not be opened: permission denied.",
            ["Add yourself to the group `dialout`, and log in again."],
        )
    if re.search("could not open port|busy|No such file", text):
        return ToolFailed(
            f"{port}: it cannot be opened: another program has it, or it is gone.",
            ["Close the terminal or IDE that listens to it."],
        )
    if heard.written and (silent or "TimeoutError" in last):
        return ToolFailed(
            f"{port}: the K210 answered no more after {heard.written:,} of {heard.of:,} bytes: its"
            " flash is half written.",
            ["The same command writes it again; `--baud 115200` is slower and surer."],
        )
    if silent or _NO_ANSWER.search(text) or not text:
        return ToolFailed(
            f"{port}: no K210 answers at {baud:,} bits a second, reset as {board}.",
            [
                "Name the board that it is: `--board`; a Maix Go has two ports, take the other.",
                "Try fewer bits a second: `--baud 115200`.",
                "Hold BOOT while you press RESET, and try again.",
            ],
        )
    return ToolFailed(f"{port}: kflash failed: {last}", ["Try again with `--baud 115200`."])
