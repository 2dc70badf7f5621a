"""Writes zoo/sizes.json: how large the zoo's networks are; apart from the pages: it needs Keras."""

from __future__ import annotations

import json
from dataclasses import asdict

from ascua import files
from ascua.zoo.variants import SIZES, VARIANTS


def main() -> None:
    """Build every network for its size."""
    rows = [f"  {json.dumps(v.name)}: {json.dumps(asdict(v.measured()))}" for v in VARIANTS]
    files.write_text(SIZES, "{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
