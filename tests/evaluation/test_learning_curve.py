import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.data.split import LeaveOneOut
from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.learning_curve import learning_curve
from bowerbird.index.index import Hits
from worlds import cycles

N = 12


def following(queries: Queries, k: int) -> Hits:
    """Knows after two events that everybody walks in a circle; before that item 0 is first."""
    lengths = queries.lengths()
    last = np.array([queries.history(q)[-1] if lengths[q] > 1 else -1 for q in range(len(queries))])
    rows = ((last[:, None] + 1 + np.arange(k)) % N).astype(np.int32)
    return Hits(rows, -np.arange(k, dtype=np.float32) + np.zeros_like(rows, np.float32))


def holdout():
    return LeaveOneOut().split(cycles(n_users=240, n_items=N, length=6))[1]


def test_two_events_are_enough_for_one_that_needs_two():
    curve = learning_curve(following, holdout(), (0, 1, 2, 5), k=1)
    means = curve.means()
    assert means[2:] == [1.0, 1.0]
    # one list for all: right for the one in twelve whose answer is item 0
    assert means[0] == means[1] == pytest.approx(1 / N, abs=0.06)
    told = curve.to_json()
    assert [step["events"] for step in told["steps"]] == [0, 1, 2, 5]
    assert told["steps"][3]["share of the last"] == 1.0 and told["users"] == 240


def test_the_same_people_are_asked_at_every_step_and_see_the_newest_events():
    seen = []

    def watching(queries, k):
        seen.append(queries)
        return following(queries, k)

    cut = holdout()
    learning_curve(watching, cut, (1, 3), k=1)
    for events, asked in zip((1, 3), seen, strict=True):
        assert (asked.lengths() == events).all() and len(asked) == 240
        assert asked.history(7).tolist() == cut.queries.history(7)[-events:].tolist()


def test_what_cannot_be_asked_is_said():
    with pytest.raises(DataError, match="longest history has 5: reveal fewer"):
        learning_curve(following, holdout(), (0, 20))
    with pytest.raises(ConfigError, match="≥ 0"):
        learning_curve(following, holdout(), (-1, 2))
