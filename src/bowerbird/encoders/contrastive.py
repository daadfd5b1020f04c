"""The loss of the two towers: one softmax over in-batch and uniform negatives, corrected by logQ.

Pure functions of logits; each has a test worked by hand.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bowerbird.encoders.losses import NEVER


def log_expected(
    log_shares: Float[Tensor, "s"], batch: int, uniform: int, n_items: int
) -> Float[Tensor, "s"]:
    """How often an item is expected among the negatives, as a logarithm: log Q.

    Q = batch · share + uniform / n_items: as a target of somebody else in the batch, and as one of
    the uniform draws.

    Source: Yang et al., WWW 2020 companion, section 4 (mixed negative sampling).

    >>> log_expected(torch.tensor([0.25]).log(), 4, 6, 3).exp().item()
    3.0
    """
    return torch.log(batch * log_shares.exp() + uniform / n_items)


def mixed_softmax(
    positives: Float[Tensor, "m"],
    negatives: Float[Tensor, "m s"],
    hidden: Bool[Tensor, "m s"],
    adjust: tuple[Float[Tensor, "m"], Float[Tensor, "... s"]],
    weights: Float[Tensor, "m"],
) -> Float[Tensor, ""]:
    """Weighted mean of log (e^p + Σ e^n) - p, with p and n as logits plus their adjustments.

    With `adjustments` the sum estimates the softmax over all items, so that the learned score of an
    item is its affinity + β · log popularity.

    Args:
        positives: logits of the targets.
        negatives: logits of what was drawn against them.
        hidden: what does not count: the target itself, and what else this person liked.
        adjust: what is added to both, as `adjustments` gives it.
        weights: of the examples, ≥ 0.

    >>> zero, off = torch.zeros(1), torch.zeros(1, 1, dtype=torch.bool)
    >>> loss = mixed_softmax(zero, torch.zeros(1, 1), off, (zero, zero), zero + 1)
    >>> round(loss.item(), 6)  # log 2
    0.693147
    """
    own, others = positives + adjust[0], (negatives + adjust[1]).masked_fill(hidden, NEVER)
    total = torch.logsumexp(torch.cat([own[:, None], others], dim=1).float(), dim=1)
    return ((total - own) * weights).sum() / weights.sum().clamp(min=1e-12)


def adjustments(
    of_targets: Float[Tensor, "m"],
    of_drawn: Float[Tensor, "s"],
    expected: Float[Tensor, "s"],
    beta: float,
) -> tuple[Float[Tensor, "m"], Float[Tensor, "s"]]:
    """What makes the learned score affinity + β · log popularity, whatever the draws were.

    Targets get (1 - β)·log share, drawn items (1 - β)·log share - log Q. At β = 1 that is
    importance sampling of the plain softmax, whose scores are log P(item | query); at β = 0 the
    popularity of the targets is taken out again: scores are log (P(item | query) / P(item)).

    Source: Yi et al., RecSys 2019, eq. 5 (logQ); Menon et al., ICLR 2021, eq. 9 (logit adjustment).

    Args:
        of_targets: log share of the targets.
        of_drawn: log share of the drawn items.
        expected: log Q of the drawn items.
        beta: strength, 0 to 1.
    """
    return (1 - beta) * of_targets, (1 - beta) * of_drawn - expected
