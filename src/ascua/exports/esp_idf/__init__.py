"""A component of ESP-IDF, Espressif's framework, with an example project."""

from __future__ import annotations

import re

from ascua.errors import InputError
from ascua.exports import Export, Format, fill

EXAMPLE = "examples/selftest"
TEMPLATES = {
    "CMakeLists.txt": "CMakeLists.txt.in",
    "README.md": "README.md.in",
    "idf_component.yml": "idf_component.yml.in",
    f"{EXAMPLE}/CMakeLists.txt": "example.cmake.in",
    f"{EXAMPLE}/sdkconfig.defaults": "sdkconfig.defaults.in",
    f"{EXAMPLE}/main/CMakeLists.txt": "main.cmake.in",
    f"{EXAMPLE}/main/idf_component.yml": "main.yml.in",
    f"{EXAMPLE}/main/main.c": "main.c.in",
}

SLUG = re.compile(r"[A-Za-z0-9](_?[A-Za-z0-9])+", re.ASCII)
"""What the component manager takes for a name, of the names that C takes."""

OWN = """app_trace app_update bootloader bootloader_support bt cmock console cxx driver efuse
    espcoredump esptool_py fatfs freertos hal heap http_parser idf_test ieee802154 json linux log
    lwip mbedtls mqtt newlib nvs_flash openthread partition_table perfmon protocomm pthread riscv
    rt sdmmc soc spi_flash spiffs tcp_transport touch_element ulp unity usb vfs wear_levelling
    wifi_provisioning wpa_supplicant xtensa"""
"""Components of ESP-IDF 5, beside those that begin with `esp_`: a project's would replace them."""


def _files(what: Export) -> dict[str, bytes]:
    _check_name(what.name)
    fields = {
        **what.fields,
        "sources": " ".join(f'"{p}"' for p in what.compiled),
        "arena": "arena and the states are" if what.plan.states else "arena is",
    }
    return {
        **what.sources,
        **{f"{EXAMPLE}/main/{name}": data for name, data in what.selftest.items()},
        **{path: fill("esp_idf", file, fields) for path, file in TEMPLATES.items()},
    }


def _check_name(name: str) -> None:
    """Raise InputError where no component can be called so."""
    if not SLUG.fullmatch(name):
        reason = "it takes two letters or digits and more, and single underscores between them"
    elif name in OWN.split() or name.startswith("esp_"):
        reason = "it has one of that name, which yours would replace"
    else:
        return
    raise InputError(
        f"ESP-IDF takes no component called {name!r}: {reason}.",
        [f"Another one: `--name {name.strip('_').replace('__', '_')}_net`."],
    )


FORMAT = Format(
    name="esp-idf",
    title="a component of ESP-IDF",
    files=_files,
    paths=(
        *TEMPLATES, "include/{name}*.h", "src/{name}*.[ch]", "src/ascua/*.h",
        f"{EXAMPLE}/main/{{name}}_*.[ch]",
    ),
    command="cd examples/selftest && idf.py set-target esp32c3 && idf.py build flash monitor",
    board="riscv32-virt",
    cores=("host", "rv32imac", "rv32imc", "xtensa-lx6", "xtensa-lx7"),
)  # fmt: skip
