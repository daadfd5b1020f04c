"""Events → a run → the gate → promoted, or not: one command that may be given again and again.

snapshot  all that is known as of a moment
check     is the newest of it fit to learn from?
train     on what was before the window; turned onto the space of the run before; indexed
watch     what has changed, what moved, how old models may get: told, and no reason to refuse
gate      judged on the window beside the run that answers
shadow    opened and asked as a service would
promote   named as the one that answers
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bowerbird.data.artifacts import load_json, save_json, whole
from bowerbird.data.dataset import Dataset
from bowerbird.data.split import Split
from bowerbird.errors import ArtifactError, DataError
from bowerbird.evaluation.suspicious import suspicions
from bowerbird.runs.aging import age
from bowerbird.runs.candidate import Candidate, made
from bowerbird.runs.gate import Verdict, decide
from bowerbird.runs.gate_page import gate_page
from bowerbird.runs.judging import Contender, judged
from bowerbird.runs.moved import neighbours
from bowerbird.runs.plan import Plan
from bowerbird.runs.reporting import Window, keep_judged
from bowerbird.runs.reranking import learn_again
from bowerbird.runs.run import write_data
from bowerbird.runs.shadow import shadowed
from bowerbird.runs.snapshot import deleted_in, taken
from bowerbird.runs.starting import Start, start_of
from bowerbird.runs.watching import Part, Scene, drift, unknown, watched
from bowerbird.runs.window import DAY_S, idle, split_of
from bowerbird.runs.work import Work
from bowerbird.store.identity import Identity
from bowerbird.store.store import Store
from bowerbird.store.written import alone
from bowerbird.surfaces.live_log import since_of
from bowerbird.surfaces.live_scenarios import Edited
from bowerbird.surfaces.registry import Line, Registry
from bowerbird.surfaces.run_folder import Run, load_run, read_data
from bowerbird.surfaces.run_reports import GATE, beside
from bowerbird.surfaces.scenario import scenarios_in

State = Literal["promoted", "kept champion", "refused"]
CODES: dict[State, int] = {"promoted": 0, "kept champion": 10, "refused": 20}
ERROR = 30
WHO = "retrain"
LOCK = ".retraining"
PARTS: dict[str, Part] = {
    "drift": drift,
    "unknown items": unknown,
    "neighbours": neighbours,
    "age": age,
}
"""What is looked at before the verdict."""
MOST_DAYS = 7
"""Of the newest events that are looked at before anything is learned."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, and why."""

    state: State
    run: str | None  # that was made; None: none was
    champion: str | None  # that answered until now
    words: tuple[str, ...]

    @property
    def code(self) -> int:
        """What the command ends with."""
        return CODES[self.state]


@dataclass(frozen=True, slots=True)
class Job:
    """One retrain: what everything in it needs."""

    registry: Registry
    store: Store
    identity: Identity
    plan: Plan
    work: Work
    before: Run  # whose log and recipe are gone on with
    champion: str | None  # its name, where it answers
    token: int
    as_of_ms: int

    @property
    def name(self) -> str:
        """Of the run that is made: the moment it is as of."""
        at = datetime.fromtimestamp(self.as_of_ms / 1000, UTC)
        return f"{at:%Y%m%dT%H%M%S}Z"

    @property
    def learned_until(self) -> int:
        """Seconds: the run before has learned from nothing at or after this."""
        return self.before.learned_until

    @property
    def cut(self) -> int:
        """Seconds: where the window begins; never before what the run before has learned from."""
        return max(self.as_of_ms // 1000 - self.plan.window_s, self.learned_until)


class Ended(Exception):
    """Nothing more is to be done."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state)
        self.outcome = outcome


def retrain(
    runs: Path,
    store: Store,
    identity: Identity,
    plan: Plan,
    clock: Callable[[], float],
    say: Callable[[str], object],
) -> Outcome:
    """Make a run of all there is by now, and let it answer if it is no worse than what does.

    Killed at any point, the run that answers is the old or the new one; the same command goes on
    where it was.

    Args:
        runs: a folder of runs; one of them was made by `bowerbird train`.
        store: what a server has taken since.
        identity: of that server.
        plan: how.
        clock: seconds since 1970 UTC.
        say: told what is done.

    Raises:
        ArtifactError: a run is missing or damaged, or a file cannot be written.
        ConfigError: another retrain is at work, or has begun since.
    """
    registry = Registry(runs)
    with alone(runs / LOCK, wait_s=0.0):  # nobody else retrains here
        before, champion = run_before(registry)
        work = Work(runs, say, clock)
        token = registry.begin()
        asked = {"plan": plan.to_json(), "before": before.folder.name, "champion": champion}
        as_of = work.begin(asked, token)
        job = Job(registry, store, identity, plan, work, before, champion, token, as_of)
        try:
            outcome = _done(job)
        except BaseException as error:
            work.failed(str(error) or type(error).__name__)
            raise
        work.end(outcome.state, run=outcome.run, words=list(outcome.words))
        return outcome


def run_before(registry: Registry) -> tuple[Run, str | None]:
    """The run that answers; where none does, the newest there is."""
    champion = registry.current()
    entries = [entry for entry in registry.entries() if entry.retired is None]
    name = champion or next((entry.name for entry in entries), None)
    if name is None:
        remedy = f"«bowerbird train … --out {registry.folder / 'first'}» makes one"
        raise ArtifactError(f"{registry.folder}: a run to go on from expected, none came; {remedy}")
    return load_run(registry.folder / name), champion


def _done(job: Job) -> Outcome:
    try:
        data, gone = _snapshot(job)
        _check(job, data)
        deleted = _facts_of(job, "snapshot")["deleted people"]
        start = start_of(job.plan, job.before, job.registry, deleted)
        split = _split(job, data, gone, start)
        candidate = _train(job, data, split, start)
        told = _watch(job, data, candidate, split)
        verdict = _gate(job, candidate, split, told)
        words = [*verdict["words"], *Start.of(candidate.facts).words()]
        if not verdict["passed"]:
            return _over(job, "kept champion", words, job.name)
        faults = _shadow(job, candidate, split)
        if faults:
            return _over(job, "kept champion", faults, job.name)
        return _promote(job, words)
    except Ended as ended:
        return ended.outcome


def _snapshot(job: Job) -> tuple[Dataset, list[str]]:
    """All there is, and the ids of items that are gone; as it was taken, if it was."""
    folder = job.work.folder / "data"
    with job.work.step("snapshot") as facts:
        if not facts:
            rules = job.plan.rules
            found = taken(job.before, job.store, job.identity, rules, job.as_of_ms)
            gone = [found.data.catalog.items.ids[row] for row in np.flatnonzero(found.gone)]
            with whole(folder) as partial:
                partial.mkdir()
                write_data(partial, found.data)
            facts |= {**found.facts, "gone": gone}
        said = dict(facts)
    _retire(job)
    job.work.news(f"{said['events']:,} events, {said['live']:,} of them live")
    return read_data(folder), said["gone"]


def _retire(job: Job) -> None:
    """Runs that hold somebody who was deleted since may answer no more, but the one that does.

    That one forgets them while it answers, and is retired as soon as another does.
    """
    if not job.store.people.deleted():
        return  # so that no run is read for nothing
    for entry in job.registry.entries():
        if entry.retired or entry.current:
            continue
        try:
            run = load_run(job.registry.folder / entry.name)
        except ArtifactError:
            continue  # damaged: it cannot answer anyway
        own = {job.identity.user(id): id for id in run.data.users.ids}
        count = len(deleted_in(run, job.store, own))
        if count:
            why = f"holds {count} people who were deleted"
            now = int(job.work.clock())
            job.registry.note(Line(now, "retired", entry.name, None, WHO, why))


def _check(job: Job, data: Dataset) -> None:
    """Ends it where the newest events are broken or made up."""
    with job.work.step("check") as facts:
        if not facts:
            since = (job.as_of_ms - since_of(job.before)) / 1000
            days = int(np.clip(np.ceil(since / DAY_S), 1, MOST_DAYS))
            found = suspicions(job.before.data, data, days, until=job.as_of_ms // 1000)
            facts |= {"suspicions": [each.to_json() for each in found]}
            facts["hard"] = [each.sentence() for each in found if each.severity == "hard"]
        hard = list(facts["hard"])
    if hard and not job.plan.accept:
        raise Ended(_over(job, "refused", hard))


def _split(job: Job, data: Dataset, gone: list[str], start: Start) -> Split:
    """What is learned from, and the window that judges; ends it where one of them is empty."""
    digest = _facts_of(job, "snapshot")["data"]
    why = idle(job.before, data, digest, job.cut, (job.plan, start))
    if why is not None:
        raise Ended(_over(job, "kept champion", [why]))
    try:
        return split_of(job.before, data, gone, job.cut)
    except DataError as error:
        raise Ended(_over(job, "kept champion", [f"nothing to judge by: {error}"])) from error


def _train(job: Job, data: Dataset, split: Split, start: Start) -> Run:
    """The candidate, whole, under its name."""
    folder = job.registry.folder / job.name
    with job.work.step("train") as facts:
        if not facts:
            taken = _facts_of(job, "snapshot")
            learned = job.learned_until if start.how == "none" else job.cut
            about = {"cut": job.cut, "learned_until": learned}
            about |= {n: v for n, v in taken.items() if n != "gone"}
            asked = Candidate(job.before, split.train, data, job.plan, about, job.champion, start)
            unfinished = job.work.folder / "unfinished"
            now = int(job.as_of_ms // 1000)
            facts |= made(folder, asked, unfinished, now, job.work.news)
            verdict = learn_again(load_run(folder), job.before, _ordering(job))
            facts |= {} if verdict is None else {"rerank": verdict.to_json()}
    return load_run(folder)


def _ordering(job: Job) -> Callable[[str], None]:
    return lambda news: job.work.news(f"re-ranker: {news}")


def _watch(job: Job, data: Dataset, candidate: Run, split: Split) -> dict[str, Any]:
    """What is told beside the verdict."""
    with job.work.step("watch") as facts:
        if not facts:
            there = [entry for entry in job.registry.entries() if entry.retired is None]
            kept = [job.registry.folder / entry.name for entry in there[: job.plan.keep]]
            scene = Scene(job.before, candidate, data, split, kept, job.plan.policy)
            facts |= watched(scene, PARTS, job.work.news)
        return dict(facts)


def _gate(job: Job, candidate: Run, split: Split, told: dict[str, Any]) -> dict[str, Any]:
    """The verdict, kept beside the run as JSON and as a page."""
    path = beside(job.registry.folder / job.name, GATE)
    with job.work.step("gate") as facts:
        if not facts:
            verdict = _judged(job, candidate, split)
            title = f"{job.name} beside {job.champion or 'two baselines'}"
            with whole(path) as partial:
                who = {"format": 1, "challenger": job.name, "champion": job.champion}
                save_json(partial, who | verdict.to_json() | {"watched": told})
            with whole(path.with_suffix(".html")) as partial:
                partial.write_text(gate_page(verdict, title, told), "utf-8")
            words = [*verdict.words(), *told["alarms"]]
            facts |= {"passed": verdict.passed, "words": words}
        said = dict(facts)
    job.work.news(said["words"][0])
    return said


def _judged(job: Job, candidate: Run, split: Split) -> Verdict:
    challenger = Contender.learned(candidate)
    champion = None if job.champion is None else Contender.learned(job.before)
    limits = job.plan.limits
    found = judged(challenger, champion, split, job.plan.policy, time.perf_counter, limits)
    window = Window(_facts_of(job, "snapshot")["data"], split, int(job.work.clock()))
    keep_judged(job.registry.folder, (job.name, job.champion), found, window, job.plan.policy)
    return decide(*found, job.plan.policy)


def _shadow(job: Job, candidate: Run, split: Split) -> list[str]:
    """What speaks against letting it answer."""
    with job.work.step("shadow") as facts:
        if not facts:
            now = job.as_of_ms // 1000
            champion = None if job.champion is None else job.before
            edited = Edited.of(job.store.papers)
            scenarios = edited.over(scenarios_in(candidate.folder))
            facts |= shadowed(candidate, champion, scenarios, job.plan.shadow, now)
        faults: list[str] = list(facts["faults"])
    return faults


def _promote(job: Job, words: list[str]) -> Outcome:
    with job.work.step("promote") as facts:
        if not facts:
            if job.registry.current() != job.name:  # a kill may have come just after it
                now = int(job.work.clock())
                told = (WHO, words[0])
                job.registry.promote(job.name, now, told, job.token, job.champion)
            facts |= {"promoted": job.name}
    _retire(job)
    return _over(job, "promoted", words, job.name)


def _over(job: Job, state: State, words: list[str], run: str | None = None) -> Outcome:
    """What came of it, in the books too; runs that nobody needs any more are removed."""
    now = int(job.work.clock())
    if state != "promoted":
        why = " ".join(words[:3])
        job.registry.note(Line(now, state, run, job.champion, WHO, why))
    for name in job.registry.prune(job.plan.keep, now):
        for kind in ("gate", "report"):
            for path in job.registry.folder.glob(f"{name}.{kind}.*"):
                path.unlink(missing_ok=True)
    return Outcome(state, run, job.champion, tuple(words))


def _facts_of(job: Job, step: str) -> dict[str, Any]:
    facts: dict[str, Any] = load_json(job.work.folder / f"{step}.json")["facts"]
    return facts
