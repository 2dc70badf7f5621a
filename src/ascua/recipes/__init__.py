"""Recipes are data: one TOML file each says how a network is trained and quantised.

Of Python, a recipe may name functions in files beside it alone; a recipe as a value has them with
their folder: `folder/module:function`.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Literal

from ascua.errors import InputError, did_you_mean
from ascua.quantize.options import DEFAULT, Options
from ascua.settings import build, convert, read_toml

FOLDER = Path(__file__).parent

FUNCTION = re.compile(r"[\w-]+(?:\.[\w-]+)*:\w+")
"""A function in a file beside a recipe: `module:function`, or `package.module:function`."""

Precision = Literal["float32", "bfloat16"]

LATER = ("normalize", "data")
"""Keys that version 0.1 did not have: what it wrote and hashed stays as it was."""

SCHEMES = ("int8", "int4-weights")
"""Those that a recipe may name: the network takes a pixel less 128."""


@dataclass(frozen=True)
class Quantization:
    """How the trained network becomes int8."""

    method: Literal["tflite", "ascua", "qat"] = "tflite"
    """After training, by TensorFlow's converter or Ascua's quantiser; or during all of it."""
    calibration: int = 500
    """Training images that set the activation ranges, or those that training begins with."""
    options: Options = DEFAULT
    """Switches of Ascua's quantiser."""

    def __post_init__(self) -> None:
        """Raises InputError for a count that is not positive, or options that nothing reads."""
        if self.calibration < 1:
            raise InputError(f"calibration must be at least 1, not {self.calibration}.")
        if self.options != DEFAULT and self.method != "ascua":
            raise InputError(f'options are for method "ascua", not "{self.method}".')
        if self.options.scheme not in SCHEMES:
            raise InputError(f"options: scheme must be one of {', '.join(SCHEMES)}.")


@dataclass(frozen=True)
class Teacher:
    """A trained network that a training imitates (G. Hinton et al., 2015, arXiv 1503.02531)."""

    model: str
    """A recipe, which is trained first, or a Keras model (a file, a SavedModel folder,
    `module:function`): images in 0..1 → logits or probabilities."""
    temperature: float = 4.0
    """Logits are divided by it before the two networks are compared."""
    alpha: float = 0.9
    """Share of the loss that is the teacher's; the rest is the labels'."""
    precision: Precision = "float32"
    """Of the teacher's activations."""

    def __post_init__(self) -> None:
        """Raises InputError for a value that no training can use."""
        if not 0 < self.temperature < inf:
            raise InputError(f"temperature must be positive, not {self.temperature!r}.")
        if not 0 <= self.alpha <= 1:
            raise InputError(f"alpha must be between 0 and 1, not {self.alpha!r}.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what `ascua train` gives: data, network, schedule, seed."""

    name: str
    title: str
    dataset: str
    model: str
    input: tuple[int, ...]
    """Of a sample: height, width and channels of an image, or other sizes of values, one to
    three, the channels last."""
    classes: int
    epochs: int
    batch: int
    lr: float
    """The highest learning rate."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "constant"] = "cosine"
    """What becomes of the learning rate after the warmup: it falls to 0, or stays."""
    warmup: float = 0.0
    """Epochs over which the learning rate rises to `lr`."""
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    precision: Precision = "float32"
    """Of activations in training; weights are float32. bfloat16 is for large networks, on a CPU
    that multiplies it (AVX-512 BF16, AMX)."""
    augment: tuple[str, ...] = ()
    """Names of augmentations in `ascua.train.augment`, applied in order."""
    normalize: bool = False
    """Whether the network itself brings each channel of values to mean 0 and deviation 1 over the
    training samples; images of bytes have no need of it."""
    validation: float = 0.1
    """Share of each class's training images that the epochs are looked at on, and not trained on;
    0: none is, the first test images are looked at, and nothing may be chosen by that."""
    seed: int = 1
    board: str = "lm3s6965evb"
    """Where the demonstration runs; empty for a network that only teaches."""
    show: int = 0
    """Index of the test sample that the demonstration draws."""
    weights: str = ""
    """A file of weights to start from, a recipe, which is trained first, or `imagenet` for those
    that Keras publishes."""
    freeze: int | str = 0
    """So many layers, or all up to the one of this name, keep the weights that they start with."""
    network: dict[str, Any] = field(default_factory=dict)
    """Arguments of the model's family, such as `width`; the zoo checks them."""
    data: dict[str, Any] = field(default_factory=dict)
    """Options of the data set, such as the `columns` of CSV files; it checks them."""
    teacher: Teacher | None = None
    quantize: Quantization = Quantization()

    def __post_init__(self) -> None:
        """Raises InputError for a value that no training can use."""
        wrong = [
            f"{name} must be {rule}, not {getattr(self, name)!r}"
            for name, rule, right in (
                ("name", "the name of a folder inside another", _is_inside(self.name)),
                (
                    "input",
                    "one to three positive sizes",
                    1 <= len(self.input) <= 3 and min(self.input) >= 1,
                ),
                ("classes", "at least 2", self.classes >= 2),
                ("epochs", "at least 1", self.epochs >= 1),
                ("batch", "at least 1", self.batch >= 1),
                ("lr", "positive", 0 < self.lr < inf),
                ("warmup", "between 0 and epochs", 0 <= self.warmup <= self.epochs),
                ("weight_decay", "at least 0", 0 <= self.weight_decay < inf),
                ("weight_decay", "0 with adam", self.weight_decay == 0 or self.optimizer != "adam"),
                ("label_smoothing", "at least 0 and below 1", 0 <= self.label_smoothing < 1),
                ("validation", "at least 0 and below 1", 0 <= self.validation < 1),
                ("seed", "between 0 and 2**32 - 1", 0 <= self.seed < 2**32),
                ("show", "at least 0", self.show >= 0),
                ("weights", "a trained network's with method qat", self.weights or not self.aware),
                ("freeze", "0 with method qat", self.freeze == 0 or not self.aware),
                (
                    "precision",
                    "float32 with method qat",
                    self.precision == "float32" or not self.aware,
                ),
            )
            if not right
        ]
        if wrong:
            raise InputError(f"Recipe {self.name!r}: {'; '.join(wrong)}.")

    @property
    def aware(self) -> bool:
        """Whether training already computes in the steps of int8."""
        return self.quantize.method == "qat"


def _is_inside(name: str) -> bool:
    """Whether a path of that name leads from any folder to something in it."""
    parts = Path(name).parts
    return bool(parts) and name.isprintable() and not {"/", ".."} & {*parts}


@cache
def load(name: str) -> Recipe:
    """The recipe called `name`, or the one in the TOML file at that path.

    Raises InputError with the known names, or with what is wrong in the file.
    """
    return read(_file(name))


def sources(name: str) -> tuple[Path, ...]:
    """The files that `load` reads for the recipe called `name`: its own, and those of its bases."""
    path = _file(name)
    base = read_toml(path).get("base")
    return (path, *(sources(str(base)) if base is not None else ()))


def _file(name: str) -> Path:
    """The TOML file of the recipe called `name`, or at that path. Raises InputError."""
    if name.endswith(".toml"):
        return Path(name)
    if name not in names():
        raise InputError(
            f"There is no recipe called {name!r}.",
            (*did_you_mean(name, names()), "Give the path of a recipe's TOML file."),
        )
    return FOLDER / f"{name}.toml"


def aware(recipe: Recipe, source: str) -> Recipe:
    """The recipe that goes on with `recipe`, whose name or file is `source`, in int8's steps.

    It has a twentieth of the epochs, but 3 to 10, and a tenth of the learning rate; where `recipe`
    has no teacher, its own float network is that.
    """
    if recipe.aware:
        return recipe
    return replace(
        recipe,
        name=f"{recipe.name}-qat",
        title=f"{recipe.title}, trained for int8",
        weights=source,
        freeze=0,
        epochs=min(max(3, recipe.epochs // 20), 10),
        lr=recipe.lr / 10,
        warmup=0.0,
        precision="float32",
        teacher=recipe.teacher or Teacher(source),
        quantize=replace(recipe.quantize, method="qat"),
    )


def read(path: Path, derived: tuple[Path, ...] = ()) -> Recipe:
    """The recipe in the TOML file `path`; `derived` are the files that it is a base of.

    What the file does not say is as in the recipe that its key `base` names, but for the name; a
    table is taken whole. Raises InputError naming a wrong key or value.
    """
    table = _located(read_toml(path), path)
    if "base" in table:
        base = convert(str, table.pop("base"), f"{path.name}: base")
        known = _values(base, path, (*derived, path))
        if table.get("dataset", known["dataset"]) != known["dataset"]:
            known.pop("data", None)  # options of another data set
        table = known | table
    if (width := table.pop("width", 1.0)) != 1.0:  # where folders made by version 0.1 have it
        table.setdefault("network", {}).setdefault("width", width)
    return build(Recipe, table, path.name)


def _located(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """What the file `path` says, with its folder before the functions that it names."""
    located, teacher = dict(table), table.get("teacher")
    if "model" in table:
        located["model"] = _beside(table["model"], path, f"{path.name}: model")
    if isinstance(teacher, dict) and "model" in teacher:
        model = _beside(teacher["model"], path, f"{path.name}: teacher: model")
        located["teacher"] = teacher | {"model": model}
    return located


def _beside(said: Any, path: Path, where: str) -> Any:
    """The model that the recipe `path` names; if it is a function, with the recipe's folder.

    Raises InputError, in which `where` names the place, for a function or a SavedModel folder
    that does not lie beside the recipe: they are programs.
    """
    if not isinstance(said, str):
        return said
    if ":" not in said:
        if ("/" in said or Path(said).suffix) and Path(said).is_dir():
            _check_inside(Path(said), path.parent, where, "Name it on the command line.")
        return said
    remedy = "Write `module:function`, and put module.py beside the recipe."
    if not FUNCTION.fullmatch(said):
        raise InputError(f"{where}: {said!r} is no function beside the recipe.", [remedy])
    parts = said.partition(":")[0].removesuffix(".py").split(".")
    for i in range(1, len(parts) + 1):
        part = path.parent.joinpath(*parts[:i])
        for file in (part.with_name(f"{part.name}.py"), part / "__init__.py"):
            _check_inside(file, path.parent, where, remedy)
    return f"{path.parent}/{said}"


def _check_inside(file: Path, folder: Path, where: str, remedy: str) -> None:
    """Raises InputError, with the `remedy`, where `file` leads out of `folder`."""
    leads = os.path.realpath(file)
    if not Path(leads).is_relative_to(os.path.realpath(folder)):
        raise InputError(f"{where}: {file} leads to {leads}, not beside the recipe.", [remedy])


def as_written(recipe: Recipe) -> Recipe:
    """The recipe as its file says it: functions without the folder that they lie in."""
    teacher = recipe.teacher and replace(recipe.teacher, model=_said(recipe.teacher.model))
    return replace(recipe, model=_said(recipe.model), teacher=teacher)


def _said(model: str) -> str:
    last = model.rpartition("/")[2]
    return last if ":" in last else model


def _values(base: str, path: Path, derived: tuple[Path, ...]) -> dict[str, Any]:
    """Those of the recipe `base`, which the file `path` names, but for its name."""
    try:
        file = _file(base)
        if file in derived:
            raise InputError(f"{base!r} has this recipe for its base: that goes in a circle.")
        values = vars(read(file, derived))
    except InputError as e:
        raise InputError(f"{path.name}: base: {e.what}", e.things_to_try) from e
    return {k: v for k, v in values.items() if v is not None and k != "name"}


def table(recipe: Recipe) -> dict[str, Any]:
    """The recipe's values, but for LATER ones that are as they were before."""
    found = asdict(recipe)
    return {k: v for k, v in found.items() if v or k not in LATER}


def dump(recipe: Recipe) -> str:
    """The recipe as TOML, every value written out; `read` gives an equal recipe back.

    Functions are written without their folder: a recipe may only name them beside itself.
    """
    lines, tables = [], []
    for key, value in table(as_written(recipe)).items():
        if isinstance(value, dict):
            rows = [f"{k} = {_toml(v)}" for k, v in value.items()]
            tables += ["", f"[{key}]", *rows] if rows else []
        elif value is not None:
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def dumped(path: Path) -> Recipe:
    """The recipe that `dump` wrote to `path`, an earlier version's too: it kept no validation."""
    recipe = read(path)
    return recipe if "validation" in read_toml(path) else replace(recipe, validation=0.0)


def is_dump(text: str, recipe: Recipe) -> bool:
    """Whether `dump`, of an earlier version too, writes `text` for `recipe`."""
    now = dump(recipe)
    return text in (now, now.replace("\nvalidation = 0.0\n", "\n", 1))


def _toml(value: object) -> str:
    """One value: a string, a number, a truth value, or a list or table of such."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(v) for v in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{k} = {_toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, bool):
        return repr(value).lower()
    return repr(value)


@cache
def names() -> tuple[str, ...]:
    """The names of all recipes that come with Ascua, sorted."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))
