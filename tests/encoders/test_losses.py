import math

import numpy as np
import pytest
import torch

from bowerbird.encoders import losses
from bowerbird.encoders.losses import full_softmax, sampled_softmax


def test_the_full_softmax_worked_by_hand():
    # logits 1, 0, 2: -log of e^2 / (e + 1 + e^2)
    queries, items = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    expected = -math.log(math.e**2 / (math.e + 1 + math.e**2))
    assert full_softmax(queries, items, torch.tensor([2])).item() == pytest.approx(expected)


def test_the_full_softmax_has_the_gradients_of_the_textbook(monkeypatch):
    monkeypatch.setattr(losses, "CELLS", 40)  # four rows a block, so that blocks are joined
    rng = torch.Generator().manual_seed(0)
    queries = torch.randn(11, 3, generator=rng, dtype=torch.float32).requires_grad_()
    items = torch.randn(10, 3, generator=rng).requires_grad_()
    targets = torch.randint(10, (11,), generator=rng)
    loss = full_softmax(queries, items, targets)
    (2 * loss).backward()
    ours = queries.grad.clone(), items.grad.clone()
    queries.grad = items.grad = None
    plain = torch.nn.functional.cross_entropy(queries @ items.T, targets)
    (2 * plain).backward()
    assert loss.item() == pytest.approx(plain.item(), abs=1e-6)
    torch.testing.assert_close(ours, (queries.grad, items.grad), atol=1e-6, rtol=1e-5)


def test_the_full_softmax_of_large_logits_is_finite():
    loss = full_softmax(torch.tensor([[1e4]]), torch.tensor([[1.0], [0.0]]), torch.tensor([1]))
    assert loss.item() == pytest.approx(1e4)


def test_the_sampled_softmax_worked_by_hand():
    # positive 1; negatives 0 and 3, of which the second is the target itself
    hits = torch.tensor([[False, True]])
    loss = sampled_softmax(torch.tensor([1.0]), torch.tensor([[0.0, 3.0]]), hits)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)))


def test_drawing_every_other_item_once_is_the_full_softmax():
    rng = torch.Generator().manual_seed(1)
    queries, items = torch.randn(5, 4, generator=rng), torch.randn(7, 4, generator=rng)
    targets = torch.tensor([0, 3, 6, 2, 2])
    logits = queries @ items.T
    positives = logits[torch.arange(5), targets]
    hits = targets[:, None] == torch.arange(7)
    full = full_softmax(queries, items, targets).item()
    assert sampled_softmax(positives, logits, hits).item() == pytest.approx(full, abs=1e-6)


def test_the_gradient_of_the_sampled_softmax_is_the_share_of_each():
    positives = torch.zeros(1, requires_grad=True)
    negatives = torch.tensor([[0.0, math.log(2)]], requires_grad=True)
    sampled_softmax(positives, negatives, torch.zeros(1, 2, dtype=torch.bool)).backward()
    np.testing.assert_allclose(positives.grad, [1 / 4 - 1], rtol=1e-6)
    np.testing.assert_allclose(negatives.grad, [[1 / 4, 2 / 4]], rtol=1e-6)
