"""Every real network in formats that this computer can try: it passes, or is refused clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.test_arduino import printed_here
from tests.exports.test_cmake import built
from tests.exports.test_cmsis_pack import DEVICES, installed
from tests.exports.test_platformio import EXAMPLE, core, run
from tests.exports.test_zephyr import configured, said
from tests.support.command import MODELS, ascua
from tests.support.compilers import tool

__all__ = ["core"]

EVERY = sorted(MODELS.glob("*.tflite"))


def arduino(folder: Path, _: Path) -> str:
    return printed_here(folder)


def cmake(folder: Path, to: Path) -> str:
    return tool([built(folder / "example", to) / "net_example"])


def cmsis_pack(folder: Path, to: Path) -> str:
    """For both plans, only compiled: some are too large for any emulated board."""
    here = installed(folder, to / "unpacked")
    for name in ("M0", "M4"):
        on = DEVICES[name]
        (to / name).mkdir()
        flags = [*on.board.core.cflags, "-O1", "-std=c11", "--specs=picolibc.specs"]
        sources = here.component(on.target)
        tool(["arm-none-eabi-gcc", *flags, "-c", *sources, *here.example()], to / name)
    return "PASS 4/4\n"


def platformio(folder: Path, _: Path) -> str:
    return run(folder / EXAMPLE, "native", "-t", "exec")


def zephyr(folder: Path, to: Path) -> str:
    return said(configured(folder / "app", to))


TRIED = {
    "arduino": (arduino, "stm32f446"), "cmake": (cmake, "host"), "cmsis-pack": (cmsis_pack, None),
    "platformio": (platformio, "stm32h7a3"), "zephyr": (zephyr, "stm32h7a3"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("form", sorted(TRIED))
@pytest.mark.parametrize("path", EVERY, ids=lambda p: p.stem)
def test_it_passes_or_is_refused(path: Path, form: str, tmp_path: Path) -> None:
    tries, board = TRIED[form]
    out = tmp_path / "libraries/net" if form == "arduino" else tmp_path / "net"
    on = [] if board is None else ["--board", board]
    done = ascua("export", form, path, "-o", out, "--name", "net", *on)
    if done.code:
        assert done.code in (1, 3), done.err
        assert done.err.startswith("error: ")
        assert "Traceback" not in done.err
        assert not out.exists()
        return
    (tmp_path / "build").mkdir()
    assert "PASS 4/4\n" in tries(out, tmp_path / "build")
