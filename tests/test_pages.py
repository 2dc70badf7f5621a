"""The pages of docs/: their commands run and print what is shown, and every verb has one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ascua import boards, cli
from ascua.validation import python_extras
from scripts.pages import pages, usage
from tests.support import pages as runner
from tests.support.tools import require_board

VERBS = runner.DOCS / "verbs"
NEW = ("why-does-it-differ.md", "why-does-it-not-fit.md")
PAGES = (runner.DOCS.parent / "README.md", *sorted(runner.DOCS.rglob("*.md")))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which someone has done the tutorial."""
    if missing := [extra.name for extra in python_extras() if not extra.found]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    for name in ("host", "lm3s6965evb", "microbit", "mps2-an386", "k210-virt"):
        require_board(boards.load(name))
    folder = tmp_path_factory.mktemp("empty")
    for page in ("tutorial.md", "tutorial-k210.md"):
        runner.run_page(runner.DOCS / page, folder)
    return folder


def last(page: Path) -> tuple[bool, str]:
    """Their order: a report is of the study that another page carries out."""
    return page.stem == "report", page.name


@pytest.mark.train
@pytest.mark.emulator
@pytest.mark.timeout(1800)
def test_the_pages_tell_what_happens(made: Path) -> None:
    """The tutorial in an empty folder, then all other pages there: one test, to train once."""
    for page in (*sorted(VERBS.glob("*.md"), key=last), *(runner.DOCS / name for name in NEW)):
        runner.run_page(page, made)


def test_the_tutorial_needs_cmake_for_one_block_only() -> None:
    every = [b for b in runner.blocks(runner.DOCS / "tutorial.md") if b.kind == "sh"]
    assert len([b for b in every if "cmake" in b.text]) == 1
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed: that block is not run")


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_has_a_page(verb: str) -> None:
    path = VERBS / f"{verb}.md"
    assert path.exists(), "`make docs` starts it"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# ascua {verb}\n")
    assert "xit code" in text, "it says nothing of exit codes"
    shown = [b for b in runner.blocks(path) if b.kind == "sh" and f"ascua {verb}" in b.text]
    after = runner.blocks(path)[runner.blocks(path).index(shown[0]) + 1]
    assert after.kind == "text", "the example shows no output"
    assert "json.md" in text or "no `--json`" in text


def test_no_page_of_a_verb_that_is_gone() -> None:
    assert {p.stem for p in VERBS.glob("*.md")} == {*cli.VERBS, "README"}


def test_options_come_from_the_command_line(tmp_path: Path) -> None:
    """A page without them gets them, what people wrote stays, and an absent page is begun."""
    shutil.copytree(runner.DOCS, tmp_path / "docs")
    shutil.copy(runner.DOCS.parent / "README.md", tmp_path)
    path = tmp_path / "docs/verbs/run.md"
    text = path.read_text(encoding="utf-8")
    table = usage("run", cli.verb("run"))
    assert all(f"`{o}" in table for o in ("-b, --board", "--recipe", "--json", "--build-dir"))
    path.write_text(text.replace(table, ""), encoding="utf-8")
    (tmp_path / "docs/verbs/ops.md").unlink()
    found = pages(tmp_path)
    assert found[path] == text
    begun = found[tmp_path / "docs/verbs/ops.md"]
    assert begun.startswith("# ascua ops\n")
    assert usage("ops", cli.verb("ops")) in begun


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(runner.DOCS.parent)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, path in runner.links(page):
        assert path.exists(), target


@pytest.mark.parametrize(
    ("expected", "found", "how", "wrong"),
    [
        ("a\nb\n", "a\n\n  b  \n", "", None),
        ("a\n", "a\nb\n", "", "there is more: 'b'"),
        ("a\n...\n", "a\nb\nc\n", "", None),
        ("...\nc\n", "a\nb\nc\n", "", None),
        ("a\n...\nb\n", "a\nc\n", "", "expected the line 'b'"),
        ("b\n", "a\nb\n", "", "expected the line 'b'"),
        ("a\nb\n", "a\n", "", "expected the line 'b'"),
        ("1,000 bytes", "1,001 bytes", "", "expected the line '1,000 bytes'"),
        ("1,000 bytes", "1,500 bytes", "about", None),
        ("1,000 bytes", "1,700 bytes", "about", "expected the line '1,000 bytes'"),
        ("1,000 bytes", "1,000 samples", "about", "expected the line '1,000 bytes'"),
        ("98.61 %", "95.00 %", "about", None),
        ("98.61 %", "90.00 %", "about", "expected the line '98.61 %'"),
        ("0 wrong", "1 wrong", "about", "expected the line '0 wrong'"),
        ("1 wrong", "0 wrong", "about", "expected the line '1 wrong'"),
        ("1 of 359 wrong, 5.00 %", "0 of 3 wrong, 90.00 %", "like", None),
        ("1 of 359 wrong", "1 of 359 right", "like", "expected the line '1 of 359 wrong'"),
        ("gcc 12.2.0, 0:09", "gcc 14.1.1, 3:33", "about", None),
    ],
)
def test_what_is_printed_is_compared(
    expected: str, found: str, how: str, wrong: str | None
) -> None:
    assert runner.difference(expected, found, how) == wrong


def test_a_wrong_page_is_found(tmp_path: Path) -> None:
    """A wrong output, a wrong exit code, and a file that the page writes."""
    page = tmp_path / "page.md"
    for text, wrong in (
        ("```sh\necho 1\n```\n\n```text\n2\n```\n", "page.md, line 1: expected the line '2'"),
        ("\n```sh\nfalse\n```\n", "page.md, line 2: it ends with 1"),
        ("```sh exit=3\ntrue\n```\n", "it ends with 0"),
    ):
        page.write_text(text)
        with pytest.raises(AssertionError, match=wrong):
            runner.run_page(page, tmp_path)
    page.write_text("```c a/b.c\nint x;\n```\n```sh\ncat a/b.c\n```\n```text\nint x;\n```\n")
    runner.run_page(page, tmp_path)
