"""What a newcomer is shown first: what is popular, or popular among people of their kind.

Apart from `tune` because it is judged by people nobody has met, not by everyone's last event.
"""

from dataclasses import replace

import numpy as np
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.split import ColdUsers, Holdout
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import DataError
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Hits

LABELS = 64
"""A column of more says little of each, and its counts take room: items × labels."""
KAPPAS = (100.0, 1000.0)
"""Of the shrinkage. On ml-1m anything from 30 to 10,000 gave NDCG@10 within .0005."""
DRAWS = 5
FEW = 2_000
"""New people below which one draw of them would choose by chance."""
LEAST = 30
SURE = 2.0
"""Standard errors by which a segment must be better than everybody."""


def for_newcomers(popularity: Popularity, data: Dataset, seed: int, k: int = 10) -> Popularity:
    """The same with the segment, and its shrinkage, under which unknown people find the most.

    A fifth of the people are held out whole and asked without a history; NDCG@k over what they
    liked. A column of people is used where it is better than popularity among all by more than
    chance would give.

    Args:
        popularity: how what is popular is counted.
        data: its people's category columns of at most LABELS labels are tried.
        seed: of the draws of people.
        k: length of the lists.
    """
    plain = replace(popularity, segment=None)
    names = [
        name
        for name, column in data.traits.items()
        if column.kind == "category" and 1 < len(column.labels) <= LABELS
    ]
    tried = [replace(plain, segment=name, shrinkage=kappa) for name in names for kappa in KAPPAS]
    people = len(np.unique(data.log.users))
    values: list[ndarray] = []
    for draw in range((DRAWS if people < 5 * FEW else 1) if tried else 0):
        try:
            train, holdout = ColdUsers(seed=seed + draw).split(data)
        except DataError:
            return plain
        values.append(np.array([_judged(each, train, holdout, k) for each in (plain, *tried)]))
    if not values:
        return plain
    each = np.concatenate(values, axis=1)
    gains = each[1:, ~np.isnan(each[0])] - each[0, ~np.isnan(each[0])]
    if gains.shape[1] < LEAST:
        return plain
    best = int(np.argmax(gains.mean(axis=1)))
    error = gains[best].std() / np.sqrt(gains.shape[1])
    return tried[best] if gains[best].mean() > SURE * error else plain


def _judged(popularity: Popularity, train: Dataset, holdout: Holdout, k: int) -> ndarray:
    """NDCG@k of each person: without a history all of one kind get one list."""
    fitted = popularity.fit(train)
    kinds = np.eye(fitted.table.vectors.shape[1], dtype=np.float32)
    lists = ExactIndex(fitted.table.vectors).search(kinds, k, holdout.allow)
    kind = fitted.places(holdout.queries)
    hits = Hits(lists.rows[kind], lists.scores[kind])
    return ndcg(Judged.of(hits, holdout.relevant), k)
