"""Removes channels from Keras models: what is left is a smaller model."""

from ascua.prune.pruning import Change, Pruned, Ranked, prune, rank
from ascua.prune.rankings import RANKINGS
from ascua.prune.samples import Samples
from ascua.prune.select import Wish
from ascua.prune.sizes import Sizes

__all__ = [
    "RANKINGS",
    "Change",
    "Pruned",
    "Ranked",
    "Samples",
    "Sizes",
    "Wish",
    "prune",
    "rank",
]
