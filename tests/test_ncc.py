"""`ascua ncc infer`: what becomes of files, what is written, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import kmodel, kpu
from ascua.data.ncc import FORMATS, Wanted, resized
from ascua.files.folders import MANIFEST
from ascua.ir import Array
from ascua.kmodel import Kmodel, Layer, Port, v3, v4
from ascua.kmodel.memory import f32, u8
from ascua.ncc.classes import best
from tests.support.command import MODELS, Result, ascua, refused
from tests.support.convolutions import RELU, conv
from tests.support.kmodels import file3, file4, layer
from tests.support.spared import everything

Image = pytest.importorskip("PIL.Image")

K210 = MODELS / "k210"
PHOTOS = MODELS.parent / "data/imagenet1000/imagenet_sample_1000.npz"
U8, F32 = np.dtype("u1"), np.dtype("<f4")

OPENCV = [
    ((1, 1), (3, 4), "4af396e74e2b101e", (0.0, 0.619608, 0.235294)),
    ((20, 30), (8, 8), "93c9f2ee530bc17b", (0.622181, 0.270098, 0.639093)),
    ((8, 8), (8, 8), "84aae10bd92aa2e4", (0.039216, 0.658824, 0.27451)),
    ((16, 24), (8, 12), "c2b5b4dca06ebb7f", (0.497059, 0.614706, 0.483333)),
    ((7, 5), (31, 64), "4310f1584f6cff00", (0.640594, 0.256281, 0.875889)),
    ((3, 200), (50, 3), "6249ba3832d681b2", (0.29851, 0.918118, 0.533804)),
    ((300, 211), (224, 224), "e9dd58da0216165a", (0.197279, 0.761763, 0.433842)),
]
"""What OpenCV 4.5.5 and 5.0.0 (without IPP) make of `picture`: sizes (rows, columns) from and to,
the SHA-256 of the bytes, and the floats in the middle row and at a third of the columns."""
PHOTO = "6d3ef945e0f0c4a758696011e59ca10b12e8a592117ede85f320cad207ef2039"
"""The SHA-256 of photograph 388, as OpenCV decodes and resizes it: (224, 224, RGB)."""


def picture(h: int, w: int) -> Array:
    """Pixels that look random and are the same everywhere."""
    count = np.arange(h * w * 3, dtype=np.uint32) * np.uint32(2654435761)
    return (count >> np.uint32(24)).astype(np.uint8).reshape(h, w, 3)


def floats(shape: tuple[int, int, int, int], outputs: int = 1) -> bytes:
    """A V4 file whose outputs are its input of floats (n, c, h, w), copied."""
    size = 4 * int(np.prod(shape))
    copies = [layer(0x09, "8I", 1, 0, 0, size, 1, 0, size * (i + 1), size) for i in range(outputs)]
    written = [(1, 0, size * (i + 1), size) for i in range(outputs)]
    return file4(copies, written, [((1, 0, 0, size), shape)])


def sums(version: int) -> bytes:
    """A file with an image of 8x8 in KPU RAM, and the mean of red and green, of green and blue.

    Bytes in V4, of halves to the even one; in V3 half of the bytes, and 1 more.
    """
    w = np.array([[1, 1, 0], [0, 1, 1]], np.uint8).reshape(2, 3, 1, 1)
    main = {"send_data_out": 1} if version == 4 else {}
    first = conv(w, (8, 8), norms=[(1 << 10, 0, 0)] * 2, segments=RELU, **main)
    port = Port(first.source, (1, 3, 8, 8))
    if version == 4:
        layers: tuple[Layer, ...] = (v4.KpuConv2d(u8(0, 128), 1, 0, first),)
        return kmodel.write(Kmodel("sums", 4, 128, (port,), (u8(0, 128),), layers))
    layers = (v3.K210Conv(1, 0, first), v3.Dequantize(1, 0, 128, 128, 0.5, 1.0))
    return kmodel.write(Kmodel("sums", 3, 640, (port,), (f32(128, 128),), layers))


def summed(version: int, pixels: Array) -> Array:
    """What `sums` makes of pixels (8, 8, 3)."""
    red, green, blue = pixels.astype(int).transpose(2, 0, 1).reshape(3, -1)
    both = np.concatenate([red + green, green + blue])
    return np.rint(both / 2) if version == 4 else ((both + 1) >> 1) * 0.5 + 1


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: kmodels, and three images below `images`."""
    monkeypatch.chdir(tmp_path)
    for name, data in {
        "copy": floats((1, 3, 4, 4)), "gray": floats((1, 1, 4, 4)), "four": sums(4),
        "three": sums(3), "wide": floats((1, 5, 2, 2)),
    }.items():  # fmt: skip
        Path(f"{name}.kmodel").write_bytes(data)
    Path("images/more").mkdir(parents=True)
    Image.fromarray(picture(4, 4)).save("images/more/b.png")
    Image.fromarray(picture(8, 8)).save("images/c.BMP")
    Image.fromarray(picture(9, 7)).save("images/a.jpg", quality=95)
    Path("images/notes.txt").write_text("none of them")
    Path("images/.b.png").write_text("hidden")
    return tmp_path


def infer(model: str, *more: object, dataset: str = "images", to: str = "out") -> Result:
    return ascua("ncc", "infer", f"{model}.kmodel", to, "--dataset", dataset, *more)


def done(result: Result) -> str:
    """What a command printed that ended well, without a warning."""
    assert (result.code, result.err) == (0, ""), result.err
    return result.out


def written(name: str, dtype: str = "<f4") -> Array:
    return np.frombuffer(Path("out", f"{name}.bin").read_bytes(), dtype)


def raw(**samples: Array) -> str:
    """A data set of bare numbers."""
    for name, x in samples.items():
        path = Path("raw", name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(x.tobytes())
    return "raw"


@pytest.mark.parametrize(("size", "to", "sha256", "third"), OPENCV)
def test_images_are_resized_as_opencv_does(
    size: tuple[int, int], to: tuple[int, int], sha256: str, third: tuple[float, ...]
) -> None:
    x = resized(picture(*size), *to, U8)
    assert x.dtype == U8
    assert hashlib.sha256(x.tobytes()).hexdigest().startswith(sha256)
    y = resized(picture(*size), *to, F32)
    assert y.dtype == F32
    assert np.abs(y[to[0] // 2, to[1] // 3] - third).max() < 1e-6
    assert np.abs(y - x / 255).max() < 1.1 / 255


def test_floats_are_normalized_and_channels_come_first() -> None:
    out = done(infer("copy", "--input-mean", 0.25, "--input-std", -0.5))
    assert out == "3 files in out: 48 floats each\n"
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.bin", "b.bin", "c.bin", MANIFEST]
    pixels = picture(4, 4).transpose(2, 0, 1) / 255
    assert np.abs(written("b").reshape(3, 4, 4) - (pixels - 0.25) / -0.5).max() < 1e-6
    large = resized(picture(8, 8), 4, 4, F32).transpose(2, 0, 1)
    assert np.abs(written("c").reshape(3, 4, 4) - (large - 0.25) / -0.5).max() < 1e-6


def test_nothing_is_normalized_unless_asked_for() -> None:
    done(infer("copy"))
    pixels = picture(4, 4).transpose(2, 0, 1) * np.float32(1 / 255)
    assert written("b").tolist() == pixels.reshape(-1).tolist()


@pytest.mark.parametrize(("name", "dtype"), [("four", "u1"), ("three", "<f4")])
def test_bytes_as_a_camera_gives_them(name: str, dtype: str) -> None:
    """The bytes of each pixel reach the input, and outputs the file as the model has them."""
    done(infer(name))
    model = kmodel.load(f"{name}.kmodel")
    for file, pixels in (("b", resized(picture(4, 4), 8, 8, U8)), ("c", picture(8, 8))):
        (y,) = kpu.run(model, pixels[None])
        assert written(file, dtype).tolist() == y[0].tolist()
        assert written(file, dtype).tolist() == summed(model.version, pixels).tolist()


@pytest.mark.parametrize("name", ["four", "three"])
def test_bytes_know_no_mean(name: str) -> None:
    done(infer(name, to="plain"))
    result = infer(name, "--input-std", 0.5, "--input-mean", 0.5, "--json")
    assert result.code == 0
    words = f"{name}.kmodel takes bytes, as a camera gives them: `--input-mean` and `--input-std`"
    assert words in result.err
    assert words in json.loads(result.out)["warnings"][0]
    for file in ("a.bin", "b.bin", "c.bin"):
        assert Path("out", file).read_bytes() == Path("plain", file).read_bytes()


def test_images_stand_upright_and_are_not_transparent() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right side
    Image.fromarray(picture(8, 4)).save("images/turned.png", exif=exif)
    clear = np.dstack([picture(8, 8), np.zeros((8, 8), np.uint8)])
    Image.fromarray(clear).save("images/clear.png")
    wanted = Wanted((4, 8, 3), U8)
    paths = [Path("images/turned.png"), Path("images/clear.png"), Path("images/c.BMP")]
    turned, clear, plain = (s.x for s in FORMATS["image"].samples(paths, wanted))
    assert np.array_equal(turned, picture(8, 4)[::-1].transpose(1, 0, 2))
    assert np.array_equal(clear, plain)


def test_one_channel_is_the_blue_one() -> None:
    gray = np.repeat(picture(4, 4)[..., :1], 3, axis=2)
    Path("gray").mkdir()
    Image.fromarray(gray).save("gray/g.png")
    Image.fromarray(gray[..., 0]).save("gray/l.png")
    done(infer("gray", dataset="gray"))
    assert written("g").tolist() == (gray[..., 0] * np.float32(1 / 255)).reshape(-1).tolist()
    assert (written("g") == written("l")).all()
    result = infer("gray", to="colored")
    assert result.code == 0
    assert "3 of 3 images are colored, the first is images/a.jpg" in result.err
    blue = picture(4, 4)[..., 2] * np.float32(1 / 255)
    assert Path("colored/b.bin").read_bytes() == blue.astype("<f4").tobytes()


def test_raw_files_are_what_the_input_takes() -> None:
    x = picture(4, 4).astype("<f4")
    data = raw(x=x, **{"y.float": -x})
    done(infer("copy", "--dataset-format", "raw", "--input-std", 2, dataset=data))
    assert (written("x") == x.reshape(-1) / 2).all()
    assert (written("y") == -x.reshape(-1) / 2).all()


def test_raw_bytes_are_planes() -> None:
    pixels = picture(8, 8)
    data = raw(x=np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    Path(data, ".hidden").write_text("no sample")
    done(infer("four", "--dataset-format", "raw", dataset=data))
    assert written("x", "u1").tolist() == summed(4, pixels).tolist()


def test_a_vector_is_no_image() -> None:
    """The first layer of a V3 file may take floats of main memory."""
    dense = layer(18, "6I9f", 1, 0, 1024, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    Path("dense.kmodel").write_bytes(file3([dense], [(1024, 12)]))
    refused(infer("dense"), 1, "it takes 2 x 1 x 1 numbers", "--dataset-format raw")
    data = raw(x=np.array([1, 10], "<f4"))
    done(infer("dense", "--dataset-format", "raw", dataset=data))
    assert written("x").tolist() == [28, 51, 74]


def test_one_file_is_a_data_set() -> None:
    assert done(infer("copy", dataset="images/c.BMP")) == "1 file in out: 48 floats\n"


def test_several_outputs_stand_one_behind_the_other() -> None:
    Path("two.kmodel").write_bytes(floats((1, 3, 4, 4), outputs=2))
    assert done(infer("two")) == "3 files in out: 48 floats, then 48 floats each\n"
    assert (written("b")[:48] == written("b")[48:]).all()
    assert len(written("b")) == 96


def test_the_best_classes() -> None:
    Path("names.txt").write_text("\ufeffzero\none\ntwo, deux\n\n", encoding="utf-8")
    Path("mean.kmodel").write_bytes(floats((1, 3, 1, 1)))
    Image.new("RGB", (1, 1), (51, 102, 0)).save("one.png")
    named = infer("mean", "--labels", "names.txt", "--top-k", 2, dataset="one.png")
    assert done(named) == "one.png\n  0.4  one\n  0.2  zero\n1 file in out: 3 floats\n"
    numbered = done(infer("mean", "--top-k", 9, dataset="one.png"))
    assert [line.split() for line in numbered.splitlines()[1:-1]] == [
        ["0.4", "1"], ["0.2", "0"], ["0", "2"],
    ]  # fmt: skip
    (found,) = json.loads(infer("mean", "--labels", "names.txt", "--json", dataset="one.png").out)[
        "files"
    ]
    assert (found["input"], found["output"]) == ("one.png", "one.bin")
    assert [(c["index"], c["name"]) for c in found["top"]] == [
        (1, "one"), (0, "zero"), (2, "two, deux"),
    ]  # fmt: skip


def test_equal_scores_and_what_is_no_number() -> None:
    scores = np.array([1, np.nan, 7, 7, -np.inf], np.float32)
    found = best(scores, 5, [])
    assert [c.index for c in found] == [2, 3, 0, 4, 1]
    assert [c.json()["score"] for c in found] == [7, 7, 1, None, None]
    assert [c.index for c in best(np.array([3, 255, 0, 255], np.uint8), 3, [])] == [1, 3, 0]


def test_json() -> None:
    found = json.loads(done(infer("four", "--json")))
    assert found == {
        "schema": 1,
        "model_sha256": hashlib.sha256(Path("four.kmodel").read_bytes()).hexdigest(),
        "outdir": "out",
        "outputs": [{"dtype": "uint8", "elements": 128}],
        "files": [
            {"input": "images/a.jpg", "output": "a.bin", "top": []},
            {"input": "images/c.BMP", "output": "c.bin", "top": []},
            {"input": "images/more/b.png", "output": "b.bin", "top": []},
        ],
        "warnings": [],
    }
    page = (Path(__file__).parents[1] / "docs/json.md").read_text(encoding="utf-8")
    entry = page[page.index("`ascua ncc infer --json`") :].split("\n- ")[0]
    for key in ("model_sha256", "outdir", "outputs[]", "dtype", "elements", "files[]", "input",
                "output", "top[]", "index", "name", "score"):  # fmt: skip
        assert f"`{key}`" in entry


def test_a_later_run_replaces_what_ascua_wrote_and_nothing_else() -> None:
    done(infer("copy"))
    Path("out/mine.txt").write_text("mine")
    done(infer("copy", "--input-std", 2, dataset="images/more"))
    assert sorted(p.name for p in Path("out").iterdir()) == ["b.bin", MANIFEST, "mine.txt"]
    Path("out/b.bin").write_bytes(b"mine too")
    before = everything(Path("out"))
    refused(infer("copy"), 1, "out: b.bin changed since Ascua wrote it", "--force")
    assert everything(Path("out")) == before
    done(infer("copy", "--force"))
    assert len(written("b")) == 48
    assert Path("out/mine.txt").read_text() == "mine"


def test_a_folder_of_the_users_is_left_alone() -> None:
    Path("out").mkdir()
    Path("out/a.bin").write_text("mine")
    before = everything(Path("out"))
    refused(infer("copy"), 1, "out: not empty, and Ascua did not write it as a folder of outputs")
    assert everything(Path("out")) == before
    Path("empty").mkdir()
    done(infer("copy", to="empty"))


def test_damaged_images_are_named_and_nothing_is_written() -> None:
    whole = Path("images/c.BMP").read_bytes()
    Path("images/d.bmp").write_bytes(whole[:60])
    Path("images/e.jpg").write_text("no image")
    Path("images/f.png").write_bytes(Path("images/more/b.png").read_bytes()[:70])
    result = infer("copy")
    refused(result, 1, "3 of 6 files cannot be used: images/d.bmp: ", "images/f.png: ",
            "images/e.jpg: it is no JPEG, PNG or BMP file, or its head is damaged")  # fmt: skip
    assert not Path("out").exists()
    for i in range(4):
        Path(f"images/g{i}.jpg").touch()
    refused(infer("copy"), 1, "7 of 10 files cannot be used", "; and 2 more.")


def test_raw_files_of_another_length_are_named() -> None:
    data = raw(x=np.zeros(48, "<f4"), y=np.zeros(47, "<f4"))
    result = infer("copy", "--dataset-format", "raw", dataset=data)
    refused(result, 1, "1 of 2 files cannot be used: raw/y: it has 188 bytes instead of 192",
            "3 x 4 x 4 float32 numbers")  # fmt: skip
    Path("raw/z").write_bytes(bytes(191))
    result = infer("four", "--dataset-format", "raw", dataset=data)
    refused(result, 1, "2 of 3 files cannot be used: raw/y: it has 188 bytes instead of 192",
            "raw/z: it has 191 bytes instead of 192 (3 x 8 x 8 bytes")  # fmt: skip


BAD: dict[str, tuple[str, dict[str, str], tuple[object, ...], tuple[str, ...]]] = {
    "no such data set": ("copy", {"dataset": "nope"}, (), ("nope: neither a folder nor a file",)),
    "an empty folder": ("copy", {"dataset": "void"}, (), ("void: no images (.jpg,", ".bmp)")),
    "no files": ("copy", {"dataset": "void"}, ("--dataset-format", "raw"), ("void: no files in",)),
    "no images": ("copy", {"dataset": "other"}, (), ("other: no images",)),
    "one of several": ("copy", {"dataset": "twice"}, (),
                       ("twice/a.jpg and twice/a.png would both become a.bin",)),
    "no kmodel": ("other/net", {}, (), ("net.kmodel: is no kmodel",)),
    "no such kmodel": ("nope", {}, (), ("nope.kmodel: cannot be read",)),
    "two inputs": ("pair", {}, (), ("it has 2 inputs",)),
    "two samples": ("batch", {}, (), ("it takes 2 samples at a time",)),
    "five channels": ("wide", {}, (), ("it takes 5 x 2 x 2 numbers", "3 channels or 1")),
    "in the data set": ("copy", {"to": "images/out"}, (), ("images/out: it is in the data set",)),
    "the data set": ("copy", {"to": "./images/more/.."}, (), ("it is the data set itself",)),
    "a file": ("copy", {"to": "copy.kmodel"}, (), ("it is not a folder",)),
    "below a file": ("copy", {"to": "copy.kmodel/x"}, (), ("copy.kmodel is not a folder",)),
    "no deviation": ("copy", {}, ("--input-std", 0), ("`--input-std 0`: nothing can be divided",)),
    "next to none": ("copy", {}, ("--input-std", 1e-60), ("nothing can be divided",)),
    "no number": ("copy", {}, ("--input-std", "nan"), ("`--input-std nan` is no finite",)),
    "too large": ("four", {}, ("--input-mean", "1e39"), ("`--input-mean 1e+39` is no finite",)),
    "two labels": ("copy", {}, ("--labels", "two.txt"), ("it has 2 labels", "output 48 numbers")),
    "no labels": ("copy", {}, ("--labels", "none.txt"), ("it has 0 labels",)),
    "labels of bytes": ("copy", {}, ("--labels", "images/a.jpg"), ("no text in UTF-8",)),
    "labels nowhere": ("copy", {}, ("--labels", "nope.txt"), ("nope.txt: cannot be read",)),
}  # fmt: skip
"""A model, the data set and the folder, options, and what is said of them."""


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case: str, here: Path) -> None:
    for folder in ("void", "other", "twice"):
        Path(folder).mkdir()
    Path("other/net.kmodel").write_text("no network")
    for name in ("a.jpg", "a.png"):
        Image.fromarray(picture(4, 4)).save(f"twice/{name}")
    Path("batch.kmodel").write_bytes(floats((2, 3, 4, 4)))
    copy = layer(0x09, "8I", 1, 0, 0, 192, 1, 0, 384, 192)
    inputs: list[Any] = [((1, 0, at, 192), (1, 3, 4, 4)) for at in (0, 192)]
    Path("pair.kmodel").write_bytes(file4([copy], [(1, 0, 384, 192)], inputs))
    Path("two.txt").write_text("one\ntwo\n")
    Path("none.txt").write_text("\n")
    before = everything(here)
    model, places, options, words = BAD[case]
    refused(infer(model, *options, **places), 1, *words)
    assert everything(here) == before


def test_folders_without_permission() -> None:
    closed = "/proc/self/new" if os.geteuid() == 0 else "closed/new"
    Path("closed").mkdir(mode=0o555)
    refused(infer("copy", to=closed), 1, closed, "written")
    if os.geteuid():
        Path("images/more").chmod(0)
        refused(infer("copy"), 1, "images/more: Permission denied")
        Path("images/more").chmod(0o755)


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    refused(infer("copy"), 2, "Photographs are read by Pillow", "pip install '.[train]'")
    data = raw(x=np.zeros(48, "<f4"))
    done(infer("copy", "--dataset-format", "raw", dataset=data))


def test_the_group_lists_its_verbs() -> None:
    told = ascua("ncc", "--help").out
    assert "compile  Write the float network IN.tflite as a kmodel" in told
    assert "infer    Run MODEL.kmodel on files" in told
    assert ascua("ncc", "compare").code == 1


@pytest.mark.parametrize("version", [3, 4])
def test_a_real_network(version: int) -> None:
    if not (PHOTOS.exists() and K210.exists()):
        pytest.skip("the real networks and photographs are no part of the repository")
    table = np.load(PHOTOS)
    begin, end = table["offsets"][388:390]
    Path("panda.jpg").write_bytes(table["blob"][begin:end].tobytes())
    (sample,) = FORMATS["image"].samples([Path("panda.jpg")], Wanted((224, 224, 3), U8))
    assert isinstance(sample.x, np.ndarray)
    assert hashlib.sha256(sample.x.tobytes()).hexdigest() == PHOTO
    path = K210 / f"kmodelV{version}/mbnet25.kmodel"
    result = ascua("ncc", "infer", path, "out", "--dataset", "panda.jpg", "--labels",
                   K210 / "labels.txt", "--top-k", 1)  # fmt: skip
    (y,) = kpu.run(kmodel.load(path), sample.x[None])
    assert (written("panda") == y[0]).all()
    assert ("giant panda" in done(result)) == (version == 4)
