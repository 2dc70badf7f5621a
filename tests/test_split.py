"""The split of training and validation images: its sizes, and that it is the same everywhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascua import data
from ascua.data import Dataset
from ascua.data.split import Selection, held_out
from ascua.errors import InputError
from tests.support import fake_photos as fake

HELD = [4, 11, 18, 29, 34, 35, 40, 58, 89, 95, 102, 136, 159, 165, 168, 171, 177, 184, 193, 198]
"""A tenth of 200 samples of four classes, by seed 1."""
DIGITS = "9cad82b742ed2550e38e13199e1832d4ce5221ae95e024420aea206f93d741b4"
"""The training images and labels of `digits` before there was a validation split."""


def numbered(y: np.ndarray) -> Dataset:
    """A data set whose every training image is its own number, in two bytes."""
    x = np.arange(len(y), dtype="<u2").view(np.uint8).reshape(-1, 1, 2, 1)
    classes = tuple(map(str, range(y.max() + 1)))
    return Dataset("numbered", x, y, x[:1] + 7, y[:1], classes)


def numbers(x: data.Rows) -> list[int]:
    """The numbers of those images."""
    return [int(n) for n in np.ascontiguousarray(x[:]).reshape(len(x), 2).view("<u2")[:, 0]]


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    share=st.floats(0.001, 0.999),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_class_gives_its_share_and_keeps_some(
    counts: list[int], share: float, seed: int
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(seed).permutation(y)
    held = held_out(y, share, seed)
    for c, count in enumerate(counts):
        n = int(held[y == c].sum())
        assert n <= max(0, count - 1)
        if count >= 2:
            assert n >= 1
            assert abs(n - share * count) <= 1
    assert np.array_equal(held, held_out(y, share, seed))


def test_the_parts_hold_each_image_once() -> None:
    whole = numbered(np.arange(1000) % 10)
    d = whole.split(0.1, 3)
    assert d.sizes == (900, 100, 1)
    assert str(d.sizes) == "900 training, 100 validation, 1 test"
    train, validation = numbers(d.x_train), numbers(d.x_validation)
    assert sorted(train + validation) == list(range(1000))
    assert train == sorted(train), "in the order of the data set"
    assert np.bincount(d.y_validation).tolist() == [10] * 10
    for at, y in ((train, d.y_train), (validation, d.y_validation)):
        assert np.array_equal(y, whole.y_train[at]), "each has its own label"
    assert d.x_test is whole.x_test
    assert (d.shape, d.classes) == (whole.shape, whole.classes)


def test_another_seed_is_another_split() -> None:
    whole = numbered(np.arange(1000) % 10)
    one, again, other = (whole.split(0.1, seed) for seed in (1, 1, 2))
    assert numbers(one.x_validation) == numbers(again.x_validation)
    assert one.held_sha256 == again.held_sha256 != ""
    shared = set(numbers(one.x_validation)) & set(numbers(other.x_validation))
    assert len(shared) < 30
    assert one.held_sha256 != other.held_sha256


def test_the_split_is_the_same_on_every_machine() -> None:
    held = np.flatnonzero(held_out(np.arange(200) % 4, 0.1, 1))
    assert held.tolist() == HELD
    code = (
        "import numpy as np\nfrom ascua.data.split import held_out\n"
        "print(np.flatnonzero(held_out(np.arange(200) % 4, 0.1, 1)).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(HELD)


def test_without_a_share_nothing_changes() -> None:
    whole = numbered(np.arange(20) % 2)
    assert whole.split(0, 1) is whole
    assert whole.sizes == (20, 0, 1)
    assert whole.held_sha256 == ""


def test_what_cannot_be_split() -> None:
    with pytest.raises(InputError, match=r"(?s)no class has two training images.*validation = 0"):
        numbered(np.arange(5)).split(0.1, 1)
    d = numbered(np.array([0, 0, 1])).split(0.1, 1)
    assert (d.y_validation.tolist(), d.y_train.tolist()) == ([0], [0, 1]), "no class goes"


def test_rows_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    """Photographs are a mapped file, larger than the memory."""
    np.save(tmp_path / "x.npy", np.arange(60, dtype=np.uint8).reshape(10, 2, 3, 1))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    rows = Selection(mapped, np.array([1, 4, 8]))
    assert (rows.shape, len(rows)) == ((3, 2, 3, 1), 3)
    assert np.array_equal(rows[1:], mapped[[4, 8]])
    assert np.array_equal(rows[np.array([2, 0])], mapped[[8, 1]])


def test_the_training_images_of_the_published_recipes_are_what_they_were() -> None:
    """Of the data set that comes with a package; `split` leaves them alone with a share of 0."""
    pytest.importorskip("sklearn")
    d = data.load("digits").split(0, 1)
    x = np.asarray(d.x_train)
    digest = hashlib.sha256(x.tobytes() + d.y_train.tobytes()).hexdigest()
    assert digest == DIGITS


def test_digits_with_the_share_of_new_recipes() -> None:
    pytest.importorskip("sklearn")
    d = data.load("digits").split(0.1, 1)
    assert d.sizes == (1294, 143, 360)
    assert set(np.bincount(d.y_validation)) <= {14, 15}


@pytest.mark.parametrize("name", ["folder", "imagenette", "ilsvrc2012"])
def test_photographs_written_and_read_in_another_order(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names decide: not the folder, nor the order in which the disk has them."""
    pytest.importorskip("PIL")
    found = []
    for where, order in (("here", 1), ("further/away", -1)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / where / "cache"))
        root = tmp_path / where / "data"
        root.mkdir(parents=True)
        if name == "folder":
            fake.classes(root / "a", {"cat": 9, "dog": 5})
            for path in sorted((root / "a").rglob("*.jpeg"))[::order]:
                to = root / path.parent.name / path.name
                to.parent.mkdir(exist_ok=True)
                path.rename(to)
            for empty in ("a/cat", "a/dog", "a"):
                (root / empty).rmdir()
        else:
            getattr(fake, name)(root)
        found.append(data.load(name, root, shape=(8, 8, 3)).split(0.3, 5))
    here, there = found
    assert np.array_equal(here.x_validation[:], there.x_validation[:])
    assert np.array_equal(here.x_train[:], there.x_train[:])
    assert here.held_sha256 == there.held_sha256
    assert set(here.y_validation) == set(range(len(here.classes)))


def test_an_npz_of_ones_own_is_split_too(tmp_path: Path) -> None:
    y = np.arange(40) % 2
    x = np.zeros((40, 3, 3), np.uint8)
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    d = data.load("npz", tmp_path).split(0.25, 1)
    assert d.sizes == (30, 10, 40)
    assert np.bincount(d.y_validation).tolist() == [5, 5]
