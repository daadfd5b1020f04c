"""How far an event is believed: by its source, by how much one person did, by how new they are.

Apart from what applies it, since servers are set up with it.
"""

from dataclasses import dataclass

from bowerbird.errors import ConfigError

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Defence:
    """Against events that are made up.

    Shares by source and by age multiply; what a file brought (`import`) is the shop's own word and
    only weighed by its source.
    """

    secret: float = 1.0  # what an event counts that the shop's own server has sent
    public: float = 0.5  # … somebody's browser
    imported: float = 1.0  # … a file
    a_day: int = 50  # events of a person that count, the first of each day
    again: int = 1  # of these, of one kind with one item
    influence: float = 10.0  # c of min(1, c/√n), n a person's events within a span
    span_days: int = 28
    new_s: int = DAY_S  # how long somebody is new
    new: float = 0.2  # what an event of somebody new counts
    sales: tuple[str, ...] = ("purchase", "buy", "order", "transaction")  # never new, if secret
    z: float = 6.0  # standard deviations over what is usual that new people make a burst with
    floor: float = 3.0  # events that are usual of any item in a window
    window_s: int = DAY_S
    half_life_windows: float = 14.0  # what is usual fades
    settle_windows: int = 3  # of a shop's first windows nothing is usual
    alike: float = 0.9  # Jaccard of what two new people met
    alike_items: int = 5  # that both met, at least
    alike_users: int = 5  # that are alike, at least

    def __post_init__(self) -> None:
        shares = {n: getattr(self, n) for n in ("secret", "public", "imported", "new", "alike")}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ConfigError(f"{name} in [0, 1] expected, {share} came")
        at_least = {"a_day": 1, "again": 1, "span_days": 1, "window_s": 1, "settle_windows": 0}
        at_least |= {"new_s": 0, "alike_items": 1, "alike_users": 2}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} ≥ {least} expected, {getattr(self, name)} came")
        for name in ("influence", "z", "floor", "half_life_windows"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} > 0 expected, {getattr(self, name)} came")
