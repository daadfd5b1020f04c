"""New items: what places them, and how far forward they may come at what cost to the others.

Apart from the verdict on what people have met, since it needs another cut of the data: some items
are held out with everything that happened to them.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.split import ColdItems, Holdout
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.retrieval.blend import Blend, parsed, placing
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.contest import Contest, Tried
from bowerbird.runs.tune import asked, halves

SHARE = 0.1
"""Of the catalog, held out."""
FEW = 30
"""Items that must be held out before anything is said about new ones."""
USERS = 3_000
"""Asked about new items, at most, and as many about the others."""
STEPS = (1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5)
"""Of `unmet`, how much what is new counts in a blend."""
COST = 0.01
"""Share of the score on what people have met that a blend may give for showing what is new."""


def new_items(contest: Contest, made: Estimator, data: Dataset) -> tuple[Estimator, dict[str, Any]]:
    """The winner, with the `unmet` that does most for new items at little cost; and the figures.

    Every model that places what is new, and the blend, are fitted without a tenth of the items and
    asked twice: by people who met those, and by people who met others. Where there is no time for
    the blend, by what places new items alone. No figures where the catalog says nothing of its
    items, or where there are too few.
    """
    content = _content(contest)
    found = _cut(contest, data) if content else None
    if found is None:
        return made, {}
    train, new, met = found
    cold = (train.item_counts() == 0) & (data.item_counts() > 0)
    parts = {each.name: each for each in contest.tried if each.name in _names(made)}
    whole = contest.left() > 1.5 * sum(each.fit_s for each in parts.values())
    wanted = parts if whole else {}
    wanted |= {each.name: each for each in content if each.fit_s < contest.left() / 4}
    if not wanted:
        return made, {"skipped": "no time was left to fit without some items"}
    fitted: dict[str, Any] = {}
    for name, each in wanted.items():
        contest.news(f"new items: {name}")
        fitted[name] = each.estimator.fit(train)
    facts: dict[str, Any] = {"items": int(cold.sum()), "users": len(new)}
    scores = {each.name: fitted[each.name] for each in content if each.name in fitted}
    if isinstance(made, Blend) and whole:
        those = [fitted[name] for name in _names(made)]
        made, facts["dial"] = _turned(contest, made, those, train, (new, met))
        facts["unmet"] = made.unmet
        scores["blend"] = made.assembled(those, train)
    facts["scores"] = {
        name: {
            "all": _score(contest, model, train, new),
            "new": _score(contest, model, train, replace(new, allow=cold)),
        }
        for name, model in scores.items()
    }
    return made, facts


def _content(contest: Contest) -> list[Tried]:
    """Those tried that place what is new."""
    places = placing([each.fitted for each in contest.tried], contest.train)
    return [contest.tried[place] for place in places]


def _names(made: Estimator) -> list[str]:
    return [name for name, _ in parsed(made.parts)] if isinstance(made, Blend) else []


def _cut(contest: Contest, data: Dataset) -> tuple[Dataset, Holdout, Holdout] | None:
    """What to fit on; the questions whose answers are new items, and those with others."""
    seed, most = contest.terms.seed, USERS
    first = halves(data, ColdItems(share=SHARE, seed=seed), seed, most)
    second = first and halves(first[0], contest.rule, seed, most)
    if not first or not second:
        return None
    held = (first[0].item_counts() == 0) & (data.item_counts() > 0)
    return (second[0], first[1], second[1]) if held.sum() >= FEW else None


def _turned(
    contest: Contest,
    made: Blend,
    parts: list[Encoder | Retriever],
    train: Dataset,
    holdouts: tuple[Holdout, Holdout],
) -> tuple[Blend, list[dict[str, float]]]:
    """The blend with the largest `unmet` that costs at most COST, and what each step gives."""
    steps = []
    for unmet in STEPS:
        began = contest.spent()
        contest.news(f"new items: blend at {unmet:g}")
        model = replace(made, unmet=unmet).assembled(parts, train)
        new, met = (_score(contest, model, train, holdout) for holdout in holdouts)
        steps.append({"unmet": unmet, "new": new, "met": met})
        if met < 0.9 * steps[0]["met"] or contest.left() < 2 * (contest.spent() - began):
            break  # far too much, or no time
    least = (1 - COST) * steps[0]["met"]
    allowed = [step for step in steps if step["met"] >= least]
    best = max(allowed, key=lambda step: step["new"])
    return replace(made, unmet=best["unmet"]), steps


def _score(
    contest: Contest,
    model: Encoder | Retriever,
    train: Dataset,
    holdout: Holdout,
) -> float:
    hits = asked(model, train, holdout, contest.terms)
    return float(np.nanmean(ndcg(Judged.of(hits, holdout.relevant), contest.terms.k)))
