"""Why a list that is made again may not be the same: what has changed since, as far as it shows."""

from pathlib import Path

from bowerbird.data.facts import Served
from bowerbird.serving.snapshot import Snapshot
from bowerbird.store.opened import LiveStore
from bowerbird.surfaces.kept import FOLDER
from bowerbird.surfaces.live_items import newest

NAMED = 5
"""Items that are named, at most."""


def circumstances(served: Served, snapshot: Snapshot, store: LiveStore, exact: bool) -> list[str]:
    """All that may be behind a difference; never nothing.

    Args:
        served: the list as it went out.
        snapshot: what has made it again.
        store: as it is today.
        exact: what its person had done is known to be what it was.
    """
    told = _of_run(served, snapshot) + _of_items(served, store)
    if not exact:
        told.append("what the person had done by then is not what the store holds of that time")
    gone = {user for user, at in store.people.deleted(served.counted or served.time)}
    if gone and served.counted is not None:
        told.append(f"{len(gone)} names of people were deleted since: they counted then")
    if served.reason is not None:
        told.append(f"it was answered in need: {served.reason}")
    if served.counted is not None and not told:
        told.append("what is popular was counted while events were on their way to the disk")
    return told or ["nothing shows: was it another version of bowerbird, or of numpy?"]


def _of_run(served: Served, snapshot: Snapshot) -> list[str]:
    """Is it the run of then, and what lies beside it?"""
    told, scenario = [], snapshot.scenario(served.surface)
    made = snapshot.run.facts.get("trained_at") or 0
    if made * 1000 > served.time:
        told.append(f"the run {served.model} was made after the list: another had its name")
    if snapshot.index != served.index:
        told.append(f"the index was {served.index}, it is {snapshot.index}")
    if snapshot.configs[served.surface] != served.config:
        told.append(f"the scenario {served.surface} says something else than it did")
    if isinstance(scenario.rules, str) and _younger(Path(scenario.rules), served.time):
        told.append(f"the rules in {scenario.rules} were changed since")
    if _younger(snapshot.run.folder / FOLDER, served.time):
        told.append("the re-ranker of the run was learned since")
    if scenario.surface == "search" and snapshot.number:
        told.append("words are read as items were when the server was started, which is not kept")
    return told


def _of_items(served: Served, store: LiveStore) -> list[str]:
    """Which were changed since; those of the list first."""
    shown = {slot.item for slot in served.slots}
    changes = newest(store.items, served.change or 0)
    later = {id: one for id, one in changes.items() if one.fields or one.time > served.time}
    if not later:
        return []
    names = sorted(later, key=lambda id: (id not in shown, later[id].number))
    more = ", …" if len(names) > NAMED else ""
    some = ", ".join(names[:NAMED])
    count = f"{len(names):,} {'item was' if len(names) == 1 else 'items were'} changed since"
    return [f"{count} ({some}{more}): the store keeps what an item is, not what it was"]


def _younger(path: Path, time_ms: int) -> bool:
    """Was this written after the list?"""
    return path.exists() and path.stat().st_mtime * 1000 > time_ms
