"""Which tests are for a file of kernels/ or ops/, as its includes, imports and classes tell."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ascua import kernels, ops
from ascua.discovery import concrete
from ascua.ir import Op

MOST = 2
"""Of the operators that share a file, those whose tests are run."""
BOARDS = "tests/test_variants.py::test_equal_bytes"
"""Runs a kernel on this computer and on a board."""
ASSEMBLY = "__asm__"


@dataclass(frozen=True)
class Suites:
    """The tests of the tree at `root`, which Ascua was imported from."""

    root: Path

    def of(self, path: Path, function: str) -> list[str]:
        """The files of tests for `function` in `path`: of its name, and of operators with it.

        Of several operators those come first whose kernel, or file in ops/, names the function,
        and among these the ones with most tests.
        """
        found = self._tests(self._naming(path, function)) or self._tests({path})
        found = found or self._tests({Path(name) for name in self._by_file})
        first = self._named(path.stem)
        others = sorted(found - set(first), key=lambda t: (-len((self.root / t).read_bytes()), t))
        return [*first, *others[:MOST]]

    def on_boards(self, path: Path, function: str) -> list[str]:
        """Tests that run what only the compiler of a board sees."""
        naming = {p.stem for p in self._naming(path, function) or self._users(path)}
        kinds = [k for k in kernels.every() if k.name in naming | {path.stem}]
        names = {k.name for k in kinds if k.needs or ASSEMBLY in self._texts[f"{k.name}.h"]}
        return [f"{BOARDS}[{name}]" for name in sorted(names)[:MOST]]

    def _named(self, name: str) -> list[str]:
        """The file of tests with the name of a module or header, or for a word of its name."""
        found = [f"{folder}/test_{name.strip('_')}.py" for folder in ("tests/ops", "tests")]
        words = [w for w in name.split("_") if f"ops/{w}.py" not in self._texts]
        found = [test for test in found if (self.root / test).exists()][:1]
        more = [f"tests/ops/test_{word}.py" for word in words]
        return list(dict.fromkeys([*found, *(t for t in more if (self.root / t).exists())]))

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        """What is in kernels/ and ops/, by the name of the file; of modules with their folder."""
        package = self.root / "src/ascua"
        headers = {p.name: p.read_text(encoding="utf-8") for p in package.glob("kernels/*.h")}
        modules = [*package.glob("kernels/*.py"), *package.glob("ops/*.py")]
        modules = [p for p in modules if p.stem != "__init__"]
        texts = {f"{p.parent.name}/{p.name}": p.read_text(encoding="utf-8") for p in modules}
        return headers | texts

    @cached_property
    def _uses(self) -> Mapping[str, set[str]]:
        """The files of `_texts` that each takes in."""
        found: dict[str, set[str]] = {}
        for name, text in self._texts.items():
            if name.endswith(".h"):
                found[name] = set(re.findall(r'#include "(.*)"', text))
                continue
            imported = set[str]()
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ascua."):
                    parts = str(node.module).split(".")[1:]
                    imported |= {"/".join([*parts, a.name]) + ".py" for a in node.names}
                    imported.add("/".join(parts) + ".py")
            folder = name.partition("/")[0]
            found[name] = {i for i in imported & set(self._texts) if i.startswith(f"{folder}/")}
        return found

    @cached_property
    def _by_file(self) -> Mapping[str, set[str]]:
        """The tests of each operator's file and of each kernel's header and module.

        A kernel's are called as the module of its class, or else as its operators.
        """
        kinds = concrete(ops.__name__, ops.__path__, Op)  # type: ignore[type-abstract]
        found = {f"ops/{_module(k)}.py": set(self._named(_module(k))) for k in kinds}
        for kernel in kernels.every():
            module = _module(type(kernel))
            own = self._named(module) or [
                test
                for kind in kinds
                if issubclass(kind, kernel.ops)
                for test in self._named(_module(kind))
            ]
            for name in (f"{kernel.name}.h", f"kernels/{module}.py"):
                found.setdefault(name, set()).update(own)
        return found

    def _key(self, path: Path) -> str:
        return path.name if path.suffix == ".h" else f"{path.parent.name}/{path.name}"

    def _users(self, path: Path) -> set[Path]:
        """The files that take in `path`, also by others."""
        key, found = self._key(path), set[str]()
        left = {key}
        while left:
            found |= left
            left = {name for name, used in self._uses.items() if used & left} - found
        return {Path(name) for name in found - {key}}

    def _naming(self, path: Path, function: str) -> set[Path]:
        """Those of the files that take in `path` that name the function."""
        word = re.compile(rf"\b{re.escape(function)}\b")
        return {user for user in self._users(path) if word.search(self._texts[str(user)])}

    def _tests(self, paths: set[Path]) -> set[str]:
        """The tests of files, or of what takes them in."""
        every = paths | {user for path in paths for user in self._users(path)}
        return {test for p in every for test in self._by_file.get(self._key(p), ())}


def _module(kind: type[object]) -> str:
    return kind.__module__.rpartition(".")[2]
