"""Golden files: outputs of the oracle, and the generated C as it was reviewed.

A change of generated code shows here; `make golden` accepts it, and its difference is for review.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascua import tflite
from ascua.passes import prepare
from tests.support import oracle, reference
from tests.support.examples import UINT8
from tests.support.golden_files import FOLDER, SAMPLES, cases, generated

NAMES = sorted(p.name for p in FOLDER.iterdir() if p.is_dir()) if FOLDER.exists() else []


def arrays(name: str, kind: str) -> list[np.ndarray]:
    """The inputs ("x") or outputs ("y") of a case."""
    with np.load(FOLDER / name / "io.npz") as table:
        return [table[k] for k in sorted(table.files, key=lambda k: int(k[1:])) if k[0] == kind]


def test_every_example_has_a_golden_case() -> None:
    assert sorted(cases()) == NAMES, "run `make golden`"


def test_models_are_the_examples() -> None:
    for name, graph in cases().items():
        model = (FOLDER / name / "model.tflite").read_bytes()
        assert model == tflite.write(graph), f"{name}: run `make golden`"


def test_size() -> None:
    files = [p for p in Path(FOLDER).rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_reference(name: str) -> None:
    graph = prepare(tflite.load(FOLDER / name / "model.tflite"))
    xs = arrays(name, "x")
    assert all(len(x) == SAMPLES for x in xs)
    for y, expected in zip(reference(graph, xs), arrays(name, "y"), strict=True):
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in UINT8])
def test_oracle(name: str) -> None:
    """The installed tflite-micro still says what the one of `oracle.json` said."""
    model = (FOLDER / name / "model.tflite").read_bytes()
    for y, expected in zip(oracle(model, arrays(name, "x")), arrays(name, "y"), strict=True):
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("name", NAMES)
def test_generated_code(name: str) -> None:
    model = (FOLDER / name / "model.tflite").read_bytes()
    assert generated(model) == (FOLDER / name / "model.c").read_text(encoding="utf-8")
