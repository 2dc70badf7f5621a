"""The layers: who may import whom, and pages that are generated from the code."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

from ascua.ir import Op
from ascua.ops import OPERATORS
from scripts.pages import ROOT, pages

SOURCE = Path(__file__).parents[1] / "src/ascua"
LAYERS = (
    {"errors"},
    {"files"},
    {"arrays", "ir", "settings", "figures", "chance", "discovery", "nearness"},
    {"artifact", "fixed", "geometry", "boards", "kmodel", "labels", "pixels", "results"},
    {"estimate", "kpu", "ops"},
    {"kernels"},
    {"tflite", "passes", "inputs", "plan", "data", "zoo"},
    {"quantize"},
    {"recipes"},
    {"targets", "run", "train", "compare", "samples", "ncc"},
    {"model", "executors", "convert", "exports"},
    {"measure"},
    {"pruning", "validation"},
    {"k210"},
    {"verbs"},
    {"study"},
    {"report"},
    {"bench"},
    {"cli"},
    {"__main__"},
)
LEARNING = {"data", "zoo", "train", "pruning", "convert"}
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
            if here not in LEARNING | {"cli", "bench", "study", "verbs"}:
                assert there not in LEARNING, f"the compiling column imports {there}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_some_modules_know(path: Path) -> None:
    here = part(path)
    owners = {
        "tensorflow": LEARNING, "keras": LEARNING, "sklearn": LEARNING, "PIL": {"data"},
        "flatbuffers": {"tflite"}, "tflite": {"tflite"},
        "subprocess": {"run"}, "click": {"cli"},
        "rich": {"cli", "report", "train", "pruning", "data"},
        "elftools": {"run"}, "ray": {"study"}, "fsspec": {"study"}, "nbclient": {"study"},
        "onnx": {"convert"},
    }  # fmt: skip
    for name, _ in imports(path):
        root = name.split(".")[0]
        assert root not in owners or here in owners[root], f"{here} imports {name}"


def test_results_are_read_and_appended_in_one_place() -> None:
    taken = "from ascua.files import lines"
    assert {part(p) for p in MODULES if taken in p.read_text().splitlines()} == {"results"}


@pytest.mark.parametrize("folder", ["ops", "kernels"])
def test_a_file_without_an_underscore_is_an_operator(folder: str) -> None:
    operators = {kind.__module__.rpartition(".")[2] for kind in OPERATORS.values()}
    own = {p.stem for p in (SOURCE / folder).glob("*.py") if not p.stem.startswith("_")}
    operators.add("table")  # which a pass makes
    assert own <= operators
    assert own == operators or folder == "kernels"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_with_an_underscore_are_known_in_their_folder_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ascua"):
            for a in node.names:
                above, _, rest = f"{node.module}.{a.name}".partition("._")
                there = above.removeprefix("ascua").strip(".")
                assert not rest or part(path) == there.split(".")[0], f"it imports {above}._{rest}"


KERNELS = sorted((SOURCE / "kernels").glob("*.py"))
"""What must not know the arithmetic of `ops`."""


def taken_from_ops(tree: ast.Module) -> dict[str, object]:
    """What a kernel's module imports of `ascua.ops`, by the name that it has there."""
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ascua"):
            for a in node.names:
                if f"{node.module}.{a.name}".startswith("ascua.ops"):
                    there = import_module(node.module or "")
                    found[a.asname or a.name] = getattr(there, a.name, None)
        elif isinstance(node, ast.Import):
            found |= {a.name: None for a in node.names if a.name.startswith("ascua")}
    return found


def mentions(tree: ast.AST) -> set[str]:
    """The names that stand somewhere in `tree`."""
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


def methods(tree: ast.Module) -> set[str]:
    """The methods of operators, and of their classes, that a kernel's module calls.

    Operators are parameters called `op`, and those annotated with a class of operators or a name
    for several.
    """
    kinds = {"Op", "O", *taken_from_ops(tree)}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and mentions(node) & kinds:
            kinds.add(target.id)
    names = {"op", *kinds}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation and mentions(node.annotation) & kinds:
            names.add(node.arg)

    def operator(node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in names
            case ast.Call(func=ast.Name(id="type"), args=[value]):
                return operator(value)
        return False

    calls = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call))
    return {ast.unparse(f) for f in calls if isinstance(f, ast.Attribute) and operator(f.value)}


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.stem)
def test_kernels_take_classes_of_operators_alone(path: Path) -> None:
    """Functions, tables and bounds of `ops` would have the reference's faults."""
    for name, value in taken_from_ops(ast.parse(path.read_text())).items():
        assert isinstance(value, type), f"{name} is no class"
        assert issubclass(value, Op), f"{name} is no operator"


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.stem)
def test_kernels_call_no_method_of_operators(path: Path) -> None:
    """They read fields, tensors and properties; `tests/test_witnesses.py` sees what runs."""
    assert methods(ast.parse(path.read_text())) == set()


def test_methods_of_operators_are_found() -> None:
    text = """
from ascua.ops.add import Add
from ascua.ops.sub import Sub
Sum: TypeAlias = Add | Sub
def f(op): return op.eval(op.x.values.copy(), super().f(op).items())
def g(it: Sum, other: Add): return it.check() or type(other).check(other)
def h(graph: Graph): return Sub.eval(graph.check())
"""
    assert methods(ast.parse(text)) == {"op.eval", "it.check", "type(other).check", "Sub.eval"}


def test_generated_pages_are_up_to_date() -> None:
    wanted = pages(ROOT)
    stale = [
        str(p.relative_to(ROOT))
        for p, text in wanted.items()
        if not p.exists() or p.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make docs` (python -m scripts.pages): {stale}"
    figures = {p for p in wanted if p.suffix == ".svg"}
    assert {*(ROOT / "docs/figures").iterdir()} == figures, "figures that no page shows"
