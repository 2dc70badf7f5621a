"""Removes channels from Keras models: what is left is a smaller model."""

from ascua.prune.course import Base, Course, Outcome, check_recipe, run, with_data
from ascua.prune.needs import Limits, Needs, limits, needs
from ascua.prune.pruning import Change, Pruned, Ranked, prune, rank
from ascua.prune.rankings import RANKINGS
from ascua.prune.samples import Samples
from ascua.prune.select import Wish
from ascua.prune.sizes import Sizes

__all__ = [
    "RANKINGS",
    "Base",
    "Change",
    "Course",
    "Limits",
    "Needs",
    "Outcome",
    "Pruned",
    "Ranked",
    "Samples",
    "Sizes",
    "Wish",
    "check_recipe",
    "limits",
    "needs",
    "prune",
    "rank",
    "run",
    "with_data",
]
