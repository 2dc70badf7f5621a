"""What a pass took out of a network, where, and why nothing changes by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Saving:
    """One thing that went."""

    by: str
    """The pass."""
    layer: str
    """The name of the tensor that the operator made."""
    op: str
    """The operator's kind."""
    what: str
    why: str
    """The proof, in words."""
