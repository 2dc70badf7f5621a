"""Lays out pages in headless Chromium, and asks what a reader would see of pictures and tables."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest

Theme = Literal["light", "dark"]
CSS = """
body{margin:0;font:16px/1.5 sans-serif;overflow-wrap:break-word}
main{max-width:1012px;margin:auto;padding:16px}
table{display:block;width:max-content;max-width:100%;overflow:auto;border-collapse:collapse}
td,th{padding:6px 13px;border:1px solid #888}img,svg{max-width:100%}pre{overflow:auto}
"""
"""As GitHub lays Markdown out: a table scrolls by itself where it is wider than the page."""


def chromium() -> str:
    """Its program. Skips the test where it is absent; fails it where tools are required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("REQUIRE_TOOLS"):
            pytest.fail("chromium is required here and not installed")
        pytest.skip("chromium is not installed")
    return found


def pictures(svgs: dict[str, str], theme: Theme) -> dict[str, list[str]]:
    """What is wrong in each picture, by its name: texts that are clipped, dim, or over others."""
    hosts = (
        f'<div class="picture" data-name="{html.escape(name)}"><template>{svg}</template></div>'
        for name, svg in svgs.items()
    )
    found = _asked("".join(hosts), "pictures.js", 1280, theme)
    return {row["name"]: row["wrong"] for row in found if row["wrong"]}


def tables(body: str, width: int) -> dict[str, Any]:
    """The page's scroll width and room, and those of each table in it, at `width` pixels."""
    inside = f"<!doctype html><meta charset=utf-8><style>{CSS}</style><main>{body}</main>"
    frame = (
        f'<iframe width={width} height=900 frameborder=0 srcdoc="{html.escape(inside)}"></iframe>'
    )
    found: dict[str, Any] = _asked(frame, "tables.js", 1400, "light")
    return found


def _asked(body: str, script: str, width: int, theme: Theme) -> Any:
    """What the file `script` tells of a page; a window is 500 pixels wide at least, a frame not."""
    code = (Path(__file__).parent / script).read_text(encoding="utf-8")
    page = (
        f"<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<style>{CSS}</style>{body}<pre id=told></pre><script>{code}</script>"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        done = subprocess.run(
            [
                chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", f"--user-data-dir={folder}/profile",
                f"--window-size={width},900", "--hide-scrollbars",
                f"--blink-settings=preferredColorScheme={0 if theme == 'dark' else 1}",
                "--virtual-time-budget=5000", "--dump-dom", file.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told, done.stderr[-2000:]
    return json.loads(html.unescape(told[1]))
