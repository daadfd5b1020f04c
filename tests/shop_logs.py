"""Logs as shops have them, made of a synthetic world, and what goes wrong with their last days."""

from dataclasses import replace

import numpy as np

from bowerbird.data.columns import Column
from bowerbird.data.synthetic import DAY, DAYS, START, World
from bowerbird.data.vocabulary import Vocabulary

END = START + DAYS * DAY
N_EVENTS = 120_000
COLUMNS = ("users", "items", "times", "weights", "types", "values")


def made(seed, events=N_EVENTS):
    return World(n_events=events, seed=seed).make().dataset


def until(data, moment):
    """What had happened by then."""
    return data.with_log(data.log.where(data.log.times < moment))


def thinned(data, chance, seed):
    """The log as if only so many had come, by moment: a number for each of these times."""
    keep = np.random.default_rng([seed, 7]).random(len(data.log)) < chance(data.log.times)
    return data.with_log(data.log.where(keep))


def placed(log, **columns):
    """These columns in place of the log's, in order again."""
    new = {}
    for name in COLUMNS:
        old = getattr(log, name)
        new[name] = np.asarray(columns.get(name, old)).astype(old.dtype)
    order = np.lexsort((new["times"], new["users"]))
    return replace(log, **{name: column[order] for name, column in new.items()})


def joined(data, **columns):
    """The data with these events, too; people who are not known yet get a name."""
    n = len(columns["items"])
    more = {
        "weights": np.ones(n, np.float32),
        "types": np.zeros(n, np.int16),
        "values": np.full(n, np.nan, np.float32),
    } | columns
    both = {}
    for name in COLUMNS:
        column = getattr(data.log, name)
        both[name] = np.concatenate([column, np.asarray(more[name]).astype(column.dtype)])
    log = placed(data.log, **both)
    size = max(len(data.users), int(log.users.max()) + 1)
    names = data.users.ids + tuple(f"new{row}" for row in range(len(data.users), size))
    traits = {
        name: column.then(column.take(np.full(size - len(data.users), -1)))
        for name, column in data.traits.items()
    }
    return replace(data, users=Vocabulary(names), log=log, traits=traits)


def within(data, days, ago=0):
    """Which events are of these days, `ago` of them before the end."""
    stop = END - ago * DAY
    return (data.log.times >= stop - days * DAY) & (data.log.times < stop)


# ── honest shops ─────────────────────────────────────────────────────────────────────────────────


def even(times):
    return np.ones(len(times))


def weekends(times):
    """Two days in seven have a third of the events."""
    return np.where((times // DAY) % 7 >= 5, 0.3, 1.0)


def growth(times):
    """From a fifth to all of them in 90 days, faster and faster."""
    return 0.2 * 5.0 ** ((times - START) / (END - START))


def season(times):
    """A rise to three times as many in the last three weeks."""
    return 1 / 3 + 2 / 3 * np.clip((times - (END - 21 * DAY)) / (21 * DAY), 0, 1)


def festive(times):
    """Weekends, and a last week twice as full as the others."""
    return weekends(times) * np.where(times >= END - 7 * DAY, 1.0, 0.5)


HONEST = (even, weekends, growth, season, festive)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def shuffled(data, seed):
    """Items permuted among the events of the last week."""
    there = within(data, 7)
    items = data.log.items.copy()
    items[there] = np.random.default_rng(seed).permutation(items[there])
    return data.with_log(placed(data.log, items=items))


def missing(data, seed):
    """No event on the third day before the last."""
    return data.with_log(data.log.where(~within(data, 1, ago=3)))


def thin(data, seed):
    """Of that day three in ten events are missing."""
    lost = np.random.default_rng(seed).random(len(data.log)) < 0.3
    return data.with_log(data.log.where(~(within(data, 1, ago=3) & lost)))


def copied(data, seed):
    """That day came ten times."""
    times = np.where(within(data, 1, ago=3), 10, 1)
    return data.with_log(data.log.where(np.repeat(np.arange(len(data.log)), times)))


def constant_times(data, seed):
    """The last week happened at the moment of its export."""
    return data.with_log(placed(data.log, times=np.where(within(data, 7), END - 1, data.log.times)))


def constant_prices(data, seed):
    """Everything costs 9.99 in the last week."""
    paid = within(data, 7) & np.isfinite(data.log.values)
    values = np.where(paid, np.float32(9.99), data.log.values)
    return data.with_log(placed(data.log, values=values))


def constant_catalog(data, seed):
    """A catalog in which every item costs 9.99."""
    price = Column("number", np.full(len(data.catalog), 9.99))
    catalog = replace(data.catalog, fields=data.catalog.fields | {"price": price})
    return replace(data, catalog=catalog)


def rushed(data, seed, share=0.05):
    """One in twenty of the last week's people is made up: a target, and nine items that are in
    fashion."""
    random = np.random.default_rng(seed)
    week = within(data, 7)
    n = int(share * len(np.unique(data.log.users[week])))
    counts = np.bincount(data.log.items[week], minlength=len(data.catalog))
    target = int(np.argsort(counts)[len(counts) // 2])
    liked = random.choice(len(counts), (n, 9), p=counts / counts.sum())
    return joined(
        data,
        users=np.repeat(np.arange(n) + len(data.users), 10),
        items=np.concatenate([np.full((n, 1), target), liked], axis=1).ravel(),
        times=END - 7 * DAY + random.integers(0, 7 * DAY, 10 * n),
    )


MUTATIONS = {
    shuffled: "shuffled",
    missing: "missing-events",
    thin: "missing-events",
    copied: "copies",
    constant_times: "one-moment",
    constant_prices: "one-value",
    constant_catalog: "one-value",
    rushed: "rush",
}
