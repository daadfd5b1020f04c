"""Routes about runs: which there are, what each is worth and why, which answers, back to before."""

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.guard import OPEN
from bowerbird.serving.leaderboard import leaderboard
from bowerbird.serving.messages import Id, Strict
from bowerbird.serving.model_facts import facts_of, lineage
from bowerbird.serving.operation_routes import Health
from bowerbird.serving.problems import Problem
from bowerbird.surfaces.progress import told_in
from bowerbird.surfaces.run_reports import gate_of, judged_in

Why = Annotated[str, Meta(max_length=500)]
Figures = dict[str, Any] | None


class Model(Struct):
    """A run that could answer."""

    name: str
    model: str
    made: str | None
    current: bool


class Models(Struct):
    """All of them."""

    models: list[Model]


class Chosen(Strict):
    """Which shall answer."""

    model: Id
    why: Why = ""  # for the books


class Back(Strict):
    """Which answers, as far as they know who want another."""

    answers: Id | None = None
    why: Why = ""


class Described(Struct):
    """What a run is. What an older version has not written is None."""

    name: str
    model: str | None
    current: bool
    retired: str | None  # why it may answer no more
    made: int | None  # seconds since 1970 UTC
    seconds: float | None  # of training
    seed: int | None
    settings: Figures
    tried: int  # settings, before these were chosen
    validation: Figures  # metric, mean, people
    events: int | None
    users: int | None
    items: int | None
    since: int | None  # seconds: the first event
    until: int | None  # the last one
    learned_until: int | None  # it has learned from nothing at or after it
    data: str | None  # SHA-256 of all that could be learned from
    broken_rows: int | None
    parent: str | None
    champion: str | None  # that answered when it was made
    training: Figures
    space: Figures
    index: Figures
    fallback: Figures
    versions: dict[str, str] | None
    code: str | None
    recipe: str | None
    bytes: dict[str, int]


class Reported(Struct):
    """What a run was found to be worth."""

    run: str
    validation: Figures
    judged: list[dict[str, Any]]  # by holdout, the newest first
    why: str | None = None  # nothing is known


class Gated(Struct):
    """The verdict of the gate, step by step."""

    run: str
    verdict: Figures
    why: str | None = None  # there is none


class Boards(Struct):
    """Runs side by side, a board for every holdout: figures of two boards say nothing together."""

    metric: str
    slice: str | None
    against: str
    metrics: list[str]
    slices: list[str]
    boards: list[dict[str, Any]]
    unjudged: list[dict[str, str]]


class Lineage(Struct):
    """What came from what, and what became of it."""

    runs: list[dict[str, Any]]
    audit: list[dict[str, Any]]  # oldest first
    before: str | None = None  # the run that a rollback would name


class Compared(Struct, forbid_unknown_fields=True):
    """Of what, for whom, with which."""

    metric: Annotated[str, Meta(pattern=r"^\w+@\d+$", max_length=40)] = "ndcg@10"
    slice: Annotated[str, Meta(max_length=300)] = ""
    against: Annotated[str, Meta(max_length=300)] = field(default="")


async def models(call: Call) -> Reply:
    """Runs that could answer."""
    found = await call.service.aside(call.service.current.models)
    return Reply(Models([Model(m.name, m.model, m.made, m.current) for m in found]))


async def use_model(call: Call) -> Reply:
    """Another run, without a request's noticing."""
    current, name = call.service.current, call.body.model
    _known(await call.service.aside(current.runs.all), name)
    told = _who(call, call.body.why or "PUT /v1/models/current")
    snapshot = await call.service.aside(current.use, name, told)
    return Reply(Health("ok", snapshot.model))


async def back(call: Call) -> Reply:
    """The run that answered before answers again: nothing is trained, nothing is copied."""
    told = _who(call, call.body.why or "POST /v1/models/rollback")
    snapshot = await call.service.aside(call.service.current.back, told, call.body.answers)
    return Reply(Health("ok", snapshot.model))


async def model(call: Call) -> Reply:
    """What it is: settings, data, where it comes from, how large it is."""
    folder = await _folder(call)
    return Reply(await call.service.aside(_described, call, folder))


async def report(call: Call) -> Reply:
    """What it was found to be worth: metrics, slices, baselines, health, dial, newcomers."""
    folder = await _folder(call)
    judged, why = await call.service.aside(judged_in, folder)
    told = await call.service.aside(facts_of, folder, False, None)
    return Reply(Reported(folder.name, told["validation"], judged, why))


async def verdict(call: Call) -> Reply:
    """What the gate said of it: every check, differences, slices, what was watched."""
    folder = await _folder(call)
    found, why = await call.service.aside(gate_of, folder)
    if found is not None and "champion" not in found:  # of an older version
        facts = await call.service.aside(told_in, folder / "run.json")
        found = {**found, "champion": facts.get("champion")}
    return Reply(Gated(folder.name, found, why))


async def board(call: Call) -> Reply:
    """Runs side by side; what each has over the run that answers, person by person."""
    current, asked = call.service.current, call.query
    folders = await call.service.aside(current.runs.all)
    if asked.against:
        _known(folders, asked.against)
    against = asked.against or current.snapshot.model
    found = await call.service.reported(
        leaderboard, folders, asked.metric, asked.slice or None, against
    )
    return Reply(Boards(**found))


async def family(call: Call) -> Reply:
    """Which run came from which, who let it answer, and why."""
    return Reply(await call.service.aside(_family, call))


def _family(call: Call) -> Lineage:
    current = call.service.current
    told = lineage(current.runs.books(), current.runs.all(), current.snapshot.model)
    return Lineage(**told)


def _described(call: Call, folder: Path) -> Described:
    current = call.service.current
    registry = current.runs.books()
    retired = None if registry is None else registry.retired().get(folder.name)
    told = facts_of(folder, folder.name == current.snapshot.model, retired)
    return Described(since=told.pop("from"), **told)


async def _folder(call: Call) -> Path:
    """Of the run that the path names: one of those that are there, whatever is written."""
    return _known(await call.service.aside(call.service.current.runs.all), call.named("model"))


def _known(folders: dict[str, Path], name: str) -> Path:
    if name not in folders:
        raise Problem(404, f"a run that is there expected, {name!r} came")
    return folders[name]


def _who(call: Call, why: str) -> tuple[str, str]:
    """For the books: by which key, and why."""
    return ("service" if call.who is OPEN else f"key {call.who.id}", why)


ROUTES = (
    Route("GET", "/v1/models", "metrics:read", models, "Runs that could answer", Models),
    Route("PUT", "/v1/models/current", "admin", use_model, "Let another run answer", Health, Chosen,
          example={"model": "2026-11-27-als"}),
    Route("POST", "/v1/models/rollback", "admin", back, "Let the run before answer again", Health,
          Back, example={"why": "the home page looked odd"}),
    Route("GET", "/v1/models/{model}", "metrics:read", model, "What a run is", Described),
    Route("GET", "/v1/models/{model}/report", "metrics:read", report, "What a run is worth",
          Reported),
    Route("GET", "/v1/models/{model}/verdict", "metrics:read", verdict, "What the gate said of it",
          Gated),
    Route("GET", "/v1/leaderboard", "metrics:read", board, "Runs side by side", Boards,
          query=Compared),
    Route("GET", "/v1/lineage", "metrics:read", family, "Which run came from which", Lineage),
)  # fmt: skip
