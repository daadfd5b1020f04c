"""Changes of the catalog: when they are laid over, and what spoils none of them."""

from bowerbird.serving import live_catalog
from bowerbird.serving.live_catalog import LiveCatalog
from bowerbird.serving.snapshot import Snapshot
from bowerbird.store.opened import open_store
from bowerbird.store.store import Change


def test_a_catalog_that_takes_long_is_laid_over_now_and_then_but_hides_at_once(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(live_catalog, "QUICK_S", 0.0)
    now, items = [0.0], open_store(tmp_path).items
    ticks = iter(range(1, 100))
    follows = LiveCatalog(items, lambda: now[0] + next(ticks) * 1e-3)
    snapshot = Snapshot.load(run)
    items.put([Change("a", {"price": 1}, time=5)])
    first = follows.followed(snapshot)
    assert "a" in first.catalog.items
    items.put([Change("b", {"price": 1}, time=6), Change("i3", None, time=6)])
    soon = follows.followed(first)
    assert "b" not in soon.catalog.items and soon.hidden[soon.catalog.items.rows(["i3"])].all()
    now[0] = 1.0
    later = follows.followed(soon)
    assert "b" in later.catalog.items and later.hidden[later.catalog.items.rows(["i3"])].all()
    assert follows.followed(later) is later


def test_an_item_that_fits_no_column_spoils_no_other(run, tmp_path):
    items = open_store(tmp_path).items
    told = [Change(f"n{n}", {"price": n}, time=5) for n in range(5)]
    items.put([*told[:2], Change("bad", {"price": "dear"}, time=5), *told[2:]])
    found = LiveCatalog(items).followed(Snapshot.load(run)).catalog.items
    assert "bad" not in found and all(f"n{n}" in found for n in range(5))
