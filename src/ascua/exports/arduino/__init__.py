"""An Arduino library of format 1.5: sources side by side, and a sketch that tests itself."""

from __future__ import annotations

from ascua.errors import InputError
from ascua.exports import Export, Format, fill

SKETCH = "examples/SelfTest/"
TEMPLATES = {
    "library.properties": "library.properties.in",
    "README.md": "README.md.in",
    f"{SKETCH}SelfTest.ino": "SelfTest.ino.in",
}
FQBN = {"mega2560": "arduino:avr:mega"}
"""What arduino-cli calls boards; most cores have several that are named alike."""
HEADERS = frozenset(
    """arduino_secrets arduinoapi audio binary bridge cdc client common compat console eeprom
    esplora ethernet file firmata gsm hardwarei2c hardwareserial hardwarespi hid interrupts
    ipaddress keyboard liquidcrystal main mouse new pins_arduino pluggableusb print printable
    robot_control scheduler sd serial server servo softwareserial spi stepper stream tft udp usb
    usbapi usbcore usbdesc usbhost variant wcharacter wifi wire wiring wiring_private
    wmath wstring""".split()  # noqa: SIM905
)
"""The headers of Arduino's cores and of the libraries that come with them, in small letters."""


def _files(what: Export) -> dict[str, bytes]:
    check_headers(what.name)
    fields = {**what.fields, "fqbn": FQBN.get(what.plan.board.name, "FQBN")}
    return {
        **{f"src/{name}": data for name, data in what.flat.items()},
        **{f"{SKETCH}{name}": data for name, data in what.selftest.items()},
        **{path: fill("arduino", file, fields) for path, file in TEMPLATES.items()},
    }


def check_headers(name: str) -> None:
    """Raise InputError for what no library beside Arduino's core can be called."""
    why = f"<{name}.h> is a header of Arduino's" if name.lower() in HEADERS else None
    if name.lower().startswith("arduino"):
        why = "names that begin so are Arduino's own"
    if why:
        raise InputError(
            f"{name!r} cannot be the name of an Arduino library: {why}.",
            [f"Another one: `--name net_{name}`."],
        )


FORMAT = Format(
    name="arduino",
    title="an Arduino library",
    files=_files,
    paths=(*TEMPLATES, "src/{name}*.[ch]", "src/ascua_*.h", f"{SKETCH}{{name}}_*.[ch]"),
    command="arduino-cli compile --library . --fqbn FQBN examples/SelfTest",
    board="mega2560",
    cores=(
        "avr", "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m33", "cortex-m4", "cortex-m7",
        "rv32imac", "rv32imc",
    ),
)  # fmt: skip
