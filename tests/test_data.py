"""Data sets: the contract that all keep, CIFAR-10's files, and the download."""

import hashlib
import pickle
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ascua import data
from ascua.data import cifar10
from ascua.data.fetch import Archive, cache_folder, cached
from ascua.errors import InputError, ToolMissing

UNPACK = Path(__file__).parents[2] / "shared" / "data" / "unpack.py"


def fake_batch(path: Path, n: int = 20, seed: int = 0) -> None:
    """A batch file as Python 2 would write it, of `n` random images."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 3072), dtype=np.uint8)
    path.write_bytes(pickle.dumps({b"data": pixels, b"labels": [i % 10 for i in range(n)]}, 2))


@pytest.fixture
def fake_cifar10(tmp_path: Path) -> Path:
    """A folder that holds a tiny cifar-10-batches-py."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for seed, name in enumerate(cifar10.TRAIN + cifar10.TEST):
        fake_batch(folder / name, seed=seed)
    return tmp_path


@pytest.mark.parametrize("name", data.names())
def test_every_dataset_keeps_the_contract(name: str, fake_cifar10: Path) -> None:
    if name == "digits":
        pytest.importorskip("sklearn")
    d = data.load(name, fake_cifar10)
    assert d.name == name
    assert len(d.image) == 3
    for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test)):
        assert x.dtype == np.uint8
        assert y.dtype == np.int64
        assert x.shape == (len(y), *d.image)
        assert x.max() > 200
        assert set(y) == set(range(len(d.classes)))
    again = data.load(name, fake_cifar10)
    assert np.array_equal(d.x_test, again.x_test)


def test_unknown_dataset_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"(?s)'cifar11'.*Did you mean 'cifar10'.*digits"):
        data.load("cifar11")


def test_digits_split_never_changes() -> None:
    pytest.importorskip("sklearn")
    d = data.load("digits")
    assert (len(d.x_train), len(d.x_test)) == (1437, 360)
    assert np.bincount(d.y_test).min() >= 35
    assert set(np.unique(d.x_test)) <= {round(v * 255 / 16) for v in range(17)}
    digest = hashlib.sha256(d.x_test.tobytes() + d.y_test.tobytes()).hexdigest()
    assert digest == "c188c9654eeb2e2d5d0eb72bbf7bbdad46420577d99b311eda9628a3a384c511"


def test_digits_without_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ToolMissing, match=r"pip install 'ascua\[train\]'"):
        data.load("digits")


def test_cifar10_from_the_folder_or_its_parent(fake_cifar10: Path) -> None:
    a = data.load("cifar10", fake_cifar10)
    b = data.load("cifar10", fake_cifar10 / "cifar-10-batches-py")
    assert np.array_equal(a.x_train, b.x_train)
    assert a.x_train.shape == (100, 32, 32, 3)
    raw = np.random.default_rng(0).integers(0, 256, (20, 3072), dtype=np.uint8)
    assert a.x_train[3, 5, 7, 2] == raw[3, 2 * 1024 + 5 * 32 + 7]


def test_cifar10_in_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)data_batch_1.*cifar-10-python\.tar\.gz"):
        data.load("cifar10", tmp_path)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Ran out of input"),
        (b"\x80\x02}q\x00(U\x04da", "truncated"),
        (pickle.dumps(_Evil()), "asks for builtins.print"),
        (pickle.dumps({b"data": np.zeros((2, 3072)), b"labels": [1, 2]}), "float64"),
        (pickle.dumps({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2]}), r"\(2, 9\)"),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}), "0..9"),
        (pickle.dumps([1]), "not a sound"),
    ],
)
def test_damaged_batch_is_named(
    fake_cifar10: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    path = fake_cifar10 / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"data_batch_3.*{reason}"):
        data.load("cifar10", fake_cifar10)
    assert capsys.readouterr().out == ""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """A small archive at a file: address; the cache is in tmp_path too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "one").write_text("1")
    with tarfile.open(tmp_path / "things.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "things", "things")
    path = tmp_path / "things.tar.gz"
    return Archive(path.as_uri(), hashlib.md5(path.read_bytes()).hexdigest(), "things")


def test_download_is_unpacked_once(archive: Archive, tmp_path: Path) -> None:
    folder = cached(archive)
    assert folder == tmp_path / "cache" / "ascua" / "things"
    assert (folder / "one").read_text() == "1"
    (tmp_path / "things.tar.gz").unlink()
    assert cached(archive) == folder
    assert [p.name for p in cache_folder().iterdir()] == ["things"]


def test_two_downloads_at_once(archive: Archive) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(cached, [archive] * 4))
    assert len(set(folders)) == 1
    assert [p.name for p in cache_folder().iterdir()] == ["things"]


def test_wrong_checksum_leaves_nothing(archive: Archive) -> None:
    with pytest.raises(InputError, match="checksum"):
        cached(Archive(archive.url, "0" * 32, archive.folder))
    assert list(cache_folder().iterdir()) == []


def test_offline_gives_the_address(archive: Archive) -> None:
    gone = Archive(archive.url + ".gone", archive.md5, archive.folder)
    with pytest.raises(InputError, match=r"(?s)gone: cannot be downloaded.*by hand.*--data-dir"):
        cached(gone)
    assert list(cache_folder().iterdir()) == []


def test_importing_data_recipes_and_train_imports_no_tensorflow() -> None:
    code = (
        "import sys, ascua.data, ascua.recipes, ascua.zoo, ascua.train\n"
        "sys.exit(' '.join({'keras', 'tensorflow', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


@pytest.mark.slow
def test_the_published_cifar10(tmp_path: Path) -> None:
    if not UNPACK.exists():
        pytest.skip("the packed CIFAR-10 is not beside this repository")
    subprocess.run([sys.executable, UNPACK, tmp_path, "cifar10"], check=True, capture_output=True)
    d = data.load("cifar10", tmp_path)
    assert (len(d.x_train), len(d.x_test)) == (50_000, 10_000)
    assert np.bincount(d.y_test).tolist() == [1000] * 10
    assert [d.classes[i] for i in d.y_test[:4]] == ["cat", "ship", "ship", "airplane"]
