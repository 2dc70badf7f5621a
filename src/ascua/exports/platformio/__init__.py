"""A library of PlatformIO, and a project that tests it: on a computer, and on the plan's board."""

from __future__ import annotations

import json

from ascua.exports import Export, Format, fill
from ascua.exports.arduino import check_headers

EXAMPLE = "examples/selftest"
TEMPLATES = {
    "README.md": "README.md.in",
    f"{EXAMPLE}/platformio.ini": "platformio.ini.in",
    f"{EXAMPLE}/src/main.cpp": "main.cpp.in",
}
BOARDS = {
    "mega2560": ("atmelavr", "megaatmega2560"),
    "microbit": ("nordicnrf51", "bbcmicrobit"),
    "netduinoplus2": ("ststm32", "netduino2plus"),
    "nrf52840": ("nordicnrf52", "nrf52840_dk"),
    "rp2040": ("raspberrypi", "pico"),
    "stm32f446": ("ststm32", "nucleo_f446re"),
    "stm32l476": ("ststm32", "nucleo_l476rg"),
    "stm32l4r5": ("ststm32", "nucleo_l4r5zi"),
    "stm32u585": ("ststm32", "disco_b_u585i_iot02a"),
}
"""PlatformIO's platform and board for boards that it has with Arduino's framework."""


def _files(what: Export) -> dict[str, bytes]:
    check_headers(what.name)
    board, there, environment = what.plan.board.name, "", ""
    if board in BOARDS:
        platform, name = BOARDS[board]
        there = (
            "\nThat is this computer. On the board:\n\n```sh\n"
            f"pio run -d {EXAMPLE} -e {name} -t upload -t monitor\n```\n"
        )
        environment = (
            f"\n[env:{name}]\nplatform = {platform}\nboard = {name}\nframework = arduino\n"
            "monitor_speed = 115200\n"
        )
    fields = {**what.fields, "environment": environment, "there": there}
    example = {f"{EXAMPLE}/src/{name}": data for name, data in what.selftest.items()}
    example |= {
        path: fill("platformio", file, fields)
        for path, file in TEMPLATES.items() if path.startswith(EXAMPLE)
    }  # fmt: skip
    return {
        **what.sources,
        **example,
        "README.md": fill("platformio", "README.md.in", fields),
        "library.json": _manifest(what, sorted(example)),
    }


def _manifest(what: Export, example: list[str]) -> bytes:
    """library.json."""
    table = {
        "name": what.name,
        "version": what.version,
        "description": f"A neural network as C11: no heap, no libm. {what.fields['memory']}",
        "keywords": ["neural-network", "tinyml", "tflite", "int8"],
        "authors": [{"name": "Ascua"}],
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{what.name}.h",
        "build": {"srcDir": "src", "includeDir": "include", "flags": "-std=gnu11"},
        "examples": [
            {
                "name": "selftest",
                "base": EXAMPLE,
                "files": [path.removeprefix(f"{EXAMPLE}/") for path in example],
            }
        ],
    }
    return (json.dumps(table, indent=2) + "\n").encode()


FORMAT = Format(
    name="platformio",
    title="a PlatformIO library",
    files=_files,
    paths=(
        *TEMPLATES, "library.json", "include/{name}*.h", "src/{name}*.[ch]", "src/ascua/*.h",
        f"{EXAMPLE}/src/{{name}}_*.[ch]",
    ),
    command=f"pio run -d {EXAMPLE} -e native -t exec",
    board="rp2040",
)  # fmt: skip
