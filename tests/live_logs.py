"""Made-up facts of a live shop, with everything that goes wrong in one; for tests."""

import numpy as np
import polars as pl

from bowerbird.data.facts import SCHEMAS, Frames

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_772_323_200_000  # 2026-03-01 UTC


def table(name, rows=()):
    """A table of facts; what a row does not name is null."""
    return pl.DataFrame(list(rows), schema=dict(SCHEMAS[name]), orient="row")


def empty():
    return Frames(**{name: table(name) for name in SCHEMAS})


def simulated(n_lists=400, n_slots=5, n_events=3_000, n_users=60, n_items=40, seed=0):
    """A log drawn at random: most events fit, some name a wrong list, person or item."""
    draw = np.random.default_rng(seed)
    users = np.array([f"u{user:05}" for user in range(n_users)])
    items = np.array([f"i{item:05}" for item in range(n_items)])
    served = _served(draw, n_lists, users)
    shown = np.argsort(draw.random((n_lists, n_items)), 1)[:, :n_slots] if n_items < 500 else None
    shown = draw.integers(0, n_items, (n_lists, n_slots)) if shown is None else shown
    slots = pl.DataFrame(
        {
            "rec_id": np.repeat(served["rec_id"].to_numpy(), n_slots),
            "position": np.tile(np.arange(1, n_slots + 1), n_lists),
            "item": items[shown].ravel(),
            "score": draw.random(n_lists * n_slots),
            "propensity": 1.0,
            "source": "personal",
        }
    )
    events = _events(draw, n_events, served, items[shown], users, items)
    seen = events.filter(pl.col("type") == "seen").with_columns(
        visible_ms=_maybe(draw, draw.integers(500, 3_000, n_events))[: _n(events, "seen")],
        share=_maybe(draw, draw.random(n_events))[: _n(events, "seen")],
    )
    done = events.filter(pl.col("type") != "seen")
    done = _with_refunds(draw, done)
    merged = draw.choice(n_users, n_users // 5, replace=False)
    threes = np.arange(1, len(merged))[np.arange(1, len(merged)) % 3 > 0]
    pairs = {"user": users[merged[threes]], "into": users[merged[threes - 1]]}
    merges = pl.DataFrame(pairs, schema=dict.fromkeys(pairs, pl.String)).with_columns(time=START)
    return Frames(
        *(
            _as(name, frame)
            for name, frame in zip(SCHEMAS, (served, slots, seen, done, merges), strict=True)
        )
    )


def _served(draw, n, users):
    nobody = draw.random(n) < 0.15
    return pl.DataFrame(
        {
            "rec_id": [f"r{number:07}" for number in draw.permutation(n)],
            "request": "q",
            "time": START + draw.integers(0, 6 * DAY // MINUTE, n) * MINUTE,
            "user": _maybe(draw, users[draw.integers(0, len(users), n)], nobody),
            "surface": draw.choice(["home", "item", "cart"], n),
            "model": draw.choice(["als", "ease"], n),
            "config": "c",
            "rung": draw.choice(["personal", "session", "segment", "popular"], n),
            "policy": "fixed",
            "seed": 0,
            "segment": _maybe(draw, draw.choice(["new", "old"], n)),
            "arms": draw.choice(['{"colour": "red"}', '{"colour": "blue"}', "{}"], n),
            "latency_us": 900,
        }
    )


def _events(draw, n, served, shown, users, items):
    of = draw.integers(0, len(shown), n)
    place = draw.integers(0, shown.shape[1], n)
    rec_id = served["rec_id"].to_numpy()[of].astype(object)
    item = shown[of, place].astype(object)
    known = served["user"].to_numpy()[of]
    someone = users[draw.integers(0, len(users), n)]
    user = np.where([name is None for name in known], someone, known).astype(object)
    wrong = draw.random(n)
    rec_id[wrong < 0.03] = "r-unknown"
    item[(wrong > 0.03) & (wrong < 0.06)] = items[draw.integers(0, len(items))]
    user[(wrong > 0.06) & (wrong < 0.1)] = someone[(wrong > 0.06) & (wrong < 0.1)]
    kinds = ["seen", "click", "cart", "purchase", "hide", "view"]
    kind = draw.choice(kinds, n, p=[0.45, 0.25, 0.1, 0.13, 0.04, 0.03])
    after = (draw.exponential(600, n) * MINUTE).astype(np.int64) // MINUTE * MINUTE
    time = served["time"].to_numpy()[of] + after
    loose = ((kind == "cart") | (kind == "purchase")) & (draw.random(n) < 0.8)
    rec_id[loose] = None
    money = kind == "purchase"
    return pl.DataFrame(
        {
            "event_id": [f"e{number:08}" for number in draw.permutation(n)],
            "rec_id": rec_id.tolist(),
            "item": item.tolist(),
            "user": user.tolist(),
            "type": kind,
            "time": time,
            "arrived": time + draw.integers(0, DAY, n),
            "value": _maybe(draw, draw.integers(100, 9_000, n), ~money),
            "currency": _maybe(draw, draw.choice(["EUR", "USD"], n), ~money),
            "trust": "secret",
        },
        schema_overrides={
            **dict.fromkeys(("event_id", "rec_id", "item", "user", "type", "currency"), pl.String),
            **dict.fromkeys(("time", "arrived", "value"), pl.Int64),
        },
    )


def _with_refunds(draw, done):
    sold = done.filter(pl.col("type") == "purchase")
    back = sold.filter(pl.Series(draw.random(sold.height) < 0.1))
    lost = pl.Series(draw.random(back.height) < 0.2)
    refunds = back.with_columns(
        type=pl.lit("refund"),
        refers=pl.when(lost).then(pl.lit("e-unknown")).otherwise("event_id"),
        event_id=pl.format("{}-back", "event_id"),
        value=-pl.col("value"),
        rec_id=pl.lit(None, pl.String),
        time=pl.col("time") + DAY,
        arrived=pl.col("arrived") + DAY,
    )
    return pl.concat([done, refunds], how="diagonal")


def _maybe(draw, values, none=None):
    none = draw.random(len(values)) < 0.3 if none is None else none
    return pl.Series(values.tolist()).set(pl.Series(none), None)


def _n(events, kind):
    return events.filter(pl.col("type") == kind).height


def _as(name, frame):
    columns = [
        (pl.col(c) if c in frame.columns else pl.lit(None)).cast(dtype).alias(c)
        for c, dtype in SCHEMAS[name].items()
    ]
    return frame.select(columns)
