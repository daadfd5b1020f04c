"""Is every list that went out made again as it was? `python benchmarks/recomputed.py`.

A run over MovieLens 100K behind `bowerbird serve`, a process of its own. Lists of all kinds are
asked for over HTTP, while people act and items come and go. Then, without a server, each is made
again from its name, some by the command line.
"""

import json
import random
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME = "recomputed"
DATA = "movielens-100k-films"
BY_COMMAND = 3
RECIPE = """
[events]
path = "{data}/events.parquet"
threshold = 4.0
[items]
path = "{data}/items.parquet"
[users]
path = "{data}/users.parquet"
[model]
name = "{model}"
tune = false
[scenarios.home]
surface = "for-you"
recently = {{ times = 2, within = "1h" }}
steps = [{{ step = "mmr", weight = 0.6 }}, {{ step = "recent" }}]
[scenarios.drawn]
surface = "for-you"
explore = {{ way = "plackett-luce" }}
[scenarios.round]
surface = "popular"
steps = [{{ step = "rotate", every = "10s" }}]
[scenarios.ruled]
surface = "for-you"
rules = "rules.toml"
"""
RULES = '[[rules]]\nname = "first"\ndo = "pin"\nids = ["50"]\nposition = 2\n'


def measured(bench: Bench, lists: int) -> None:
    """Serve, ask, make again, and keep the result."""
    with_tests()
    from processes import Process

    began = time.perf_counter()
    run = trained(bench, "als")
    with Process(run, bench.scratch / "data") as server:
        names = asked(server, lists, random.Random(bench.seed))
        server.stop()
    asking, began = time.perf_counter() - began, time.perf_counter()
    figures = again(bench, run, names)
    figures["seconds to train, serve and ask"] = round(asking)
    figures["seconds a list made again"] = round((time.perf_counter() - began) / lists, 3)
    for name in names[:: max(lists // BY_COMMAND, 1)]:
        told = bench.bowerbird("recompute", name, run, "--data", bench.scratch / "data", "--json")
        figures["made again by the command"] += json.loads(told.out)["same"]
    protocol = {
        "data": f"{DATA}, als of {run.name}, `bowerbird serve`",
        "lists": "for-you, steps, exploration, rules, popular that goes round, new, trending, "
        "similar, goes-with, next, search; of users, visitors, sessions; with filters, never, only",
        "meanwhile": "events and exposures; items put and deleted; at the end a merge and a "
        "deletion",
        "the same": "the same items in the same order (of one score in any), on the same rung",
    }
    bench.keep(figures, protocol, [bar("lists made again as they were", figures["same"], lists)])


def trained(bench: Bench, model: str) -> Path:
    """A run folder."""
    from bowerbird.data.known import default_cache, fetch

    data = fetch(DATA, default_cache(), lambda size: None)
    recipe = bench.scratch / "recipe.toml"
    recipe.write_text(RECIPE.format(data=data, model=model), "utf-8")
    (bench.scratch / "rules.toml").write_text(RULES, "utf-8")
    bench.bowerbird("train", recipe, "--out", bench.scratch / "run")
    return bench.scratch / "run"


def asked(server: Any, lists: int, rng: random.Random) -> list[str]:  # noqa: ANN401  of the tests
    """Ask for lists while the shop lives; their names."""
    names = []
    for number in range(lists):
        reply = server.ask("POST", "/v1/recommend", json=question(rng))
        assert reply.status_code == 200, reply.text
        told = reply.json()
        names.append(told["rec_id"])
        who = somebody(rng)
        event = {**who, "item": str(rng.randint(1, 1_600)), "type": rng.choice(["view", "hide"])}
        server.ask("POST", "/v1/events", json=event)
        shown = [{**who, "rec_id": names[-1], "item": one["item"]} for one in told["items"][:3]]
        server.ask("POST", "/v1/exposures", json={"exposures": shown})
        if number % 20 == 10:
            server.ask("PUT", f"/v1/items/new-{number}", json={"fields": {"title": "Something"}})
            server.ask("DELETE", f"/v1/items/{number + 1}")
    server.ask("POST", "/v1/users/1/merge", json={"visitor": "v1"})
    server.ask("DELETE", "/v1/users/943")
    return names


def somebody(rng: random.Random) -> dict[str, str]:
    """Who acts, or asks."""
    return rng.choice([{"user": str(rng.randint(1, 40))}, {"visitor": f"v{rng.randint(1, 9)}"}])


def question(rng: random.Random) -> dict[str, Any]:
    """A list of some kind."""
    films = [str(rng.randint(1, 900)) for _ in range(3)]
    kinds: list[dict[str, Any]] = [
        *({**somebody(rng), "scenario": s} for s in ("for-you", "home", "drawn", "ruled")),
        *({"scenario": s} for s in ("round", "popular", "new", "trending")),
        {"scenario": "similar", "items": films[:1]},
        {"scenario": "goes-with", "items": films},
        {"scenario": "next", "items": films},
        {"items": films, "scenario": "for-you"},
        {"scenario": "search", "text": rng.choice(["star wars", "a film about love", "toy"])},
    ]
    more = [{}, {"k": 20}, {"never": films}, {"filter": "year >= 1990"}]
    return {**rng.choice(kinds), **rng.choice(more)}


def again(bench: Bench, run: Path, names: list[str]) -> dict[str, Any]:
    """Each made once more, by rung and scenario."""
    from bowerbird.serving.recomputed import Recomputing
    from bowerbird.store.identity import Identity
    from bowerbird.store.opened import open_store

    data, differ, kinds = bench.scratch / "data", [], dict[str, int]()
    with closing(open_store(data)) as store:
        made = Recomputing(run, store, Identity.kept(data))
        for name in names:
            found = made.list(name)
            kind = f"lists of {found.served.surface}, {found.served.rung}"
            kinds[kind] = kinds.get(kind, 0) + 1
            if not found.same:
                differ.append([kind, found.differs[:3], found.why])
    same = len(names) - len(differ)
    told = {"lists": len(names), "same": same, "made again by the command": 0}
    return {**told, **dict(sorted(kinds.items())), "differ": differ[:20]}


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--lists", type=int, default=200)
    told = options.parse_args()
    bench = begin(NAME, told, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/recomputed.py --lists {told.lists}")
        measured(bench, told.lists)


if __name__ == "__main__":
    main()
