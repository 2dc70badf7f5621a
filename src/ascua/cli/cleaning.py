"""The verb that tells what is kept, and frees it."""

from __future__ import annotations

from pathlib import Path

import click

from ascua import measure
from ascua.cli import completing
from ascua.cli.options import as_json, build_dir, dry_run
from ascua.cli.terminal import out, print_json, verbose
from ascua.report.tables import table
from ascua.verbs.cleaning import named, places, remove


@click.command()
@click.argument("what", nargs=-1, shell_complete=completing.kept)
@build_dir()
@dry_run(help="Tell what would go; remove nothing.")
@as_json()
@verbose
def clean(what: tuple[str, ...], build_dir: Path, *, dry_run: bool, as_json: bool) -> None:
    """Tell what caches and build folders hold, and remove WHAT of it.

    Without WHAT nothing is removed. It is one or more of the names in the table; trainings and
    studies took hours, all else comes back by itself. Stop what works there first.
    """
    found = places(build_dir, Path("build"))
    chosen = named(found, what)
    sizes = {place.name: place.bytes for place in found}
    freed = 0 if dry_run else sum(remove(place) for place in chosen)
    if as_json:
        print_json({
            "schema": measure.SCHEMA,
            "places": [
                {"name": p.name, "folder": str(p.folder), "items": len(p.parts),
                 "bytes": sizes[p.name], "chosen": p in chosen}
                for p in found
            ],
            "freed_bytes": freed,
        })  # fmt: skip
        return
    shown = [p for p in found if not what or p in chosen]
    columns = ("kept", "what", ">items", ">bytes", "comes back", "where")
    out.print(table(columns, [(p.name, p.what, len(p.parts), sizes[p.name], p.again, str(p.folder))
                              for p in shown]))  # fmt: skip
    if not what:
        cheap = [p.name for p in found if p.name in ("firmware", "photos") and p.parts]
        names = " ".join(cheap) or "firmware"
        out.print(f"Nothing was removed. To free: `ascua clean {names}`.", highlight=False)
    elif dry_run:
        total = sum(sizes[p.name] for p in chosen)
        out.print(f"{total:,} bytes would be freed.", highlight=False)
    else:
        out.print(f"{freed:,} bytes freed.", highlight=False)
