"""A hundred thousand items put into a live index of a million while others ask it:
`python benchmarks/live.py`.

One thread puts items in one by one and gives old ones other vectors, two ask, and one rebuilds the
main index whenever many are fresh. Every list that was read is checked against the vectors.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from factors import factors, folder_of
from measuring import Bench, bar, begin, parser
from peers.rounds import TUNED, K

NAME, SET = "retrieval-live", "1m-als"
PUT, CHANGED, AT_ONCE = 100_000, 10_000, 100
"""Items that come one by one; that get another vector, so many at once."""
RATE = 1_000
"""Items a second that come."""
EVERY = 100
"""After so many items, those that came last are looked for."""
FRESH = 25_000
"""Items that are fresh when the main index is rebuilt."""
READERS, ALONE = 2, 2_000
PROBES = 128
CLOSE = 2**-11
"""By how much a score may differ, in the size of ‖q‖·‖v‖: what half precision rounds off."""


def measured(bench: Bench) -> None:
    """In a process of its own, on two cores."""
    facts = factors(bench, SET)
    done = bench.python(Path(__file__), "--child", folder_of(SET), bench.seed)
    figures: dict[str, Any] = json.loads(done.out)
    reads, found = figures["reads"], figures["looked for at once"]
    whole = 1 - sum(figures[fault] for fault in ("errors", "torn")) / reads["while items come"]["n"]
    bars = [
        bar("share of reads without an error, whole", whole, 1.0),
        bar("share of new items found by the next search", found["found"] / found["asked"], 1.0),
        bar("items put in, without an error", figures["puts"]["n"] / PUT, 1.0),
    ]
    protocol = {
        "index": f"LiveIndex over PartitionedIndex, {PROBES} drawers opened; rebuilt in a thread "
        f"of its own whenever {FRESH:,} items are fresh",
        "put in": f"{PUT:,} items one by one, {RATE:,} a second, near items that are there; in "
        f"between {CHANGED:,} old ones get another vector, {AT_ONCE} at once",
        "reads": f"the {K} best of a single query, by {READERS} threads, one after another",
        "checked": "of every list: it is full, sorted, no row twice, every score the inner product "
        "with a vector that the item has or had, no item that nobody has put in yet",
        "looked for": f"every {EVERY} items, among those that came last: all of them, or not found",
        "threads": "4 in one process, each search on one core",
    }
    bench.keep({"vectors": facts, **figures, "cost": done.cost()}, protocol, bars)


class Shop:
    """The live index, all vectors that there are or will be, and what went wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        import faiss
        import numpy as np

        from bowerbird.index.live import LiveIndex
        from bowerbird.index.partitioned import PartitionedIndex

        items, queries = (np.load(folder / f"{name}.npy") for name in ("items", "queries"))
        self.n, self.queries = len(items), queries[TUNED:]
        rng = np.random.default_rng(seed)
        like = rng.integers(self.n, size=PUT + CHANGED)
        noise = rng.normal(size=(len(like), items.shape[1])).astype(np.float32)
        noise *= 0.3 * np.linalg.norm(items[like], axis=1, keepdims=True) / items.shape[1] ** 0.5
        near = items[like] + noise
        self.vectors = np.vstack([items, near[:PUT]])  # by row, as they were or will be put
        self.changed = rng.choice(self.n, CHANGED, replace=False).astype(np.int32)
        self.others = near[PUT:]
        self.place = np.full(self.n + PUT, -1)
        self.place[self.changed] = np.arange(CHANGED)
        self.norms = np.linalg.norm(self.vectors, axis=1)
        np.maximum.at(self.norms, self.changed, np.linalg.norm(self.others, axis=1))

        def build(vectors: np.ndarray) -> PartitionedIndex:
            return PartitionedIndex.over(vectors, probes=PROBES, seed=seed)

        self.build = build
        faiss.omp_set_num_threads(2)
        self.live = LiveIndex(build(items), self.n)
        self.begun, self.ended = self.n, False  # rows whose put has begun
        self.errors: list[str] = []
        self.torn = 0

    def fault(self, query: Any, hits: Any) -> bool:  # noqa: ANN401  imported late
        """Is this list not one that could be given?"""
        import numpy as np

        rows, scores = hits.rows[0], hits.scores[0]
        if (rows < 0).any() or (rows >= self.begun).any() or len(np.unique(rows)) < K:
            return True
        if (scores[1:] > scores[:-1]).any():
            return True
        reach = CLOSE * self.norms[rows] * np.linalg.norm(query)
        apart = np.abs(self.vectors[rows] @ query[0] - scores) > reach
        other = self.place[rows]
        apart &= (other < 0) | (np.abs(self.others[other] @ query[0] - scores) > reach)
        return bool(apart.any())

    def watched(self, work: Callable[[], None]) -> threading.Thread:
        """A thread whose errors are kept."""

        def run() -> None:
            import faiss

            faiss.omp_set_num_threads(1)  # holds for the thread that says it
            try:
                work()
            except Exception as error:  # whatever it is, it is what is looked for
                self.errors.append(repr(error))

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def read(self, taken: list[float], start: int, until: Callable[[], bool]) -> None:
        """Ask one query after another; each answer is checked, which is not timed."""
        number = start
        while not until():
            query = self.queries[number % len(self.queries)][None]
            begun = time.perf_counter()
            hits = self.live.search(query, K)
            taken.append(time.perf_counter() - begun)
            self.torn += self.fault(query, hits)
            number += READERS

    def write(self, puts: list[float], changes: list[float], found: list[int]) -> None:
        """Put every item in; look for the last ones now and then; change old ones in between."""
        import numpy as np

        step, due = PUT // (CHANGED // AT_ONCE), time.perf_counter()
        for row in range(self.n, self.n + PUT):
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            self.begun = row + 1
            rows, vectors = np.array([row], np.int32), self.vectors[row : row + 1]
            begun = time.perf_counter()
            self.live.put(rows, vectors)
            puts.append(time.perf_counter() - begun)
            done = row + 1 - self.n
            if done % EVERY == 0:
                allow = np.zeros(row + 1, bool)
                allow[-EVERY:] = True
                hits = self.live.search(vectors, EVERY, allow)
                found.append(len(np.intersect1d(hits.rows, np.flatnonzero(allow))))
            if done % step == 0:
                some = slice(done // step * AT_ONCE - AT_ONCE, done // step * AT_ONCE)
                begun = time.perf_counter()
                self.live.put(self.changed[some], self.others[some])
                changes.append(time.perf_counter() - begun)
        self.ended = True

    def rebuild(self, seconds: list[float]) -> None:
        """Whenever many are fresh, until all have come."""
        while not self.ended:
            if self.live.fresh >= FRESH:
                begun = time.perf_counter()
                self.live.rebuild(self.build)
                seconds.append(round(time.perf_counter() - begun, 1))
            time.sleep(0.01)


def run(folder: Path, seed: int) -> None:
    """Be the process that is measured, and print what came."""
    import faiss

    shop = Shop(folder, seed)
    faiss.omp_set_num_threads(1)
    alone: list[float] = []
    shop.read(alone, 0, lambda: len(alone) >= ALONE)
    taken: list[list[float]] = [[] for _ in range(READERS)]
    puts, changes, found, rebuilt = list[float](), list[float](), list[int](), list[float]()
    threads = [shop.watched(lambda: shop.write(puts, changes, found))]
    threads += [shop.watched(lambda: shop.rebuild(rebuilt))]
    for number, mine in enumerate(taken):
        more = (mine, number, lambda: shop.ended or bool(shop.errors))
        threads.append(shop.watched(lambda more=more: shop.read(*more)))
    for thread in threads:
        thread.join()
    reads = {"before": told(alone), "while items come": told([t for mine in taken for t in mine])}
    figures = {"reads": reads, "puts": told(puts), f"changes, {AT_ONCE} at once": told(changes)}
    figures |= {"looked for at once": {"asked": EVERY * len(found), "found": sum(found)}}
    figures |= {"rebuilds, seconds": rebuilt, "errors": len(shop.errors), "torn": shop.torn}
    print(json.dumps({**figures, "first errors": shop.errors[:3]}))


def told(taken: list[float]) -> dict[str, float]:
    """Milliseconds: the median and the slowest hundredth."""
    import numpy as np

    middle, slow, slowest = 1e3 * np.percentile(taken, (50, 99, 100))
    numbers = {"ms, median": middle, "ms, p99": slow, "ms, longest": slowest}
    return {"n": len(taken), **{name: round(float(ms), 3) for name, ms in numbers.items()}}


def main() -> None:
    """Run the benchmark; with --child, be the process that is measured."""
    if sys.argv[1:2] == ["--child"]:
        run(Path(sys.argv[2]), int(sys.argv[3]))
        return
    bench = begin(NAME, parser(__doc__ or "", [NAME]).parse_args(), [])
    if bench is not None:
        measured(bench)


if __name__ == "__main__":
    main()
