"""What lies beside runs: what each was judged to be worth, and the verdict of the gate.

On this floor since runs write it and services read it.

RUNS/NAME.report.json          means with intervals, slices, dial, newcomers: an entry a holdout
RUNS/NAME.report.safetensors   one value a query, so that two runs are compared person by person
RUNS/NAME.gate.json            what the gate said of a run that a retrain has made
"""

from pathlib import Path
from typing import Any

from numpy import ndarray
from safetensors import SafetensorError, safe_open

from bowerbird.data.artifacts import load_arrays
from bowerbird.errors import ArtifactError
from bowerbird.surfaces.progress import told_in

REPORT, VALUES, GATE = "report.json", "report.safetensors", "gate.json"
FORMAT = 1


def beside(run: Path, kind: str) -> Path:
    """The file of this kind that lies beside a run folder."""
    return run.with_name(f"{run.name}.{kind}")


def judged_in(run: Path) -> tuple[list[dict[str, Any]], str | None]:
    """What a run was judged to be worth, the newest first; or why nothing is known."""
    path = beside(run, REPORT)
    if not path.is_file():
        return [], f"not judged yet: «bowerbird judge {run.parent.name} {run.name}» does it"
    told = told_in(path)
    if told.get("format") != FORMAT:
        return [], f"{path.name}: format {FORMAT} expected, {told.get('format')} came; judge again"
    found = [one for one in told.get("judged", []) if isinstance(one, dict) and one.get("holdout")]
    return found, None


def values_of(run: Path) -> dict[str, ndarray]:
    """One value a query, by HOLDOUT/metric and HOLDOUT/slice/NAME; none where none can be read."""
    try:
        return load_arrays(beside(run, VALUES))
    except ArtifactError:
        return {}


def value_of(run: Path, key: str) -> ndarray | None:
    """The values of one key alone; None where there are none, or they cannot be read."""
    try:
        with safe_open(beside(run, VALUES), framework="np") as found:
            return found.get_tensor(key) if key in found.keys() else None  # noqa: SIM118  no mapping
    except (OSError, SafetensorError):
        return None


def gate_of(run: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The verdict of the gate; or why there is none."""
    path = beside(run, GATE)
    if not path.is_file():
        return None, "no gate has judged it: a retrain made neither this run nor a verdict on it"
    told = told_in(path)
    if "checks" not in told:
        return None, f"{path.name}: a verdict expected, it cannot be read; retrain again"
    return told, None
