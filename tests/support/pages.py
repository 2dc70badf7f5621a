"""Runs the commands that a page of docs/ shows, and compares what they print with the page.

    ```toml digits.toml      a file, written as it stands
    ```sh                    commands; with `exit=3` they have to end so
    ```text                  what those commands print, exactly; a line `...` stands for any lines
    ```text about            likewise, but figures are only near: they depend on the machine
    ```text like             likewise, but figures may be any: they depend on what was trained there

Other blocks are for reading.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ascua

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d+:\d\d|\d[\d,]*(?:\.\d+)*(?: ?%)?")
FACTOR, POINTS = 1.6, 4.0
"""How far a figure may be from the page's: by this factor, or by so many points of a percentage."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words after that, its text, and the line it starts on."""

    kind: str
    words: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of `page` that name a language."""
    text = page.read_text(encoding="utf-8")
    return [Block(*m.groups(), text.count("\n", 0, m.start()) + 1) for m in BLOCK.finditer(text)]


def run_page(page: Path, folder: Path) -> None:
    """Do in `folder` what `page` says. Raises AssertionError naming the line where it is wrong."""
    every = blocks(page)
    for i, block in enumerate(every):
        where = f"{page.name}, line {block.line}"
        if block.kind == "sh":
            after = every[i + 1] if i + 1 < len(every) else None
            if not block.text.startswith("cmake ") or shutil.which("cmake"):
                run_block(block, after, folder, where)
        elif block.words and block.kind != "text":
            path = folder / block.words
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")


def run_block(block: Block, after: Block | None, folder: Path, where: str) -> None:
    """Run the commands of `block`; they end and print as the page says."""
    done = subprocess.run(
        ["bash", "-e", "-c", block.text], cwd=folder, env=environment(folder),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False,
    )  # fmt: skip
    code = int(block.words.removeprefix("exit=") or 0)
    assert done.returncode == code, f"{where}: it ends with {done.returncode}:\n{done.stdout}"
    if after is not None and after.kind == "text":
        wrong = difference(after.text, done.stdout, after.words)
        assert wrong is None, f"{where}: {wrong}; it printed:\n{done.stdout}"


def environment(folder: Path) -> dict[str, str]:
    """The environment in which `ascua` and `python` are those of this test."""
    path = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(Path(ascua.__file__).parents[1]),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def difference(expected: str, found: str, how: str = "") -> str | None:
    """What `found` lacks of `expected` in words, or None; spaces count as one.

    `how` is what the block says after `text`.
    """
    lines = [squeezed(line) for line in found.splitlines() if squeezed(line)]
    at, anywhere = 0, False
    for line in filter(None, map(squeezed, expected.splitlines())):
        if line == "...":
            anywhere = True
            continue
        rest = range(at, len(lines) if anywhere else min(at + 1, len(lines)))
        hit = next((i for i in rest if same(line, lines[i], how)), None)
        if hit is None:
            return f"expected the line {line!r}"
        at, anywhere = hit + 1, False
    return None if anywhere or at == len(lines) else f"there is more: {lines[at]!r}"


def squeezed(line: str) -> str:
    """`line` with one space between words."""
    return " ".join(line.split())


def same(expected: str, found: str, how: str) -> bool:
    """Whether two lines are equal, or, with `about` and `like`, up to their figures."""
    assert how in ("", "about", "like"), how
    if not how or expected == found:
        return expected == found
    if NUMBER.sub("#", expected) != NUMBER.sub("#", found):
        return False
    if how == "like":
        return True
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(found), strict=True)
    return all(near(a, b) for a, b in pairs)


def near(a: str, b: str) -> bool:
    """Whether two figures are near; times and versions always are, and 0 is near 0 alone."""
    if ":" in a or a.count(".") > 1:
        return True
    x, y = (float(n.replace(",", "").rstrip(" %")) for n in (a, b))
    if a.endswith("%"):
        return abs(x - y) <= POINTS
    return x == y == 0 or (min(x, y) > 0 and max(x, y) <= FACTOR * min(x, y))


def links(page: Path) -> Iterator[tuple[str, Path]]:
    """The links of `page` to other files of the repository, as written and where they lead."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            yield target, page.parent / target
