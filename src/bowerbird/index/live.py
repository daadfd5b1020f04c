"""A catalog that changes while it is asked: a main index that stands, and what came since.

Apart from the indexes because it has a state. Each change makes a new one, and one assignment shows
it: who asks holds one state from beginning to end, so nobody sees half a change.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.errors import DataError
from bowerbird.index.exact import product
from bowerbird.index.index import Hits, Index, Ragged, best, changeable, checked, excluded, kept

ROOM = 1_024
"""Fresh vectors that there is room for at first; it is doubled when it is full."""


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    main: Index
    n: int  # rows that main was built from
    rows: Int32[ndarray, "room"]  # of the fresh vectors, in the order they came
    vectors: Float32[ndarray, "room dim"]
    live: Bool[ndarray, "room"]  # has no later vector replaced it?
    base: int  # fresh vectors that came before the first there is room for
    first: int  # the fresh vectors are those from here …
    last: int  # … to here; beyond lies what a later state may be writing
    stale: Bool[ndarray, "n"]  # rows that have a newer vector than in main
    out: Bool[ndarray, "size"]  # hidden, removed or never put: no hit
    gone: Bool[ndarray, "size"]  # removed: not in the next main
    kept: Bool[ndarray, "n"] | None = None  # rows that main may answer with; None is all

    @property
    def size(self) -> int:
        return len(self.out)

    def counted(self) -> "_State":
        """With `kept` as the other fields have it."""
        kept = ~(self.stale | self.out[: self.n])
        return replace(self, kept=None if kept.all() else kept)


class LiveIndex:
    """An index that items can be put into, taken from and hidden in, seen by the next search.

    Fresh vectors are searched by brute force beside the main index; `rebuild` makes a new one of
    both while the old one goes on answering. Any number of threads may search; changes wait for
    each other.

    >>> from bowerbird.index.exact import ExactIndex
    >>> live = LiveIndex(ExactIndex(np.eye(2, dtype=np.float32)), 2)
    >>> live.put(np.array([2], np.int32), np.array([[9, 9]], np.float32))
    >>> live.search(np.ones((1, 2), np.float32), k=1).rows
    array([[2]], dtype=int32)
    """

    def __init__(self, main: Index, n: int) -> None:
        dim = main.take(np.zeros(min(n, 1), np.int32)).shape[1]
        empty = (np.zeros(ROOM, np.int32), np.zeros((ROOM, dim), np.float32), np.ones(ROOM, bool))
        none = [np.zeros(n, bool) for _ in range(3)]
        self._state = _State(main, n, *empty, 0, 0, 0, *none)
        self._lock, self._building = Lock(), Lock()
        self._slots: dict[int, int] = {}  # row → its newest vector, counted from the first ever

    def __len__(self) -> int:
        """Rows there are, those that are out too."""
        return self._state.size

    @property
    def fresh(self) -> int:
        """Vectors that are not in the main index yet."""
        return self._state.last - self._state.first

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The k best of main and fresh vectors, as of one moment.

        Args:
            queries: whose inner products are asked for.
            k: how many.
            allow: by row; rows beyond its end are not allowed.
            exclude: rows that may not be hits, query by query.
        """
        state = self._state
        main = state.main.search(queries, k, *_of_main(state, allow, exclude))
        if state.first == state.last:
            return main
        checked(queries, state.vectors.shape[1])
        return merged(main, _fresh(state, queries, k, allow, exclude), k)

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        return _vectors(self._state, rows)

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """That of the main index, and whether fresh vectors are read beside it."""
        state = self._state
        way = state.main.way(_of_main(state, allow, None)[0])
        return way if state.first == state.last else f"{way}, and {self.fresh:,} fresh"

    def put(self, rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m dim"]) -> None:
        """Add items, or give them other vectors; what was removed is there again.

        Raises:
            DataError: rows below 0, one of them twice, or vectors of another dim or not finite.
        """
        with self._lock:
            state = self._state
            changeable(rows, vectors, state.vectors.shape[1])
            state = _with_room(state, len(rows), int(rows.max(initial=-1)) + 1)
            end = state.last + len(rows)
            state.rows[state.last : end], state.vectors[state.last : end] = rows, vectors
            state = replace(state, live=self._replaced(state, rows), last=end)
            back = rows[state.gone[rows]]
            if len(back):
                out, gone = state.out.copy(), state.gone.copy()
                out[back] = gone[back] = False
                state = replace(state, out=out, gone=gone)
            if (rows < state.n).any():
                stale = state.stale.copy()
                stale[rows[rows < state.n]] = True
                state = replace(state, stale=stale).counted()
            self._state = state

    def remove(self, rows: Int32[ndarray, "m"]) -> None:
        """These items are no hits any more, from the next search on; their vectors go."""
        self._turn(rows, out=True, gone=True)

    def hide(self, rows: Int32[ndarray, "m"]) -> None:
        """These items are no hits until they are shown again."""
        self._turn(rows, out=True, gone=False)

    def show(self, rows: Int32[ndarray, "m"]) -> None:
        """Hidden items may be hits again.

        Raises:
            DataError: one of them was removed, or never put.
        """
        lost = self._state.gone[rows] | ~np.isfinite(self.take(rows)).all(axis=1)
        if lost.any():
            came = f"{np.asarray(rows)[lost].tolist()} have none"
            raise DataError(f"rows with a vector expected, {came}: put them in again")
        self._turn(rows, out=False, gone=False)

    def rebuild(self, build: Callable[[Float32[ndarray, "n dim"]], Index]) -> None:
        """A new main index of all vectors; searches go on meanwhile, and so do changes.

        Args:
            build: vectors, NaN for rows that have none, → an index.
        """
        with self._building:
            before = self._state
            vectors = _vectors(before, np.arange(before.size, dtype=np.int32))
            vectors[before.gone] = np.nan
            main = build(vectors)
            with self._lock:
                now = self._state
                first = before.base + before.last - now.base
                since = now.rows[first : now.last]
                stale = np.zeros(before.size, bool)
                stale[since[since < before.size]] = True
                now = replace(now, main=main, n=before.size, first=first, stale=stale, kept=None)
                self._state = now.counted()

    def _replaced(self, state: _State, rows: Int32[ndarray, "m"]) -> Bool[ndarray, "room"]:
        """`live` without the vectors that these rows had; where the new ones lie is noted."""
        start = state.base + state.first
        old = [slot for row in rows.tolist() if (slot := self._slots.get(row, -1)) >= start]
        slots = range(state.base + state.last, state.base + state.last + len(rows))
        self._slots.update(zip(rows.tolist(), slots, strict=True))
        if not old:
            return state.live
        live = state.live.copy()
        live[np.array(old) - state.base] = False
        return live

    def _turn(self, rows: Int32[ndarray, "m"], out: bool, gone: bool) -> None:
        with self._lock:
            state = self._state
            if len(rows) and not (rows.min() >= 0 and rows.max() < state.size):
                raise DataError(f"rows from 0 to {state.size - 1} expected, {rows.tolist()} came")
            turned, lost = state.out.copy(), state.gone.copy()
            turned[rows] = out
            lost[rows] |= gone
            self._state = replace(state, out=turned, gone=lost).counted()


def grown(index: Index, vectors: Float32[ndarray, "n dim"]) -> Index:
    """An index of the first rows of a table, with the others put into it."""
    n = len(index)
    rows = n + np.flatnonzero(np.isfinite(vectors[n:]).all(axis=1))
    if not len(rows):
        return index
    live = LiveIndex(index, n)
    live.put(rows.astype(np.int32), vectors[rows])
    return live


def merged(one: Hits, other: Hits, k: int) -> Hits:
    """The k best of two lists that share no row.

    >>> one = Hits(np.array([[4, 2]], np.int32), np.array([[9, 1]], np.float32))
    >>> other = Hits(np.array([[7, -1]], np.int32), np.array([[5, -np.inf]], np.float32))
    >>> merged(one, other, 2).rows
    array([[4, 7]], dtype=int32)
    """
    rows, scores = (np.hstack([a, b]) for a, b in zip(one, other, strict=True))
    return kept(rows, scores, rows >= 0, k)


def _of_main(
    state: _State, allow: ndarray | None, exclude: Ragged | None
) -> tuple[ndarray | None, Ragged | None]:
    """What is eligible there: nothing that is out, or has a newer vector."""
    wanted = state.kept
    if allow is not None:
        wanted = np.zeros(state.n, bool)
        wanted[: len(allow)] = allow[: state.n]
        wanted = wanted if state.kept is None else wanted & state.kept
    return wanted, exclude and exclude.below(state.n)


def _fresh(
    state: _State, queries: ndarray, k: int, allow: ndarray | None, exclude: Ragged | None
) -> Hits:
    """The k best of the vectors that are not in main."""
    rows = state.rows[state.first : state.last]
    there = state.live[state.first : state.last] & ~state.out[rows]
    if allow is not None:
        there &= allow[np.minimum(rows, len(allow) - 1)] & (rows < len(allow))
    more = 0 if exclude is None else exclude.longest()
    scores = product(queries, state.vectors[state.first : state.last])
    hits = best(scores, k + more, there, rows=rows)
    if exclude is None:
        return hits
    there = (hits.rows >= 0) & ~excluded(hits.rows, exclude, state.size)
    return kept(*hits, there, k)


def _vectors(state: _State, rows: ndarray) -> ndarray:
    """Of these rows: fresh ones, those of main, NaN where there is neither."""
    out = np.full((len(rows), state.vectors.shape[1]), np.nan, dtype=np.float32)
    old = np.flatnonzero(rows < state.n)
    out[old] = state.main.take(rows[old])
    slots = np.full(state.size, -1)
    span = np.arange(state.first, state.last)[state.live[state.first : state.last]]
    slots[state.rows[span]] = span
    new = slots[rows] >= 0
    out[new] = state.vectors[slots[rows[new]]]
    return out


def _with_room(state: _State, more: int, size: int) -> _State:
    """Room for so many more fresh vectors, and for so many rows in all."""
    if size > state.size:
        missing = np.ones(size - state.size, bool)  # nobody has put them yet
        out, gone = (np.concatenate([old, missing]) for old in (state.out, state.gone))
        state = replace(state, out=out, gone=gone)
    held = state.last - state.first
    if state.last + more <= len(state.rows):
        return state
    room = max(ROOM, 2 * (held + more))
    span = slice(state.first, state.last)
    rows, live = np.zeros(room, np.int32), np.ones(room, bool)
    vectors = np.zeros((room, state.vectors.shape[1]), np.float32)
    rows[:held], vectors[:held] = state.rows[span], state.vectors[span]
    live[:held] = state.live[span]
    base = state.base + state.first
    state = replace(state, rows=rows, vectors=vectors, live=live)
    return replace(state, base=base, first=0, last=held)
