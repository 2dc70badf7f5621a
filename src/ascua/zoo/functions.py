"""A user's own functions, `module:function`: found in a file, named, and loaded.

Their folder comes after all else that Python imports: a random.py or keras.py in it is never
taken for what Python or Keras mean by that name.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ascua.errors import InputError, did_you_mean, first_line
from ascua.zoo.tensorflow import import_keras

log = logging.getLogger(__name__)

FORM = re.compile(r"(?:(?P<folder>.*)/)?(?P<module>[\w-]+(?:\.[\w-]+)*):(?P<function>\w+)")


def is_function(name: str) -> bool:
    """Whether `name` is a function, `module:function`, maybe with a folder in front."""
    return ":" in name.rpartition("/")[2]


@dataclass(frozen=True)
class Place:
    """Where a function is."""

    folder: Path | None
    """That the module is a file in; None for one that is installed."""
    module: str
    """With dots, where it lies in a package."""
    function: str
    prefix: str = ""
    """Goes before the module's name where that is another module's."""


def find(name: str) -> Place:
    """The place of the function `[folder/]module[.py]:function`; nothing of it is run.

    With a folder, as recipes get one, the module is a file there: `module.py`, or a package's
    `module/__init__.py`. Without, it is a file in the current folder, or an installed module.
    Raises InputError where there is none.
    """
    said = FORM.fullmatch(name)
    if said is None:
        raise InputError(
            f"{name!r} is no function.",
            ["Write `module:function`, or `folder/module.py:function`."],
        )
    folder = None if said["folder"] is None else Path(said["folder"] or "/")
    module, function = said["module"].removesuffix(".py"), said["function"]
    here = Path() if folder is None else folder
    top = module.partition(".")[0]
    installed = _installed(top)
    if _source(here, module) is not None:
        return Place(here, module, function, "" if installed is None else "own_")
    path = module.replace(".", "/")
    if folder is not None:
        raise InputError(
            f"{name}: there is no file {folder / path}.py.",
            ["A recipe's `module:function` is in a file beside the recipe, `module.py`."],
        )
    if installed is None:
        raise InputError(
            f"{name}: there is no module {module!r} here or among the installed ones.",
            [f"Run ascua in the folder that has {path}.py, or give its path: "
             f"`path/to/{path}.py:{function}`."],
        )  # fmt: skip
    return Place(None, module, function)


@contextmanager
def loaded(name: str) -> Iterator[Callable[..., Any]]:
    """The function that `name` says, while its module can import what lies beside it.

    The file is named on stderr before it is run. Raises InputError where there is none, and where
    its module raises; ToolMissing without Keras.
    """
    place = find(name)
    import_keras()  # first: what it looks for and does not find must not be the user's file
    with _importable(place.folder):
        try:
            module = _module(place)
        except (Exception, SystemExit) as e:
            raise failed(name, e) from e
        function = getattr(module, place.function, None)
        if not callable(function):
            functions = [k for k, v in vars(module).items() if inspect.isfunction(v)]
            raise InputError(
                f"{name}: {place.module} has no function {place.function!r}.",
                did_you_mean(place.function, functions),
            )
        yield function


def failed(name: str, e: BaseException) -> InputError:
    """The message for what a user's code raised; `-v` shows where it arose."""
    log.info("%s failed", name, exc_info=e)
    return InputError(
        f"{name} raised {type(e).__name__}: {first_line(e)}", ["`-v` shows where it arose."]
    )


@contextmanager
def _importable(folder: Path | None) -> Iterator[None]:
    """Lets modules be found in `folder` after all others, and no more those of another folder."""
    path = "" if folder is None else str(folder.resolve())
    if not path or path in sys.path:
        yield
        return
    for top in {file.stem for file in Path(path).iterdir()} - {"__main__"}:
        there = getattr(sys.modules.get(top), "__file__", None)
        if there and not Path(there).is_relative_to(path) and _installed(top) is None:
            for name in [n for n in sys.modules if n.partition(".")[0] == top]:
                del sys.modules[name]
    importlib.invalidate_caches()
    sys.path.append(path)
    try:
        yield
    finally:
        sys.path.remove(path)


class _Loader(SourceFileLoader):
    """Runs the file that was named, and no bytecode that lies beside it."""

    def get_code(self, fullname: str) -> CodeType:
        """What the source compiles to."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _module(place: Place) -> ModuleType:
    """The module at `place`, and its packages before it, run where they were not yet."""
    if place.folder is None:
        if place.module not in sys.modules:
            spec = _installed(place.module.partition(".")[0])
            log.warning("Loading Python code: %s", spec and spec.origin)
        return importlib.import_module(place.module)
    parts = place.module.split(".")
    for i in range(1, len(parts) + 1):
        said = ".".join(parts[:i])
        module = _run(place.prefix + said, _source(place.folder, said), place.folder, parts[:i])
    return module


def _run(name: str, source: Path | None, folder: Path, parts: Sequence[str]) -> ModuleType:
    """The module `name` in the file `source`, or, without one, a package without a file."""
    file = None if source is None else str(source.resolve())
    there = sys.modules.get(name)
    if there is not None and getattr(there, "__file__", None) == file:
        return there
    package = source is None or source.name == "__init__.py"
    spec = ModuleSpec(name, _Loader(name, file) if file else None, origin=file, is_package=package)
    spec.has_location = file is not None
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(str(folder.joinpath(*parts).resolve()))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if spec.loader is not None:
        log.warning("Loading Python code: %s", file)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return module


def _source(folder: Path, module: str) -> Path | None:
    """The file in `folder` that holds `module`, if there is one."""
    base = folder.joinpath(*module.split("."))
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _installed(top: str) -> ModuleSpec | None:
    """How Python itself would find the module `top`, loaded or not."""
    found = (finder.find_spec(top, None) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)
