"""Studies: any matrix of experiments, in stages known by the hash of all that they read."""

from ascua.study.cache import Cache, Failure, Outcome
from ascua.study.campaign import Finished, campaign, kept, known
from ascua.study.cost import Bill, bill
from ascua.study.engine import Engine, InProcess, Processes
from ascua.study.matrix import Cells, Network, Prune, Study, load, names
from ascua.study.schedule import Cell, Ended, Told, execute, stages_of, survey
from ascua.study.stage import Pure, Stage, Work, pure, stage

__all__ = [
    "Bill",
    "Cache",
    "Cell",
    "Cells",
    "Ended",
    "Engine",
    "Failure",
    "Finished",
    "InProcess",
    "Network",
    "Outcome",
    "Processes",
    "Prune",
    "Pure",
    "Stage",
    "Study",
    "Told",
    "Work",
    "bill",
    "campaign",
    "execute",
    "kept",
    "known",
    "load",
    "names",
    "pure",
    "stage",
    "stages_of",
    "survey",
]
