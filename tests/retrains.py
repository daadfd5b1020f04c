"""A shop that goes on after its first run was trained: for tests of retraining."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.facts import Done
from bowerbird.data.synthetic import World
from bowerbird.encoders.popularity import Popularity
from bowerbird.retrieval.models import estimator_of
from bowerbird.runs.plan import Plan
from bowerbird.runs.policy import Policy
from bowerbird.runs.retrain import retrain
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.store.identity import Identity
from bowerbird.store.opened import open_store

DAY = 86_400
PLAN = Plan(window_s=2 * DAY, shadow=20, policy=Policy(margin=0.1, least_people=50, draws=200))
RECIPE = '[events]\npath = "events.parquet"\n[model]\nname = "cooccurrence"\ntune = false\n'


@dataclass
class Shop:
    """A world whose first days are in a run, and whose others happen one after another."""

    runs: Path
    data: Path
    world: Dataset
    begin: int  # seconds: the day after the run was trained
    store: object
    identity: Identity

    def live(self, day, change=None):
        """The events of a day reach the store; `change` of (user, item, time) rows makes them."""
        log, begin = self.world.log, self.begin + day * DAY
        now = (log.times >= begin) & (log.times < begin + DAY)
        rows = np.stack([log.users[now], log.items[now], log.times[now]], axis=1)
        rows = rows if change is None else change(rows)
        users, items = self.world.users.ids, self.world.catalog.items.ids
        self.store.facts.record(
            [
                Done(
                    f"{day}-{n}",
                    self.identity.user(users[u]),
                    items[i],
                    "purchase",
                    int(t) * 1000,
                    int(t) * 1000,
                    trust="secret",
                )
                for n, (u, i, t) in enumerate(rows)
            ]
        )

    def retrain(self, day, plan=PLAN, say=lambda news: None):
        """At the end of this day."""
        now = float(self.begin + (day + 1) * DAY)
        return retrain(self.runs, self.store, self.identity, plan, lambda: now, say)


def made(folder, days=6, model="cooccurrence", recipe=RECIPE, newest=None, **settings):
    """The shop, with `days` to come; its last event is at `newest`, or when the world says."""
    world = World(n_users=700, n_items=80, n_events=24_000, seed=5).make().dataset
    if newest is not None:
        log = world.log
        world = world.with_log(replace(log, times=log.times + (newest - world.newest())))
    end = world.newest()
    begin = end - days * DAY - (end % DAY if end % DAY else 0)
    old = world.with_log(world.log.where(world.log.times < begin))
    estimator = estimator_of(model, **settings)
    trained = Trained(estimator.fit(old), Choice(estimator), Popularity(window_days=7.0))
    facts = {"model": model, "seed": 0, "trained_at": begin}
    write_run(folder / "runs" / "first", old, trained, facts, recipe)
    (folder / "runs" / "current").write_text("first\n")
    data = folder / "data"
    (folder / "shop.json").write_text(json.dumps({"begin": int(begin)}), "utf-8")
    return Shop(folder / "runs", data, world, begin, open_store(data), Identity.kept(data))


def again(folder, day):
    """The same shop as a process of its own finds it, with nothing of the world but its moments."""
    told = json.loads((folder / "shop.json").read_text("utf-8"))
    data = folder / "data"
    store, identity = open_store(data), Identity.kept(data)
    return Shop(folder / "runs", data, None, told["begin"], store, identity).retrain(day)


def retraining(folder, day):
    """A process that retrains at the end of this day."""
    code = (
        f"import sys, pathlib; from retrains import again; again(pathlib.Path(sys.argv[1]), {day})"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)


def copied(shop, folder):
    """The same shop somewhere else."""
    shop.store.close()
    shutil.copytree(shop.runs.parent, folder, dirs_exist_ok=True)
    shop.store = open_store(shop.data)
    store, identity = open_store(folder / "data"), Identity.kept(folder / "data")
    return Shop(folder / "runs", folder / "data", shop.world, shop.begin, store, identity)
