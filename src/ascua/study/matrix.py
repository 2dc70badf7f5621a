"""A study as a TOML file says it, and the cells that it is made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from ascua import boards, recipes, zoo
from ascua.boards import Board
from ascua.errors import InputError, brief, did_you_mean
from ascua.model import load_model
from ascua.plan import BALANCED, goal_named
from ascua.pruning.rankings import find as find_ranking
from ascua.pruning.select import Of, Scope, Wish
from ascua.quantize.options import SCHEME_NAMES, Options
from ascua.recipes import Recipe
from ascua.settings import build, read_toml
from ascua.study import stages
from ascua.study.schedule import Cell
from ascua.study.stage import Stage, hashed, stage
from ascua.train import load_data

FOLDER = Path(__file__).parent
KERAS, FLOAT = "keras", "float"
FORMS = (KERAS, FLOAT, *SCHEME_NAMES, *stages.KMODELS)
"""What becomes of a network: the Keras model, its float .tflite file, one of integers, a kmodel."""
FILES = ("recipe", "boards")
"""Keys whose values may name TOML files."""
STAGE = "stage"
"""The name that recipes have in stages: what they are called decides nothing."""
NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,39}", re.ASCII)
GIVEN = "tflite"
"""The form of a finished file."""
NONE, SCRATCH = "none", "scratch"
"""Beside the rankings: the network itself, trained as long; the shape, from random weights."""


@dataclass(frozen=True)
class Prune:
    """How networks are pruned, and tuned after it."""

    methods: tuple[str, ...]
    ratios: tuple[float, ...]
    of: Of = "channels"
    scope: Scope = "layer"
    round_to: int = 1
    epochs: int = 10
    """Of tuning; the network itself is trained on for as long."""
    lr: float | None = None
    """The highest of tuning; None: half of the recipe's."""
    scratch: str = ""
    """The ranking whose shapes are trained from random weights too; empty: none's are."""

    def __post_init__(self) -> None:
        """Raises InputError for what no pruning can do."""
        for method in (*self.methods, *([self.scratch] if self.scratch else [])):
            find_ranking(method)
        for ratio in self.ratios:
            Wish(ratio, self.of, self.scope, self.round_to)
        _check_list("methods", self.methods)
        _check_list("ratios", [f"{100 * ratio:g} %" for ratio in self.ratios])
        if self.epochs < 1:
            raise InputError(
                f"epochs must be at least 1, not {self.epochs}.", ["Of tuning: 10, say."]
            )


@dataclass(frozen=True)
class Network:
    """A network of a study, and what is otherwise for it; None: as the study says."""

    recipe: str = ""
    """How it is trained: a recipe's name or file."""
    file: str = ""
    """In place of a recipe a finished .tflite file: it is compiled and run as it is."""
    name: str = ""
    """Of its cells; empty: the recipe's network, or the file's name."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Keys of the recipe that are otherwise here."""
    seeds: tuple[int, ...] | None = None
    forms: tuple[str, ...] | None = None
    boards: tuple[str, ...] | None = None
    prune: dict[str, Any] = field(default_factory=dict)
    """Keys of the study's table that are otherwise here."""
    data_dir: str = ""
    """Where the data of a recipe without a data set's name are, beside the study."""

    def __post_init__(self) -> None:
        """Raises InputError unless it is either trained or there."""
        if bool(self.recipe) == bool(self.file):
            raise InputError(
                "networks: name either a `recipe` or a .tflite `file` of each.",
                ['`recipe = "mnist-lenet5"`, or `file = "net.tflite"`.'],
            )
        for key in ("seeds", "forms", "boards"):
            if (given := getattr(self, key)) is not None:
                _check_list(key, given)
        if not NAME.fullmatch(self.name or "x"):
            raise InputError(
                f"networks: name: {brief(repr(self.name))} is part of names of cells and files.",
                ["Letters, digits, `-`, `_` and `.`, at most 40 of them."],
            )
        if wrong := {"name", "seed"} & self.changes.keys():
            raise InputError(
                f"networks: changes: {', '.join(sorted(wrong))}: the study decides that.",
                ["Name `seeds`, and the network's own `name`, beside `changes`."],
            )
        if self.file and (self.changes or self.prune or self.forms or self.seeds):
            raise InputError(
                f"{self.file}: a finished file is neither trained, pruned nor quantised.",
                ["Name a `recipe` in place of the `file`."],
            )


@dataclass(frozen=True)
class Study:
    """Everything that a study varies, and what stays."""

    title: str
    networks: tuple[Network, ...]
    seeds: tuple[int, ...] = (1,)
    forms: tuple[str, ...] = (KERAS, FLOAT, "int8")
    boards: tuple[str, ...] = ()
    """Where networks of integers run."""
    goals: tuple[str, ...] = (BALANCED.kind,)
    prune: Prune | None = None
    calibration: int = 500
    """Training images that ranges are found on."""
    quantize: dict[str, Any] = field(default_factory=dict)
    """Options of the quantiser."""
    samples: int = 4
    """Test images that run on a board; all test images are judged by the same C on the host."""
    name: str = ""
    """The file's."""

    def __post_init__(self) -> None:
        """Raises InputError for a value that no study can use."""
        if not self.networks:
            raise InputError("networks: there are none.", ["Add a table `[[networks]]`."])
        for key in ("seeds", "forms", "goals"):
            _check_list(key, getattr(self, key))
        if self.boards:
            _check_list("boards", self.boards)
        if "scheme" in self.quantize:
            raise InputError(
                "quantize: the scheme of a network is one of the `forms`.",
                ['Leave `scheme` out, and write `forms = ["int8"]`, say.'],
            )
        build(Options, self.quantize, "quantize")
        for network in self.networks:
            _check(f"{named(network)}: forms", network.forms or self.forms, FORMS)
            where = network.boards or self.boards
            found = [boards.load(board) for board in where]
            _check_list(f"{named(network)}: boards", [b.name for b in found], least=0)
            for board in found:
                _check_counts(board)
            if network.file and not where:
                raise InputError(
                    f"{network.file}: on which board is it to run?",
                    ["Name some: `boards = [...]`."],
                )
        for goal in self.goals:
            goal_named(goal)
        for what, value in (("samples", self.samples), ("calibration", self.calibration)):
            if value < 1:
                raise InputError(f"{what} must be at least 1, not {value}.")
        names = [named(n) for n in self.networks]
        if twice := {n for n in names if names.count(n) > 1}:
            raise InputError(
                f"networks: {', '.join(sorted(twice))} is there twice.",
                ["Give each a `name` of its own."],
            )


def _check_list(what: str, given: Sequence[object], least: int = 1) -> None:
    """Raise InputError for an empty list, and for what is there twice."""
    if len(given) < least:
        raise InputError(f"{what}: the list is empty.", ["Name one at least."])
    if twice := [v for i, v in enumerate(given) if v in given[:i]]:
        raise InputError(f"{what}: {twice[0]} is there twice.", ["Name it once."])


def _check_counts(board: Board) -> None:
    """Raise InputError for a board on which no C of Ascua's is run."""
    if not board.counts_c:
        raise InputError(
            f"boards: {board.name}: nothing counts there what a network in C takes.",
            ["Name others: `ascua boards` lists them."],
        )


def _check(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise InputError(f"{what}: {name!r} is not known.", did_you_mean(name, known))


def named(network: Network) -> str:
    """What its cells are called."""
    if network.name:
        return network.name
    if network.file:
        said = Path(network.file).stem
    else:
        said = recipes.load(network.recipe).model.rpartition("/")[2].rpartition(":")[2]
    return re.sub(r"[^A-Za-z0-9_.-]", "-", said).lstrip(".-")[:40] or "network"


def names() -> tuple[str, ...]:
    """The studies that come with Ascua."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))


def load(name: str) -> Study:
    """The study called `name`, or the one in the TOML file at that path.

    Raises InputError with the known names, or with what is wrong in the file.
    """
    path = Path(name)
    if not name.endswith(".toml"):
        if name not in names():
            raise InputError(
                f"There is no study called {name!r}.",
                (*did_you_mean(name, names()), "Give the path of a study's TOML file."),
            )
        path = FOLDER / f"{name}.toml"
    elif path.stem in names() and not path.exists():
        raise InputError(
            f"{name}: there is no such file.",
            [f"`ascua study {path.stem}` runs the study of that name that comes with Ascua."],
        )
    table = read_toml(path)
    if "name" in table:
        raise InputError(
            f"{path.name}: unknown key 'name': a study is called as its file is.",
            ["Rename the file; `title` is for the report."],
        )
    table = _located(table, path.parent)
    study = build(Study, {**table, "name": path.stem}, path.name)
    for network in study.networks:
        if network.recipe:
            _prune(study, network)
            recipe_of(network, 1, path.name)
    return study


def _located(value: Any, folder: Path, key: str = "") -> Any:
    """What a file in `folder` says, with the files that it names beside it as found from here."""
    if isinstance(value, dict):
        return {k: _located(v, folder, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_located(v, folder, key) for v in value]
    if not isinstance(value, str) or not value:
        return value
    beside = key in ("data_dir", "file") or (key in FILES and value.endswith(".toml"))
    return str(folder / value) if beside else value


def recipe_of(network: Network, seed: int, where: str = "") -> Recipe:
    """The recipe of a network as the study trains it. Raises InputError."""
    first = recipes.load(network.recipe)
    if first.aware:
        raise InputError(
            f"{where}: recipe {first.name!r} trains for int8; a study's networks are float ones.",
            ["Name the recipe that it begins with."],
        )
    table = {**vars(first), **network.changes, "seed": seed, "name": named(network)}
    return build(Recipe, table, f"{where}: {network.recipe}: changes")


def _prune(study: Study, network: Network) -> Prune | None:
    """How a network is pruned. Raises InputError."""
    if study.prune is None:
        if network.prune:
            raise InputError(
                f"{study.name}: {named(network)}: prune: the study has no [prune].",
                ["Add that table, with `methods` and `ratios`."],
            )
        return None
    return build(Prune, {**vars(study.prune), **network.prune}, f"{named(network)}: prune")


def _matches(name: str, pattern: str) -> bool:
    """Whether a cell of that name is meant, as file names are; a pattern may leave out its end."""
    within = name == pattern or name.startswith(f"{pattern}/")
    return within or any(fnmatchcase(name, p) for p in (pattern, f"{pattern}/*"))


class Cells:
    """Makes the cells of a study; data sets are read for their hashes, each once."""

    def __init__(self, study: Study, data_dir: Path | None) -> None:
        self.study, self.data_dir = study, data_dir
        self._data: dict[tuple[str, tuple[int, ...], str, Path | None], str] = {}
        self._reads = True

    def names(self) -> list[str]:
        """What all cells are called; no data are read."""
        self._reads = False
        try:
            return [cell.name for network in self.study.networks for cell in self._of(network)]
        finally:
            self._reads = True

    def chosen(self, patterns: Sequence[str] = ()) -> list[Cell]:
        """In the order of the file, those whose names match one of the `patterns`; all without any.

        Only data of networks that are among them are read. Raises InputError for a pattern that
        none matches, and InputError and ToolMissing as loading data does.
        """
        names = self.names()
        for pattern in patterns:
            if not any(_matches(name, pattern) for name in names):
                raise InputError(
                    f"--only {pattern}: no cell is called so.",
                    [f"Cells are called as {names[0]} and {names[-1]}: `{names[0][:4]}*`, say."],
                )
        wanted = {n for n in names if not patterns or any(_matches(n, p) for p in patterns)}
        networks = [
            n for n in self.study.networks
            if any(name.startswith(f"{named(n)}/") for name in wanted)
        ]  # fmt: skip
        return [cell for n in networks for cell in self._of(n) if cell.name in wanted]

    def _of(self, network: Network) -> Iterator[Cell]:
        if network.file:
            yield from self._given(network)
            return
        study, prune = self.study, _prune(self.study, network)
        for seed in network.seeds or study.seeds:
            first = recipe_of(network, seed, study.name)
            data = self._digest(first, network)
            told = {"recipe": _json(first), "data": data}
            base = stage(stages.train, {**told, "files": _hashes(first)}, _paths(first))
            for method, ratio in _pruned(prune):
                axes = {"network": named(network), "method": method, "ratio": ratio, "seed": seed}
                made = {"base": base, **self._tuned(prune, base, first, told, method, ratio, seed)}
                yield from self._forms(network, axes, made, told)

    def _given(self, network: Network) -> Iterator[Cell]:
        """A finished file on each board, on a sample that every file has."""
        path = Path(network.file)
        load_model(path)  # what is wrong with it is told before anything begins
        told = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        small = stage(stages.given, told, {"path": str(path.resolve())})
        axes = {"network": named(network), "method": NONE, "ratio": 0.0, "seed": 1, "form": GIVEN}
        given = {"recipe": None, "data": "", "samples": 1}
        for board, goal in product(network.boards or self.study.boards, self.study.goals):
            last = self._ran(small, board, goal, given)
            called = {"board": boards.load(board).name, "goal": goal}
            yield self._cell(network, {**axes, **called}, {"file": small, **last})

    def _ran(
        self, small: Stage, board: str, goal: str, told: Mapping[str, Any]
    ) -> dict[str, Stage]:
        """The stages of a .tflite file on a board."""
        loaded = boards.load(board)
        aim = {"board": loaded.name, "goal": goal, "sha256": hashed(_described(loaded))}
        paths = {"board_file": str(Path(board).resolve())} if board.endswith(".toml") else {}
        library = stage(stages.compile_, aim, paths, network=small)
        ran = stage(stages.run, {**told, **aim}, paths, network=small, library=library)
        return {"library": library, "run": ran}

    def _tuned(
        self, prune: Prune | None, base: Stage, first: Recipe, told: Mapping[str, Any],
        method: str, ratio: float, seed: int,
    ) -> dict[str, Stage]:  # fmt: skip
        """The network of a cell, as it is quantised."""
        if prune is None:
            return {"model": base}
        lr = first.lr / 2 if prune.lr is None else prune.lr
        tuning = replace(first, epochs=prune.epochs, warmup=0.0, lr=lr)
        if method == NONE:
            again = {**told, "recipe": _json(tuning), "files": _hashes(tuning)}
            return {"model": stage(stages.train, again, _paths(tuning), network=base)}
        anew = method == SCRATCH
        pruned = stage(
            stages.prune,
            {
                **told, "method": prune.scratch if anew else method, "ratio": ratio,
                "of": prune.of, "scope": prune.scope, "round_to": prune.round_to, "seed": seed,
                "anew": anew,
            },
            network=base,
        )  # fmt: skip
        how = replace(first, epochs=first.epochs + prune.epochs) if anew else tuning
        again = {**told, "recipe": _json(how), "files": _hashes(how), "anew": anew}
        model = stage(stages.train, again, _paths(how), network=pruned)
        return {"pruned": pruned, "model": model}

    def _forms(
        self, network: Network, axes: Mapping[str, Any], made: Mapping[str, Stage],
        told: Mapping[str, Any],
    ) -> Iterator[Cell]:  # fmt: skip
        study = self.study
        for form in network.forms or study.forms:
            if form == KERAS:
                yield self._cell(network, {**axes, "form": form}, made)
                continue
            options = {"calibration": study.calibration, "options": study.quantize, "form": form}
            small = stage(stages.quantize, {**told, **options}, network=made["model"])
            judged = {
                **made, "file": small,
                "score": stage(stages.score, {**told, "form": form}, network=small),
            }  # fmt: skip
            alone = form == FLOAT or form in stages.KMODELS
            where = () if alone else network.boards or study.boards
            if not where:
                yield self._cell(network, {**axes, "form": form}, judged)
            for board, goal in product(where, study.goals):
                ran = self._ran(small, board, goal, {**told, "samples": study.samples})
                called = {"board": boards.load(board).name, "goal": goal}
                yield self._cell(network, {**axes, "form": form, **called}, {**judged, **ran})

    def _cell(self, network: Network, axes: Mapping[str, Any], made: Mapping[str, Stage]) -> Cell:
        parts = [axes["network"], axes["method"], f"{100 * axes['ratio']:g}", axes["form"],
                 axes["seed"]]  # fmt: skip
        parts += [axes["board"]] if "board" in axes else []
        parts += [axes["goal"]] if axes.get("goal", BALANCED.kind) != BALANCED.kind else []
        return Cell("/".join(map(str, parts)), axes, made, self._where(network))

    def _where(self, network: Network) -> Path | None:
        return Path(network.data_dir) if network.data_dir else self.data_dir

    def _digest(self, recipe: Recipe, network: Network) -> str:
        where = self._where(network)
        key = (recipe.dataset, recipe.input, repr(recipe.data), where)
        if not self._reads:
            return ""
        if key not in self._data:
            self._data[key] = load_data(recipe, where).sha256
        return self._data[key]


def _pruned(prune: Prune | None) -> Iterator[tuple[str, float]]:
    """What is done to a network, the network itself first."""
    yield NONE, 0.0
    if prune is not None:
        for method in (*prune.methods, *([SCRATCH] if prune.scratch else [])):
            for ratio in prune.ratios:
                yield method, ratio


def _described(value: Any) -> Any:
    """What of a board decides a result: all that is not as it is by default.

    So what was measured stays known when boards get a field.
    """
    if isinstance(value, list | tuple):
        return [_described(v) for v in value]
    if not is_dataclass(value):
        return value
    found = {}
    for f in fields(value):
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if (said := getattr(value, f.name)) != default:
            found[f.name] = _described(said)
    return found


def _json(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe decides a training, as JSON has it, without the folders of its files."""
    table = recipes.table(recipe)
    for name in _paths(recipe):
        last = _said(recipe)[name].rpartition("/")[2]
        if name == "teacher":
            table["teacher"]["model"] = last
        else:
            table[name] = last
    return {**table, "name": STAGE, "title": STAGE, "board": "", "show": 0, "quantize": {}}


def _said(recipe: Recipe) -> dict[str, str]:
    """What of a recipe may name files, and recipes that are trained before."""
    teacher = "" if recipe.teacher is None else recipe.teacher.model
    said = {"model": recipe.model, "weights": recipe.weights, "teacher": teacher}
    return {key: name for key, name in said.items() if name}


def _paths(recipe: Recipe) -> dict[str, str]:
    """Where the files are that a recipe names, by its keys."""
    found = {}
    for key, name in _said(recipe).items():
        if zoo.is_function(name):
            folder, _, function = name.rpartition("/")
            found[key] = f"{Path(folder or '.').resolve()}/{function}"
        elif "/" in name or Path(name).suffix:
            found[key] = str(Path(name).resolve())
    return found


def _hashes(recipe: Recipe) -> dict[str, str]:
    """The hashes of what a recipe names: files, Python, recipes. Raises InputError."""
    found, paths = {}, _paths(recipe)
    for key, name in _said(recipe).items():
        if name.endswith(".toml") or (key != "model" and name in recipes.names()):
            first = recipes.load(name)
            found[key] = hashed([_json(first), _hashes(first)])
        elif key in paths:
            found[key] = _content(Path(paths[key].rpartition(":")[0] or paths[key]))
    return found


def _content(path: Path) -> str:
    """The hash of a file, of all files in a folder, or of a module without its suffix."""
    if not path.exists():  # a module, or one in a package
        first = path.with_name(path.name.partition(".")[0])
        path = first if first.is_dir() else first.with_suffix(".py")
    within = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = hashlib.sha256()
    try:
        for each in within:
            found.update(each.read_bytes())
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}.", ["Check the path."]) from e
    return found.hexdigest()
