"""Weights from files: Keras' own networks as the oracle, heads replaced, layers frozen, damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import zoo
from ascua.errors import InputError
from ascua.zoo import deep_compression
from scripts import networks

pytestmark = [
    pytest.mark.train,
    # Keras 3 reads TensorFlow's variables in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SHARED, SAMPLE = networks.SHARED, networks.SAMPLE


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


def write_h5(path: Path, layers: dict[str, list[np.ndarray]]) -> Path:
    """An .h5 file as Keras 2 wrote weights."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"w{i}:0".encode() for i in range(len(arrays))]
            for i, array in enumerate(arrays):
                group[f"w{i}:0"] = array
    return path


def random_weights(model: Any) -> dict[str, list[np.ndarray]]:
    """Weights for each layer of `model`, which it gets too."""
    rng = np.random.default_rng(1)
    found = {}
    for layer in model.layers:
        arrays = []
        for w in layer.weights:
            noise = rng.normal(0, 1 / max(1, np.prod(w.shape[:-1])) ** 0.5, w.shape)
            arrays.append((noise * 0.1 + 1 if w.name in ("gamma", "moving_variance") else noise)
                          .astype(np.float32))  # fmt: skip
        if arrays:
            layer.set_weights(arrays)
            found[layer.name] = arrays
    return found


@pytest.mark.parametrize(
    ("family", "theirs", "arguments", "options"),
    [
        ("mobilenet_v1", "MobileNet", {"alpha": 0.25}, {"alpha": 0.25}),
        ("mobilenet_v2", "MobileNetV2", {"alpha": 0.35}, {"alpha": 0.35}),
        ("mobilenet_v3_small", "MobileNetV3Small", {"alpha": 0.75}, {"alpha": 0.75}),
        (
            "mobilenet_v3_small", "MobileNetV3Small",
            {"kernel": 3, "activation": "relu", "squeeze_excite": False}, {"minimalistic": True},
        ),
    ],
)  # fmt: skip
def test_equal_to_keras_applications(
    keras: Any, tmp_path: Path, family: str, theirs: str, arguments: dict[str, Any],
    options: dict[str, Any],
) -> None:  # fmt: skip
    build = getattr(keras.applications, theirs)
    oracle = build((64, 64, 3), classes=9, weights=None, classifier_activation=None, **options)
    path = write_h5(tmp_path / "w.h5", random_weights(oracle))
    model = zoo.build(family, (64, 64, 3), 9, **arguments)
    assert zoo.load_weights(model, path).fresh is None
    assert model.count_params() == oracle.count_params()
    x = np.random.default_rng(2).random((2, 64, 64, 3)).astype(np.float32)
    wanted = oracle(255 * x if family == "mobilenet_v3_small" else 2 * x - 1).numpy()
    assert np.abs(model(x).numpy() - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())


def tiny(classes: int = 5) -> Any:
    return zoo.build("vgg_small", (8, 8, 3), classes, seed=1, stages=[[4, 1]], dense=[6])


def test_a_head_of_other_classes_starts_anew(tmp_path: Path) -> None:
    given = random_weights(source := tiny(9))
    path = write_h5(tmp_path / "w.h5", given)
    model = tiny()
    before = model.get_layer("logits").get_weights()
    loaded = zoo.load_weights(model, path)
    assert loaded.fresh == "the file's has 9 outputs, not 5"
    assert np.array_equal(before[0], model.get_layer("logits").get_weights()[0])
    for layer in model.layers[:-1]:
        for a, b in zip(layer.get_weights(), source.get_layer(layer.name).get_weights(),
                        strict=True):  # fmt: skip
            assert np.array_equal(a, b)
    without_top = {name: arrays for name, arrays in given.items() if name != "logits"}
    loaded = zoo.load_weights(tiny(), write_h5(tmp_path / "notop.h5", without_top))
    assert loaded == zoo.LoadedWeights(3, "the file has none for it")


def test_by_order_where_names_differ_and_from_keras_3_files(tmp_path: Path) -> None:
    given = random_weights(source := tiny())
    renamed = {f"layer{i}": arrays for i, arrays in enumerate(given.values())}
    source.save(tmp_path / "w.keras")
    for path in (write_h5(tmp_path / "w.h5", renamed), tmp_path / "w.keras"):
        zoo.load_weights(model := tiny(), path)
        pairs = zip(model.get_weights(), source.get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_wrong_files(tmp_path: Path) -> None:
    given = random_weights(tiny())
    path = write_h5(tmp_path / "w.h5", given)
    other = zoo.build("vgg_small", (8, 8, 3), 5, stages=[[8, 1]], dense=[6])
    with pytest.raises(InputError, match=r"layer 'stage1_conv1' has weights 3x3x3x4(?s:.*)3x3x3x8"):
        zoo.load_weights(other, path)
    larger = zoo.build("vgg_small", (8, 8, 3), 5, stages=[[4, 2]], dense=[6])
    with pytest.raises(InputError, match="4 layers with weights, but vgg_small has 6"):
        zoo.load_weights(larger, path)
    cut = tmp_path / "cut.h5"
    cut.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match="cannot be read as Keras' weights"):
        zoo.load_weights(tiny(), cut)
    with pytest.raises(InputError, match="cannot be read"):
        zoo.load_weights(tiny(), tmp_path / "absent.h5")
    with pytest.raises(InputError, match="no address of `imagenet` weights"):
        zoo.obtain("imagenet", "vgg_small", (8, 8, 3), {})
    with pytest.raises(InputError, match=r"alpha 0\.3(?s:.*)0\.25, 0\.5, 0\.75, 1"):
        zoo.obtain("imagenet", "mobilenet_v1", (224, 224, 3), {"alpha": 0.3})


def test_imagenet_weights_come_from_where_keras_keeps_its_own(
    keras: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def get_file(name: str, url: str, cache_subdir: str) -> str:
        asked.append((name, url, cache_subdir))
        if "v2" in url:
            raise OSError("no route to host")
        return f"/cache/{name}"

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    path = zoo.obtain("imagenet", "mobilenet_v1", (128, 128, 3), {"alpha": 0.25})
    assert path == Path("/cache/mobilenet_2_5_128_tf.h5")
    assert asked[0][1].endswith("/keras-applications/mobilenet/mobilenet_2_5_128_tf.h5")
    with pytest.raises(InputError, match=r"cannot be downloaded: no route(?s:.*)give the file's"):
        zoo.obtain("imagenet", "mobilenet_v2", (96, 96, 3), {})


def test_freeze() -> None:
    model = tiny()
    names = [layer.name for layer in model.layers]
    count = zoo.freeze(model, "stage1_relu" if "stage1_relu" in names else names[2])
    assert count == 3 * 3 * 3 * 4 + 4 * 4
    assert [layer.trainable for layer in model.layers[1:3]] == [False, False]
    assert model.get_layer("logits").trainable
    assert zoo.freeze(tiny(), 2) == 3 * 3 * 3 * 4
    for wrong, message in (
        ("logit", "has no layer 'logit'(?s:.*)Did you mean 'logits'"),
        (99, "99 cannot be frozen"),
        ("logits", "nothing is left to train"),
    ):
        with pytest.raises(InputError, match=message):
            zoo.freeze(tiny(), wrong)


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A Deep Compression file with few weights, and the dense layers, made one by one."""
    rng = np.random.default_rng(4)
    counts, parts, dense = [], [], {}
    for name, shape in deep_compression.shapes().items():
        table, bias = rng.normal(size=256), rng.normal(size=shape[0])
        flat, at, codes, runs = np.zeros(np.prod(shape), np.float32), -1, [], []
        for _ in range(33):
            run, code = int(rng.integers(0, 16)), int(rng.integers(0, 256))
            at += run + 1
            flat[at] = np.float32(table[code])
            codes.append(code)
            runs.append(run)
        pairs = [a | b << 4 for a, b in zip(runs[::2], [*runs[1::2], 0], strict=True)]
        counts.append(33)
        parts += [table.astype("<f4").tobytes(), bias.astype("<f4").tobytes(),
                  bytes(codes), bytes(pairs)]  # fmt: skip
        kernel = np.zeros((*shape[2:], shape[1], shape[0]), np.float32)
        for i, value in enumerate(flat):
            o, c, y, x = np.unravel_index(i, shape) if value else (0, 0, 0, 0)
            kernel[y, x, c, o] += value
        dense[name] = (kernel, bias.astype(np.float32))
    path = tmp_path_factory.mktemp("net") / "squeezenet.net"
    path.write_bytes(np.array(counts, "<u4").tobytes() + b"".join(parts))
    return path, dense


def test_deep_compression(compressed: tuple[Path, dict[str, Any]]) -> None:
    path, dense = compressed
    found = deep_compression.read(path)
    assert list(found) == list(dense)
    for name, (kernel, bias) in dense.items():
        assert np.array_equal(found[name][0], kernel), name
        assert np.array_equal(found[name][1], bias), name


def test_damaged_deep_compression(compressed: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    data, path = compressed[0].read_bytes(), tmp_path / "bad.net"
    first = 26 * 4
    runs = first + 1024 + 96 * 4 + 33
    for what, message in (
        (data[:50], "nor a whole(?s:.*)the counts"),
        (data[:-1], "nor a whole(?s:.*)layer conv10"),
        (data + b"x", "1 bytes follow"),
        (b"\xff" * 4 + data[4:], "conv1 would have 4,294,967,295 stored weights"),
        (b"\0" * 4 + data[4:], "conv1 would have 0 stored"),
        (data[:first] + b"\0\0\xc0\x7f" + data[first + 4 :], "layer conv1 has values that are no"),
    ):
        path.write_bytes(what)
        with pytest.raises(InputError, match=message):
            deep_compression.read(path)
    shape = deep_compression.shapes()["conv1"]
    many = int(np.prod(shape))
    body = data[first : first + 1024 + 96 * 4] + bytes(many) + b"\xff" * (many // 2) + data[runs:]
    path.write_bytes(np.array([many], "<u4").tobytes() + data[4:first] + body)
    with pytest.raises(InputError, match="layer conv1 has weights beyond its 14,112"):
        deep_compression.read(path)


def test_published_squeezenets_take_red_green_blue(
    compressed: tuple[Path, dict[str, Any]],
) -> None:
    """The first layer on images in 0..1 is the published one on blue, green, red less the mean."""
    import tensorflow as tf

    path, dense = compressed
    model = zoo.build("squeezenet", (35, 35, 3), 1000, version="1.0")
    assert zoo.load_weights(model, path).fresh is None
    images = np.random.default_rng(3).integers(0, 256, (2, 35, 35, 3)).astype(np.float32)
    kernel, bias = dense["conv1"]
    caffe = images[..., ::-1] - np.float32([104, 117, 123])
    wanted = (tf.nn.conv2d(caffe, kernel, 2, "VALID") + bias).numpy()
    layer = zoo.import_keras().Model(model.inputs[0], model.get_layer("conv1").output)
    assert np.allclose(layer(images / 255).numpy(), wanted, rtol=1e-4, atol=1e-2)
    assert np.array_equal(model.get_layer("fire9_expand3x3").get_weights()[0],
                          dense["fire9/expand3x3"][0])  # fmt: skip


def photographs(size: int, *, scaled: bool) -> Iterator[tuple[Any, Any]]:
    """The 1,000 photographs in 0..1 (m, size, size, 3), scaled or their centre, and labels (m,)."""
    pytest.importorskip("PIL")
    pixels, labels = networks.photographs(size, scaled=scaled)
    for i in range(0, 1000, 50):
        yield pixels[i : i + 50].astype(np.float32) / 255, labels[i : i + 50]


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.exists(), reason="../shared is absent")
def test_squeezenet_on_the_sample() -> None:
    model = zoo.build("squeezenet", (227, 227, 3), 1000, version="1.0")
    path = SHARED / "weights/squeezenet_v1.0_deep_compressed.net"
    assert zoo.load_weights(model, path).fresh is None
    hits = sum(int((model(x).numpy().argmax(1) == y).sum())
               for x, y in photographs(227, scaled=False))  # fmt: skip
    assert hits / 10 == pytest.approx(60.2, abs=0.3)


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.exists(), reason="../shared is absent")
def test_mobilenet_on_the_sample(keras: Any) -> None:
    """The same answer to each photograph as Keras' own network of the same file."""
    path = SHARED / "weights/mobilenet_v1_0.25_128_keras_tinymaix.h5"
    model = zoo.build("mobilenet_v1", (128, 128, 3), 1000, alpha=0.25)
    assert zoo.load_weights(model, path).fresh is None
    oracle = keras.applications.MobileNet((128, 128, 3), alpha=0.25, weights=str(path))
    hits = 0
    for x, y in photographs(128, scaled=True):
        answer = model(x).numpy().argmax(1)
        assert np.array_equal(answer, oracle(2 * x - 1).numpy().argmax(1))
        hits += int((answer == y).sum())
    assert hits / 10 == pytest.approx(47.8, abs=0.3)
