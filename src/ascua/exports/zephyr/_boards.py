"""What Zephyr calls the boards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ZephyrBoard:
    """A board by its names in Zephyr."""

    names: Mapping[str, str]
    """The name by the releases that call it so; of one name, by nothing."""
    hal: str = ""
    """The module of Zephyr that it needs beside Arm's."""

    @property
    def newest(self) -> str:
        """As the newest release calls it."""
        return list(self.names.values())[-1]


def _respelled(old: str, new: str, hal: str = "") -> ZephyrBoard:
    return ZephyrBoard({"up to 3.6": old, "from 3.7": new}, hal)


def _named(name: str, hal: str = "", since: str = "") -> ZephyrBoard:
    return ZephyrBoard({since: name}, hal)


BOARDS: Mapping[str, ZephyrBoard] = {
    "apollo4": _named("apollo4p_evb", "hal_ambiq", "after 3.2"),
    "efr32mg24": ZephyrBoard(
        {"up to 3.6": "efr32xg24_dk2601b", "from 3.7": "xg24_dk2601b"}, "hal_silabs"
    ),
    "lm3s6965evb": _named("qemu_cortex_m3"),
    "microbit": _named("bbc_microbit", "hal_nordic"),
    "mps2-an385": _respelled("mps2_an385", "mps2/an385"),
    "mps2-an386": _named("mps2/an386", since="after 3.7"),
    "mps2-an500": _named("mps2/an500", since="after 3.7"),
    "mps2-an505": _respelled("mps2_an521", "mps2/an521/cpu0"),
    "mps3-an547": ZephyrBoard(
        {"up to 3.6": "mps3_an547", "3.7": "mps3/an547", "from 4.0": "mps3/corstone300/an547"}
    ),
    "netduinoplus2": _named("adafruit_feather_stm32f405", "hal_stm32"),
    "nrf52840": _respelled("nrf52840dk_nrf52840", "nrf52840dk/nrf52840", "hal_nordic"),
    "riscv32-virt": _named("qemu_riscv32"),
    "riscv64-virt": _named("qemu_riscv64"),
    "rp2040": _named("rpi_pico", "hal_rpi_pico"),
    "stm32f446": _named("nucleo_f446re", "hal_stm32"),
    "stm32h7a3": _named("nucleo_h7a3zi_q", "hal_stm32"),
    "stm32l476": _named("nucleo_l476rg", "hal_stm32"),
    "stm32l4r5": _named("nucleo_l4r5zi", "hal_stm32"),
    "stm32u385": _named("nucleo_u385rg_q", "hal_stm32", "after 3.7"),
    "stm32u585": _named("b_u585i_iot02a", "hal_stm32"),
    "stm32vldiscovery": _named("stm32vl_disco", "hal_stm32"),
}
"""The boards of Zephyr that have a board's core and, where there is one, its chip."""

OWN = ZephyrBoard({"": "BOARD"})
"""A board of the user's own file."""
