"""What is data never runs: files that lie about, recipes, boards, and models with code in them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, recipes, zoo
from ascua.errors import InputError
from ascua.recipes import Recipe
from ascua.run import child
from ascua.train import train
from ascua.zoo import functions
from tests.support.command import Result, ascua, model_file, process, refused
from tests.support.examples import UINT8, small
from tests.support.tiny import RECIPE, entered
from tests.support.tools import require_board

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LYING_ABOUT = (
    "PIL", "__main__", "ascua", "base64", "click", "colorsys", "conftest", "flatbuffers", "h5py",
    "json", "keras", "litert", "logging", "math", "numpy", "pandas", "random", "rich",
    "sitecustomize", "struct", "tempfile", "tensorflow", "tflite", "tflite_micro", "torch",
    "typing", "usercustomize", "zlib",
)  # fmt: skip
"""Modules that Ascua's processes import, or look for."""
NET = """
import colorsys
import keras
from keras import layers
from blocks import CHANNELS

def net(image, classes=3):
    x = inputs = keras.Input(image)
    x = layers.Flatten()(layers.Conv2D(CHANNELS, 3)(x))
    return keras.Model(inputs, layers.Dense(classes)(x))

def number():
    return 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose Python files and tools write a file RAN when something runs them."""
    for name in LYING_ABOUT:
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'RAN')!r}, 'a').write({name!r})"
        )
    for name in ("cc", "qemu-system-arm", "git"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/RAN\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def ran(folder: Path) -> str:
    """Which of the files were run."""
    return (folder / "RAN").read_text() if (folder / "RAN").exists() else ""


def mismatched(result: Result) -> dict[str, int]:
    """Bytes that differ, by executor and oracle."""
    assert result.code == 0, result.err
    checks = json.loads(result.out)["executors"]
    return {f"{c['executor']} {c['against']}": c["mismatched_bytes"] for c in checks}


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_files_of_the_current_folder_are_not_imported(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = {"int8": "tflite-micro", "uint8": "litert"}[kind]
    pytest.importorskip({"int8": "tflite_micro", "uint8": "tensorflow"}[kind])
    require_board(boards.load("host"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join(("", ".", os.environ["PATH"])))
    graph = small() if kind == "int8" else next(iter(UINT8.values()))
    model = model_file(folder, graph).name
    found = mismatched(process("validate", model, "-b", "host", "--json", cwd=folder))
    assert found == {f"reference {oracle}": 0, f"host {oracle}": 0}
    if kind == "int8":
        run = process("run", model, "-b", "host", "--json", cwd=folder)
        assert run.code == 0, run.err
    assert ran(folder) == ""


def test_a_child_finds_its_packages_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    program = "import random, struct, numpy\nprint(numpy.__file__, sys.path, file=sys.stderr)"
    status, said = child.python(program, (), ("numpy",))
    assert (status, ran(folder)) == (0, "")
    assert np.__file__ in said
    assert str(folder) not in said


COMMANDS = {
    "os:system": "os.py.",
    "subprocess:run": "subprocess.py.",
    "ascua.cli:main": "ascua/cli.py.",
    "../out:net": "no function beside the recipe",
    "/tmp/out:net": "no function beside the recipe",
    "sub/nets:net": "no function beside the recipe",
    "nets:os.system": "no function beside the recipe",
    "nets:net:net": "no function beside the recipe",
    ".nets:net": "no function beside the recipe",
    "nets\n:net": "no function beside the recipe",
    ":net": "no function beside the recipe",
    "linked:net": "not beside the recipe",
    "linkedpackage.nets:net": "not beside the recipe",
    "absent:net": "absent.py.",
}


@pytest.mark.parametrize("key", ["model", "teacher"])
@pytest.mark.parametrize("said", COMMANDS)
def test_a_recipe_runs_nothing_but_what_lies_beside_it(
    said: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by its own words, nor as another's base."""
    mine, out = tmp_path / "mine", tmp_path / "out.py"
    (mine / "sub").mkdir(parents=True)
    runs = f"open({str(tmp_path / 'RAN')!r}, 'a')\ndef net(): pass"
    for file in (out, tmp_path / "package/nets.py", mine / "sub/nets.py", mine / "nets.py"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(runs)
    (mine / "linked.py").symlink_to(out)
    (mine / "linkedpackage").symlink_to(tmp_path / "package")
    monkeypatch.chdir(mine)
    recipe = replace(recipes.load("digits-dscnn"), network={}, name="evil", epochs=1)
    if key == "teacher":
        recipe = replace(recipe, teacher=recipes.Teacher("TOLD"))
    else:
        recipe = replace(recipe, model="TOLD", network={"command": f"touch {tmp_path}/RAN"})
    (mine / "evil.toml").write_text(recipes.dump(recipe).replace('"TOLD"', json.dumps(said)))
    (mine / "worse.toml").write_text('base = "evil.toml"\nname = "worse"')
    for name in ("evil.toml", "worse.toml"):
        refused(ascua("train", mine / name), 1, COMMANDS[said], "beside the recipe")
    assert not (tmp_path / "RAN").exists()
    assert not (mine / "build").exists(), "nothing was begun"


def test_a_command_line_names_any_module_but_a_wrong_one_is_told(folder: Path) -> None:
    pytest.importorskip("keras")
    (folder / "nets.py").write_text(NET.replace("from blocks import CHANNELS", "CHANNELS = 2"))
    refused(ascua("models", f"{folder}/nets:system"), 1, "has no function 'system'")
    refused(ascua("models", f"{folder}/nets:number"), 1, "gives a int, not a Keras model")
    refused(ascua("models", "os:system"), 1, "its argument 'command' has no value")
    refused(ascua("models", f"{folder}/absent:net"), 1, f"there is no file {folder}/absent.py")
    assert ran(folder) == ""


@pytest.fixture
def beside(folder: Path) -> Path:
    """Recipes with their Python beside them, in a folder of that folder."""
    pytest.importorskip("keras")
    where = folder / "recipes"
    (where / "package").mkdir(parents=True)
    blocks = "CHANNELS = 2"
    for path, text in (
        ("nets.py", NET), ("random.py", NET), ("blocks.py", blocks),
        ("package/deep.py", NET.replace("from blocks", "from .blocks")),
        ("package/blocks.py", blocks), ("colorsys.py", (folder / "colorsys.py").read_text()),
        ("raises.py", "import sys\nsys.exit('stop')"),
    ):  # fmt: skip
        (where / path).write_text(text)
    return where


def written(where: Path, name: str, **change: Any) -> Recipe:
    """The recipe of that name in `where`, read."""
    path = where / f"{name}.toml"
    path.write_text(recipes.dump(replace(RECIPE, name=name, augment=(), epochs=1, **change)))
    return recipes.read(path)


@pytest.mark.train
def test_what_lies_beside_a_recipe_is_named_and_trained(
    beside: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("logging.Logger.propagate", True, raising=False)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    before = (list(sys.path), sys.modules["random"])
    for name, file in (
        ("nets:net", "nets.py"), ("nets.py:net", "nets.py"), ("random:net", "random.py"),
        ("package.deep:net", "package/deep.py"),
    ):  # fmt: skip
        recipe = written(beside, f"r{len(caplog.records)}", model=name)
        assert zoo.build(recipe.model, (8, 8, 1), 3).count_params() == 9 * 2 + 2 + 72 * 3 + 3
        said = [r.getMessage() for r in caplog.records]
        assert f"Loading Python code: {beside / file}" in said
    assert (list(sys.path), sys.modules["random"]) == before
    recipe = written(beside, "trained", model="nets:net", teacher=recipes.Teacher("random:net"))
    with entered():
        first = train(recipe, out=folder / "out")
        monkeypatch.chdir(beside)
        again = train(recipes.read(Path("trained.toml")), out=folder / "out")
    assert (first.epochs_run, again.epochs_run) == (1, 0), "in whatever folder it is called"
    assert recipes.as_written(recipes.read(first.folder / "recipe.toml")).model == "nets:net"
    assert ran(folder) == ""


@pytest.mark.train
def test_a_base_has_its_python_beside_itself(beside: Path, folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "nets.py").write_text(NET)
    (other / "blocks.py").write_text("CHANNELS = 5")
    written(beside, "base", model="nets:net")
    (other / "mine.toml").write_text(f'base = "{beside}/base.toml"\nname = "mine"')
    (other / "own.toml").write_text(
        f'base = "{beside}/base.toml"\nname = "own"\nmodel = "nets:net"'
    )
    for name, channels in (("mine", 2), ("own", 5), ("mine", 2)):
        model = zoo.build(recipes.load(f"{other}/{name}.toml").model, (8, 8, 1), 3)
        assert model.layers[1].filters == channels, "the siblings too are those of its own folder"


def test_the_file_is_named_before_it_runs(beside: Path) -> None:
    found = ascua("models", f"{beside}/raises.py:net")
    refused(found, 1, f"Loading Python code: {beside}/raises.py", "raised SystemExit: stop")
    assert found.err.index("Loading") < found.err.index("raised")


def test_bytecode_beside_the_file_is_not_run(beside: Path) -> None:
    """One that Python would take for the file's own."""
    import importlib.util
    import py_compile

    other, mine = beside / "other.py", beside / "mine.py"
    other.write_text("def net(): raise RuntimeError('bytecode')")
    mine.write_text("def net(): raise RuntimeError('the source')")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(other), importlib.util.cache_from_source(str(mine)),
                       invalidation_mode=mode)  # fmt: skip
    refused(ascua("models", f"{beside}/mine:net"), 1, "the source")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("old", [False, True])
def test_code_in_a_models_file_is_not_run(suffix: str, old: bool, tmp_path: Path) -> None:
    """`old`: as Keras 2 wrote it."""
    pytest.importorskip("keras")
    import h5py

    keras, marker, path = zoo.import_keras(), tmp_path / "RAN", tmp_path / f"m.{suffix}"
    if old and suffix == "keras":
        pytest.skip("Keras 2 wrote .h5 files")
    x = keras.Input((8, 8, 1))
    run = f"(open({str(marker)!r}, 'w').close(), v)[1]"
    code = keras.layers.Lambda(eval(f"lambda v: {run}"))  # noqa: S307
    y = keras.layers.Dense(3)(keras.layers.Flatten()(code(x)))
    with zoo.quiet():
        keras.Model(x, y).save(path)
    marker.unlink()
    if old:
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            layer = next(c for c in config["config"]["layers"] if c["class_name"] == "Lambda")
            inner = layer["config"]
            inner |= {"function": [inner["function"]["config"]["code"], None, None],
                      "function_type": "lambda", "module": "__main__"}  # fmt: skip
            file.attrs["model_config"] = json.dumps(config)
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8, 1), np.float32))
    given = ("-d", tmp_path / "x.npy")
    for command in (
        ("models", path), ("quantize", path, *given, "-o", tmp_path / "o.tflite"),
        ("compare", path, path, *given),
    ):  # fmt: skip
        refused(ascua(*command), 1, "Lambda", "module:function")
    assert not marker.exists()


def test_a_recipe_names_no_program_of_tensorflow_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "saved").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet5").mkdir()
    assert written(tmp_path / "mine", "c", model="lenet5").model == "lenet5", "no folder is meant"
    with pytest.raises(InputError, match=r"teacher: model: .*not beside the recipe(?s:.*)command"):
        written(tmp_path / "mine", "a", teacher=recipes.Teacher(str(tmp_path / "saved")))
    taught = written(tmp_path, "b", teacher=recipes.Teacher(str(tmp_path / "saved")))
    assert taught.teacher is not None


NAMES = (
    "../../x",
    "/tmp/x",
    "a/b",
    ".",
    "..",
    ".hidden",
    "-o",
    "",
    " x",
    "x\ny",
    "x\x1b[2J",
    "x" * 101,
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_boards_that_would_leave_their_folder(name: str, tmp_path: Path) -> None:
    text = (boards.FOLDER / "lm3s6965evb.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"lm3s6965evb"', json.dumps(name), 1))
    with pytest.raises(InputError, match="name must be a letter or digit"):
        boards.load(str(path))


@pytest.mark.parametrize(
    "name", ["../../x", "/tmp/x", ".", "..", "a/../../b", "", "x\ny", "x\x1b[2J"]
)
def test_names_of_recipes_that_would_leave_their_folder(name: str) -> None:
    with pytest.raises(InputError, match="name must be the name of a folder inside another"):
        replace(RECIPE, name=name)


@pytest.mark.parametrize(
    "name", ["ram } INCLUDE x {", "ram(rwx", "CODE", "DATA", "r\nm", "répertoire", ""]
)
def test_names_that_would_be_read_as_a_linker_script(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a memory"):
        boards.Memory(name, 0, 64, "rw")


def test_the_demonstration_shows_an_image_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(recipes.dump(replace(RECIPE, epochs=1, show=12)))
    with entered():
        refused(
            ascua("demo", tmp_path / "tiny.toml"),
            1,
            "it shows test sample 12, counted from 0, of 12",
        )


def test_forms_of_a_functions_name() -> None:
    for name in ("a:b", "./a:b", "/x/a.py:b", "x:y/a.b-c:d"):
        assert functions.is_function(name)
    for name in ("resnet8", "m.keras", "./saved", "x:y/m.keras"):
        assert not functions.is_function(name)
    for name in ("a b:c", "a:b c", "a..b:c", ":c", "a:"):
        with pytest.raises(InputError, match="is no function"):
            functions.find(name)
