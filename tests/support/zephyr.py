"""Builds an application with a Zephyr that the user has, and runs it in QEMU.

The environment says which: ZEPHYR_BASE, ZEPHYR_TOOLCHAIN_VARIANT and what that one needs, as
Zephyr's own documentation has it, and ZEPHYR_MODULES where there is no workspace of west's.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "results"
TARGETS: dict[str, tuple[str, ...]] = {
    "lm3s6965evb": ("qemu_cortex_m3", "qemu_cortex_m3"),
    "mps2-an385": ("mps2_an385", "mps2/an385"),
    "mps2-an505": ("mps2_an521", "mps2/an521/cpu0"),
    "mps3-an547": ("mps3_an547", "mps3/an547"),
}
"""Zephyr's names of boards, by Ascua's: up to Zephyr 3.6, and of 3.7."""
MACHINES = {
    "lm3s6965evb": ("lm3s6965evb", "cortex-m3"),
    "mps2-an385": ("mps2-an385", "cortex-m3"),
    "mps2-an505": ("mps2-an521", "cortex-m33"),
    "mps3-an547": ("mps3-an547", "cortex-m55"),
}
"""QEMU's machine and core for each of them."""


@dataclass(frozen=True)
class Built:
    """What Zephyr's build makes, and its table of memory."""

    elf: Path
    flash_bytes: int
    ram_bytes: int
    settings: dict[str, str]
    """Of .config, without CONFIG_."""


def base() -> Path | None:
    """The folder of Zephyr, if there is one."""
    found = os.environ.get("ZEPHYR_BASE")
    return Path(found) if found else None


def version(zephyr: Path) -> str:
    """Of Zephyr: x.y.z."""
    text = (zephyr / "VERSION").read_text(encoding="utf-8")
    fields = ("VERSION_MAJOR", "VERSION_MINOR", "PATCHLEVEL")
    return ".".join(re.findall(rf"^{f} = (\d+)", text, re.MULTILINE)[0] for f in fields)


def target(zephyr: Path, board: str) -> str:
    """What that Zephyr calls a board of TARGETS."""
    major, minor, _ = map(int, version(zephyr).split("."))
    return TARGETS[board][(major, minor) >= (3, 7)]


def built(app: Path, target: str, to: Path) -> Built:
    """The application, built in the folder `to`. Raises AssertionError with what was said."""
    modules = os.environ.get("ZEPHYR_MODULES")
    more = [f"-DZEPHYR_MODULES={modules}"] if modules else []
    command = ["cmake", "-G", "Ninja", "-S", str(app), "-B", str(to), f"-DBOARD={target}", *more]
    _said(command)
    table = _said(["ninja", "-C", str(to)])
    sizes = dict(re.findall(r"^\s*(FLASH|S?RAM):\s+(\d+) B", table, re.MULTILINE))
    text = (to / "zephyr/.config").read_text(encoding="utf-8")
    return Built(
        to / "zephyr/zephyr.elf", int(sizes["FLASH"]), int(sizes.get("RAM") or sizes["SRAM"]),
        dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE)),
    )  # fmt: skip


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def console(elf: Path, board: str, seconds: float = 60) -> str:
    """What it prints until its self-test has ended: QEMU itself never ends under Zephyr."""
    machine, core = MACHINES[board]
    command = [
        "qemu-system-arm", "-machine", machine, "-cpu", core, "-display", "none",
        "-monitor", "none", "-serial", "stdio", "-kernel", str(elf),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        said, until = b"", time.monotonic() + seconds
        while time.monotonic() < until and not re.search(rb"(PASS|FAIL) \d+/\d+\s", said):
            if select.select([process.stdout], [], [], 0.5)[0]:
                said += os.read(process.stdout.fileno(), 4096)
        process.terminate()
    return said.decode()
