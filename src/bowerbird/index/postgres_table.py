"""The table of a PostgreSQL index: made whole, written to, and what its comment says of it.

row integer, the primary key · vector, with one more coordinate · a graph (HNSW) over the vectors
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray
from psycopg import Connection, Error
from psycopg.sql import SQL, Composable, Identifier, Literal

from bowerbird.errors import ArtifactError, DataError
from bowerbird.index.augmented import Facts

NEEDED = (0, 8)
"""The version of pgvector that goes on looking where a filter leaves a list short."""
GRAPH = "hnsw (vector vector_l2_ops) WITH (m = 16, ef_construction = 128)"
"""Neighbours of a vector, and candidates for them."""
WRITTEN = 65_536
"""Vectors written at a time."""


def named(table: str) -> Identifier:
    """A name, with a schema before a full stop or without, as SQL says it.

    >>> named("shop.items").as_string()
    '"shop"."items"'
    """
    return Identifier(*table.split("."))


def read_facts(connection: Connection, table: str) -> Facts:
    """What the comment says.

    Raises:
        DataError: the table is not ours.
        ArtifactError: there is no such table.
    """
    told = connection.execute(
        "SELECT oid, obj_description(oid, 'pg_class') FROM to_regclass(%s) AS oid",
        [named(table).as_string(connection)],
    ).fetchone()
    where = f"{connection.info.dbname}: table {table}"
    if told is None or told[0] is None:
        raise ArtifactError(f"{where}: expected, it is not there: PostgresIndex.over makes it")
    try:
        return Facts.read(told[1] or "")
    except ValueError:
        came = f"{where}: one that PostgresIndex.over made expected, this one is not"
        raise DataError(f"{came}: take another name") from None


def write_facts(connection: Connection, table: Composable, facts: Facts) -> None:
    """As the comment of the table."""
    comment = Literal(facts.text())
    connection.execute(SQL("COMMENT ON TABLE {} IS {}").format(table, comment))


def put_up(
    connection: Connection, table: str, facts: Facts, fill: Callable[[Composable], object]
) -> None:
    """A new table in place of the old one, if there is one, which answers until this one stands.

    Args:
        connection: within a transaction.
        table: its name.
        facts: of the new one.
        fill: writes the vectors into the table of this name.

    Raises:
        DataError: the table that is there is not ours.
        ArtifactError: the server has no pgvector, or an old one.
    """
    _with_pgvector(connection)
    there = connection.execute(
        "SELECT to_regclass(%s)", [named(table).as_string(connection)]
    ).fetchone()
    if there and there[0] is not None:
        read_facts(connection, table)
    *schema, name = table.split(".")
    new = Identifier(*schema, f"{name} new")
    shape = "CREATE TABLE {} (row integer PRIMARY KEY, vector vector({}) NOT NULL)"
    connection.execute(SQL(shape).format(new, Literal(facts.dim + 1)))
    fill(new)
    connection.execute(SQL("CREATE INDEX ON {} USING " + GRAPH).format(new))
    connection.execute(SQL("ANALYZE {}").format(new))
    write_facts(connection, new, facts)
    connection.execute(SQL("DROP TABLE IF EXISTS {}").format(named(table)))
    connection.execute(SQL("ALTER TABLE {} RENAME TO {}").format(new, Identifier(name)))


def copy_in(
    connection: Connection,
    table: Composable,
    rows: Int32[ndarray, "m"],
    vectors: Float32[ndarray, "m dim"],
) -> None:
    """Write these rows into the table, which has none of them, in this order.

    Source: the binary format of COPY (PostgreSQL) and of a vector (pgvector).
    """
    dim = vectors.shape[1]
    numbers = [("row", ">i4"), ("size", ">i4"), ("dim", ">i2"), ("unused", ">i2")]
    tuples = [("fields", ">i2"), ("wide", ">i4"), *numbers, ("vector", ">f4", (dim,))]
    with (
        connection.cursor() as cursor,
        cursor.copy(SQL("COPY {} (row, vector) FROM STDIN (FORMAT BINARY)").format(table)) as copy,
    ):
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, len(rows), WRITTEN):
            some = rows[start : start + WRITTEN]
            block = np.zeros(len(some), dtype=np.dtype(tuples))
            block["fields"], block["wide"], block["row"] = 2, 4, some
            block["size"], block["dim"] = 4 + 4 * dim, dim
            block["vector"] = vectors[start : start + WRITTEN]
            copy.write(block.tobytes())
        copy.write(b"\xff\xff")


def lengthen(connection: Connection, table: str, facts: Facts) -> None:
    """Write the table anew with vectors of another length."""
    told = """
        INSERT INTO {} SELECT row, short || ARRAY[sqrt(%(whole)s + (short <#> short))]::vector
        FROM (SELECT row, subvector(vector, 1, %(dim)s) AS short FROM {}) AS old
        ORDER BY short <#> short"""
    given = {"whole": facts.length**2, "dim": facts.dim}
    put_up(
        connection,
        table,
        facts,
        lambda new: connection.execute(SQL(told).format(new, named(table)), given),
    )


def _with_pgvector(connection: Connection) -> None:
    """The extension, put in where the server has it.

    Raises:
        ArtifactError: it has none, an old one, or this user may not put it in.
    """
    server = f"{connection.info.dbname}: pgvector from version {'.'.join(map(str, NEEDED))} on"
    remedy = "see pgvector's installation notes, then CREATE EXTENSION vector"
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except Error as error:
        came = f"{server} expected, it cannot be put in ({error})"
        raise ArtifactError(f"{' '.join(came.split())}: {remedy}") from None
    told = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    (version,) = told.fetchone() or ("0",)
    if tuple(map(int, version.split(".")[:2])) < NEEDED:
        update = "ALTER EXTENSION vector UPDATE"
        raise ArtifactError(f"{server} expected, {version} came: {update}, or a newer pgvector")
