"""One figure as words: what it is, what it should be, what it means, and what to do.

Apart because what looks at vectors, at neighbours and at events says it in the same way.
"""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Light:
    """One figure, as words: for the page and for the alarms."""

    name: str
    figure: str
    limit: str  # "" where there is none: the figure is to be watched, not judged
    ok: bool | None  # None: no limit, or no figure
    says: str  # what the figure means
    remedy: str = ""  # what to do where the limit is not kept

    def sentence(self) -> str:
        """The alarm in one line."""
        return f"{self.name}: {self.limit} expected, {self.figure} came. {self.says}: {self.remedy}"

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def at_most(
    named: tuple[str, str], judged: tuple[float, float, str], says: str, remedy: str
) -> Light:
    """A light for a figure that must not be above its limit."""
    value, limit, words = judged
    ok = None if value != value else value <= limit
    return Light(*named, f"at most {words}", ok, says, remedy)


def watched(name: str, figure: str, says: str) -> Light:
    """A light for a figure that is shown and not judged."""
    return Light(name, figure, "", None, says)


def percent(share: float) -> str:
    """A share in words.

    >>> percent(0.125)
    '12.5 %'
    """
    return f"{number(100 * share, 1)} %"


def number(value: float, digits: int = 2) -> str:
    """A number in words; NaN is a dash, and nothing has no sign.

    >>> number(-0.001), number(float("nan"))
    ('0.00', '–')
    """
    return "–" if value != value else f"{round(value, digits) + 0.0:.{digits}f}"
