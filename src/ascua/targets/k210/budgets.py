"""Whether firmware has room for a kmodel, and by how much it has not."""

from __future__ import annotations

from ascua import kmodel
from ascua.errors import DoesNotFit
from ascua.kmodel import Kmodel


def check_budget(model: Kmodel, firmware: str) -> None:
    """Raise DoesNotFit where `firmware`, the name of a budget, has no room for `model`.

    What only fits where all goes well is let through: `kmodel.usage` says so.
    """
    usage = kmodel.usage(model)
    (fit,) = (f for f in usage.fits if f.budget.name == firmware)
    if fit.verdict != "does not fit":
        return
    over = fit.bytes - fit.budget.most
    parts = [f"the file {usage.file_bytes:,}"]
    if fit.budget.holds == "file and workspace":
        parts.append(f"its workspace {model.main_bytes:,}")
    if fit.bytes > usage.file_bytes + model.main_bytes:
        parts.append(f"the runtime of V4 files {fit.budget.v4_runtime:,}")
    raise DoesNotFit(
        f"{model.name}: it needs {fit.bytes:,} bytes beside firmware in {firmware}"
        f" ({', '.join(parts)}), and there are {fit.budget.most:,}: {over:,} too many.",
        [
            "Take a narrower network: fewer channels mean fewer weights.",
            "Weights of 8 bits take half the room of 16.",
        ],
    )
