"""Runs every static check and tells which failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parent.parent


def c_files() -> list[str]:
    """The C sources and headers of the package and the tests' own, but not generated ones."""
    found = [p for folder in ("src", "tests") for s in ("c", "h") for p in
             (ROOT / folder).rglob(f"*.{s}")]  # fmt: skip
    return sorted(str(p.relative_to(ROOT)) for p in found if "golden" not in p.parts)


def main() -> int:
    """Answers the number of failed checks."""
    checks = {
        "ruff format": ["ruff", "format", "--check", "-q", "."],
        "ruff lint": ["ruff", "check", "-q", "."],
        "mypy --strict": ["mypy"],
        "clang-format": ["clang-format", "--dry-run", "--Werror", *c_files()],
        "layers and pages": ["pytest", "-q", "--no-header", "tests/test_layers.py"],
    }
    failed = 0
    for name, (tool, *arguments) in checks.items():
        done = subprocess.run([BIN / tool, *arguments], cwd=ROOT, capture_output=True, text=True)
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}", flush=True)
        if done.returncode:
            print(done.stdout + done.stderr)
            failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
