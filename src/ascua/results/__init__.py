"""Results as values: what was measured, of Ascua and of its peers; read and appended here alone."""

from ascua.results.models import keep, kept
from ascua.results.store import (
    append,
    history_path,
    kmodels,
    known,
    newest,
    parsed,
    peers,
    pruned,
    published,
    quantized,
    results,
)
from ascua.results.values import (
    Agreement,
    KmodelResult,
    LayerEstimate,
    Peer,
    PrunedResult,
    Published,
    Quantized,
    RamBytes,
    Result,
    Timing,
)

__all__ = [
    "Agreement",
    "KmodelResult",
    "LayerEstimate",
    "Peer",
    "PrunedResult",
    "Published",
    "Quantized",
    "RamBytes",
    "Result",
    "Timing",
    "append",
    "history_path",
    "keep",
    "kept",
    "kmodels",
    "known",
    "newest",
    "parsed",
    "peers",
    "pruned",
    "published",
    "quantized",
    "results",
]
