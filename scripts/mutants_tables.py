"""results/mutants/ as docs/mutants.md: what became of the mutants of each file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ascua.report.tables import markdown
from scripts.mutants import EQUIVALENT, RESULT, Equivalent, Mutant, excuses, read, score

COLUMNS = ("file", ">mutants", ">caught", ">refused", ">equivalent", ">survived")
WITHOUT = "none yet: a test is missing"


def page(folder: Path, note: str) -> str:
    """The page, of what is in `folder`; `note` stands under its heading."""
    mutants = read(folder / "mutants" / RESULT)
    known = excuses(folder / "mutants" / EQUIVALENT)
    total = score(mutants, known)
    return (
        f"# Mutants\n\n{note}`make mutants` ([how](../CONTRIBUTING.md#mutants)) puts a small fault"
        " into a kernel's header, its class or an operator's `eval`, and runs the operator's tests:"
        f" of {total.mutants:,} such mutants they saw {total.share:.1%}, but for those that"
        " compute the same. A mutant is caught by a test, or refused by a compiler; none counts"
        " from which the compilers of this computer and of all boards make the same code.\n\n"
        f"{markdown(COLUMNS, _rows(mutants, known))}\n## Survivors\n\n{_survivors(mutants, known)}"
    )


def _rows(mutants: Sequence[Mutant], known: Sequence[Equivalent]) -> list[Sequence[str | int]]:
    """Rows of COLUMNS: all, then each file."""
    parts = {
        name: [m for m in mutants if m.file == name] for name in sorted({m.file for m in mutants})
    }
    found: list[Sequence[str | int]] = []
    for name, part in {"all": mutants, **parts}.items():
        s = score(part, known)
        found.append((name, s.mutants, s.caught, s.refused, s.equivalent, s.survivors))
    return found


def _survivors(mutants: Sequence[Mutant], known: Sequence[Equivalent]) -> str:
    """Each with its lines, and why no test can see it."""
    found = []
    for m in mutants:
        if not m.seen:
            why = next((e.why for e in known if e.is_of(m)), WITHOUT)
            found.append(
                f"`{m.file}`, `{m.function}`: {why}.\n\n```diff\n- {m.before}\n+ {m.after}\n```\n"
            )
    return "\n".join(found) or "None.\n"
