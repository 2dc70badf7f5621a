"""Pictures and pages as a browser lays them out: nothing clipped, dim or too wide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascua import compare
from ascua.figures import Mark, bars, confusion, curves, road, scatter
from ascua.report import comparison_page
from ascua.verbs.comparing import compare_models
from tests.support import browser
from tests.support.browser import Theme, pictures, tables

DOCS = Path(__file__).parents[1] / "docs"
LONG = ["Cassette player", "chain saw", "W" * 12, "x", "sonnenuntergang", "ä ö ü", "ship"]
RNG = np.random.default_rng(0)


def drawn() -> dict[str, str]:
    """A picture of each kind, of names and figures that are awkward."""
    counts = RNG.integers(0, 9999, (7, 7)) + np.diag([90000] * 7)
    many = [f"class {i}" for i in range(20)]
    thin = np.diag([500] * 20)
    thin[3, 4] = 1
    return {
        "confusion": confusion("a title of some length, 12.34 % of 10,000", counts.tolist(), LONG),
        "many classes": confusion("twenty", thin.tolist(), many),
        "two classes": confusion("two", [[1, 0], [0, 1]], ["no", "yes"]),
        "curves": curves("accuracy", {"training": [0.1, 0.5, 0.9], "validation": [0.2, 0.4, 0.99]}),
        "one epoch": curves("one epoch", {"training": [0.5], "test images": [0.4]}),
        "bars": bars(
            "Signal to error of each layer, dB", [f"model/{'block_' * 8}{i}" for i in range(30)],
            {"SQNR": [float(i) for i in range(30)], "its own": [None, *range(29)], "c": [9] * 30},
        ),
        "scatter": scatter(
            "accuracy over instructions",
            [Mark(f"a network of a long name {i}", 1e6 * i, 50 + 3 * i, 2.0) for i in range(9)],
            [(0, 50), (8e6, 74)],
        ),
        "one mark": scatter("one", [Mark("one", 1.0, 1.0)], []),
        "road": road("a road", [("ascua run", ["stm32vldiscovery, emulated"])] * 5),
    }  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_can_be_read(theme: Theme) -> None:
    kept = {p.name: p.read_text(encoding="utf-8") for p in sorted((DOCS / "figures").iterdir())}
    assert pictures({**kept, **drawn()}, theme) == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_cannot_be_read_is_found(theme: Theme) -> None:
    """The browser is asked the right things."""
    dim = "#ddd" if theme == "light" else "#222"
    back = "#fff" if theme == "light" else "#111"
    text = '<text x="{}" y="{}" fill="{}">{}</text>'.format
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100">'
        f'<rect width="200" height="100" fill="{back}"/>'
        + text(180, 50, "#888", "out of it") + text(10, 20, dim, "dim")
        + text(10, 80, "#888", "first one") + text(14, 82, "#888", "second one") + "</svg>"
    )  # fmt: skip
    found = " ".join(pictures({"x": svg}, theme)["x"])
    assert "clipped: out of it" in found
    assert "dim: dim" in found
    assert "over each other: first one | second one" in found
    assert "clipped: dim" not in found


PAGES = [
    "README.md", "docs/results.md", "docs/mobilenet-k210.md", "docs/pruning-study.md",
    "docs/study.md", "docs/tutorial.md", "docs/verbs/train.md", "docs/verbs/compare.md",
    "docs/sensors.md", "docs/python.md",
]  # fmt: skip


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_are_not_wider_than_the_screen(width: int) -> None:
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    for page in PAGES:
        body = markdown.render((DOCS.parent / page).read_text(encoding="utf-8"))
        found = tables(body, width)
        assert found["page"][0] <= width, (page, found["over"])
        if page not in ("docs/mobilenet-k210.md", "docs/pruning-study.md"):
            wide = [t for t in found["tables"] if t["wide"] > t["room"] + 1 and width > 1000]
            assert wide == [], page


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_comparison_can_be_read() -> None:
    keras = pytest.importorskip("keras")
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    from ascua import quantize_model, zoo
    from ascua.verbs.bringing import DataSource, network
    from ascua.verbs.comparing import two_networks

    zoo.import_keras()
    net = keras.Sequential([keras.Input((8, 8, 3)), *(
        keras.layers.Conv2D(4, 3, padding="same", name=f"block_{i}_expand")
        for i in range(6)
    ), keras.layers.Flatten(), keras.layers.Dense(4)])  # fmt: skip
    x = RNG.normal(0, 1, (40, 8, 8, 3)).astype(np.float32)
    y = np.asarray(net(x)).argmax(1)
    small = quantize_model(net, x)
    sides = two_networks((network(net), (network(net)[0], "small")), DataSource(x, y), None, None)
    found = compare_models(net, net, x, labels=y, cuts=10)
    assert isinstance(found, compare.Comparison)
    made = comparison_page.files(found, sides.samples)
    svgs = {n: c.decode() for n, c in made.items() if n.endswith(".svg")}
    assert len(svgs) >= 4
    assert small.samples == 40
    for theme in ("light", "dark"):
        assert pictures(svgs, theme) == {}
    body = markdown.render(made["report.md"].decode())
    for width in (360, 1280):
        told = tables(body, width)
        assert told["page"][0] <= width, told["over"]
        assert all(t["wide"] <= t["room"] + 1 for t in told["tables"]) or width == 360


def test_the_browser_is_there_or_named() -> None:
    assert browser.chromium()
