"""ALS and BM25 neighbours of the library implicit; a user's vector is solved from the history."""

import numpy as np
import polars as pl
from handing import Known, Stopwatch, hand_back, rows, task
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits


def matrix(known: Known) -> csr_matrix:
    """Who met what, how often."""
    shape = len(known.user_ids), len(known.item_ids)
    ones = np.ones(len(known.users), dtype=np.float32)
    return csr_matrix((ones, (known.users, known.items)), shape=shape)


def main() -> None:
    """Fit, list, hand back."""
    asked = task(__doc__ or "", ("als", "bm25"))
    threadpool_limits(1, "blas")  # as the library asks for
    watch = Stopwatch()
    past, history = rows(asked)
    if asked.model == "als":
        model = AlternatingLeastSquares(
            num_threads=asked.threads, random_state=asked.seed, **asked.settings
        )
    else:
        model = BM25Recommender(num_threads=asked.threads, **asked.settings)
    model.fit(matrix(past), show_progress=False)
    facts = {"fit seconds": watch.lap()}
    everyone = np.arange(len(history.user_ids))
    again = {"recalculate_user": True} if asked.model == "als" else {}
    items, scores = model.recommend(everyone, matrix(history), N=asked.k, **again)
    facts["recommend seconds"] = watch.lap()
    # places that could not be filled hold no item, or a seen one at the lowest score there is
    lowest = np.finfo(np.float32).min if asked.model == "als" else 0.0
    query, place = np.nonzero((items >= 0) & (scores > lowest))
    table = pl.DataFrame(
        {
            "user": history.user_ids[query],
            "item": history.item_ids[items[query, place]],
            "rank": (place + 1).astype(np.int32),
        }
    )
    hand_back(asked, table, facts, ["implicit", "numpy", "scipy"])


if __name__ == "__main__":
    main()
