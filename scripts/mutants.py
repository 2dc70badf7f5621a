"""Mutates kernels and operators, and tells whether the operators' tests see it: `make mutants`."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import click

from ascua import boards, files
from ascua.boards import Board
from ascua.errors import AscuaError
from ascua.files import lines
from ascua.settings import build as typed
from ascua.settings import read_toml
from scripts.mutations import Mutation, drawn, enclosing
from scripts.suites import Suites

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/ascua")
FOLDERS = ("kernels", "ops")
"""Those of the package that are mutated."""
COPIED = ("src", "tests", "scripts")
"""What a mutant's tests see."""
RESULTS = Path("results/mutants")
RESULT, EQUIVALENT = "mutants.jsonl", "equivalent.toml"
HOST, BOARDS = "not slow and not train and not emulator", "not slow and not train"
"""Tests for what this computer's compiler sees, and for what only a board's does."""
KILLED = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""How somebody else ends a run: nothing is known then."""
PLUGINS = ("pytest_timeout", "_hypothesis_pytestplugin", "scripts.replayed")
"""Those of pytest that are loaded: all that are there take a third of a short run."""
HANGS = 5.0, 120.0
"""A mutant hangs that takes so many times as long as the tests, and so many seconds more."""
SAME = "same code"
"""The verdict where a compiler makes the same of it: no mutant, another is drawn."""
OBJECT = (
    '#include "kernel.h"\n#undef KERNEL\n#define KERNEL __attribute__((used)) static\n'
    '#include "{}"\n'
)
"""What is compiled to compare code: each function of a header by itself."""
PLACES = re.compile(r'^\s*[@#] \d+ ".*$', re.MULTILINE)
"""Where inline assembly comes from: the file and the line."""
COMPILE = ("-std=c11", "-O2", "-w", "-g0", "-S", "-x", "c", "-", "-o", "-")


@dataclass(frozen=True)
class Mutant:
    """What became of a mutation, as a line of results/mutants/.

    `verdict`: "caught" by the test `by`, "refused" by a compiler, "hung", or "survived". `before`
    and `after` are the lines that it changes.
    """

    file: str
    function: str
    kind: str
    before: str
    after: str
    verdict: str
    by: str = ""

    @property
    def seen(self) -> bool:
        """Whether anything stopped it."""
        return self.verdict != "survived"


@dataclass(frozen=True)
class Equivalent:
    """A mutant that computes the same, or only costs more, and `why`."""

    file: str
    function: str
    before: str
    after: str
    why: str

    def is_of(self, mutant: Mutant) -> bool:
        """Whether it is that one, wherever in the function the line stands."""
        mine = self.file, self.function, self.before, self.after
        return mine == (mutant.file, mutant.function, mutant.before, mutant.after)


@dataclass(frozen=True)
class Score:
    """Of some mutants: how many are there, were seen, refused; survivors, with a reason and not."""

    mutants: int
    caught: int
    refused: int
    equivalent: int
    survivors: int

    @property
    def share(self) -> float:
        """Of those that compute something else, the ones that were seen."""
        different = self.mutants - self.equivalent
        return (self.caught + self.refused) / different if different else 1.0


def score(mutants: Sequence[Mutant], equivalent: Sequence[Equivalent]) -> Score:
    """What became of them."""
    survivors = [m for m in mutants if not m.seen]
    excused = sum(any(e.is_of(m) for e in equivalent) for m in survivors)
    refused = sum(m.verdict == "refused" for m in mutants)
    caught = len(mutants) - len(survivors) - refused
    return Score(len(mutants), caught, refused, excused, len(survivors) - excused)


def read(path: Path) -> list[Mutant]:
    """The lines of results/mutants/mutants.jsonl."""
    return [typed(Mutant, line, str(path)) for line in lines.read(path)]


def excuses(path: Path) -> list[Equivalent]:
    """The entries of results/mutants/equivalent.toml."""
    found = read_toml(path).get("equivalent", []) if path.exists() else []
    return [typed(Equivalent, entry, str(path)) for entry in found]


def sources(root: Path) -> list[Path]:
    """The files that are mutated, from the package's folder on."""
    found = [p for f in FOLDERS for s in ("h", "py") for p in (root / PACKAGE / f).glob(f"*.{s}")]
    return sorted(p.relative_to(root / PACKAGE) for p in found)


@dataclass(frozen=True)
class Trial:
    """Runs tests for mutants of the tree at `root`, and keeps in `folder` what it finds."""

    root: Path
    folder: Path
    lock: Any = field(default_factory=threading.RLock)

    @cached_property
    def suites(self) -> Suites:
        """Which tests are whose."""
        return Suites(self.root)

    def mutant(self, path: Path, source: str, place: Sequence[Mutation]) -> Mutant | None:
        """The first mutation of a place that makes other code, and what becomes of it."""
        for mutation in place:
            known = self._known(path, source, mutation)
            if known["verdict"] != SAME:
                return Mutant(**{f.name: known[f.name] for f in fields(Mutant)})
        return None

    def _known(self, path: Path, source: str, mutation: Mutation) -> dict[str, Any]:
        """What becomes of a mutation, found now or before, as a line in `folder`."""
        function = enclosing(source, mutation.start, self.root / PACKAGE / path)
        tests = self.suites.of(path, function)
        log, key = self.folder / RESULT, self._key(source, mutation, tests)
        with self.lock:
            known = lines.find(log, {"key": key})
        if known is not None:
            return known
        begin = time.monotonic()
        verdict, by = self._tried(path, mutation.of(source), tests, function)
        before, after = mutation.lines(source)
        line = {
            "file": str(path), "function": function, "kind": mutation.kind, "before": before,
            "after": after, "verdict": verdict, "by": by,
            "seconds": round(time.monotonic() - begin, 1), "key": key,
        }  # fmt: skip
        with self.lock:
            return lines.append(log, line, ("key",))[0]

    def _key(self, source: str, mutation: Mutation, tests: Sequence[str]) -> str:
        """The SHA-256 of the file, the mutation and the tests."""
        texts = [(self.root / test).read_text(encoding="utf-8") for test in tests]
        known = json.dumps([source, mutation.start, mutation.end, mutation.text, tests, texts])
        return hashlib.sha256(known.encode()).hexdigest()

    def _tried(self, path: Path, text: str, tests: list[str], function: str) -> tuple[str, str]:
        """The verdict, and the test that it comes from."""
        marks = HOST
        if path.suffix == ".h":
            where = compiled(self.root / PACKAGE / path, text)
            if where in (SAME, "refused"):
                return where, ""
            if where == "board":
                tests, marks = [*tests, *self.suites.on_boards(path, function)], BOARDS
        noted = [self._noted(test, marks) for test in tests]
        every = [note for each in noted for note in json.loads(each.read_text()).values()]
        if path.suffix == ".h" and not any(path.name in note["headers"] for note in every):
            return "survived", "no test compiles it"
        times, more = HANGS
        limit = times * sum(note["seconds"] for note in every) + more
        options = [f"--noted={each}" for each in noted]
        header = [f"--header={path.name}"] if path.suffix == ".h" else []
        with tree(self.root, self.folder, path, text) as copy:
            return judged(self._pytest(marks, *options, *header, *tests), copy, limit)

    def _pytest(self, marks: str, *more: object) -> list[str]:
        runs = self.folder / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        plugins = [part for name in PLUGINS for part in ("-p", name)]
        pytest = [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider"]
        said = ["--rootdir=.", "-x", "-q", "-rfE", "--tb=no"]
        return [str(part) for part in (*pytest, *said, f"--runs={runs}", "-m", marks, *more)]

    def _noted(self, test: str, marks: str) -> Path:
        """How long each of these tests takes and what it compiles: they are run once, as they are.

        Raises AscuaError where they fail.
        """
        name = hashlib.sha256(f"{test} {marks} {digest(self.root)}".encode()).hexdigest()
        path = self.folder / "notes" / name
        with self.lock:
            if not path.exists():
                print(f"{test}, without a mutant", file=sys.stderr, flush=True)
                command = self._pytest(marks, f"--note={path}", test)
                code, said = ended(command, self.root, None)
                if code == 5:  # none is left
                    files.write_text(path, "{}")
                elif code:
                    raise AscuaError(
                        f"{test}: fails without any mutant: {said.strip()[-1000:]}",
                        ["Make the tests pass first."],
                    )
        return path


@contextmanager
def tree(root: Path, folder: Path, path: Path, text: str) -> Iterator[Path]:
    """A copy of `root` in `folder`, in which the package's file `path` holds `text`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tree-", dir=folder) as name:
        copy = Path(name)
        for part in COPIED:
            shutil.copytree(root / part, copy / part, copy_function=_linked)
        shutil.copy2(root / "pyproject.toml", copy)
        (copy / PACKAGE / path).unlink()
        (copy / PACKAGE / path).write_text(text, encoding="utf-8")
        yield copy


def _linked(source: str, to: str) -> None:
    """One file under two names, where both are on one disk."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)


def ended(command: Sequence[str], copy: Path, limit: float | None) -> tuple[int | None, str]:
    """How a command in the copy of a tree ends, and what it says; None behind `limit` seconds."""
    environment = {
        **os.environ, "PYTHONPATH": f"{copy / 'src'}:{copy}", "PYTHONDONTWRITEBYTECODE": "1",
        "REQUIRE_TOOLS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # fmt: skip
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said


def judged(command: Sequence[str], copy: Path, limit: float) -> tuple[str, str]:
    """The verdict of pytest's `command`, and the first test that fails.

    Raises AscuaError where it ran none, or was stopped by somebody.
    """
    code, said = ended(command, copy, limit)
    if code is None:
        return "hung", ""
    if code == 0:
        return "survived", ""
    failed = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", said, re.MULTILINE)
    crashed = code < 0 and -code not in KILLED
    if failed or code in (1, 2) or crashed or "while loading conftest" in said:
        return "caught", failed[1] if failed else ""
    raise AscuaError(f"pytest ended with {code}: {said.strip()[-1000:]}", [])


def digest(root: Path) -> str:
    """The SHA-256 of package and tests."""
    found = hashlib.sha256()
    for folder in (root / PACKAGE, root / "tests"):
        for p in sorted(folder.rglob("*")):
            if p.suffix in (".py", ".c", ".h", ".S", ".ld", ".toml", ".json"):
                found.update(str(p.relative_to(root)).encode() + p.read_bytes())
    return found.hexdigest()


def compiled(path: Path, text: str) -> str:
    """Who sees that a header has another `text`: "host", only the compiler of a "board", or none.

    Then the code is the same; or it is "refused".
    """
    host = boards.load("host")
    others = {b.core.name: b for b in map(boards.load, boards.names("c")) if b.runner == "qemu"}
    for board in (host, *others.values()):
        original = _original(board, path)
        if original is None:  # a core whose int is too narrow, say
            continue
        made = assembly(board, path, text)
        if made is None and board is host:
            return "refused"
        if made != original:
            return "host" if board is host else "board"
    return SAME


@cache
def _original(board: Board, path: Path) -> str | None:
    return assembly(board, path, path.read_text(encoding="utf-8"))


def assembly(board: Board, path: Path, text: str) -> str | None:
    """What a board's compiler makes of a header; None where it refuses it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, path.name).write_text(text, encoding="utf-8")
        library = [] if board.hosted else ["--specs=picolibc.specs"]
        include = [f"-I{folder}", f"-I{path.parent}"]
        command = [str(board.cc), *COMPILE, *board.flags, *library, *include]
        done = subprocess.run(
            command, input=OBJECT.format(path.name), capture_output=True, text=True
        )
    return PLACES.sub("", done.stdout) if done.returncode == 0 else None


def places(
    root: Path, seed: int, each: int, only: Sequence[Path], sample: int | None
) -> list[tuple[Path, str, list[Mutation]]]:
    """What is mutated: files, their texts, and the mutations of each place."""
    chosen = [p for p in sources(root) if not only or root / PACKAGE / p in only]
    found = []
    for path in chosen:
        source = (root / PACKAGE / path).read_text(encoding="utf-8")
        found += [(path, source, m) for m in drawn(source, root / PACKAGE / path, seed, each)]
    if sample is None or sample >= len(found):
        return found
    numbers = sorted(random.Random(seed).sample(range(len(found)), sample))
    return [found[i] for i in numbers]


def merged(root: Path, old: Sequence[Mutant], new: Sequence[Mutant]) -> list[Mutant]:
    """The new and, of the old, those of lines that are still there."""
    every = {(m.file, m.function, m.before, m.after): m for m in (*old, *new)}
    texts = {
        p: " ".join((root / PACKAGE / p).read_text(encoding="utf-8").split())
        for p in {m.file for m in every.values()}
        if (root / PACKAGE / p).exists()
    }
    kept = [m for m in every.values() if m.before in texts.get(m.file, "")]
    return sorted(kept, key=lambda m: (m.file, texts[m.file].index(m.before), m.after))


def told(mutant: Mutant) -> str:
    """A survivor with its difference."""
    why = f": {mutant.by}" if mutant.by else ""
    return f"{mutant.file}, {mutant.function}{why}\n  - {mutant.before}\n  + {mutant.after}"


@click.command()
@click.argument("only", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--seed", default=1, show_default=True, help="Of what is drawn.")
@click.option("--each", default=10, show_default=True, help="Mutants a file.")
@click.option("--sample", type=int, help="So many of all of them.")
@click.option("--jobs", default=1, show_default=True, help="Mutants at a time.")
@click.option(
    "--folder",
    default=Path("build/mutants"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where results are kept; a run goes on there.",
)
@click.option("--write", is_flag=True, help=f"Put the results into {RESULTS}.")
def main(
    only: tuple[Path, ...], seed: int, each: int, sample: int | None, jobs: int, folder: Path,
    write: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """Mutate kernels and operators (ONLY these files), and run the operators' tests.

    Ends with 1 where a mutant survives that results/mutants/equivalent.toml gives no reason for.
    """
    trial = Trial(ROOT, folder.resolve())
    found = places(ROOT, seed, each, [p.resolve() for p in only], sample)
    made: list[Mutant] = []
    with ThreadPoolExecutor(jobs) as pool:
        tried = pool.map(lambda place: trial.mutant(*place), found)
        for n, mutant in enumerate(tried, 1):
            if mutant is None:
                click.echo(f"{n} of {len(found)}: {found[n - 1][0]}: the same code")
                continue
            made.append(mutant)
            by = f" by {mutant.by}" if mutant.by else ""
            click.echo(f"{n} of {len(found)}: {mutant.file}, {mutant.function}: {mutant.kind}"
                       f" {mutant.verdict}{by}")  # fmt: skip
    known = excuses(ROOT / RESULTS / EQUIVALENT)
    for mutant in made:
        if not mutant.seen and not any(e.is_of(mutant) for e in known):
            click.echo(told(mutant))
    total = score(made, known)
    click.echo(
        f"{total.mutants} mutants: {total.caught} caught, {total.refused} refused by a compiler,"
        f" {total.equivalent} equivalent, {total.survivors} survived; {total.share:.1%} seen"
    )
    if write:
        path = ROOT / RESULTS / RESULT
        text = "".join(f"{json.dumps(asdict(m))}\n" for m in merged(ROOT, read(path), made))
        files.write_text(path, text)
    sys.exit(total.survivors > 0)


if __name__ == "__main__":
    main()
