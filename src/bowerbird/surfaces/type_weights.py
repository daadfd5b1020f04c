"""What an event of a type counts live, as the run's recipe says.

Apart since lists and retraining must read it in one way.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from bowerbird.data.schema import TYPE_WEIGHTS

AVERSE = ("hide", "dislike", "refund", "return")
"""What people do with what they do not want: met, never shown again, not liked."""


def weights_of(folder: Path) -> Mapping[str, float]:
    """By type, in lower case; a type that is not among them counts 1."""
    return {**TYPE_WEIGHTS, **dict.fromkeys(AVERSE, 0.0), **_told(folder / "recipe.toml")}


def _told(recipe: Path) -> dict[str, float]:
    if not recipe.is_file():
        return {}
    events = tomllib.loads(recipe.read_text("utf-8")).get("events", {})
    return {str(name).lower(): float(w) for name, w in events.get("weights", {}).items()}
