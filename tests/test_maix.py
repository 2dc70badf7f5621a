"""Kmodels on the way to a Maix board: the export runs against stubs of camera, display and ROM."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from ascua import kmodel
from ascua.kmodel import Kmodel, Port, v3, v4
from ascua.kmodel.memory import f32, u8
from ascua.kpu import Simulator
from ascua.run import kflash
from ascua.targets.k210.library import CHIP, SOFT
from tests.support.command import ascua, refused
from tests.support.compilers import WARNINGS
from tests.support.convolutions import RELU, conv
from tests.support.maix.modules import Board
from tests.support.maix.rom import Rom
from tests.support.tools import require_package, require_tool
from tests.test_kpu_run import model

STUBS = Path(__file__).parent / "support/maix"
H, W = 6, 8
CLASSES = 4 * H * W
KENDRYTE = ("-ffast-math", "-fno-math-errno", "-fsingle-precision-constant", "-Os")
"""What its SDK compiles every project with."""
SDK = ("dmac", "dvp", "fpioa", "gpiohs", "plic", "spi", "sysctl", "uarths")
"""Headers of the SDK that the project includes."""


def network(channels: int = 3) -> Kmodel:
    """A convolution of a small image, and its map as floats."""
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 40, (4, channels, 1, 1)).astype(np.uint8)
    first = v3.K210Conv(1, 0, conv(weights, (H, W), norms=[(900, 40, 0)] * 4, segments=RELU))
    last = v3.Dequantize(1, 0, CLASSES, CLASSES, 1 / 256, 0.0)
    return model(3, [first, last], [f32(CLASSES, CLASSES)], main_bytes=5 * CLASSES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Its file."""
    (tmp_path / "net.kmodel").write_bytes(kmodel.write(network()))
    return tmp_path / "net.kmodel"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Names, one of them hard to write in C."""
    names = ['a "b"\\c', "größe", *(f"class {i}" for i in range(2, CLASSES))]
    (tmp_path / "names.txt").write_text("".join(f"{n}\n" for n in names), encoding="utf-8")
    return tmp_path / "names.txt"


def exported(path: Path, labels: Path, *more: object) -> Path:
    """The folder that the command writes."""
    to = path.parent / "maix"
    done = ascua("export", "maix", path, "--labels", labels, "-o", to, *more)
    assert done.code == 0, done.err
    assert "ascua flash maix" in done.out
    return to


def frame() -> np.ndarray:
    """What the camera sees: (3, 240, 320)."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (3, 240, 320)).astype(np.uint8)


def best(net: Kmodel, seen: np.ndarray) -> int:
    """The class of the window in the middle, made small by its nearest pixels."""
    rows, columns = np.arange(H) * 240 // H, np.arange(W) * 320 // W
    small = seen[:, rows][:, :, columns].transpose(1, 2, 0)
    return int(Simulator(net).run([np.ascontiguousarray(small)[None]])[0][0].argmax())


def test_the_project_in_c_sees_what_the_simulator_sees(path: Path, labels: Path) -> None:
    """Compiled with stubs of the SDK, and run: the best class is on the display."""
    require_tool("cc")
    source = exported(path, labels) / "project/src"
    for name in SDK:
        (source / f"{name}.h").write_text('#include "sdk.h"\n')
    frame().tofile(source / "frame.rgb")
    sources = [p for p in source.glob("*.c") if p.name != CHIP]
    soft = Path(kmodel.__file__).parents[1] / "targets/k210/runtime" / SOFT
    command = ["cc", "-std=gnu11", "-O2", *WARNINGS, f"-I{source}", f"-I{STUBS}", *sources, soft,
               STUBS / "sdk.c", "-lm", "-o", source / "firmware"]  # fmt: skip
    subprocess.run(command, check=True)
    done = subprocess.run(["./firmware"], cwd=source, check=True, capture_output=True, text=True)
    names = labels.read_text(encoding="utf-8").splitlines()
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{names[best(network(), frame())][:24]} ")
    assert "%" not in first  # of scores that are no probabilities
    assert second.endswith(" fps")
    shown = np.fromfile(source / "shown.bin", "<u4")
    assert len(shown) == 320 * 240 // 2
    assert set(np.unique(shown)) > {0x55555555}  # and letters on it
    blind = {**os.environ, "NO_CAMERA": "1"}
    said = subprocess.run(["./firmware"], cwd=source, env=blind, capture_output=True, text=True)
    assert "no camera: an OV2640 is expected" in said.stdout


def test_the_project_is_compiled_for_the_chip(path: Path, labels: Path) -> None:
    """By the compiler that has the chip's instructions, with the driver of its KPU."""
    require_tool("riscv64-unknown-elf-gcc")
    source = exported(path, labels) / "project/src"
    for name in SDK:
        (source / f"{name}.h").write_text('#include "sdk.h"\n')
    chip = ["-march=rv64gc_zicsr", "-mabi=lp64d", "-mcmodel=medany", "--specs=picolibc.specs"]
    compiler = ["riscv64-unknown-elf-gcc", "-std=gnu11", *WARNINGS, *chip, f"-I{source}",
                f"-I{STUBS}", "-o", source / "x.o", *KENDRYTE]  # fmt: skip
    settings = (source / "project.cmake").read_text()
    own = settings[settings.index("PRIVATE ") : settings.index(")")].split()[1:]
    assert f"build_flags = {' '.join(own)}\n" in (source.parent / "platformio.ini").read_text()
    for each in sorted(source.glob("*.c")):
        subprocess.run([*compiler, *own, "-c", each], check=True)
    done = subprocess.run([*compiler, "-c", source / "kmodel_math.c"], capture_output=True)
    assert b"Compile this with -fno-fast-math" in done.stderr


def test_scores_that_are_probabilities_are_percents(path: Path, labels: Path) -> None:
    """Of a network that ends with a softmax."""
    assert "ONE = 1," in (exported(path, labels) / "project/src/main.c").read_text()
    base = four()
    count = base.outputs[0].count
    floats = base.outputs[0]
    ends = v4.Softmax(floats, floats, count, 1, 1.0)
    path.write_bytes(kmodel.write(replace(base, layers=(*base.layers, ends))))
    source = (exported(path, labels) / "project/src/main.c").read_text()
    assert "ONE = 100," in source
    assert '"%.*s %ld%% %d fps"' in source


def test_the_readme_names_what_is_there(path: Path, labels: Path) -> None:
    maixpy = path.with_name("maixpy.bin")
    maixpy.write_bytes(b"firmware" * 100)
    to = exported(path, labels, "--firmware", maixpy)
    text = (to / "README.md").read_text()
    assert "writes MaixPy, and the model at 0x200000 of the flash" in text
    assert "`main.py` and `labels.txt` to the SD card" in text
    assert ascua("export", "maix", path, "-o", path.parent / "bare").code == 0
    text = (path.parent / "bare/README.md").read_text()
    assert "writes the model at 0x200000" in text
    assert "Copy `main.py` to the SD card" in text


def test_the_program_for_maixpy(path: Path, labels: Path) -> None:
    program = (exported(path, labels) / "main.py").read_text()
    scores = np.zeros(CLASSES)
    scores[7] = 0.75
    board = Board(scores)
    board.run(program)
    assert board.shown == ["7 0.75"] * 2  # labels.txt is on no card here
    assert ("load", 0x200000) in board.calls
    assert [c[0] for c in board.calls][-1] == "deinit"
    assert {(i.width, i.height, i.is_given) for i in board.asked} == {(W, H, True)}


def test_a_file_of_version_4_is_told_its_outputs(tmp_path: Path, labels: Path) -> None:
    path = tmp_path / "four.kmodel"
    path.write_bytes(kmodel.write(four()))
    board = Board(np.arange(CLASSES))
    board.run((exported(path, labels) / "main.py").read_text())
    assert ("set_outputs", "task", 0, 1, 1, CLASSES) in board.calls


def four() -> Kmodel:
    """The same network in version 4."""
    base = network().layers[0]
    assert isinstance(base, v3.K210Conv)
    to = u8(0, CLASSES)
    registers = replace(base.conv.registers, send_data_out=1)
    first = v4.KpuConv2d(to, 1, 0, replace(base.conv, registers=registers))
    last = v4.Dequantize(to, f32(CLASSES, CLASSES), 0, 256.0)
    source = base.conv.source
    port = Port(kmodel.Range(source.memory, source.dtype, source.start, source.bytes), (1, 3, H, W))
    where = {"inputs": (port,), "main_bytes": 5 * CLASSES}
    return model(4, [first, last], [f32(CLASSES, CLASSES)], **where)


def test_the_package(path: Path, labels: Path) -> None:
    """The model where MaixPy looks for it, and MaixPy where the chip starts."""
    maixpy = path.with_name("maixpy.bin")
    maixpy.write_bytes(b"firmware" * 100)
    to = exported(path, labels, "--firmware", maixpy)
    with zipfile.ZipFile(io.BytesIO((to / "model.kfpkg").read_bytes())) as package:
        listed = json.loads(package.read("flash-list.json"))
        assert [(f["address"], f["sha256Prefix"]) for f in listed["files"]] == [
            (0, True), (0x200000, False)
        ]  # fmt: skip
        assert package.read("model.kmodel") == path.read_bytes()
        assert package.read("maixpy.bin") == maixpy.read_bytes()
    assert exported(path, labels, "--firmware", maixpy) == to  # again, over its own


def test_what_is_refused(path: Path, labels: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.txt"
    few.write_text("one\ntwo\n")
    odd = tmp_path / "odd.kmodel"
    odd.write_bytes(kmodel.write(network(2)))
    for words, said in (
        (("export", "maix", path, "--labels", few, "-o", tmp_path / "a"), "2 labels"),
        (("export", "maix", odd, "-o", tmp_path / "a"), "1 or 3 channels"),
        (("export", "maix", path, "-o", labels.parent), "not empty"),
        (("export", "maix", path, "--firmware", tmp_path / "none", "-o", tmp_path / "a"), "none"),
        (("flash", "maix", path, "--port", "/dev/null"), "`ascua export maix` packs a kmodel"),
        (("flash", "maix", tmp_path / "none", "--port", "/dev/null"), "cannot be read"),
    ):
        refused(ascua(*words), 1, said)
    assert not (tmp_path / "a").exists()


def listed(folder: Path, files: object, **more: bytes) -> Path:
    """A package whose list says this of its files."""
    made = folder / "own.kfpkg"
    with zipfile.ZipFile(made, "w") as package:
        package.writestr("flash-list.json", files if isinstance(files, str) else json.dumps(
            {"version": "0.1.0", "files": files}, indent=2))  # fmt: skip
        for name, data in more.items():
            package.writestr(name, data)
    return made


def part(at: object, name: str = "a", *, program: bool = False) -> dict[str, object]:
    return {"address": at, "bin": name, "sha256Prefix": program}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ("{", "does not say"), ("{}", "does not say"), ([], "names no file"),
        ([part(0, "none")], "names none, which is not in it"),
        ([part(-4096)], "would go to -0x1000"), ([part("x")], "does not say"),
        ([part(0x1000000)], "behind the flash of 16 MiB"),
        ([part(0, program=True), part(1024, "b")], "b would go to 0x400, where a still lies"),
    ],
)  # fmt: skip
def test_packages_that_would_spoil_a_flash(files: object, words: str, tmp_path: Path) -> None:
    made = listed(tmp_path, files, a=bytes(1000), b=bytes(10))
    refused(ascua("flash", "maix", made, "--port", "/dev/null"), 1, "own.kfpkg", words)


def test_what_would_go_over_the_firmware(path: Path, labels: Path, tmp_path: Path) -> None:
    """By what a file holds, whatever it is called."""
    package = exported(path, labels) / "model.kfpkg"
    for name, data, words in (
        ("ren.zip", package.read_bytes(), "Call it ren.kfpkg"),
        ("REN.KFPKG", package.read_bytes(), "Call it REN.kfpkg"),
        ("ren.bin", path.read_bytes(), "`ascua export maix` packs a kmodel"),
        ("net.bin", b"\x1c\0\0\0TFL3" + bytes(8), "a model"),
        ("labels.txt", b"one\ntwo\n", "neither a package (.kfpkg) nor a program (.bin)"),
    ):
        made = tmp_path / name
        made.write_bytes(data)
        refused(ascua("flash", "maix", made, "--port", "/dev/null"), 1, name, words)


def test_firmware_that_is_none(path: Path, labels: Path, tmp_path: Path) -> None:
    firmware = tmp_path / "maixpy.bin"
    for data, words in (
        (b"", "it is empty"), (path.read_bytes(), "a kmodel"), (b"PK\x03\x04", "a package"),
        (bytes(0x200000 - 36), "a smaller build of MaixPy"),
    ):  # fmt: skip
        firmware.write_bytes(data)
        refused(ascua("export", "maix", path, "--labels", labels, "--firmware", firmware, "-o",
                      tmp_path / "a"), 1, "maixpy.bin", words)  # fmt: skip
    firmware.write_bytes(bytes(0x200000 - 37))
    exported(path, labels, "--firmware", firmware)


@pytest.fixture
def package(path: Path, labels: Path) -> Path:
    require_package("kflash")
    return exported(path, labels) / "model.kfpkg"


def test_flashing(package: Path, path: Path) -> None:
    """The chip's ROM takes a program, which takes the model to its place."""
    with Rom() as rom:
        done = ascua("flash", "maix", package, "--port", rom.port, "--baud", "115200")
    assert done.code == 0, done.err
    written = b"".join(rom.flash[at] for at in sorted(rom.flash))
    assert min(rom.flash) == 0x200000
    assert written.startswith(path.read_bytes())


def test_an_interrupted_flash_is_called_so(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def interrupted(child: subprocess.Popen[str], _: object) -> NoReturn:
        child.kill()
        child.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(kflash, "_listened", interrupted)
    with Rom(deaf=True) as rom:
        done = ascua("flash", "maix", package, "--port", rom.port)
    assert done.code == 130
    assert "may be half written" in done.err
    assert "nothing half-written" not in done.err


@pytest.mark.parametrize("silence", [3.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_ports_that_do_not_answer(
    silence: float, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kflash gives up by itself after some 12 seconds."""
    monkeypatch.setattr(kflash, "SILENCE", silence)
    refused(ascua("flash", "maix", package, "--port", "/dev/ttyNONE"), 1, "there is no such port")
    for port in ("/dev/null", str(package)):
        refused(ascua("flash", "maix", package, "--port", port), 1, f"{port}: it is no serial port")
    with Rom(deaf=True) as rom:
        done = ascua("flash", "maix", package, "--port", rom.port)
    refused(done, 2, "no K210 answers at 1,500,000 bits a second", "`--baud 115200`", "BOOT")


def test_a_board_that_stops_midway(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unplugged, say: the flash is half written, and so it is called."""
    monkeypatch.setattr(kflash, "SILENCE", 3.0)
    with Rom() as rom:
        assert ascua("flash", "maix", package, "--port", rom.port).code == 0
        most = len(rom.heard) - 2
    with Rom(most=most) as rom:
        done = ascua("flash", "maix", package, "--port", rom.port)
    refused(done, 2, "answered no more after", "half written", "The same command writes it again")


def test_without_kflash(path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = exported(path, labels) / "model.kfpkg"
    monkeypatch.setitem(sys.modules, "kflash", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    refused(ascua("flash", "maix", package, "--port", "/dev/null"), 2, "[maix]")
