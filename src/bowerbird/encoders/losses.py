"""Losses as pure functions of vectors and targets; each has a test worked by hand.

Apart from the networks because a loss is a formula, and formulas are checked against numbers.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

CELLS = 1 << 20
"""Logits held at a time by the full softmax: 4 MB, so that a block stays in a core's cache."""
NEVER = -1e9


def full_softmax(
    queries: Float[Tensor, "m dim"], items: Float[Tensor, "n dim"], targets: Int[Tensor, "m"]
) -> Float[Tensor, ""]:
    """-mean log softmax(q·vᵢ)[target] over the whole catalog, a block of queries at a time.

    The logits are never kept: the gradients p·V - v_target are made in the same pass, so memory is
    CELLS numbers whatever the catalog. Matrix products run in the precision of autocast.

    Source: Wijmans et al. 2024 (arXiv 2411.09009), which keeps no logits either.

    >>> full_softmax(torch.zeros(1, 2), torch.ones(4, 2), torch.tensor([3])).item()  # log 4
    1.3862943649291992
    """
    result: Tensor = _FullSoftmax.apply(queries, items, targets)  # type: ignore[no-untyped-call]  # torch
    return result


def sampled_softmax(
    positives: Float[Tensor, "m"],
    negatives: Float[Tensor, "m s"],
    hits: Bool[Tensor, "m s"],
) -> Float[Tensor, ""]:
    """-mean log e^p / (e^p + Σ e^n): the softmax over the target and a drawn set of items.

    Args:
        positives: logits of the targets.
        negatives: logits of the drawn items, the same for every row.
        hits: where a drawn item is the target itself; it does not count against it.

    Source: Bengio & Senécal 2008, with uniform draws, for which the correction is a constant.

    >>> none = torch.zeros(1, 1, dtype=torch.bool)
    >>> round(sampled_softmax(torch.zeros(1), torch.zeros(1, 1), none).item(), 6)  # log 2
    0.693147
    """
    logits = torch.cat([positives[:, None], negatives.masked_fill(hits, NEVER)], dim=1).float()
    return (torch.logsumexp(logits, dim=1) - logits[:, 0]).mean()


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, items: Tensor, targets: Tensor) -> Tensor:  # noqa: ANN401  of torch
        kind = queries.device.type
        fast = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        q, v = (t.detach().to(fast or torch.float32) for t in (queries, items))
        count, total = len(q), torch.zeros((), device=q.device)
        to_queries = torch.empty(q.shape, device=q.device)
        to_items = torch.zeros(v.shape, device=q.device)
        rows = max(1, CELLS // len(v))
        for start in range(0, count, rows):
            some, own = q[start : start + rows], targets[start : start + rows, None]
            logits = some @ v.T
            below = logits.amax(dim=1, keepdim=True) - logits.gather(1, own)
            share = torch.softmax(logits, dim=1)
            # the largest share is 1 / Σ e^(logit - largest)
            total += (below.float() - share.amax(dim=1, keepdim=True).float().log()).sum()
            share.scatter_add_(1, own, torch.full_like(share[:, :1], -1.0))
            to_queries[start : start + rows] = share @ v
            to_items += share.T @ some
        ctx.save_for_backward(to_queries / max(count, 1), to_items / max(count, 1))
        ctx.kinds = (queries.dtype, items.dtype)
        return total / max(count, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401  of torch
        (to_queries, to_items), (one, other) = ctx.saved_tensors, ctx.kinds
        gradient = gradients[0]
        return (to_queries * gradient).to(one), (to_items * gradient).to(other), None
