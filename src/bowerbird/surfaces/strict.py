"""What every table of a recipe has in common: unknown keys are errors, values do not change."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict

from bowerbird.errors import ConfigError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Strict(BaseModel):
    """A table of which all keys are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def said(self) -> dict[str, Any]:
        """What it says beyond its defaults, as plain JSON values."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True, by_alias=True)


def seconds_of(told: str, what: str = "budget") -> float:
    """A length of time.

    Raises:
        ConfigError: it is none.

    >>> seconds_of("90s"), seconds_of("1.5m"), seconds_of("1h"), seconds_of("7d")
    (90.0, 90.0, 3600.0, 604800.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", told)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0
    if not seconds > 0:
        raise ConfigError(f"{what}: a time such as 90s, 10m, 1h or 7d expected, {told!r} came")
    return seconds
