"""Implicit ALS and item neighbours of LensKit, in its standard pipeline; asked by history."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
from handing import Known, Stopwatch, hand_back, rows, task
from lenskit import batch
from lenskit.als import ImplicitMFScorer
from lenskit.data import Dataset, ItemList, RecQuery, from_interactions_df
from lenskit.knn import ItemKNNScorer
from lenskit.parallel import initialize
from lenskit.pipeline import topn_pipeline
from lenskit.training import TrainingOptions

SCORERS = {
    "implicit-mf": (ImplicitMFScorer, {}),
    "item-knn": (ItemKNNScorer, {"feedback": "implicit"}),
}


def dataset(known: Known) -> Dataset:
    """Their data set, by our rows."""
    return from_interactions_df(pd.DataFrame({"user_id": known.users, "item_id": known.items}))


def queries(known: Known, learned: Dataset) -> list[RecQuery]:
    """Everyone's history, without what was never met in training: their fold-in cannot hold it."""
    met = np.zeros(len(known.item_ids), dtype=bool)
    met[learned.items.ids()] = True
    order = np.argsort(known.users, kind="stable")
    ends = np.bincount(known.users, minlength=len(known.user_ids)).cumsum()
    histories = np.split(known.items[order], ends[:-1])
    return [
        RecQuery(
            user_id=row,
            history_items=ItemList(np.unique(items[met[items]]), vocabulary=learned.items),
        )
        for row, items in enumerate(histories)
    ]


def main() -> None:
    """Fit, list, hand back."""
    asked = task(__doc__ or "", tuple(SCORERS))
    warnings.simplefilter("ignore")
    initialize(processes=1, threads=asked.threads, backend_threads=asked.threads)
    watch = Stopwatch()
    past, history = rows(asked)
    learned = dataset(past)
    scorer, always = SCORERS[asked.model]
    pipeline = topn_pipeline(scorer(**always, **asked.settings), n=asked.k)
    pipeline.train(learned, TrainingOptions(rng=asked.seed))
    facts = {"fit seconds": watch.lap()}
    lists = batch.recommend(pipeline, queries(history, learned), n=asked.k, n_jobs=1).to_df()
    facts["recommend seconds"] = watch.lap()
    table = pl.DataFrame(
        {
            "user": history.user_ids[lists["user_id"].to_numpy(dtype=np.int64)],
            "item": history.item_ids[lists["item_id"].to_numpy(dtype=np.int64)],
            "rank": lists["rank"].to_numpy(dtype=np.int32),
        }
    )
    hand_back(asked, table, facts, ["lenskit", "torch", "numpy", "scipy"])


if __name__ == "__main__":
    main()
