"""Writes the table in docs/models.md; apart from the other pages, for it needs Keras."""

from __future__ import annotations

from ascua.cli.models import COLUMNS, cells, row
from ascua.report.pages import ROOT, between, markdown
from ascua.zoo.variants import VARIANTS


def main() -> None:
    """Build every network for its size."""
    path = ROOT / "docs/models.md"
    table = markdown(COLUMNS, [cells(row(v)) for v in VARIANTS])
    path.write_text(between(path.read_text(encoding="utf-8"), "models", table), encoding="utf-8")


if __name__ == "__main__":
    main()
