"""Values of your own in CSV files: a row a moment, cut into windows, or a row a sample.

Whole recordings are for training or for testing: windows of one overlap, and moments of one are
alike, so that a network would be tested on what it has seen.
"""

from __future__ import annotations

import csv as reader
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua import files
from ascua.data.registry import Dataset, Request, dataset
from ascua.data.split import held_out
from ascua.errors import InputError, brief, did_you_mean
from ascua.settings import build

TEST_SHARE = 5
"""One recording, or row, of a class in this many is for testing, where no folder says which."""
PIECES = 10
"""Into so many a class's only recording is cut, so that some can be for testing."""
TIMES = ("time", "timestamp")
"""Columns of these names are no channels, unless they are asked for."""
MOST_BYTES = 1 << 31
LAYOUT = (
    "Give `--data-dir` a .csv file with names in its first row, and a column `label`.",
    "Or a folder with a folder of .csv files for each class, a recording a file.",
    "Or one with either of them as train/ and test/, or train.csv and test.csv.",
)


@dataclass(frozen=True)
class Table:
    """What a recipe's table [data] says of CSV files."""

    label: str = "label"
    """The column with the class, where no folder tells it."""
    recording: str = "recording"
    """The column that tells recordings apart, where there is one; else each run of rows with one
    label is a recording."""
    columns: tuple[str, ...] = ()
    """The channels, in order; empty: all but label, recording and time."""
    step: int = 0
    """Rows from one window to the next; 0: half a window."""

    def __post_init__(self) -> None:
        """Raises InputError for a step below 0."""
        if self.step < 0:
            raise InputError(f"step must be at least 0, not {self.step}.")


class Recording(NamedTuple):
    """Rows that belong together, of one class."""

    name: str
    label: str
    values: NDArray[np.float32]
    """(rows, channels)."""
    told: bool
    """Whether a column says where it ends."""


@dataset("csv", options=True)
def csv(asked: Request) -> Dataset:
    """Samples of the shape that is asked for out of the .csv files that `data_dir` is or holds.

    Of a shape (rows, channels) they are windows of one recording each; of (values,) rows. A row of
    as many values as a sample of more dimensions has is one, its last axis fastest.
    """
    if asked.data_dir is None:
        raise InputError("The data set 'csv' is yours: where is it?", LAYOUT)
    if asked.shape is None:
        raise InputError("csv: what shape a sample has, a recipe says: `input = [128, 3]`.")
    table, root = build(Table, asked.options, "[data]"), asked.data_dir
    apart = [[r for file in part for r in _recordings(file, table)] for part in _parts(root)]
    windows = _Windows(root, asked.shape, table, [r for part in apart for r in part])
    if len(apart) == 1:
        apart = [windows.enough(apart[0])]
    classes = _sorted({r.label for r in apart[0]})
    if len(classes) < 2:
        raise InputError(f"{root}: fewer than two classes: {', '.join(classes)}.", LAYOUT)
    if unknown := sorted({r.label for part in apart for r in part} - set(classes)):
        raise InputError(f"{root}: {', '.join(unknown)}: for testing, and not for training.")
    x_train, y_train, recordings = windows.samples(apart[0], classes)
    if len(apart) == 1:
        held = held_out(y_train, 1 / TEST_SHARE, 0, recordings)
        _check_each(root, classes, y_train, held)
        x_test, y_test = x_train[held], y_train[held]
        x_train, y_train = x_train[~held], y_train[~held]
        recordings = None if recordings is None else recordings[~held]
    else:
        x_test, y_test, _ = windows.samples(apart[1], classes)
    return Dataset("csv", x_train, y_train, x_test, y_test, classes, recordings=recordings)


def _check_each(
    root: Path, classes: Sequence[str], y: NDArray[np.int64], held: NDArray[np.bool_]
) -> None:
    """Raise InputError where a class has nothing to train or to test."""
    for i, name in enumerate(classes):
        if len(np.unique(held[y == i])) < 2:
            raise InputError(
                f"{root}: class {brief(name)!r} has too few recordings to train and to test.",
                ["Record more of it.", *LAYOUT[2:]],
            )


class File(NamedTuple):
    """A CSV file, and the class of all its rows where its folder says so."""

    path: Path
    label: str | None


def _parts(root: Path) -> list[list[File]]:
    """The files for training, and those for testing where they are apart. Raises InputError."""
    if not root.is_dir():
        return [[File(root, None)]]
    tests = [name for name in ("test", "val") if (root / name).is_dir()]
    if (root / "train").is_dir() and tests:
        return [_files(root / "train"), _files(root / tests[0])]
    alone = root / "train.csv", root / "test.csv"
    if all(path.is_file() for path in alone):
        return [[File(path, None)] for path in alone]
    return [_files(root)]


def _files(folder: Path) -> list[File]:
    """Those in its folders, by class, or in itself. Raises InputError where there are none."""
    inner = [d for d in sorted(folder.iterdir()) if d.is_dir() and not d.name.startswith(".")]
    found = [File(p, d.name) for d in inner for p in sorted(d.glob("*.csv"))]
    found = found or [File(p, None) for p in sorted(folder.glob("*.csv"))]
    if not found:
        raise InputError(f"{folder}: no .csv files in it.", LAYOUT)
    return found


def _sorted(labels: set[str]) -> tuple[str, ...]:
    """Names of classes in order: whole numbers by size."""
    numbers = all(label.isdecimal() for label in labels)
    return tuple(sorted(labels, key=lambda label: (int(label) if numbers else 0, label)))


def _recordings(file: File, table: Table) -> list[Recording]:
    """The recordings in a file, its runs of rows with one label. Raises InputError."""
    names, columns = _read(file.path)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{file.path}: two columns are called {brief(twice)!r}.", LAYOUT)
    at = dict(zip(names, columns, strict=True))
    if file.label is None and table.label not in at:
        raise InputError(
            f"{file.path}: no column {table.label!r} with the classes; it has"
            f" {brief(', '.join(names), 200)}.",
            (*did_you_mean(table.label, names),
             'Name yours in the recipe\'s table [data]: `label = "activity"`.', *LAYOUT[1:2]),
        )  # fmt: skip
    labels = [file.label] * len(columns[0]) if file.label is not None else _labels(
        file.path, at[table.label], table.label
    )  # fmt: skip
    told = at.get(table.recording)
    values = _values(file.path, at, _channels(file.path, names, table))
    marks = list(zip(labels, told or [""] * len(labels), strict=True))
    ends = [i for i in range(1, len(marks)) if marks[i] != marks[i - 1]]
    found = []
    for start, end in zip([0, *ends], [*ends, len(marks)], strict=True):
        label, name = marks[start]
        own = name if told else f"{file.path} {start}"
        found.append(Recording(own, label, values[start:end], told=told is not None))
    return found


def _labels(path: Path, cells: Sequence[str], column: str) -> list[str]:
    """The classes of the rows. Raises InputError for an empty one, and for two of one name."""
    found = [cell.strip() for cell in cells]
    if "" in found:
        raise InputError(
            f"{path}: row {found.index('') + 2}, column {brief(column)!r}: it is empty:"
            f" {found.count(''):,} rows have no class.",
            ["Fill it, or leave the rows out."],
        )
    spelt: dict[str, str] = {}
    for label in dict.fromkeys(found):
        if (other := spelt.setdefault(label.casefold(), label)) != label:
            raise InputError(
                f"{path}: the classes {other!r} and {label!r} differ in case alone.",
                ["Write them alike."],
            )
    return found


def _channels(path: Path, names: Sequence[str], table: Table) -> tuple[str, ...]:
    """The columns that are read. Raises InputError."""
    for name in table.columns:
        if name not in names:
            raise InputError(f"{path}: no column {name!r}.", did_you_mean(name, names))
    rest = {table.label, table.recording}
    known = (n for n in names if n not in rest and n.lower() not in TIMES)
    found = table.columns or tuple(known)
    if not found:
        raise InputError(f"{path}: no column of values beside the label.", LAYOUT)
    return found


def _read(path: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    """The names in the first row, and the columns below. Raises InputError."""
    try:
        files.check_regular(path, MOST_BYTES)
        with path.open(encoding="utf-8-sig", newline="") as f:
            head = f.readline()
            mark = max(",;\t", key=head.count)
            f.seek(0)
            rows = reader.reader(f, delimiter=mark, strict=True)
            names = [name.strip() for name in next(rows, [])]
            table = list(_rows(path, rows, len(names)))
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror or e}.", LAYOUT) from e
    except UnicodeDecodeError as e:
        tries = ["Save it as UTF-8: spreadsheets ask for the encoding."]
        raise InputError(f"{path}: not a CSV file in UTF-8: {e.reason}.", tries) from e
    except reader.Error as e:
        raise InputError(f"{path}: not a CSV file: {e}.", LAYOUT) from e
    if names and all(map(_number, names)):
        raise InputError(
            f"{path}: its first row holds numbers: {brief(', '.join(names), 60)}.",
            ["Write the names of the columns above."],
        )
    if not table:
        raise InputError(f"{path}: no rows below the first.", LAYOUT)
    return names, list(zip(*table, strict=True))


def _rows(path: Path, rows: Iterator[list[str]], columns: int) -> Iterator[list[str]]:
    """Those that are not empty, all of one length."""
    for i, row in enumerate(rows, 2):
        if len(row) == columns:
            yield row
        elif any(cell.strip() for cell in row):
            raise InputError(
                f"{path}: row {i} has {len(row)} values, the first row names {columns}.",
                [
                    "The first row has to name the columns: no title or comment above it."
                    if columns == 1
                    else "Mend the row, or leave it out."
                ],
            )


def _values(
    path: Path, at: dict[str, tuple[str, ...]], channels: Sequence[str]
) -> NDArray[np.float32]:
    """The columns `channels` as (rows, channels). Raises InputError, naming row and column."""
    found = []
    for name in channels:
        try:
            column = np.array(at[name]).astype(np.float64)
            wrong = np.flatnonzero(~(np.abs(column) < np.finfo(np.float32).max))
        except ValueError:
            wrong = np.array([next(i for i, cell in enumerate(at[name]) if not _number(cell))])
        if len(wrong):
            cell = at[name][wrong[0]]
            raise InputError(
                f"{path}: row {wrong[0] + 2}, column {brief(name)!r}: {brief(repr(cell), 40)} is no"
                " finite number.",
                ["Numbers have a point, not a comma: 1.5." if "," in cell else
                 "Fill it, or leave the row out.",
                 'Name the columns to read in the recipe\'s table [data]: `columns = ["x", "y"]`.'],
            )  # fmt: skip
        found.append(column)
    return np.stack(found, axis=1).astype(np.float32)


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


class _Windows:
    """Cuts recordings into samples of one shape."""

    def __init__(
        self, root: Path, shape: tuple[int, ...], table: Table, known: Sequence[Recording]
    ) -> None:
        """Raises InputError where the recordings `known` do not have as many columns."""
        self.root, self.shape = root, shape
        columns = known[0].values.shape[1]
        if odd := next((r for r in known if r.values.shape[1] != columns), None):
            raise InputError(
                f"{root}: {known[0].name} has {columns} columns of values, {odd.name}"
                f" {odd.values.shape[1]}.",
                ["Name those that all have, in the recipe's table [data]: `columns = [...]`."],
            )
        windowed = len(shape) == 2 and columns == shape[1]
        self.single = not windowed and columns == prod(shape)
        """Whether each row is a sample."""
        if not windowed and not self.single:
            asked = f"windows of {shape[1]} columns" if len(shape) == 2 else f"{prod(shape)} values"
            raise InputError(
                f"{root}: {columns} columns of values, and the recipe's input is {list(shape)}:"
                f" {asked}.",
                [f"Write `input = [{shape[0] if len(shape) == 2 else 128}, {columns}]` for windows"
                 f" of rows, `input = [{columns}]` where a row is a sample.",
                 "Name the columns to read in the recipe's table [data]: `columns = [...]`."],
            )  # fmt: skip
        self.rowwise = self.single and not known[0].told
        """And no recordings are known."""
        self.rows = 1 if self.single else shape[0]
        self.step = 1 if self.single else table.step or max(1, self.rows // 2)

    def enough(self, found: Sequence[Recording]) -> list[Recording]:
        """Those with a sample at least; where a class has one alone, that is cut into pieces."""
        kept = []
        for label in sorted({r.label for r in found}):
            own = [r for r in found if r.label == label and self.count(r)]
            if not self.rowwise and len({r.name for r in own}) == 1:
                own = [Recording(f"{r.name} {i}", label, piece, told=r.told) for r in own
                       for i, piece in enumerate(self._pieces(r.values))]  # fmt: skip
            if not own:
                raise InputError(
                    f"{self.root}: class {brief(label)!r} has no window of {self.rows} rows.",
                    ["Record more of it, or write shorter windows into the recipe's `input`."],
                )
            kept += own
        return kept

    def _pieces(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """At most PIECES, each with a window at least."""
        return np.array_split(values, max(1, min(PIECES, len(values) // self.rows)))

    def count(self, recording: Recording) -> int:
        """How many samples it has."""
        return max(0, (len(recording.values) - self.rows) // self.step + 1)

    def samples(
        self, recordings: Sequence[Recording], classes: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64] | None]:
        """Samples (n, *shape), their classes, and the recording of each. InputError: there is none.

        None in place of recordings where each row stands for itself.
        """
        ids = {name: i for i, name in enumerate(dict.fromkeys(r.name for r in recordings))}
        windows, which = [], []
        for r in recordings:
            starts = range(0, self.step * self.count(r), self.step)
            windows += [r.values[i : i + self.rows] for i in starts]
            which += [(classes.index(r.label), ids[r.name])] * len(starts)
        if not windows:
            raise InputError(
                f"{self.root}: no recording has the {self.rows} rows of a window.",
                ["Write shorter windows into the recipe's `input`."],
            )
        y, recording = np.array(which, np.int64).T
        x = np.stack(windows).reshape(-1, *self.shape)
        return x, y.copy(), None if self.rowwise else recording.copy()
