"""Days that must reach no model, since an outage, a bug or somebody with an interest made them.

Each is told to a shop after four honest days, and says at the end of which day it retrains.
"""

import numpy as np

from bowerbird.data.facts import Done
from retrains import DAY


def shuffled(shop, seed):
    """Items dealt out anew, for days on end."""
    rng = np.random.default_rng(seed)
    for day in range(4, 9):
        shop.live(day, lambda rows: _with(rows, 1, rng.permutation(rows[:, 1])))
    return 8


def missing(shop, seed):
    """A day of which nothing arrived."""
    shop.live(4, lambda rows: rows[:0])
    return 4


def doubled(shop, seed):
    """A day that arrived ten times, under other ids."""
    shop.live(4, lambda rows: np.repeat(rows, 10, axis=0))
    return 4


def at_one_moment(shop, seed):
    """All of it at one moment."""
    shop.live(4, lambda rows: _with(rows, 2, np.full(len(rows), rows[:, 2].max())))
    return 4


def rushed(shop, seed):
    """People who have just come buy one item."""
    shop.live(4)
    rng = np.random.default_rng(seed)
    item = shop.world.catalog.items.ids[int(rng.integers(len(shop.world.catalog)))]
    begin = (shop.begin + 4 * DAY) * 1000
    moments = rng.integers(begin, begin + DAY * 1000, 400)
    shop.store.facts.record(
        [
            Done(f"x{seed}-{n}", f"fake{n}", item, "purchase", int(t), int(t), trust="public")
            for n, t in enumerate(moments)
        ]
    )
    return 4


def reached(shop, run):
    """Has the run learned from what was made up or broken?"""
    if run.folder.name == "first":
        return False
    names = [name for name in run.data.users.ids if name.startswith("fake")]
    rows = run.data.users.rows(names)
    if any(event.user.startswith("fake") for _, event in shop.store.facts.newest(500)):
        return bool(run.data.log.weights[np.isin(run.data.log.users, rows)].sum() > 0)
    return True  # the whole day is broken


def _with(rows, column, values):
    made = rows.copy()
    made[:, column] = values
    return made


POISONS = {
    "shuffled": shuffled,
    "missing": missing,
    "doubled": doubled,
    "one moment": at_one_moment,
    "rushed": rushed,
}
