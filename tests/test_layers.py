"""The layers: who may import whom, and pages that are generated from the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/ascua"
LAYERS = (
    {"errors"},
    {"files"},
    {"arrays", "ir", "settings", "library", "figures", "chance", "discovery"},
    {"fixed", "boards", "pixels"},
    {"ops"},
    {"kernels"},
    {"tflite", "passes", "inputs", "plan", "data", "zoo"},
    {"quantize"},
    {"recipes"},
    {"targets", "run", "train", "compare"},
    {"measure"},
    {"validation"},
    {"report"},
    {"bench"},
    {"cli"},
)
LEARNING = {"data", "zoo", "train"}
MODULES = sorted(SOURCE.rglob("*.py"))


def part(path: Path) -> str:
    """The first name below the package: `ops` of ops/conv2d.py."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def level(name: str) -> int:
    """The layer of a part."""
    return next(i for i, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> list[tuple[str, int]]:
    """Every module that `path` imports, with the column of the statement."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(a.name, node.col_offset) for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{a.name}" for a in node.names]
            found += [(n, node.col_offset) for n in (whole if node.module == "ascua" else
                                                     [node.module])]  # fmt: skip
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    here = part(path)
    if here == "__init__":
        return
    for name, _ in imports(path):
        root, _, rest = name.partition(".")
        there = rest.split(".")[0]
        if root == "ascua" and there and there != here:
            assert level(there) < level(here), f"{here} imports {there}"
            if here not in LEARNING | {"cli", "bench"}:
                assert there not in LEARNING, f"the compiling column imports {there}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_some_modules_know(path: Path) -> None:
    here = part(path)
    owners = {
        "tensorflow": LEARNING, "keras": LEARNING, "sklearn": LEARNING, "PIL": {"data"},
        "flatbuffers": {"tflite"}, "tflite": {"tflite"},
        "subprocess": {"run"}, "click": {"cli"}, "rich": {"cli", "report", "train", "data"},
        "elftools": {"run"},
    }  # fmt: skip
    for name, _ in imports(path):
        root = name.split(".")[0]
        assert root not in owners or here in owners[root], f"{here} imports {name}"


def test_generated_pages_are_up_to_date() -> None:
    from ascua.cli.pages import pages
    from ascua.report.pages import ROOT

    stale = [
        str(p.relative_to(ROOT))
        for p, text in pages(ROOT).items()
        if not p.exists() or p.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make docs` (python -m ascua.cli.pages): {stale}"
