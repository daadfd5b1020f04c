"""What a run folder says of itself, and how runs hang together: read, never made.

A run that an older version has written may lack parts; what is missing is None.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from bowerbird.data.artifacts import load_json
from bowerbird.errors import ArtifactError
from bowerbird.surfaces.progress import told_in
from bowerbird.surfaces.registry import OWN, Entry, Registry, before
from bowerbird.surfaces.run_reports import gate_of

KEPT = ("model", "seed", "data", "parent", "champion", "seconds", "broken_rows", "versions", "code",
        "training", "space", "index", "fallback")  # fmt: skip
TABLES = {"events": "log", "users": "users", "items": "items"}


def facts_of(folder: Path, current: bool, retired: str | None) -> dict[str, Any]:
    """What the run is: settings, data, where it comes from, how large it is."""
    facts = told_in(folder / "run.json")
    choice = facts.get("choice") or {}
    metrics = facts.get("metrics") or {}
    return {
        "name": folder.name,
        "current": current,
        "retired": retired,
        "made": facts.get("trained_at"),
        "settings": choice.get("settings"),
        "tried": len(choice.get("tried") or []),
        "validation": _validation(metrics),
        **{name: facts.get(name) for name in KEPT},
        **_data(folder, facts),
        "recipe": _text(folder / "recipe.toml"),
        "bytes": _sizes(folder),
    }


def lineage(registry: Registry | None, folders: Mapping[str, Path], current: str) -> dict[str, Any]:
    """Every run with what it came from, what became of runs, and what a rollback would name."""
    if registry is None:
        entries = [Entry(n, told_in(path / "run.json"), True, None) for n, path in folders.items()]
        return {"runs": [_told(one, folders) for one in entries], "audit": [], "before": None}
    runs = []
    for entry in registry.entries():
        told = _told(entry, folders)
        runs.append({**told, "current": entry.name == current})
    audit = [{name: getattr(line, name) for name in OWN} for line in registry.audit()]
    return {"runs": runs, "audit": audit, "before": before(registry)}


def _told(entry: Entry, folders: Mapping[str, Path]) -> dict[str, Any]:
    facts = entry.facts or {}
    verdict = gate_of(folders[entry.name])[0] if entry.name in folders else None
    return {
        "name": entry.name,
        "model": facts.get("model"),
        "made": entry.made or None,
        "parent": facts.get("parent"),
        "how": (facts.get("training") or {}).get("how"),
        "current": entry.current,
        "retired": entry.retired,
        "verdict": None if verdict is None else verdict.get("outcome"),
    }


def _validation(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the chosen settings reached while they were chosen; None: nothing was tried."""
    for name, value in metrics.items():
        if name.startswith("validation ") and value is not None:
            metric = name.removeprefix("validation ")
            return {"metric": metric, "mean": value, "people": metrics.get("users")}
    return None


def _data(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """How many events, people and items, from when to when."""
    told: dict[str, Any] = dict.fromkeys((*TABLES, "from", "until", "learned_until"))
    with suppress(OSError, pl.exceptions.PolarsError):
        for name, file in TABLES.items():
            frame = pl.scan_parquet(folder / f"{file}.parquet")
            told[name] = frame.select(pl.len()).collect().item()
    snapshot = facts.get("snapshot") or {}
    learned = snapshot.get("learned_until", snapshot.get("cut"))
    with suppress(OSError, pl.exceptions.PolarsError, ArtifactError):
        if load_json(folder / "schema.json").get("dated"):
            time = pl.scan_parquet(folder / "log.parquet").select("time")
            first, last = time.select(a=pl.min("time"), b=pl.max("time")).collect().row(0)
            told |= {"from": first, "until": last, "learned_until": learned or last}
    return told


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return None


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of what it consists of, and of all together."""
    sizes = dict.fromkeys(("model", "index", "rerank", "data", "all"), 0)
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                part = path.relative_to(folder).parts[0]
                part = part if part in sizes else "data"
                sizes[part] += path.stat().st_size
                sizes["all"] += path.stat().st_size
    return sizes
