"""Vectors in a table of PostgreSQL with pgvector: a catalog may be larger than this machine.

Apart from the other indexes because its vectors lie elsewhere: in a table that others may read,
too, and that is changed in its place.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.errors import DataError
from bowerbird.index.augmented import HEADROOM, Facts, augmented, longest, longest_first
from bowerbird.index.connections import Connections
from bowerbird.index.index import Hits, Ragged, changeable, checked, in_turn, pack

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

T = TypeVar("T")
REACH = 400
"""Candidates that the graph looks at for a query."""
CANDIDATES = 1_000
"""That pgvector's graph looks at, at most, before it must be told to go on."""
MOST_DIM = 1_999
"""pgvector's graph takes 2,000 numbers, one of which is ours."""
FEW = 10_000
"""A filter that leaves no more rows is answered exactly."""
TOGETHER = 256
"""Queries of one statement."""
NEAREST = """
WITH asked AS MATERIALIZED (
  SELECT place, query::vector AS query, unwanted::integer[] AS unwanted
  FROM unnest(%(queries)s::text[], %(unwanted)s::text[])
  WITH ORDINALITY AS given (query, unwanted, place))
SELECT place - 1, row, score FROM asked CROSS JOIN LATERAL (
  SELECT row, -(vector <#> query) AS score FROM {table}
  WHERE {where} ORDER BY {order} LIMIT %(limit)s) AS near
ORDER BY place"""
GRAPH = {
    "enable_seqscan": "off",
    "enable_sort": "off",
    "hnsw.iterative_scan": "relaxed_order",  # scores are put in order here
    "hnsw.scan_mem_multiplier": "8",
    "hnsw.max_scan_tuples": "100000",
}
"""Settings of one statement, so that the planner takes the graph, and the graph goes on where a
filter leaves too few."""


class PostgresIndex:
    """A table `row, vector` with a graph over it (HNSW), asked through SQL.

    pgvector's graph knows distances, so each vector is stored with one more coordinate that makes
    all equally long. The graph names candidates; their scores are exact, and so is the answer where
    few rows are allowed, or where the graph finds fewer than k. Changes are there for the next
    search of every process; they wait for each other.

    Cost: a statement for 256 queries; how long it takes is the server's.
    Prefer: `PartitionedIndex` for what fits this machine.
    Source: Malkov & Yashunin 2016 (HNSW).
    """

    def __init__(self, connections: Connections, table: str, facts: Facts, reach: int) -> None:
        self._connections, self._table, self._facts = connections, table, facts
        self.reach = reach

    @classmethod
    def over(
        cls, url: str, table: str, vectors: Float32[ndarray, "n dim"], reach: int = REACH
    ) -> "PostgresIndex":
        """A new table of these vectors, in place of one of this name that this has made before.

        The table appears whole or not at all; until then the old one answers.

        Args:
            url: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
            table: its name, with a schema before a full stop or without.
            vectors: one with a NaN belongs to an item that cannot be placed; it is not stored.
            reach: candidates the graph looks at for a query, at most 1,000.
                More find more, and take longer.

        Raises:
            ConfigError: the URL is none, or psycopg is not installed.
            DataError: there is a table of this name that is not ours, or dim is above 1,999.
            ArtifactError: no server answers, or it has no pgvector from version 0.8 on.
        """
        connections = Connections(url)
        from bowerbird.index.postgres_table import copy_in, put_up

        if vectors.shape[1] > MOST_DIM:
            came = f"dim up to {MOST_DIM:,} expected (pgvector), {vectors.shape[1]:,} came"
            raise DataError(f"{came}: fit with fewer dimensions")
        rows, facts = longest_first(vectors), Facts.of(vectors)

        def make(connection: "Connection") -> None:
            longer = augmented(vectors[rows], facts.length)
            put_up(connection, table, facts, lambda new: copy_in(connection, new, rows, longer))

        connections.run(make)
        return cls(connections, table, facts, reach)

    @classmethod
    def open(cls, url: str, table: str, reach: int = REACH) -> "PostgresIndex":
        """The table that `over` made.

        Raises:
            ConfigError: the URL is none, or psycopg is not installed.
            DataError: the table is not ours.
            ArtifactError: no server answers, or there is no such table.
        """
        connections = Connections(url)
        from bowerbird.index.postgres_table import read_facts

        facts = connections.run(lambda connection: read_facts(connection, table))
        return cls(connections, table, facts, reach)

    def __len__(self) -> int:
        """Rows, those without a vector too, as of the last change made here."""
        return self._facts.n

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """About the k rows of highest inner product, among those allowed and not excluded.

        There are k hits wherever k rows are eligible.

        Args:
            queries: whose inner products are asked for.
            k: how many.
            allow: by row; rows beyond its end are not allowed.
            exclude: rows that may not be hits, query by query.

        Raises:
            DataError: dim of the queries is not dim of the index, or a query is not finite.
            ArtifactError: no server answers, or the table has gone.
        """
        checked(queries, self._facts.dim)
        return in_turn(
            lambda some, out: self._block(some, k, allow, out), queries, exclude, TOGETHER
        )

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""

        def ask(connection: "Connection") -> list[tuple[int, bytes]]:
            with connection.cursor(binary=True) as cursor:
                told = self._sql("SELECT row, vector FROM {} WHERE row = ANY(%s)")
                return cursor.execute(told, [rows.tolist()]).fetchall()

        found = {row: np.frombuffer(told, ">f4", offset=4)[:-1] for row, told in self._run(ask)}
        out = np.full((len(rows), self._facts.dim), np.nan, dtype=np.float32)
        for place, row in enumerate(rows.tolist()):
            if row in found:
                out[place] = found[row]
        return out

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """Through the graph, filtered inside it, or the allowed rows one by one."""
        if allow is not None and few(allow):
            return "pgvector: exact, pre-filtered"
        return "pgvector: graph" if allow is None else "pgvector: graph, filtered inside"

    def put(self, rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m dim"]) -> None:
        """Add items, or give them other vectors.

        A vector much longer than all before has the whole table written anew.

        Raises:
            DataError: rows below 0, one of them twice, or vectors of another dim or not finite.
            ArtifactError: no server answers, or the table has gone.
        """
        changeable(rows, vectors, self._facts.dim)
        from psycopg.sql import Identifier

        from bowerbird.index.postgres_table import copy_in, lengthen, named, write_facts

        def change(connection: "Connection") -> Facts:
            facts = self._locked(connection)
            if longest(vectors) > facts.length:
                facts = replace(facts, length=HEADROOM * longest(vectors))
                lengthen(connection, self._table, facts)
            connection.execute(self._sql("CREATE TEMP TABLE fresh (LIKE {}) ON COMMIT DROP"))
            fresh = Identifier("pg_temp", "fresh")
            copy_in(connection, fresh, rows, augmented(vectors, facts.length))
            newer = "ON CONFLICT (row) DO UPDATE SET vector = excluded.vector"
            connection.execute(self._sql("INSERT INTO {} SELECT * FROM pg_temp.fresh " + newer))
            facts = replace(facts, n=max(facts.n, int(rows.max(initial=-1)) + 1))
            write_facts(connection, named(self._table), facts)
            return facts

        self._facts = self._run(change)

    def remove(self, rows: Int32[ndarray, "m"]) -> None:
        """These items are no hits any more, from the next search on; their vectors go.

        Raises:
            ArtifactError: no server answers, or the table has gone.
        """

        def change(connection: "Connection") -> Facts:
            facts = self._locked(connection)
            connection.execute(self._sql("DELETE FROM {} WHERE row = ANY(%s)"), [rows.tolist()])
            return facts

        self._facts = self._run(change)

    def close(self) -> None:
        """Give the connections back to the server."""
        self._connections.close()

    def _block(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None,
        exclude: Ragged | None,
    ) -> Hits:
        """What the graph finds; looked at one by one where it finds too few, or few are allowed."""
        exact = allow is not None and few(allow)
        hits = self._found(queries, k, allow, exclude, exact)
        short = np.flatnonzero((hits.rows < 0).any(axis=1))
        if len(short) and not exact:
            some = exclude and exclude.take(short)
            again = self._found(queries[short], k, allow, some, exact=True)
            hits.rows[short], hits.scores[short] = again
        return hits

    def _found(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None,
        exclude: Ragged | None,
        exact: bool,
    ) -> Hits:
        where, given = _eligible(allow, exclude)
        given["queries"] = [_text(query) for query in queries]
        given["limit"] = k
        order = "vector <#> query, row" if exact else "vector <-> query"
        told = NEAREST.format(table="{}", where=" AND ".join(where), order=order)
        ways = {} if exact else {**GRAPH, "hnsw.ef_search": min(max(self.reach, k), CANDIDATES)}

        def ask(connection: "Connection") -> list[tuple[int, int, float]]:
            for name, value in ways.items():
                connection.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
            return connection.execute(self._sql(told), given).fetchall()

        found = np.array(self._run(ask), dtype=np.float64).reshape(-1, 3)
        query, row = found[:, :2].astype(np.int64).T
        return pack(query, row, found[:, 2].astype(np.float32), len(queries), k)

    def _run(self, work: Callable[["Connection"], T]) -> T:
        return self._connections.run(work)

    def _sql(self, told: str) -> "Composed":
        from psycopg.sql import SQL

        from bowerbird.index.postgres_table import named

        return SQL(told).format(named(self._table))

    def _locked(self, connection: "Connection") -> Facts:
        """What holds of the table, which nobody else changes until the transaction ends."""
        from bowerbird.index.postgres_table import read_facts

        read_facts(connection, self._table)  # says so if it has gone
        connection.execute(self._sql("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE"))
        return read_facts(connection, self._table)


def _text(query: Float32[ndarray, "dim"]) -> str:
    """As pgvector reads it, to the last bit; 0 is its coordinate beyond those of the index."""
    return f"[{','.join(map(repr, query.tolist()))},0]"


def _eligible(
    allow: Bool[ndarray, "n"] | None, exclude: Ragged | None
) -> tuple[list[str], dict[str, Any]]:
    """Conditions on `row`, and the values they name."""
    where, given = ["true"], dict[str, Any](unwanted=[])
    if exclude is not None:
        rows, ends = exclude.rows.tolist(), exclude.offsets.tolist()
        lists = [rows[first:last] for first, last in pairwise(ends)]
        given["unwanted"] = [f"{{{','.join(map(str, some))}}}" for some in lists]
        where.append("row <> ALL (unwanted)")
    if allow is None:
        return where, given
    if few(allow):
        given["rows"] = np.flatnonzero(allow).tolist()
        return [*where, "row = ANY (%(rows)s)"], given
    given["size"], given["allow"] = len(allow), np.packbits(allow, bitorder="little").tobytes()
    return [*where, "CASE WHEN row < %(size)s THEN get_bit(%(allow)s, row) = 1 END"], given


def few(allow: Bool[ndarray, "n"]) -> bool:
    """Whether a filter leaves so few rows that they are looked at one by one."""
    return int(np.count_nonzero(allow)) <= FEW
