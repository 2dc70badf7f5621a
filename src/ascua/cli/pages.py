"""Writes every generated page, those of the verbs among them: `make docs`."""

from __future__ import annotations

from pathlib import Path

import click

from ascua import cli
from ascua.cli.models import COLUMNS, cells, row
from ascua.report import pages as data_pages

FIRST = """# ascua {verb}

{summary}

## Example

```sh
ascua {verb}
```

## Options

<!-- options:begin -->
<!-- options:end -->
"""
"""A new verb's page, until someone writes it."""


def verbs() -> dict[str, click.Command]:
    """Every verb by its name, in order."""
    return {name: cli.verb(name) for name in sorted(cli.VERBS)}


def usage(verb: str, command: click.Command) -> str:
    """How the verb is called, and a table of its options."""
    context = click.Context(command, info_name=f"ascua {verb}")
    options = [p for p in command.params if isinstance(p, click.Option)]
    rows = [row for option in options if (row := option.get_help_record(context))]
    cells = [(f"`{names}`", " ".join(text.replace("|", "\\|").split())) for names, text in rows]
    call = " ".join([f"ascua {verb}", *command.collect_usage_pieces(context)])
    return f"`{call}`\n\n{data_pages.markdown(('option', 'meaning'), cells)}"


def networks() -> str:
    """A table of the zoo's networks."""
    from ascua.zoo.variants import VARIANTS

    return data_pages.markdown(COLUMNS, [cells(row(v)) for v in VARIANTS])


def pages(root: Path) -> dict[Path, str]:
    """The text that every generated page should have; what people wrote there stays."""
    found = data_pages.pages(root)
    page = root / "docs/models.md"
    found[page] = data_pages.between(page.read_text(encoding="utf-8"), "models", networks())
    folder = root / "docs/verbs"
    rows = []
    for verb, command in verbs().items():
        path, summary = folder / f"{verb}.md", command.get_short_help_str(200)
        first = FIRST.format(verb=verb, summary=summary)
        text = path.read_text(encoding="utf-8") if path.exists() else first
        found[path] = data_pages.between(text, "options", usage(verb, command))
        rows.append((f"[{verb}]({verb}.md)", summary))
    index = folder / "README.md"
    table = data_pages.markdown(("verb", "what it does"), rows)
    found[index] = data_pages.between(index.read_text(encoding="utf-8"), "verbs", table)
    return found


def main() -> None:
    """Write every page that is not as it should be."""
    data_pages.write(pages(data_pages.ROOT))


if __name__ == "__main__":
    main()
