"""Figures: documents that a browser can read, with every count where it belongs."""

import xml.etree.ElementTree as ET

import numpy as np

from ascua.figures import CELL, confusion, curves
from ascua.labels import classes_of
from ascua.labels import confusion as counted

SVG = "{http://www.w3.org/2000/svg}"


def test_curves_of_any_values_are_a_picture() -> None:
    for ys in ([], [0.5], [0.1, float("nan"), 1.0], [1.0, 1.0]):
        svg = curves("<accuracy>", {"a": ys, "b": ys})
        assert ET.fromstring(svg).tag == f"{SVG}svg"
        assert "nan" not in svg


def test_a_matrix_has_a_cell_for_each_pair_of_classes() -> None:
    counts = [[5, 3, 0], [0, 7, 1], [2, 0, 0]]
    root = ET.fromstring(confusion("<a> & b", counts, ("cat", "dog", "locomotive")))
    cells = [r for r in root.iter(f"{SVG}rect") if r.get("width") == str(CELL)]
    assert [r.get("class") for r in cells] == [
        "right", "wrong", "wrong", "wrong", "right", "wrong", "wrong", "wrong", "right",
    ]  # fmt: skip
    strong = np.array([float(r.get("fill-opacity", "")) for r in cells]).reshape(3, 3)
    assert np.array_equal(strong > 0, np.array(counts) > 0)
    assert strong[1, 1] > strong[0, 0]
    at = {(r.get("x"), r.get("y")): i for i, r in enumerate(cells)}
    assert len(at) == 9
    texts = [
        (float(t.get("x", "")), float(t.get("y", "")), t.text) for t in root.iter(f"{SVG}text")
    ]
    for i, r in enumerate(cells):
        x, y = float(r.get("x", "")), float(r.get("y", ""))
        inside = [t for tx, ty, t in texts if x < tx < x + CELL and y < ty < y + CELL]
        wanted = counts[i // 3][i % 3]
        assert inside == ([str(wanted)] if wanted else [])
    words = [t for _, _, t in texts]
    assert {"cat", "dog", "locomotive", "loco.", "<a> & b"} <= set(words)


def test_no_sample_of_a_class_is_no_color() -> None:
    root = ET.fromstring(confusion("", [[0, 0], [0, 0]], ("a", "b")))
    assert {r.get("fill-opacity") for r in root.iter(f"{SVG}rect")} == {None, "0.000"}


def test_rows_are_labels_and_columns_predictions() -> None:
    scores = np.array([[1, 9, 0], [9, 1, 0], [1, 9, 0], [0, 0, 1]], np.int8)
    labels, index = np.array([1, 1, 0, 2]), np.array([[1], [0], [1], [2]], np.int32)
    assert counted(labels, classes_of(scores), 3) == ((0, 1, 0), (1, 1, 0), (0, 0, 1))
    assert np.array_equal(classes_of(index), classes_of(scores))
