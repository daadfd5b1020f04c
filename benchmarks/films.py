"""MovieLens 1M as what people liked when: for benchmarks of how models and spaces age."""

from typing import Any

from measuring import Bench


def liked(bench: Bench, until: int | None = None) -> Any:  # noqa: ANN401  imported late
    """Likes by time, before a moment (seconds), and titles and genres."""
    import polars as pl

    from bowerbird.data.importing import Inputs, import_dataset
    from bowerbird.data.tables import Source

    folder = bench.scratch
    folder.mkdir(parents=True, exist_ok=True)
    events = pl.read_parquet(bench.data / "ml-1m" / "interactions.parquet")
    likes = events.filter(pl.col("positive") == 1)
    likes = likes if until is None else likes.filter(pl.col("timestamp") < until)
    likes.select("user", "item", pl.from_epoch("timestamp").alias("time")).write_parquet(
        folder / "events.parquet"
    )
    items = pl.read_parquet(bench.data / "ml-1m" / "items.parquet")
    items.select("item", "title", "genres").write_parquet(folder / "items.parquet")
    inputs = Inputs(Source(str(folder / "events.parquet")), Source(str(folder / "items.parquet")))
    return import_dataset(inputs).data
