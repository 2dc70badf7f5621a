"""The K210's KPU and its runtimes, computed byte by byte from a kmodel."""

from ascua.kpu.published import Figure, figures
from ascua.kpu.rounding import Rounding
from ascua.kpu.simulator import Simulator, run

__all__ = ["Figure", "Rounding", "Simulator", "figures", "run"]
