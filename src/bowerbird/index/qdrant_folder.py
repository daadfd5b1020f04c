"""The folder of a Qdrant index: laid whole, opened, and what the file beside the points says of it.

points/      what the engine keeps
facts.json   what of the vectors it cannot say
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Int32, Int64
from numpy import ndarray

from bowerbird.errors import ArtifactError, ConfigError, DataError
from bowerbird.index.augmented import Facts, augmented, longest_first

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard

NEIGHBOURS, TRIED = 16, 128
"""Of a vector in the graph, and candidates for them when it is built."""
SCANNED = 20_000
"""Kilobytes of vectors up to which they are read one after another, without a graph: exactly."""
WRITTEN = 10_000
"""Vectors written at a time."""
LOW = 32
"""Bits of an id that are the row."""
ROW = (1 << LOW) - 1


def names_of(rows: Int32[ndarray, "m"], longer: Float32[ndarray, "m dim"]) -> Int64[ndarray, "m"]:
    """Ids that come in the order of the last coordinate, which is smallest for long vectors.

    The bits of a positive float32 sort as the number does.
    """
    order = longer[:, -1].copy().view(np.int32).astype(np.int64)
    ids: Int64[ndarray, m] = (order << LOW) | rows
    return ids


def load(folder: Path, n: int) -> "tuple[EdgeShard, Int64[ndarray, 'n']]":
    """The points, and the id of each row, -1 where it has none."""
    with engine(folder):
        from qdrant_edge import EdgeShard, ScrollRequest

        shard = EdgeShard.load(str(folder / "points"))
        ids, start = np.full(n, -1), None
        while True:
            asked = ScrollRequest(start, WRITTEN, with_payload=False, with_vector=False)
            points, start = shard.scroll(asked)
            some = np.array([point.id for point in points], dtype=np.int64)
            ids[some & ROW] = some
            if start is None:
                return shard, ids


def lay(folder: Path, facts: Facts, vectors: Float32[ndarray, "n dim"]) -> None:
    """Write a folder beside, and put it in the place of the one that is there.

    Args:
        folder: where.
        facts: of the vectors.
        vectors: one with a NaN is not stored.

    Raises:
        DataError: what is there is not ours.
        ArtifactError: it cannot be written.
    """
    if folder.exists():
        read_facts(folder)
    new = folder.with_name(f".{folder.name}.new")
    with engine(folder):
        from qdrant_edge import (
            Distance,
            EdgeConfig,
            EdgeOptimizersConfig,
            EdgeShard,
            EdgeVectorParams,
            HnswIndexConfig,
        )

        shutil.rmtree(new, ignore_errors=True)
        (new / "points").mkdir(parents=True)
        config = EdgeConfig(
            vectors=EdgeVectorParams(size=facts.dim + 1, distance=Distance.Dot),
            hnsw_config=HnswIndexConfig(NEIGHBOURS, TRIED, full_scan_threshold=SCANNED),
            optimizers=EdgeOptimizersConfig(indexing_threshold=SCANNED, default_segment_number=1),
        )
        shard = EdgeShard.create(str(new / "points"), config)
        rows = longest_first(vectors)
        longer = augmented(vectors[rows], facts.length)
        upsert(shard, names_of(rows, longer), longer)
        shard.optimize()
        shard.flush()
        shard.close()
        write_facts(new, facts)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def upsert(
    shard: "EdgeShard", ids: Int64[ndarray, "m"], vectors: Float32[ndarray, "m dim"]
) -> None:
    """Put these points in, or give them other vectors."""
    from qdrant_edge import Point, UpdateOperation

    for start in range(0, len(ids), WRITTEN):
        part = slice(start, start + WRITTEN)
        pairs = zip(ids[part].tolist(), vectors[part].tolist(), strict=True)
        shard.update(UpdateOperation.upsert_points([Point(name, vector) for name, vector in pairs]))


def read_facts(folder: Path) -> Facts:
    """What is said beside the points.

    Raises:
        DataError: the folder is not ours.
    """
    try:
        return Facts.read((folder / "facts.json").read_text("utf-8"))
    except (OSError, ValueError):
        came = f"{folder}: a folder that QdrantIndex.over made expected, this one is not"
        raise DataError(f"{came}: take another name") from None


def write_facts(folder: Path, facts: Facts) -> None:
    """In place of those that are there, whole or not at all."""
    path = folder / "facts.json"
    path.with_suffix(".new").write_text(facts.text(), "utf-8")
    path.with_suffix(".new").replace(path)


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """What the engine says against it, as an error of ours.

    Raises:
        ConfigError: it is not installed.
        ArtifactError: it refuses.
    """
    try:
        yield
    except ImportError:
        remedy = "pip install 'bowerbird[qdrant]'"
        raise ConfigError(f"qdrant-edge-py expected to reach Qdrant: {remedy}") from None
    except Exception as error:  # the engine knows no other kind
        why = " ".join(str(error).split())
        told = f"{folder}: an answer of Qdrant expected, it refuses ({why})"
        raise ArtifactError(f"{told}: is it whole, and no other process has it open?") from None
