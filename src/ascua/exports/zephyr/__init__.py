"""A module of Zephyr, with an application that tests it."""

from __future__ import annotations

from ascua.errors import InputError
from ascua.exports import Export, Format, fill
from ascua.exports.zephyr._boards import BOARDS, OWN, ZephyrBoard
from ascua.plan import STACK_BYTES

TEMPLATES = {
    "README.md": "README.md.in",
    "west.yml": "west.yml.in",
    "zephyr/module.yml": "module.yml.in",
    "zephyr/Kconfig": "Kconfig.in",
    "zephyr/CMakeLists.txt": "module.cmake.in",
    "app/CMakeLists.txt": "app.cmake.in",
    "app/prj.conf": "prj.conf.in",
    "app/sample.yaml": "sample.yaml.in",
    "app/src/main.c": "main.c.in",
}
CORES = (
    "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m33", "cortex-m4", "cortex-m55", "cortex-m7",
    "rv32imac", "rv32imc", "rv64imac",
)  # fmt: skip
KERNEL_STACK = 512
"""Bytes of the main thread's stack that are no network's: the self-test, and `printk`."""
KERNEL_FLASH, KERNEL_RAM = 16, 6
"""KB that Zephyr takes at most beside the network in this application."""
SPEED = """

  # Zephyr compiles for size: of a network, -O2 makes hardly more code, and is faster by a third.
  if(CONFIG_SIZE_OPTIMIZATIONS)
    zephyr_library_compile_options(-O2)
  endif()"""

RESERVED = """app autoconf cache cmsis device fatal init irq kernel libc linker offsets spinlock
    toolchain version zephyr"""
"""Names of libraries, modules and headers that Zephyr has."""


def _files(what: Export) -> dict[str, bytes]:
    if what.name.lower() in RESERVED.split():
        raise InputError(
            f"{what.name!r} cannot be the name of a module: Zephyr has something of that name.",
            [f"Another one: `--name {what.name}_net`."],
        )
    board = BOARDS.get(what.plan.board.name, OWN)
    fields = {**what.fields, **_sizes(what), **_texts(what, board)}
    return {
        **what.sources,
        **{f"app/src/{name}": data for name, data in what.selftest.items()},
        **{path: fill("zephyr", file, fields) for path, file in TEMPLATES.items()},
    }


def _sizes(what: Export) -> dict[str, str]:
    """The stack in bytes; RAM and flash that a board needs, in KB."""
    plan = what.plan
    vectors = sum(a.nbytes for a in (*what.xs, *what.ys))
    ram = plan.arena_bytes + plan.state_bytes + STACK_BYTES
    flash = plan.const_bytes + plan.code_estimate + vectors
    return {
        "stack": str(STACK_BYTES + KERNEL_STACK),
        "ram": str(KERNEL_RAM + -(-ram // 1024)),
        "flash": str(KERNEL_FLASH + -(-flash // 1024)),
    }


def _texts(what: Export, board: ZephyrBoard) -> dict[str, str]:
    """What differs from network to network, and from board to board."""
    core = what.plan.board.core
    builds = [
        f"west build -b {name} {what.name}/app" + (f"  # Zephyr {when}" if when else "")
        for when, name in board.names.items()
    ]
    return {
        "sources": "\n    ".join(f"${{CMAKE_CURRENT_LIST_DIR}}/../{s}" for s in what.compiled),
        "speed": "" if what.plan.goal.kind == "size" else SPEED,
        "arch": "arm" if core.name.startswith("cortex") else "riscv",
        "builds": "\n".join(builds),
        "newest": board.newest,
        "hal": f", {board.hal}" if board.hal else "",
    }


FORMAT = Format(
    name="zephyr",
    title="a module of Zephyr",
    files=_files,
    paths=(
        *TEMPLATES, "include/{name}*.h", "src/{name}*.[ch]", "src/ascua/*.h",
        "app/src/{name}_*.[ch]",
    ),
    command="west build -b BOARD app -t run; README.md says what Zephyr calls the board",
    board="lm3s6965evb",
    cores=CORES,
)  # fmt: skip
