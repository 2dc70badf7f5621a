"""Writes the table in docs/models.md; apart from the other pages, for it needs Keras."""

from __future__ import annotations

from ascua import files
from ascua.cli.models import COLUMNS, cells, row
from ascua.report.pages import ROOT, between, markdown
from ascua.zoo.variants import VARIANTS


def main() -> None:
    """Build every network for its size."""
    path = ROOT / "docs/models.md"
    table = markdown(COLUMNS, [cells(row(v)) for v in VARIANTS])
    files.write_text(path, between(path.read_text(encoding="utf-8"), "models", table))


if __name__ == "__main__":
    main()
