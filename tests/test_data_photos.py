"""Photographs: what becomes of one, whose is which, damaged ones, and the cache."""

from __future__ import annotations

import io
import logging
import resource
import struct
import tarfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import data
from ascua.data import calibration, ilsvrc2012, photos
from ascua.data.cache import cache_folder
from ascua.errors import InputError, ToolMissing
from tests.support import fake_photos as fake

Image = pytest.importorskip("PIL.Image")
IMAGE = (10, 10, 3)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Eleven cats, five dogs, and files that are no photographs."""
    root = tmp_path / "pets"
    fake.classes(root, {"dog": 5, "cat": 11}, "PNG")
    (root / "cat" / "notes.txt").write_text("cats")
    (root / ".hidden").mkdir()
    return root


def png(x: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(x).save(out, "PNG", **options)
    return out.getvalue()


def test_photographs_are_cropped_around_the_center_and_scaled() -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = (255, 100, 0)  # the square in the middle
    pixels = photos.decode(png(wide), (10, 10, 3))
    assert pixels.shape == (10, 10, 3)
    assert np.abs(pixels[:, 1:-1].astype(int) - (255, 100, 0)).max() <= 1
    gray = photos.decode(png(wide), (10, 10, 1))
    assert gray.shape == (10, 10, 1)
    assert gray[5, 5, 0] == round(0.299 * 255 + 0.587 * 100)


def test_photographs_stand_upright() -> None:
    turned = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right side
    out = io.BytesIO()
    turned.save(out, "PNG", exif=exif)
    pixels = photos.decode(out.getvalue(), (20, 10, 1))[..., 0]
    assert np.array_equal(pixels, np.arange(200).reshape(10, 20)[::-1].T)


def test_photographs_of_other_kinds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than 8 bits"):
        photos.decode(png(np.zeros((4, 4), np.uint16)), IMAGE)
    with pytest.raises(OSError, match="cannot identify"):
        photos.decode(b"GIF89a", IMAGE)
    (tmp_path / "x.png").write_bytes(b"GIF89a")
    told = photos.attempt(photos.Photo(tmp_path / "x.png", 0), IMAGE)
    assert told == "it is neither a JPEG nor a PNG file, or its head is damaged"
    clear = photos.decode(png(np.full((4, 4, 4), 200, np.uint8)), IMAGE)
    assert (clear == 200).all()


def test_a_fifth_of_each_class_is_for_tests(pets: Path) -> None:
    d = data.load("folder", pets, shape=IMAGE)
    assert d.classes == ("cat", "dog")
    assert np.bincount(d.y_test).tolist() == [2, 1]
    assert np.bincount(d.y_train).tolist() == [9, 4]
    assert len({x.tobytes() for x in (*d.x_train, *d.x_test)}) == 16
    # The split is that of the names, wherever the folder is and whatever else is in it.
    moved = pets.rename(pets.with_name("animals"))
    fake.classes(moved, {"owl": 4}, "PNG", seed=9000)
    again = data.load("folder", moved, shape=IMAGE)
    assert {x.tobytes() for x in d.x_test} < {x.tobytes() for x in again.x_test}


def test_folders_say_what_is_for_tests(tmp_path: Path) -> None:
    fake.classes(tmp_path / "train", {"a": 3, "b": 3})
    fake.classes(tmp_path / "val", {"a": 1, "b": 1}, seed=500)
    assert len(data.load("folder", tmp_path, shape=IMAGE).x_test) == 2
    fake.classes(tmp_path / "test", {"a": 2, "b": 2}, seed=900)
    d = data.load("folder", tmp_path, shape=IMAGE)
    assert (len(d.x_train), len(d.x_test)) == (6, 4)
    fake.classes(tmp_path / "test", {"c": 2}, seed=900)
    with pytest.raises(InputError, match=r"test: c: not in .*train"):
        data.load("folder", tmp_path, shape=IMAGE)


def test_folders_that_are_no_data_set(tmp_path: Path, pets: Path) -> None:
    for root, message in (
        (tmp_path / "absent", "not a folder"),
        (pets / "cat", "fewer than two classes"),
        (None, "where is it"),
    ):
        with pytest.raises(InputError, match=rf"(?s){message}.*folder of .jpg or .png files"):
            data.load("folder", root, shape=IMAGE)
    (pets / "owl").mkdir()
    with pytest.raises(InputError, match="no photographs in owl"):
        data.load("folder", pets, shape=IMAGE)
    (pets / "owl" / "one.jpg").write_bytes(fake.encoded(1))
    with pytest.raises(InputError, match="owl: one photograph is too few"):
        data.load("folder", pets, shape=IMAGE)


def test_a_size_is_needed(pets: Path) -> None:
    with pytest.raises(InputError, match="no common size"):
        data.load("folder", pets)
    with pytest.raises(InputError, match=r"1 channel .* or 3 .*, not 2"):
        data.load("folder", pets, shape=(8, 8, 2))


def test_damaged_photographs_are_named(pets: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = len(data.load("folder", pets, shape=IMAGE).x_train)
    cats = sorted((pets / "cat").glob("*.png"))
    train = [p for p in cats if p in data.folder.split(pets)[0]["cat"]]
    train[0].write_bytes(train[0].read_bytes()[:60])
    train[1].write_bytes(b"")
    with pytest.raises(InputError, match=rf"(?s)2 damaged.*{train[0].name}.*--skip-damaged"):
        data.load("folder", pets, shape=IMAGE)
    for _ in range(2):  # made, then from the cache
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            d = data.load("folder", pets, shape=IMAGE, skip_damaged=True)
        assert len(d.x_train) == len(d.y_train) == whole - 2
        assert train[1].name in caplog.text
        assert np.bincount(d.y_train).tolist() == [7, 4]
        assert d.x_train.reshape(whole - 2, -1).any(1).all(), "no empty image in a lost one's place"
    with pytest.raises(InputError, match="2 damaged"):
        data.load("folder", pets, shape=IMAGE)
    for p in pets.glob("*/*.png"):
        p.write_bytes(b"gone")
    with pytest.raises(InputError, match="no photograph that can be read"):
        data.load("folder", pets, shape=IMAGE, skip_damaged=True)


def test_photographs_are_read_once(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.load("folder", pets, shape=IMAGE)
    monkeypatch.setattr(photos, "decode", lambda *_: pytest.fail("read again"))
    again = data.load("folder", pets, shape=IMAGE)
    assert isinstance(again.x_train, np.memmap)
    assert np.array_equal(first.x_train, again.x_train)
    assert np.array_equal(first.y_train, again.y_train)
    monkeypatch.undo()


def test_changed_photographs_are_read_anew(pets: Path) -> None:
    first = data.load("folder", pets, shape=IMAGE)
    for path in pets.glob("dog/*.png"):
        path.write_bytes(fake.encoded(777, "PNG"))
    again = data.load("folder", pets, shape=IMAGE)
    assert np.array_equal(first.x_train[first.y_train == 0], again.x_train[again.y_train == 0])
    assert not np.array_equal(first.x_train[first.y_train == 1], again.x_train[again.y_train == 1])


def test_two_readers_at_once(pets: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: data.load("folder", pets, shape=IMAGE), range(4)))
    assert all(np.array_equal(d.x_test, found[0].x_test) for d in found)
    left = sorted(p.name.split("-")[1] for p in (cache_folder() / "photos").iterdir())
    assert left == ["test", "train"]


def test_no_room_is_told(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos.shutil, "disk_usage", lambda _: type("", (), {"free": 99}))
    with pytest.raises(InputError, match=r"(?s)3,900 bytes.*99 are free.*XDG_CACHE_HOME"):
        data.load("folder", pets, shape=IMAGE)


def test_a_disk_that_fills_is_told(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before pixels are written through a map, where it would end the process."""

    def full(_file: int, _start: int, _bytes: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(photos.os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"(?s)No space left on device.*XDG_CACHE_HOME"):
        data.load("folder", pets, shape=IMAGE)
    assert not [p for p in (cache_folder() / "photos").iterdir() if p.is_dir()]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("damaged.json", b'{"a": 1}'),
        ("damaged.json", b"[1, 2]"),
        ("damaged.json", b""),
        ("y.npy", b""),
        ("x.npy", b""),
        ("y.npy", np.float64(3)),
        ("y.npy", np.full(11, -1)),
        ("y.npy", np.zeros((11, 2), np.int64)),
        ("x.npy", np.zeros((11, 10, 10, 3))),
        ("x.npy", np.zeros((2, 10, 10, 3), np.uint8)),
    ],
)
def test_a_damaged_cache_is_told(pets: Path, name: str, content: bytes | np.ndarray) -> None:
    data.load("folder", pets, shape=IMAGE)
    for folder in (p for p in (cache_folder() / "photos").iterdir() if p.is_dir()):
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            np.save(folder / name, content)
    with pytest.raises(InputError, match=r"(?s)is damaged.*Delete it"):
        data.load("folder", pets, shape=IMAGE)


def test_without_pillow_it_says_what_to_install(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ToolMissing, match=r"pip install '\.\[train\]'"):
        data.load("folder", pets, shape=IMAGE)


def test_imagenette(tmp_path: Path) -> None:
    fake.imagenette(tmp_path / "imagenette2-160")
    d = data.load("imagenette", tmp_path, shape=(16, 16, 1))
    assert d.shape == (16, 16, 1)
    assert np.bincount(d.y_train).tolist() == [3] * 10
    assert (d.classes[0], d.classes[9]) == ("tench", "parachute")
    assert len(set(d.y_test[:10])) > 3, "classes are mixed"
    with pytest.raises(InputError, match=r"(?s)no folder imagenette2-160.*\.tgz"):
        data.load("imagenette", tmp_path / "imagenette2-160" / "val", shape=IMAGE)
    (tmp_path / "imagenette2-160" / "val" / "n01440764").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not Imagenette: n01440764"):
        data.load("imagenette", tmp_path, shape=IMAGE)


def test_ilsvrc2012_out_of_its_tars(tmp_path: Path) -> None:
    fake.ilsvrc2012(tmp_path)
    d = data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    assert d.classes == ("tench", "n01500002", "owl")
    assert d.y_train.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert d.y_test.tolist() == [2, 0, 1, 2, 0, 1]
    assert np.array_equal(d.x_train[0], photos.decode(fake.encoded(10), IMAGE))
    assert np.array_equal(d.x_test[5], photos.decode(fake.encoded(56), IMAGE))


def test_ilsvrc2012_damaged(tmp_path: Path) -> None:
    fake.ilsvrc2012(tmp_path)
    train, labels = tmp_path / ilsvrc2012.TRAIN, tmp_path / ilsvrc2012.LABELS
    good = train.read_bytes()
    at = good.index(b"n01000001_2.JPEG") + 512
    train.write_bytes(good[:at] + bytes(40) + good[at + 40 :])
    with pytest.raises(InputError, match=r"1 damaged.*n01000001\.tar: n01000001_2\.JPEG"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    train.write_bytes(good[: at + 10])
    with pytest.raises(InputError, match=r"img_train\.tar: not a sound tar file: unexpected end"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    train.write_bytes(good.replace(b"n01000001_2.JPEG", b"n01000001_2.JPEH"))
    with pytest.raises(InputError, match=r"n01000001\.tar: not a sound tar file: the entry at"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    train.write_bytes(b"not a tar" * 99)
    with pytest.raises(InputError, match="not a sound tar file"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    train.write_bytes(good)
    text = labels.read_text()
    labels.write_text(text + "n01000001\n")
    with pytest.raises(InputError, match="6 photographs, but 7 labels"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    labels.write_text("n09999999\n" + text)
    with pytest.raises(InputError, match="n09999999 is no class"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)
    labels.unlink()
    with pytest.raises(InputError, match=r"(?s)synset_labels\.txt missing.*image-net\.org"):
        data.load("ilsvrc2012", tmp_path, shape=IMAGE)


def claim(width: int, height: int) -> bytes:
    """A PNG of few bytes that claims so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 16))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(1, 170_000_000), (13_000, 13_000), (2**31 - 1, 2**31 - 1)])
def test_photographs_that_claim_absurd_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    root = tmp_path / "pets"
    fake.classes(root, {"dog": 3, "cat": 3}, "PNG")
    for i in range(3):
        (root / "dog" / f"claim{i}.png").write_bytes(claim(*size))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"claim0\.png: .*(pixels)"):
        data.load("folder", root, shape=IMAGE)
    with pytest.raises(InputError, match=r"claim0\.png: .*(pixels)"):
        calibration.samples(str(root), IMAGE, 2, 9, 1, None, skip_damaged=False)
    found = calibration.samples(str(root), IMAGE, 2, 9, 1, None, skip_damaged=True)
    assert len(found.x) == 6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


def test_large_photographs_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = most = 0
    fitted = photos._fitted

    def counted(*arguments: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1
        return fitted(*arguments)

    monkeypatch.setattr(photos, "_fitted", counted)
    monkeypatch.setattr(photos, "LARGE", 3 * 4)
    content = png(np.zeros((4, 4, 3), np.uint8))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: photos.decode(content, IMAGE), range(8)))
    assert most == 1


def test_a_tar_with_a_negative_size_ends(tmp_path: Path) -> None:
    """A reader of tars would find the same entry again and again."""
    entry = tarfile.TarInfo("a.jpg")
    header = bytearray(entry.tobuf())
    header[124:136] = (-1024).to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "x.tar"
    path.write_bytes(bytes(header) + bytes(2048))
    with pytest.raises(InputError, match="not a sound tar file"):
        ilsvrc2012.files_in(path)
