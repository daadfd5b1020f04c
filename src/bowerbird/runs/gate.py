"""The gate: may this model answer in place of the one that does? A decision, and its reasons.

Pure: figures in, verdict out. Who measures them, on whom and on which day, is `judging`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.health import Health
from bowerbird.evaluation.lights import Light
from bowerbird.evaluation.report import Report, plain
from bowerbird.runs.differences import Difference, differences
from bowerbird.runs.policy import Policy

POPULAR = "popular of the last 7 days"
"""The baseline that a first model has to beat; behind no other may it surely be."""
NEVER = ("broken vectors", "items without a vector")
"""Alarms that count though the champion has them: of new items a champion may know nothing."""
SURELY = 0.84
"""z of four in five: with so many people an equal model gets through four times of five."""

Outcome = Literal["promote", "keep", "cannot say"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One model, as it was found on one day by the people of one window."""

    report: Report
    parts: Mapping[str, Float64[ndarray, "b"]]  # the metric by slice, NaN: not of that slice
    cold: float  # share of the places that hold an item nobody had met before the cut
    health: Health | None = None  # of its vectors, where it has some
    index_recall: float | None = None  # None: it has no vectors
    latency_ms: float | None = None  # 95th percentile of single lists; None: not measured


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked."""

    name: str
    got: float
    limit: float
    passed: bool
    sentence: str  # the same in plain words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, and why."""

    checks: tuple[Check, ...]
    policy: Policy
    people: int  # who had something to find
    mean: float  # of the challenger
    gain: Difference | None  # over the champion; None: there is none
    slices: tuple[Difference, ...] = ()
    baselines: tuple[Difference, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)  # of the window, to be printed with it
    health: tuple[Light, ...] = ()  # of the challenger's vectors, beside the champion's

    @property
    def passed(self) -> bool:
        """May it answer? Only if all checks say so."""
        return all(check.passed for check in self.checks)

    @property
    def outcome(self) -> Outcome:
        """«cannot say» is a no, too: nothing speaks against the model, too few people for it."""
        failed = {check.name for check in self.checks if not check.passed}
        if not failed:
            return "promote"
        unclear = {"people"} | ({"accuracy"} if _unclear(self.gain, self.policy) else set())
        return "cannot say" if failed <= unclear else "keep"

    def words(self) -> list[str]:
        """The verdict first, then a sentence for each check, those that failed first."""
        first = {
            "promote": "Promote: every check passed.",
            "keep": "Keep what answers now: a check failed.",
            "cannot say": "Keep what answers now: too few people to say.",
        }[self.outcome]
        ordered = sorted(self.checks, key=lambda check: check.passed)
        return [first, *(check.sentence for check in ordered)]

    def to_json(self) -> dict[str, object]:
        """Plain data; what cannot be said is None."""
        return {
            "passed": self.passed,
            "outcome": self.outcome,
            "words": self.words(),
            "people": self.people,
            "mean": plain(self.mean),
            "gain": None if self.gain is None else self.gain.to_json(),
            "checks": [
                {**asdict(check), "got": plain(check.got), "limit": plain(check.limit)}
                for check in self.checks
            ],
            "slices": [each.to_json() for each in self.slices],
            "baselines": [each.to_json() for each in self.baselines],
            "health": [light.to_json() for light in self.health],
            "policy": asdict(self.policy),
            "facts": dict(self.facts),
        }


def decide(
    challenger: Measured,
    champion: Measured | None,
    baselines: Mapping[str, Report],
    policy: Policy = Policy(),  # noqa: B008  frozen
) -> Verdict:
    """May the challenger answer in place of the champion?

    Args:
        challenger: the very model that will answer.
        champion: what answers now, measured on the same window on the same day. None: nothing does.
        baselines: by name, on the same window; a first model needs `POPULAR` among them.
        policy: the limits.

    Raises:
        ConfigError: a first model without the baseline, or no such metric in the reports.
        DataError: the reports are of different people, or of different slices.
    """
    if champion is None and POPULAR not in baselines:
        raise ConfigError(f"baseline {POPULAR!r} expected for a first model, none came")
    told = challenger.report.values.get(policy.metric)
    people = 0 if told is None else int(np.isfinite(told).sum())
    gain, slices = _compared(challenger, champion, policy)
    against = tuple(
        _over(name, challenger.report, baseline, policy) for name, baseline in baselines.items()
    )
    checks = [_people(people, policy)]
    if champion is not None and gain is not None:
        checks += [_accuracy(gain, people, policy), _slices(slices, policy)]
    checks += [_against(each, champion, baselines[each.name], policy) for each in against]
    checks += _lists(challenger, champion, policy)
    checks += _machine(challenger, champion, policy)
    mean, facts = challenger.report.mean(policy.metric), challenger.report.facts
    well = _health(challenger.health, None if champion is None else champion.health)
    return Verdict(tuple(checks), policy, people, mean, gain, slices, against, facts, well)


def _health(new: Health | None, old: Health | None) -> tuple[Light, ...]:
    return () if new is None else new.lights(old)


def _compared(
    challenger: Measured, champion: Measured | None, policy: Policy
) -> tuple[Difference | None, tuple[Difference, ...]]:
    """Over the champion, of all people and slice by slice."""
    if champion is None:
        return None, ()
    if challenger.parts.keys() != champion.parts.keys():
        raise DataError("slices of one window expected, others came: judge both on one holdout")
    rule = (policy.least_in_slice, policy.seed, policy.draws)
    whole = {"all": _pair(challenger.report, champion.report, policy)}
    parts = {
        name: (challenger.parts[name] - values, values) for name, values in champion.parts.items()
    }
    return differences(whole, *rule)[0], differences(parts, *rule)


def _over(name: str, of: Report, baseline: Report, policy: Policy) -> Difference:
    """A model over a baseline."""
    pair = {name: _pair(of, baseline, policy)}
    return differences(pair, policy.least_in_slice, policy.seed, policy.draws)[0]


def _pair(new: Report, old: Report, policy: Policy) -> tuple[ndarray, ndarray]:
    return new.differences(old, policy.metric), old.values[policy.metric]


def _unclear(gain: Difference | None, policy: Policy) -> bool:
    """May the loss be within the margin as well as beyond it?"""
    return gain is not None and gain.low <= -policy.margin * gain.other <= gain.high


def _people(people: int, policy: Policy) -> Check:
    least = policy.least_people
    enough = people >= least
    says = "enough to say something" if enough else "too few to say anything: take a longer window"
    sentence = f"{people:,} people had something to find, at least {least:,} are asked for: {says}."
    return Check("people", float(people), float(least), enough, sentence)


def _accuracy(gain: Difference, people: int, policy: Policy) -> Check:
    limit = -policy.margin * gain.other
    passed = bool(gain.low > limit)
    told = (
        f"{policy.metric} changes by {gain.gain:+.4f} ({_percent(gain.relative)}) person by person,"
        f" 95 % interval {gain.low:+.4f} to {gain.high:+.4f}; the lower end must be above"
        f" {limit:+.4f} ({policy.margin:.1%} of {gain.other:.4f})"
    )
    if passed:
        says = "it is"
    elif not _unclear(gain, policy):
        says = "all of it is below"
    else:
        says = f"too few people to say; {_wanted(gain, people, policy)}"
    return Check("accuracy", gain.low, limit, passed, f"{told}: {says}.")


def _wanted(gain: Difference, people: int, policy: Policy) -> str:
    """How many people an equal model would need, for one that is as unlike the champion."""
    half, margin = (gain.high - gain.low) / 2, policy.margin * gain.other
    if not margin > 0 or not half > 0:
        return "without a margin only a better model can get through"
    wanted = people * (half / margin * (1.96 + SURELY) / 1.96) ** 2
    rounded = float(f"{wanted:.2g}")
    return f"a model just as good, and as unlike, would need about {rounded:,.0f}"


def _slices(slices: tuple[Difference, ...], policy: Policy) -> Check:
    """A slice is lost where the loss is beyond chance, and more than the margin."""
    judged = [each for each in slices if each.told]
    lost = [each for each in judged if lost_in(each, policy)]
    worst = min((each.relative for each in judged if each.relative == each.relative), default=0.0)
    if lost:
        named = "; ".join(
            f"{each.name} ({each.people:,} people) {_percent(each.relative)}" for each in lost
        )
        says = f"surely lost, and more than {policy.slice_margin:.0%}: {named}"
    else:
        says = f"none of {len(judged)} surely loses more than {policy.slice_margin:.0%}"
    few = len(slices) - len(judged)
    beside = f"; {few} of fewer than {policy.least_in_slice} people are not judged" if few else ""
    return Check("slices", worst, -policy.slice_margin, not lost, f"Slices: {says}{beside}.")


def lost_in(slice_: Difference, policy: Policy) -> bool:
    """Is the loss beyond chance (of all slices together), and more than the margin?"""
    return slice_.told and slice_.high < 0 and slice_.gain < -policy.slice_margin * slice_.other


def _against(
    each: Difference, champion: Measured | None, baseline: Report, policy: Policy
) -> Check:
    """A first model must surely beat what is popular, and be surely behind no other baseline.

    A later one may be surely behind where the champion is, too: then nothing is lost. So a chain of
    small losses, each within the margin, ends at the baselines.
    """
    name, must = f"against {each.name}", champion is None and each.name == POPULAR
    told = (
        f"Against {each.name}: {each.gain:+.4f}, 95 % interval {each.low:+.4f} to {each.high:+.4f};"
    )
    if must:
        says = "it must surely be above, and " + ("is." if each.low > 0 else "is not.")
        return Check(name, each.low, 0.0, bool(each.low > 0), f"{told} {says}")
    if not each.high < 0:
        return Check(name, each.high, 0.0, True, f"{told} it is not surely behind.")
    if champion is not None and _over(each.name, champion.report, baseline, policy).high < 0:
        return Check(name, each.high, 0.0, True, f"{told} it is surely behind, as the champion is.")
    return Check(name, each.high, 0.0, False, f"{told} it is surely behind, and must not be.")


def _lists(new: Measured, old: Measured | None, policy: Policy) -> Iterator[Check]:
    """What the lists are like: full, wide, even, not only the popular, with something new."""
    k, report = policy.k, new.report
    open_, allowed = _short(new, policy), 0 if old is None else _short(old, policy)
    yield Check(
        "full lists",
        float(open_),
        float(allowed),
        open_ <= allowed,
        f"{open_:,} lists have fewer than {k} items, at most {allowed:,} may have.",
    )
    if old is None:
        return
    was = old.report
    coverage, before = report.mean(f"coverage@{k}"), was.mean(f"coverage@{k}")
    yield _at_least("coverage", (coverage, before), policy.coverage_drop, "share of items shown")
    even, before = 1 - report.mean(f"gini@{k}"), 1 - was.mean(f"gini@{k}")
    yield _at_least("evenness", (even, before), policy.evenness_drop, "1 - Gini of the places")
    arp, before = report.mean(f"arp@{k}"), was.mean(f"arp@{k}")
    limit = before * (1 + policy.popularity_rise)
    told = f"What is shown has {arp:,.1f} interactions on average, the champion's {before:,.1f}"
    sentence = f"{told}; at most {limit:,.1f} (popularity) may be."
    yield Check("popularity", arp, limit, bool(arp <= limit), sentence)
    if old.cold > 0:
        told = f"{new.cold:.2%} of the places hold items nobody has met"
        sentence = f"{told}, {old.cold:.2%} of the champion's; some must."
        yield Check("cold items", new.cold, 0.0, new.cold > 0, sentence)


def _at_least(name: str, figures: tuple[float, float], drop: float, what: str) -> Check:
    got, before = figures
    limit = before * (1 - drop)
    sentence = f"{name.capitalize()} ({what}) is {got:.4f}, the champion's {before:.4f};"
    return Check(name, got, limit, bool(got >= limit), f"{sentence} at least {limit:.4f} is asked.")


def _short(one: Measured, policy: Policy) -> int:
    """Judged lists with an open place."""
    asked = np.isfinite(one.report.values[policy.metric])
    return int((one.report.rows[asked, : policy.k] < 0).any(axis=1).sum())


def _machine(new: Measured, old: Measured | None, policy: Policy) -> Iterator[Check]:
    """Are the vectors well, found again, and fast?"""
    if new.health is not None:
        before = None if old is None else old.health
        alarms = _alarms(new.health, before, policy)
        says = " ".join(alarms) if alarms else "no alarm that counts"
        sentence = f"Health of the vectors: {says}".rstrip(".") + "."
        yield Check("health", float(len(alarms)), 0.0, not alarms, sentence)
    if new.index_recall is not None:
        found, least = new.index_recall, policy.index_recall
        sentence = f"The index finds {found:.1%} of the exact lists, at least {least:.1%} is asked."
        yield Check("index recall", found, least, bool(found >= least), sentence)
    if new.latency_ms is not None and old is not None and old.latency_ms is not None:
        got, was = new.latency_ms, old.latency_ms
        limit = max(policy.latency_free_ms, policy.latency_ratio * was)
        sentence = (
            f"95 % of single lists are there within {got:.1f} ms, the champion's within"
            f" {was:.1f} ms; at most {limit:.1f} ms may be needed."
        )
        yield Check("latency", got, limit, bool(got <= limit), sentence)


def _alarms(new: Health, old: Health | None, policy: Policy) -> list[str]:
    """Alarms that are neither tolerated nor the champion's as well."""
    tolerated = {name.lower() for name in policy.tolerated}
    if old is not None:
        ill = {light.name.lower() for light in old.lights() if light.ok is False}
        tolerated |= ill.difference(NEVER)
    return [
        light.sentence()
        for light in new.lights(old)
        if light.ok is False and light.name.lower() not in tolerated
    ]


def _percent(share: float) -> str:
    return f"{share:+.1%}" if share == share else "–"
