"""A package of CMake: for `find_package`, and for `add_subdirectory`."""

from __future__ import annotations

from ascua.exports import Export, Format, fill
from ascua.targets.c import selftest

TEMPLATES = {
    "CMakeLists.txt": "CMakeLists.txt.in",
    "README.md": "README.md.in",
    "cmake/{name}Config.cmake": "Config.cmake.in",
    "example/CMakeLists.txt": "example.cmake.in",
    "example/main.cpp": "main.cpp.in",
}


def _files(what: Export) -> dict[str, bytes]:
    fields = {
        **what.fields,
        "sources": "\n  ".join(what.compiled),
        "labels": f" include/{what.name}_labels.h" if what.labels else "",
    }
    return {
        **what.sources,
        **{f"example/{name}": data for name, data in what.selftest.items()},
        "example/main.c": selftest.main(what.name).encode(),
        **{
            path.format(name=what.name): fill("cmake", file, fields)
            for path, file in TEMPLATES.items()
        },
    }


FORMAT = Format(
    name="cmake",
    title="a CMake package",
    files=_files,
    paths=(
        *TEMPLATES, "example/main.c", "include/{name}*.h", "src/{name}*.[ch]", "src/ascua/*.h",
        "example/{name}_*.[ch]",
    ),
    command="cmake -S example -B build && cmake --build build && build/{name}_example",
)  # fmt: skip
