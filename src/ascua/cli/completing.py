"""What a shell is told of words that are begun: names of verbs, boards, recipes and studies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def names(known: Callable[[], Iterable[str]], suffix: str) -> Complete:
    """Completes names that are `known`, and files that end so."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        found = [CompletionItem(name) for name in known() if name.startswith(begun)]
        if found and "/" not in begun and not begun.startswith("."):
            return found
        return [CompletionItem(begun, type="file")] if _may_be(begun, suffix) else found

    return complete


def _may_be(begun: str, suffix: str) -> bool:
    """Whether a file may be meant: some path begins so."""
    here = Path(begun)
    folder = here if begun.endswith("/") else here.parent
    return folder.is_dir() and any(
        p.is_dir() or p.suffix == suffix for p in folder.iterdir() if p.name.startswith(here.name)
    )


def boards(*arguments: Any) -> list[CompletionItem]:
    """Names of boards, or their TOML files."""
    from ascua import boards as known

    return names(known.names, ".toml")(*arguments)


def recipes(*arguments: Any) -> list[CompletionItem]:
    """Names of recipes, or their TOML files."""
    from ascua import recipes as known

    return names(known.names, ".toml")(*arguments)


def studies(*arguments: Any) -> list[CompletionItem]:
    """Names of studies, or their TOML files."""
    from ascua.study import names as known

    return names(known, ".toml")(*arguments)
