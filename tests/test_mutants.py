"""scripts/mutants.py: what is drawn, which tests are run, what becomes of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ascua.errors import AscuaError
from scripts.mutants import (
    EQUIVALENT,
    PACKAGE,
    RESULT,
    RESULTS,
    ROOT,
    SAME,
    Equivalent,
    Mutant,
    Trial,
    compiled,
    excuses,
    judged,
    merged,
    places,
    read,
    score,
    sources,
    tree,
)  # fmt: skip
from scripts.mutations import Mutation, drawn, enclosing, tokens
from scripts.suites import Suites
from tests.support.tools import require_programs

SEED = 1
FILES = sources(ROOT)
CLAMP = Path("kernels/fixed.h")
SURVIVOR = Mutant("ops/div.py", "eval", "bound", "a < b", "a <= b", "survived")


def text(path: Path) -> str:
    return (ROOT / PACKAGE / path).read_text(encoding="utf-8")


def some(path: Path) -> tuple[str, list[Mutation]]:
    """A file, and of each place the two that are tried first."""
    source = text(path)
    return source, [m for p in drawn(source, ROOT / PACKAGE / path, SEED, 10) for m in p[:2]]


def test_there_are_enough() -> None:
    assert len(places(ROOT, SEED, 10, [], None)) >= 600
    assert len(places(ROOT, SEED, 10, [], 60)) == 60


def test_the_seed_alone_decides() -> None:
    path = ROOT / PACKAGE / CLAMP
    assert drawn(text(CLAMP), path, 1, 10) == drawn(text(CLAMP), path, 1, 10)
    assert drawn(text(CLAMP), path, 1, 10) != drawn(text(CLAMP), path, 2, 10)
    assert places(ROOT, 1, 3, [], 9) == places(ROOT, 1, 3, [], 9)


def test_they_are_spread_over_the_file() -> None:
    starts = [place[0].start for place in drawn(text(CLAMP), ROOT / PACKAGE / CLAMP, SEED, 10)]
    assert len(starts) == 10
    assert starts == sorted(starts)
    assert len({enclosing(text(CLAMP), at, CLAMP) for at in starts}) > 4


@pytest.mark.parametrize("folder", ["kernels", "ops"])
def test_python_still_parses_and_keeps_what_it_says(folder: str) -> None:
    """Docstrings, messages, types and imports stay."""
    for path in (p for p in FILES if p.suffix == ".py" and p.parent.name == folder):
        source, mutations = some(path)
        before = ast.parse(source)
        for mutation in mutations:
            after = ast.parse(mutation.of(source))
            assert ast.dump(before) != ast.dump(after)
            assert said(before) == said(after), mutation.lines(source)


def said(tree: ast.Module) -> list[str]:
    """Texts, types, decorators and imports of a module."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found.append(ast.dump(node.annotation))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
            found.append(ast.dump(node))
    return sorted(found)


def test_c_keeps_comments_directives_and_types() -> None:
    for path in (p for p in FILES if p.suffix == ".h"):
        source, mutations = some(path)
        before = spared(source)
        for mutation in mutations:
            assert spared(mutation.of(source)) == before, mutation.lines(source)


def spared(source: str) -> list[str]:
    """What is no code: comments, directives but macros, structures, attributes."""
    lines = [t.text for t in tokens(source) if t.kind == "line"]
    comments = [part.partition("*/")[0] for part in source.split("/*")[1:]]
    structs = [part.partition("}")[0] for part in source.split("typedef struct")[1:]]
    attributes = [part.partition("))")[0] for part in source.split("__attribute__")[1:]]
    directives = [line for line in lines if not line.startswith("#define")]
    return [*directives, *comments, *structs, *attributes]


def test_comments_are_no_code() -> None:
    source = """/* 1 + 2 */
#define GUARD 7
#if GUARD > 3
typedef struct {
    int a[3];
} s;
#endif
// 5 < 6
static int f(int x) __attribute__((aligned(8))) {
    /* 9 - 1 */
    return x /* < 4 */ >> 2; // 8
}
"""
    found = {m.lines(source)[1] for place in drawn(source, Path("kernels/f.h"), 1, 99)
             for m in place}  # fmt: skip
    shifted = "return x /* < 4 */ {}; // 8"
    assert found == {
        *(shifted.format(v) for v in (">> 1", ">> 3", ">> 1 >> 2")),
        "#define GUARD 6", "#define GUARD 8",
    }  # fmt: skip


def test_what_is_drawn_of_c() -> None:
    source = """int f(int x, const int *v, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += -v[i];
    }
    __asm__("add %0, %1, #4" : "=r"(sum) : "r"(x));
    return (sum + (1 << n)) >> 8;
}
"""
    found = {m.lines(source)[1] for place in drawn(source, Path("kernels/f.h"), 1, 999)
             for m in place}  # fmt: skip
    assert found >= {
        "int sum = 1;", "for (int i = 0; i <= n; i++) {", "for (int i = 0; i > n; i++) {",
        "sum -= -v[i];", "sum += v[i];", "sum += -v[i + 1];", "return (sum ) >> 8;",
        "return (sum - (1 << n)) >> 8;", "return (sum + (1 << n)) >> 16;",
        "return (sum + (1 << n)) >> 1 >> 8;",
        '__asm__("sub %0, %1, #4" : "=r"(sum) : "r"(x));',
        '__asm__("add %0, %1, #8" : "=r"(sum) : "r"(x));',
    }  # fmt: skip


def test_the_tests_of_a_file_are_found_in_the_tree() -> None:
    suites = Suites(ROOT)

    def of(name: str, function: str = "") -> list[str]:
        return [Path(test).stem for test in suites.of(Path(name), function)]

    assert of("ops/div.py") == ["test_div"]
    assert of("kernels/cumsum.py") == ["test_cumsum"]
    assert of("kernels/softmax_s8.h") == ["test_softmax"]
    assert of("kernels/conv2d_f32.h") == ["test_floats"]
    assert "test_winograd" in of("kernels/winograd_products.h")
    assert of("kernels/fixed.h", "requantize_once")
    assert of("kernels/window.h"), "of what generated code includes: any"
    assert all((ROOT / test).exists() for p in FILES for test in suites.of(p, ""))
    assert suites.on_boards(Path("kernels/dsp.h"), "max_s8")
    assert not suites.on_boards(Path("kernels/cumsum_s8.h"), "")


def test_a_tree_differs_in_one_file(tmp_path: Path) -> None:
    with tree(ROOT, tmp_path, CLAMP, "other") as copy:
        assert (copy / PACKAGE / CLAMP).read_text() == "other"
        other = PACKAGE / "kernels/kernel.h"
        assert (copy / other).read_bytes() == (ROOT / other).read_bytes()
    assert text(CLAMP) != "other"
    assert not list(tmp_path.iterdir())


def test_compilers_tell_what_is_no_mutant() -> None:
    require_programs("gcc gcc-arm-none-eabi", "cc", "arm-none-eabi-gcc")
    path = ROOT / PACKAGE / "kernels/dsp.h"
    source = path.read_text()
    assert compiled(path, source + "/* more */\n") == SAME
    assert compiled(path, source.replace("lsl #16", "lsl #15", 1)) == "board"
    assert compiled(path, source.replace("b << 16", "b << 15", 1)) == "host"
    assert compiled(path, source.replace("b << 16", "c << 16", 1)) == "refused"


def ending(code: str) -> list[str]:
    """A command that stands for pytest."""
    return [sys.executable, "-c", code]


def test_verdicts(tmp_path: Path) -> None:
    assert judged(ending(""), tmp_path, 60) == ("survived", "")
    failing = "print('FAILED tests/a.py::t[x y] - assert 1 == 2'); raise SystemExit(1)"
    assert judged(ending(failing), tmp_path, 60) == ("caught", "tests/a.py::t[x y]")
    assert judged(ending("import os; os.abort()"), tmp_path, 60) == ("caught", "")
    assert judged(ending("import time; time.sleep(60)"), tmp_path, 0.5) == ("hung", "")
    with pytest.raises(AscuaError, match="pytest ended with -15"):
        judged(ending("import os; os.kill(os.getpid(), 15)"), tmp_path, 60)
    with pytest.raises(AscuaError, match="pytest ended with 5"):
        judged(ending("raise SystemExit(5)"), tmp_path, 60)


def test_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def verdict(*given: object) -> tuple[str, str]:
        tried.append(given)
        return (SAME, "") if len(tried) == 1 else ("caught", "tests/a.py::t")

    monkeypatch.setattr(Trial, "_tried", verdict)
    source = text(CLAMP)
    place = drawn(source, ROOT / PACKAGE / CLAMP, SEED, 10)[0]
    first = Trial(ROOT, tmp_path).mutant(CLAMP, source, place)
    assert first
    assert (first.verdict, len(tried)) == ("caught", 2), "the same code is no mutant"
    assert Trial(ROOT, tmp_path).mutant(CLAMP, source, place) == first
    assert len(tried) == 2
    changed = source + "\n"
    assert Trial(ROOT, tmp_path).mutant(CLAMP, changed, place) is not None
    assert len(tried) == 3, "of another file"


def test_scores() -> None:
    caught = replace(SURVIVOR, verdict="caught", by="tests/a.py::t")
    why = Equivalent("ops/div.py", "eval", "a < b", "a <= b", "a is never b")
    every = [caught, replace(caught, verdict="refused"), SURVIVOR]
    assert score(every, []).share == 2 / 3
    assert score(every, [why]).share == 1
    assert (score(every, [why]).survivors, score(every, [why]).equivalent) == (0, 1)
    assert score(every, [replace(why, function="check")]).survivors == 1


def test_results_of_lines_that_are_gone_are_dropped() -> None:
    there = replace(SURVIVOR, file=str(CLAMP), before="return clamp(v, -128, 127);")
    gone = replace(there, before="return clamp(v, -256, 255);")
    assert merged(ROOT, [gone, there], [replace(there, verdict="caught")]) == [
        replace(there, verdict="caught")
    ]


def test_every_reason_is_of_a_mutant() -> None:
    survivors = [m for m in read(ROOT / RESULTS / RESULT) if not m.seen]
    for excuse in excuses(ROOT / RESULTS / EQUIVALENT):
        assert any(map(excuse.is_of, survivors)), excuse
        assert excuse.why


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_a_sample_is_seen() -> None:
    """As `make mutants` does it, which goes on from what it found before."""
    command = [sys.executable, "-m", "scripts.mutants", "--sample", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
