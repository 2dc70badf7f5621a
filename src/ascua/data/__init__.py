"""Data sets: one a file, entered in one table."""

from ascua.data import cifar10 as _cifar10  # noqa: F401  (enters its data set)
from ascua.data import csv as _csv  # noqa: F401
from ascua.data import digits as _digits  # noqa: F401
from ascua.data import folder as _folder  # noqa: F401
from ascua.data import ilsvrc2012 as _ilsvrc2012  # noqa: F401
from ascua.data import imagenette as _imagenette  # noqa: F401
from ascua.data import mnist as _mnist  # noqa: F401
from ascua.data import npz as _npz  # noqa: F401
from ascua.data.registry import Dataset, load, names
from ascua.data.split import Rows

__all__ = ["Dataset", "Rows", "load", "names"]
