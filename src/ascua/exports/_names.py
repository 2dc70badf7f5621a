"""Names that no project of a build system can have."""

from __future__ import annotations

import re

from ascua.errors import InputError
from ascua.targets.c.names import check_name

RESERVED = {
    "C and C++": """alignas alignof and and_eq asm auto bitand bitor bool break case catch char
        char8_t char16_t char32_t class co_await co_return co_yield compl concept const const_cast
        consteval constexpr constinit continue decltype default delete do double dynamic_cast else
        enum explicit export extern false float for friend goto if inline int long mutable namespace
        new noexcept not not_eq nullptr operator or or_eq private protected public register
        reinterpret_cast requires restrict return short signed sizeof static static_assert
        static_cast struct switch template this thread_local throw true try typedef typeid typename
        typeof union unsigned using virtual void volatile wchar_t while xor xor_eq main""",
    "CMake": """all clean depend edit_cache help install list_install_components package
        package_source preinstall rebuild_cache run_tests test""",
    "Kconfig": """choice comment config def_bool def_tristate default depends endchoice endif
        endmenu help hex if imply int mainmenu menu menuconfig module modules option optional prompt
        range rsource osource source orsource select string tristate visible y n m""",
}
"""What each reserves, in whatever case."""

VERSION = re.compile(r"(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})", re.ASCII)


def check(name: str, version: str) -> None:
    """Raise InputError where a project can have no such name, or no such version."""
    check_name(name)
    for whose, words in RESERVED.items():
        if name.lower() in words.split():
            raise InputError(
                f"{name!r} cannot be the name of a project: it is reserved in {whose}.",
                [f"Another one: `--name {name}_net`."],
            )
    if not VERSION.fullmatch(version):
        raise InputError(
            f"--version {version}: a version is three numbers, x.y.z.", ["Say `--version 1.0.0`."]
        )
