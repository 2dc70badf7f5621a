"""Results as values: what was measured, of Ascua and of its peers; read and appended here alone."""

from ascua.results.models import keep, kept
from ascua.results.store import (
    append,
    history_path,
    known,
    newest,
    parsed,
    peers,
    quantized,
    results,
)
from ascua.results.values import Peer, Quantized, RamBytes, Result

__all__ = [
    "Peer",
    "Quantized",
    "RamBytes",
    "Result",
    "append",
    "history_path",
    "keep",
    "kept",
    "known",
    "newest",
    "parsed",
    "peers",
    "quantized",
    "results",
]
