"""Kmodel files, versions 3 and 4, of Kendryte's K210: what they say, as values, and back."""

from ascua.kmodel.checks import check, executable
from ascua.kmodel.conv import Activation, Conv, Norms
from ascua.kmodel.layers import Layer
from ascua.kmodel.memory import KPU_BYTES, KPU_LINES, LINE, DType, Layout, Map, Memory, Range
from ascua.kmodel.model import Kmodel, Port
from ascua.kmodel.reading import begins, load, read
from ascua.kmodel.registers import Registers
from ascua.kmodel.usage import BUDGETS, Budget, Fit, Usage, usage
from ascua.kmodel.writing import write

__all__ = [
    "BUDGETS",
    "KPU_BYTES",
    "KPU_LINES",
    "LINE",
    "Activation",
    "Budget",
    "Conv",
    "DType",
    "Fit",
    "Kmodel",
    "Layer",
    "Layout",
    "Map",
    "Memory",
    "Norms",
    "Port",
    "Range",
    "Registers",
    "Usage",
    "begins",
    "check",
    "executable",
    "load",
    "read",
    "usage",
    "write",
]
