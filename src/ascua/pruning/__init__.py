"""Removes channels from Keras models: what is left is a smaller model."""

from ascua.pruning.course import Base, Course, Outcome, check_source, of_recipe, run, with_data
from ascua.pruning.needs import Limits, Needs, check_board, limits, needs
from ascua.pruning.rankings import RANKINGS
from ascua.pruning.removal import Change, Pruned, Ranked, prune, rank
from ascua.pruning.samples import Samples
from ascua.pruning.select import Wish
from ascua.pruning.sizes import Sizes

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
    "check_board",
    "check_source",
    "limits",
    "needs",
    "of_recipe",
    "prune",
    "rank",
    "run",
    "with_data",
]
