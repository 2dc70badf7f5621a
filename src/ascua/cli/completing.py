"""What a shell is told of words that are begun: names of verbs, boards, recipes and studies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem


def boards(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of boards, or their TOML files."""
    from ascua import boards as known

    return _names(known.names(), begun)


def recipes(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of recipes, or their TOML files."""
    from ascua import recipes as known

    return _names(known.names(), begun)


def studies(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of studies, or their TOML files."""
    from ascua.study import names

    return _names(names(), begun)


def kept(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of what `ascua clean` removes."""
    from ascua.verbs.cleaning import NAMES

    return [CompletionItem(name) for name in NAMES if name.startswith(begun)]


def _names(known: Iterable[str], begun: str) -> list[CompletionItem]:
    """Those that begin so; else the shell's files, where a TOML file or a folder does."""
    found = [CompletionItem(name) for name in known if name.startswith(begun)]
    if found and not begun.startswith("."):
        return found
    return [CompletionItem(begun, type="file")] if _may_be(begun) else found


def _may_be(begun: str) -> bool:
    """Whether a file may be meant: some path begins so."""
    here = Path(begun)
    folder = here if begun.endswith("/") else here.parent
    return folder.is_dir() and any(
        p.is_dir() or p.suffix == ".toml" for p in folder.iterdir() if p.name.startswith(here.name)
    )
