"""Kmodels on an emulated core of the K210: bytes, counts, and the chip's driver."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, k210
from ascua.artifact import Library
from ascua.executors.board import run_artifact
from ascua.executors.kpu import Runtime
from ascua.ir import Tensor
from ascua.run import build, tools
from ascua.targets.k210.library import CHIP, HEADERS, RUNTIME, SOURCES
from tests.support.command import MODELS
from tests.support.compilers import WARNINGS
from tests.support.tools import require_tool

BOARD = "k210-virt"
HERE = Path(__file__).parent / "support"


@pytest.fixture(autouse=True)
def _tools() -> None:
    for tool in ("riscv64-unknown-elf-gcc", "qemu-system-riscv64"):
        require_tool(tool)


def real(version: int) -> Path:
    """A real file."""
    path = MODELS / f"k210/kmodelV{version}/mbnet25.kmodel"
    if not path.exists():
        pytest.skip("the real kmodels are not here")
    return path


def images(count: int) -> np.ndarray:
    """Random, with the frequencies of photographs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 14, 14, 3))
    fine = rng.integers(-20, 21, (count, 224, 224, 3))
    whole = coarse.repeat(16, axis=1).repeat(16, axis=2) + fine
    return np.clip(whole, 0, 255).astype(np.uint8)


def same(version: int, count: int, build_dir: Path) -> k210.Run:
    """A run of a real file, in which no byte differs from the simulator's."""
    model, board = k210.load(real(version)), boards.load(BOARD)
    found = k210.run(model, board, [images(count)], executor=Runtime(board, build_dir))
    assert found.measurement.counted is not None
    assert found.measurement.counted.mismatched_bytes == 0
    assert found.ys[0].shape == (count, 1000)
    return found


@pytest.mark.parametrize("version", [3, 4])
def test_real_files(version: int, tmp_path: Path) -> None:
    counted = same(version, 1, tmp_path).measurement.counted
    assert counted is not None
    assert counted.code_bytes < 48_000
    assert counted.stack_bytes < 4_096
    assert counted.instructions < 1_200_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", [3, 4])
def test_fifty_images_on_real_files(version: int, tmp_path: Path) -> None:
    same(version, 50, tmp_path)


def loops() -> Library:
    """Layers of the CPU, by the runtime and by plain loops."""
    files = {name: (RUNTIME / name).read_bytes() for name in ("kmodel_math.c", *HEADERS)}
    own = {f"loops{p.suffix}": p.read_bytes() for p in HERE.glob("kmodel_loops.?")}
    own["loops.c"] = own["loops.c"].replace(b"kmodel_loops.h", b"loops.h")
    steps = [f"loops_{what}{how}" for what in ("softmax", "dense", "pool", "matrix")
             for how in ("_plain", "")]  # fmt: skip
    x, y = (Tensor(name, (8,), "uint8") for name in "xy")
    return Library(
        name="loops", files={**files, **own}, inputs=(x,), outputs=(y,), steps=tuple(steps),
        sources=("loops.c", "kmodel_math.c"), include_dirs=(".",), arena_bytes=0,
    )  # fmt: skip


def test_layers_of_the_cpu_take_half_of_plain_loops(tmp_path: Path) -> None:
    """A global pool takes a load and an addition an element, which its order allows no fewer of."""
    library = loops()
    answer = run_artifact(library, boards.load(BOARD), tmp_path, [np.zeros((1, 8), np.uint8)])
    assert answer.outcome is not None
    assert answer.outcome.step_instructions is not None
    counts = dict(zip(library.steps, answer.outcome.step_instructions, strict=True))
    share = {
        what: counts[f"loops_{what}"] / counts[f"loops_{what}_plain"]
        for what in ("softmax", "dense", "pool", "matrix")
    }
    text = (Path(__file__).parents[1] / "docs/k210.md").read_text(encoding="utf-8")
    if str(tools.version("riscv64-unknown-elf-gcc")).startswith(
        "12.2"
    ):  # which the page's figures are of
        for what in share:
            said = f"| {counts[f'loops_{what}_plain']:,.0f} | {counts[f'loops_{what}']:,.0f} |"
            assert said in text
    assert share["softmax"] <= 0.5
    assert share["dense"] <= 0.5
    assert share["matrix"] <= 0.5
    assert share["pool"] <= 0.65


def test_the_driver_is_compiled_for_the_chip(tmp_path: Path) -> None:
    """Linked for its memory: six megabytes from 0x80000000."""
    board = boards.load(BOARD)
    script = build._memory_script(board, build.empty()).replace("kpu (rw)", "other (rw)")
    (tmp_path / "memory.ld").write_text(script)
    (tmp_path / "main.c").write_text(
        '#include "kmodel.h"\n'
        "extern const uint8_t file[];\n"
        "_Alignas(256) const uint8_t file[512] = {3};\n"
        "static _Alignas(8) uint8_t work[64];\n"
        "void vectors(void);\n"
        "void vectors(void) {\n"
        "    kmodel_t net;\n"
        "    if (kmodel_open(&net, file, sizeof file, work, sizeof work) == KMODEL_OK) {\n"
        "        kmodel_run(&net);\n"
        "    }\n"
        "}\n"
    )
    script = Path(build.FIRMWARE) / "riscv.ld"
    flags = ["-march=rv64gc_zicsr", "-mabi=lp64d", "-mcmodel=medany", "-ffp-contract=off"]
    command = ["riscv64-unknown-elf-gcc", "-std=c11", "-O2", *WARNINGS, *flags,
               "--specs=picolibc.specs", "-nostartfiles", "-Wl,--gc-sections", f"-I{RUNTIME}",
               "-L.", "-T", script, *(RUNTIME / name for name in (*SOURCES, CHIP)), "main.c",
               "-lm", "-o", "chip.elf"]  # fmt: skip
    subprocess.run(command, cwd=tmp_path, check=True)
    sizes = subprocess.run(
        ["riscv64-unknown-elf-size", "chip.elf"], cwd=tmp_path, check=True, capture_output=True,
        text=True,
    ).stdout.splitlines()[1]  # fmt: skip
    print(sizes)
    assert int(sizes.split()[0]) < 40_000
