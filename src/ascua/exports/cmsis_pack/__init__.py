"""A CMSIS-Pack: a component planned for Helium, for DSP instructions, without; cores choose."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace

from ascua import boards
from ascua.errors import InputError
from ascua.exports import Export, Format, check_placed, fill
from ascua.plan import check_fit, plan
from ascua.targets.c import emit

TEMPLATES = {
    "Ascua.{name}.pdsc": "pdsc.in",
    "README.md": "README.md.in",
    "example/main.c": "main.c.in",
    "example/{name}_example.csolution.yml": "csolution.yml.in",
    "example/{name}_example.cproject.yml": "cproject.yml.in",
}
PLANS = {"plain": "cortex-m3", "dsp": "cortex-m4", "helium": "cortex-m55"}
"""The folders of a pack, and the core that each is planned for where the board has another."""
LONGEST = 32
"""Characters of a component's name."""
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The date of each file in the archive: no earlier one can be told there."""


def _files(what: Export) -> dict[str, bytes]:
    if len(what.name) > LONGEST:
        raise InputError(
            f"{what.name!r} cannot be the name of a pack's component: it has {len(what.name)}"
            f" characters, and such a name {LONGEST} at most.",
            ["Another one: `--name net`."],
        )
    plans = {folder: _planned(what, folder) for folder in PLANS}
    listed = [line for folder, export in plans.items() for line in _listed(folder, export)]
    fields = {
        **what.fields,
        "files": "\n".join(f"        {line}" for line in listed),
        **{f"{folder}_memory": export.fields["memory"] for folder, export in plans.items()},
    }
    files = {
        **{
            f"{folder}/{path}": data
            for folder, export in plans.items()
            for path, data in export.sources.items()
        },
        **{f"example/{name}": data for name, data in what.selftest.items()},
        **{
            path.format(name=what.name): fill("cmsis_pack", file, fields)
            for path, file in TEMPLATES.items()
        },
    }
    return {**files, f"Ascua.{what.name}.{what.version}.pack": _archive(files)}


def _planned(what: Export, folder: str) -> Export:
    """The same for the cores of `folder`: with the board's memories, and its core if it is one."""
    board = what.plan.board
    core = boards.load_core(PLANS[folder], board.name)
    if board.core.features == core.features:
        return what
    board = replace(board, core=core)
    planned = plan(what.plan.graph, board, what.plan.goal)
    check_fit(planned)
    export = replace(what, plan=planned, library=emit(planned, what.name))
    check_placed(export)
    return export


def _listed(folder: str, export: Export) -> list[str]:
    """The elements of a component for the files in `folder`."""
    found = []
    for path in sorted(export.sources):
        kind = 'category="source"' if path in export.compiled else 'category="header"'
        # Others of the project see the folder of public headers alone.
        scope = ' scope="private"' if path.startswith("src/") and path.endswith(".h") else ""
        found.append(f'<file {kind} name="{folder}/{path}"{scope} condition="{folder}"/>')
    return found


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A .pack file. The same files make the same archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for path, data in sorted(files.items()):
            info = zipfile.ZipInfo(path, FIRST_DAY)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)
    return held.getvalue()


FORMAT = Format(
    name="cmsis-pack",
    title="a CMSIS-Pack",
    files=_files,
    paths=(
        *TEMPLATES, "Ascua.{name}.*.pack", "*/include/{name}*.h", "*/src/{name}*.[ch]",
        "*/src/ascua/*.h", "example/{name}_*.[ch]",
    ),
    command="cpackget add Ascua.{name}.*.pack",
    board="mps2-an386",
    cores=(
        "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m33", "cortex-m4", "cortex-m55",
        "cortex-m7",
    ),
)  # fmt: skip
