import numpy as np
import pytest
import torch

from bowerbird.encoders.contrastive import adjustments, log_expected, mixed_softmax
from bowerbird.encoders.frequency import Frequency

NONE = torch.zeros(1, 2, dtype=torch.bool)


def loss(positives, negatives, hidden=NONE, adjust=None, weights=None):
    positives, negatives = torch.tensor(positives), torch.tensor(negatives)
    zeros = (torch.zeros(len(positives)), torch.zeros(negatives.shape[1]))
    weights = torch.ones(len(positives)) if weights is None else torch.tensor(weights)
    return mixed_softmax(positives, negatives, hidden, adjust or zeros, weights).item()


def test_the_loss_is_the_softmax_worked_by_hand():
    # e^1 / (e^1 + e^0 + e^2) = .2447
    assert loss([1.0], [[0.0, 2.0]]) == pytest.approx(1.407606, abs=1e-6)


def test_what_is_hidden_does_not_count():
    assert loss([1.0], [[0.0, 2.0]], torch.tensor([[False, True]])) == pytest.approx(
        0.313262, abs=1e-6
    )


def test_adjustments_are_added_to_both_sides():
    adjust = (torch.tensor([1.0]), torch.tensor([0.0, -2.0]))
    assert loss([0.0], [[0.0, 2.0]], adjust=adjust) == pytest.approx(
        0.551445, abs=1e-6
    )  # log(1 + 2/e)


def test_examples_count_by_their_weight():
    off = torch.zeros(2, 1, dtype=torch.bool)
    heavy = loss([0.0, 0.0], [[0.0], [-100.0]], off, weights=[3.0, 1.0])
    assert heavy == pytest.approx(0.75 * np.log(2), abs=1e-6)


def test_expected_draws_are_those_of_both_kinds_of_negatives():
    shares = torch.tensor([0.5, 0.1]).log()
    np.testing.assert_allclose(log_expected(shares, 8, 4, 10).exp(), [4.4, 1.2], rtol=1e-6)


def test_adjustments_by_hand():
    share, q = torch.tensor([0.25]).log(), torch.tensor([2.0]).log()
    for beta, target, drawn in ((1.0, 0.0, -0.693147), (0.0, -1.386294, -2.079442)):
        own, others = adjustments(share, share, q, beta)
        assert own.item() == pytest.approx(target) and others.item() == pytest.approx(drawn)


@pytest.mark.parametrize("uniform", [0, 128])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_scores_hold_beta_times_the_log_of_popularity(beta, uniform):
    """Zipf items, nobody prefers anything: the slope of the score on log popularity is β ± .03."""
    n, batch, rng = 50, 256, np.random.default_rng(0)
    shares = 1 / np.arange(1, n + 1)
    shares /= shares.sum()
    score = torch.zeros(n, requires_grad=True)
    frequency = Frequency.of(np.ones(n))
    for _ in range(100):  # the stream is met before it is learned from
        frequency = frequency.seen(rng.choice(n, batch, p=shares))
    steps, average = 500, torch.zeros(n)
    optimizer = torch.optim.Adam([score], lr=0.05)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / steps)
        targets = rng.choice(n, batch, p=shares)
        drawn = np.concatenate([targets, rng.integers(0, n, uniform)])
        known = torch.from_numpy(frequency.log_shares(drawn))
        expected = log_expected(known, batch, uniform, n)
        adjust = adjustments(known[:batch], known, expected, beta)
        hidden = torch.from_numpy(targets[:, None] == drawn[None])
        logits = score[torch.from_numpy(drawn)]
        wide = logits.expand(batch, -1)
        value = mixed_softmax(logits[:batch], wide, hidden, adjust, torch.ones(batch))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        frequency = frequency.seen(targets)
        average += score.detach() * (step >= steps // 2) / (steps - steps // 2)
    slope = np.polyfit(np.log(shares), average.numpy(), 1)[0]
    assert slope == pytest.approx(beta, abs=0.03)
