"""Data sets: one a file, entered in one table."""

from ascua.data import cifar10 as _cifar10  # noqa: F401  (enters its data set)
from ascua.data import digits as _digits  # noqa: F401
from ascua.data.registry import Dataset, load, names

__all__ = ["Dataset", "load", "names"]
