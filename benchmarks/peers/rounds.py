"""Engines asked in turn: each in a process of its own, so many queries a round, when it is told to.

A child says what it has built in one line of JSON, then waits for lines that name one of its
engines, the first query, how many and a clock; it asks them one by one and answers with their
median time. The clock «cpu» counts the seconds of all threads of the child: on a core that nobody
else uses, they are what passes.
It runs in any environment that has numpy, and knows nothing of bowerbird.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

K = 100
TUNED, ASKED = 400, 1_000
"""Queries that settings are chosen on; other queries that are timed, and tell the recall."""
JUDGED = 100
"""Of these, where a filter is asked with each."""
WARM = 3
"""Queries of every round that are not timed."""

Ask = Callable[[np.ndarray], np.ndarray]
"""A query (1, dim) → the rows of its list (k,)."""


def recall(ask: Ask, queries: np.ndarray, truth: np.ndarray) -> float:
    """Mean share of the exact lists that is found."""
    found = [np.isin(best, ask(query)).mean() for query, best in zip(queries, truth, strict=True)]
    return round(float(np.mean(found)), 5)


def judged(ask: Ask, queries: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean share of the exact lists that is found, and the length of the shortest list by its own.

    Places of the exact lists that cannot be filled hold -1.
    """
    found, full = [], []
    for query, best in zip(queries, truth, strict=True):
        best, rows = best[best >= 0], ask(query)
        rows = np.unique(rows[rows >= 0])
        found.append(np.isin(best, rows).mean())
        full.append(len(rows) / len(best))
    return round(float(np.mean(found)), 5), round(float(min(full)), 5)


def singly(queries: np.ndarray) -> np.ndarray:
    """(b, dim) → (b, 1, dim): to be asked one by one."""
    return np.ascontiguousarray(queries, np.float32)[:, None]


def serve(
    facts: dict[str, Any], engines: Mapping[str, Ask], queries: np.ndarray, at_once: bool = False
) -> None:
    """Be the child: tell the facts, then answer rounds until nobody asks any more.

    Args:
        facts: what the parent wants to know.
        engines: by their names.
        queries: all there are; a round names the first and how many.
        at_once: an engine is asked all queries of a round in one call, which is what is timed.
    """
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        name, start, count, clock = json.loads(line)
        now = {"cpu": time.process_time, "wall": time.perf_counter}[clock]
        ask, asked = engines[name], singly(queries[start : start + count])
        asked = asked[None, :, 0] if at_once else asked
        for query in () if at_once else asked[:WARM]:
            ask(query)
        taken = []
        for query in asked:
            begun = now()
            ask(query)
            taken.append(now() - begun)
        print(json.dumps(1e3 * statistics.median(taken)), flush=True)


def place(number: int, each: int) -> int:
    """The first query of a round of so many."""
    return TUNED + number * each % ASKED


def speed(taken: list[float]) -> dict[str, float]:
    """The median over rounds of their median, and what follows from it."""
    ms = statistics.median(taken)
    return {"ms": round(ms, 4), "queries/s": round(1e3 / ms, 1)}


def ratio(slow: list[float], fast: list[float]) -> float:
    """The median of the ratios within a round."""
    return round(statistics.median(s / f for s, f in zip(slow, fast, strict=True)), 3)


class Child:
    """The other side: a process that is asked in turn with others; ended by `with`."""

    def __init__(self, words: list[str], folder: Path, threads: int = 1) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by «with»
        self._process = subprocess.Popen(
            words,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **dict.fromkeys(names, str(threads))},
        )
        try:
            self.facts: dict[str, Any] = self._answer()
        except BaseException:
            self._process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._errors.close()

    def ms(self, engine: str, start: int, count: int, clock: str = "wall") -> float:
        """Median milliseconds of these queries, one by one, by the clock «cpu» or «wall»."""
        assert self._process.stdin is not None
        print(json.dumps([engine, start, count, clock]), file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> Any:  # noqa: ANN401  JSON
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            told = self._errors.read().decode("utf-8", "replace")
            sys.exit(f"{self._process.args}\nended with {code}:\n{told}")
        return json.loads(line)
