"""What a comparison of models says: the table of each part beside the blend, and plain words."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bowerbird.evaluation.background import Background
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.evaluation.slices import slices
from bowerbird.index.index import Hits
from bowerbird.retrieval.weighing import Evidence, rank_fused
from bowerbird.runs.contest import Contest, Tried
from bowerbird.runs.mixing import Mixed
from bowerbird.runs.tune import settings_of

END_TO_END = ("sequence", "two-tower")
"""Trained on the events, from the first vector to the last."""
BEHAVIOUR = ("cooccurrence", "ease", "graph-filter", "als")
"""They learn from who met what, and from nothing else."""


def table(
    contest: Contest, evidence: Evidence | None, mixed: Mixed | None, parts: list[Tried]
) -> dict[str, Any]:
    """What each reached, over all and by slice, the blend beside its parts."""
    k, holdout = contest.terms.k, contest.holdout
    models = {each.name: each.hits for each in contest.tried}
    rows = [
        {
            "model": each.name,
            "score": each.score,
            "settings": settings_of(each.estimator),
            "tried": each.settings,
            "seconds": each.seconds,
        }
        for each in contest.tried
    ]
    table: dict[str, Any] = {"metric": f"ndcg@{k}", "users": len(holdout), "parts": rows}
    table["skipped"] = dict(contest.skipped)
    if evidence is not None and mixed is not None and len(mixed.parts) > 1:
        ranked = rank_fused(evidence, mixed.parts, k)
        rrf = float(np.nanmean(ndcg(Judged.of(ranked, holdout.relevant), k)))
        names = [parts[place].name for place in mixed.parts]
        table["blend"] = {"parts": names, "score": mixed.score, "reciprocal rank fusion": rrf}
        models["blend"] = mixed.hits
    table["slices"] = list(_sliced(contest, models))
    return table


def _sliced(contest: Contest, models: dict[str, Hits]) -> Iterator[dict[str, Any]]:
    """The same means by history length, by what is known of items, and by who people are."""
    k, background = contest.terms.k, Background.of(contest.train)
    told: dict[tuple[str, str, int], dict[str, float]] = {}
    metric = f"ndcg@{k}"
    for name, hits in models.items():
        judged = Judged.of(hits, contest.holdout.relevant)
        values = {metric: ndcg(judged, k)}
        for row in slices(values, judged, contest.holdout, background, (k,)):
            key = (row.slice, row.group, row.users)
            told.setdefault(key, {})[name] = float(row.means[metric])
    for (slice_, group, users), scores in told.items():
        yield {"slice": slice_, "group": group, "users": users, "scores": scores}


def words(table: Mapping[str, Any]) -> list[str]:
    """The answer to «which architecture?», for items people have met and for new ones.

    >>> parts = [{"model": "als", "score": 0.061}, {"model": "content", "score": 0.039}]
    >>> words({"parts": parts, "won": "als"})[0].split(", ")[-1]
    '0.061 against 0.039.'
    """
    scores = {part["model"]: float(part["score"]) for part in table["parts"]}
    told = [*_met(scores), *_blend(table, scores)]
    new = table.get("new items")
    return told + (_new(new) if new and "scores" in new else [])


def _met(scores: Mapping[str, float]) -> list[str]:
    behaviour, content = _best(scores, (*BEHAVIOUR, *END_TO_END)), _best(scores, ("content",))
    told = []
    if behaviour and content:
        verb = "beats" if behaviour[1] > content[1] else "does not beat"
        told.append(
            f"On your data, for items people have met, learning from behaviour ({behaviour[0]})"
            f" {verb} content alone, {_said(behaviour[1])} against {_said(content[1])}."
        )
    trained, counted = _best(scores, END_TO_END), _best(scores, BEHAVIOUR)
    if trained and counted:
        verb = "beats" if trained[1] > counted[1] else "does not beat"
        told.append(
            f"Training end to end ({trained[0]}) {verb} counting ({counted[0]}),"
            f" {_said(trained[1])} against {_said(counted[1])}."
        )
    return told


def _blend(table: Mapping[str, Any], scores: Mapping[str, float]) -> list[str]:
    lead = max(scores, key=lambda name: scores[name])
    blend = table.get("blend")
    if table["won"] == "blend" and blend and len(blend["parts"]) > 1:
        parts = ", ".join(blend["parts"])
        return [
            f"Together ({parts}) they reach {_said(blend['score'])}, judged on people the weights"
            f" were not learned from; the best alone, {lead}, {_said(scores[lead])}."
        ]
    missed = any(name.startswith("a blend") for name in table.get("skipped", {}))
    some = "No blend that there was time for" if missed else "No blend"
    return [f"{some} was better than {lead} alone, {_said(scores[lead])}."]


def _new(new: Mapping[str, Any]) -> list[str]:
    """What places new items, and what it costs the others to show them."""
    scores = new["scores"]
    lead = max(scores, key=lambda name: scores[name]["new"])
    told = "; ".join(
        f"{name} {_said(each['new'])} among the new ones, {_said(each['all'])} among all"
        for name, each in scores.items()
    )
    lines = [
        f"For new items, which only their content can place, {lead} does best ({new['items']:,}"
        f" items held out): {told}."
    ]
    if "dial" in new:
        turned = "; ".join(
            f"{step['unmet']:g}: {_said(step['new'])} and {_said(step['met'])}"
            for step in new["dial"]
        )
        lines.append(
            f"Of the blend, a setting decides how far new items come forward, `unmet` (here"
            f" {new['unmet']:g}): for new items and for the others it gives {turned}."
        )
    return lines


def _best(scores: Mapping[str, float], names: tuple[str, ...]) -> tuple[str, float] | None:
    there = [name for name in names if name in scores]
    lead = max(there, key=lambda name: scores[name], default=None)
    return None if lead is None else (lead, scores[lead])


def _said(score: float) -> str:
    return f"{score:.3f}"
