"""Data sets: the contract that all keep, and what is special to those of arrays."""

import gzip
import hashlib
import lzma
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ascua import data
from ascua.data import cifar10, mnist
from ascua.data.labelled import labelled
from ascua.errors import InputError, ToolMissing
from tests.support import fake_photos as fake

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


def write_idx(path: Path, x: np.ndarray) -> None:
    """An idx file of bytes, packed where its name says so."""
    raw = struct.pack(f">HBB{x.ndim}I", 0, 8, x.ndim, *x.shape) + x.tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


@pytest.fixture
def fake_mnist(tmp_path: Path) -> Path:
    """A folder that holds a tiny mnist."""
    (tmp_path / "mnist").mkdir()
    rng = np.random.default_rng(0)
    for file in mnist.FILES:
        images = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
        write_idx(
            tmp_path / "mnist" / file.name,
            images if "images" in file.name else np.arange(30, dtype=np.uint8) % 10,
        )
    return tmp_path


@pytest.fixture
def fake_npz(tmp_path: Path) -> Path:
    """A folder that holds a tiny .npz file."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (30, 5, 4, 2), dtype=np.uint8), np.arange(30) % 3
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x[:6], y_test=y[:6, None])
    return tmp_path


@pytest.fixture
def fake_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is a `folder`, an `imagenette` and an `ilsvrc2012` at once; its own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake.imagenette(tmp_path)
    fake.ilsvrc2012(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted({*data.names()} - {"csv"}))
@pytest.mark.usefixtures("fake_cifar10", "fake_mnist", "fake_npz", "fake_photos")
def test_every_dataset_keeps_the_contract(name: str, tmp_path: Path) -> None:
    if name == "digits":
        pytest.importorskip("sklearn")
    if name in ("folder", "imagenette", "ilsvrc2012"):
        pytest.importorskip("PIL")
    image = (12, 10, 3)
    d = data.load(name, tmp_path, shape=image)
    assert d.name == name
    assert len(d.shape) == 3
    for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test)):
        assert x.dtype == np.uint8
        assert y.dtype == np.int64
        assert x.shape == (len(y), *d.shape)
        assert x.max() > 200
        assert set(y) == set(range(len(d.classes)))
    again = data.load(name, tmp_path, shape=image)
    assert np.array_equal(d.x_test, again.x_test)
    test = data.load(name, tmp_path, shape=image, test_alone=True)
    assert (test.shape, test.classes, test.images) == (d.shape, d.classes, True)
    assert np.array_equal(test.x_test, d.x_test)
    assert np.array_equal(test.y_test, d.y_test)
    assert d.split(0, 1) is d, "as the published recipes have it"
    parts = d.split(0.1, 1)
    assert sum(parts.sizes) == sum(d.sizes)
    assert set(parts.y_validation) == set(parts.y_train) == set(range(len(d.classes)))
    assert parts.x_train.shape == (len(parts.y_train), *d.shape)
    assert parts.x_validation[:].shape == (len(parts.y_validation), *d.shape)
    assert (parts.shape, len(parts.labels)) == (d.shape, len(d.y_test))


@pytest.mark.parametrize("name", ["cifar10", "imagenette"])
def test_a_test_reads_no_training_images(
    name: str, fake_cifar10: Path, fake_photos: Path
) -> None:  # fmt: skip
    pytest.importorskip("PIL")
    for path in (*fake_cifar10.glob("*/data_batch_*"), *fake_photos.glob("imagenette*/train/*/*")):
        path.write_bytes(b"damaged")
    found = labelled(name, (32, 32, 3), fake_cifar10, skip_damaged=False)
    assert len(found.x) == len(found.y) > 0
    assert set(found.y) == set(range(len(found.classes)))


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
    with pytest.raises(ToolMissing, match=r"pip install '\.\[train\]'"):
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


def test_mnist_reads_its_files(fake_mnist: Path) -> None:
    """Packed or not, in the folder or its parent."""
    packed = data.load("mnist", fake_mnist)
    assert packed.shape == (28, 28, 1)
    assert packed.y_test[:3].tolist() == [0, 1, 2]
    for path in (fake_mnist / "mnist").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = data.load("mnist", fake_mnist / "mnist")
    assert np.array_equal(packed.x_train, plain.x_train)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "buffer"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x09" + bytes(8)), "reshape"),
        (gzip.compress(b"\0\0\x0d\x01\0\0\0\x01" + bytes(4)), "not begin as an idx file"),
        (gzip.compress(bytes(range(256)) * 9)[:-9], "ended before"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x1e" + bytes([10] * 30)), "do not go with"),
    ],
    ids=["empty", "short", "type", "cut", "label"],
)
def test_damaged_mnist_is_named(fake_mnist: Path, content: bytes, reason: str) -> None:
    (fake_mnist / "mnist" / mnist.FILES[3].name).write_bytes(content)
    with pytest.raises(InputError, match=rf"t10k-.*{reason}"):
        data.load("mnist", fake_mnist)


def test_mnist_in_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)train-images.*missing.*https://"):
        data.load("mnist", tmp_path)


X, Y = np.zeros((4, 3, 3), np.uint8), np.arange(4)
WRONG_ARRAYS = {
    "float": ({"x_test": X / 255}, r"uint8 \(3, 3, 1\) and of float32 \(3, 3\)"),
    "single": ({"x_train": X[:, 0, 0]}, r"samples are uint8 \(4,\)"),
    "nan": ({"x_train": X * np.nan, "x_test": X / 1}, "hold NaN, infinite"),
    "size": ({"x_test": np.zeros((4, 3, 2), np.uint8)}, r"\(3, 3, 1\) and of uint8 \(3, 2, 1\)"),
    "count": ({"y_test": Y[:2]}, r"labels are int64 \(2,\)"),
    "one-hot": ({"y_train": np.eye(4)}, "labels are float64"),
    "below 0": ({"y_train": Y - 1}, "below 0"),
    "classes": ({"classes": np.array(["a", "b"])}, "labels up to 3, but 2 classes"),
    "objects": ({"y_test": np.array([None] * 4)}, "it holds objects"),
}


@pytest.mark.parametrize(("change", "message"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS)
def test_wrong_npz(change: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    good = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}
    np.savez(tmp_path / "x.npz", **{**good, **change})
    with pytest.raises(InputError, match=rf"(?s)x\.npz.*{message}.*np\.savez"):
        data.load("npz", tmp_path)


def test_npz_is_found_or_named(tmp_path: Path) -> None:
    names = np.array(["cat", "dog", "owl", "fox"])
    for name in ("a", "b"):
        np.savez(tmp_path / name, x_train=X, y_train=Y, x_test=X, y_test=Y, classes=names)
    d = data.load("npz", tmp_path / "a.npz")
    assert (d.shape, d.classes) == ((3, 3, 1), ("cat", "dog", "owl", "fox"))
    with pytest.raises(InputError, match=r"2 \.npz files"):
        data.load("npz", tmp_path)
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 half a file")
    with pytest.raises(InputError, match=r"a\.npz: not a data set"):
        data.load("npz", tmp_path / "a.npz")
    with pytest.raises(InputError, match="where is it"):
        data.load("npz")


def test_importing_data_recipes_and_train_imports_no_tensorflow() -> None:
    code = (
        "import sys, ascua.data, ascua.recipes, ascua.zoo, ascua.train\n"
        "sys.exit(' '.join({'keras', 'tensorflow', 'sklearn', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_the_published_mnist(tmp_path: Path) -> None:
    packed = sorted((UNPACK.parent / "mnist").glob("*.xz"))
    if not packed:
        pytest.skip("the packed MNIST is not beside this repository")
    for path in packed:
        (tmp_path / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
    d = data.load("mnist", tmp_path)
    assert d.x_train.shape == (60_000, 28, 28, 1)
    assert np.bincount(d.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (d.x_train[0].sum(), d.y_train[0]) == (27_525, 5)
    assert hashlib.md5(d.x_test).hexdigest() == "240610fa99e73bfa49df8e7fc24d3206"


@pytest.mark.slow
def test_the_published_cifar10(tmp_path: Path) -> None:
    if not UNPACK.exists():
        pytest.skip("the packed CIFAR-10 is not beside this repository")
    subprocess.run([sys.executable, UNPACK, tmp_path, "cifar10"], check=True, capture_output=True)
    d = data.load("cifar10", tmp_path)
    assert (len(d.x_train), len(d.x_test)) == (50_000, 10_000)
    assert np.bincount(d.y_test).tolist() == [1000] * 10
    assert [d.classes[i] for i in d.y_test[:4]] == ["cat", "ship", "ship", "airplane"]
