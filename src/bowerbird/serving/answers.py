"""From what is asked to a list: who asks, what they did, which rung is reached, what is kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from bowerbird.data.columns import Column
from bowerbird.data.facts import Served, Slot
from bowerbird.data.queries import Queries
from bowerbird.errors import BowerbirdError, ConfigError, DataError, SpaceError, StoreDown
from bowerbird.online.holdout import EXPERIMENT, HELD, arm_of
from bowerbird.retrieval.searched import TEXT
from bowerbird.serving import ladder
from bowerbird.serving.breaker import Breaker
from bowerbird.serving.histories import LAST, traits_of
from bowerbird.serving.ladder import Wish, reason_of, surface_for
from bowerbird.serving.messages import Ask, Because, ListItem, Met, RecList, millis
from bowerbird.serving.problems import Problem
from bowerbird.serving.rec_id import seed_of
from bowerbird.serving.snapshot import Snapshot, row_of, space_in
from bowerbird.store.as_of import hashed
from bowerbird.store.identity import Identity
from bowerbird.store.store import FactLog, Past
from bowerbird.surfaces.surface import Surface

UNASKED = ("popular", "new", "trending")
"""Surfaces that ask no model about anybody."""
NEEDS_ITEMS = ("similar", "goes-with")
STORE_SHARE = 0.4
"""Of the time there is, that reading what somebody did may take."""
RESERVE_S = 0.01
"""Left for what stands behind the model."""
NO_TIME, FAILED = "no time left for the model", "the model failed"
"""Why what stands behind the model has answered; held out by chance is a reason, too."""


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody did since the run was trained."""

    events: list[Past]  # as the store has it, then as the request says
    lacks: str | None = None  # why the store's are not there
    hash: int | None = None  # of the store's


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by whom, and until when it must be answered."""

    ask: Ask
    rec_id: str
    now_ms: int
    until: float  # of the monotonic clock
    request: str
    user: str | None = None  # key
    names: tuple[str, ...] = ()  # under which the run may know them


@dataclass(frozen=True, slots=True)
class Meant:
    """A question that can be asked: of what, with what is known of whom."""

    surface: Surface
    query: Queries
    wish: Wish
    known: Known


@dataclass(frozen=True)
class Answers:
    """Makes lists. Every method may be called from any thread."""

    facts: FactLog
    identity: Identity
    breaker: Breaker
    late: Callable[[], float] = time.monotonic
    _reading: set[str] = field(default_factory=set)  # lists whose histories are being read

    def question(self, ask: Ask, rec_id: str, now_ms: int, until: float, request: str) -> Question:
        """With the person's key in place of their id."""
        if ask.user is not None:
            key = self.identity.user(ask.user)
            return Question(ask, rec_id, now_ms, until, request, key, (ask.user, key))
        if ask.visitor is not None:
            key = self.identity.visitor(ask.visitor)
            return Question(ask, rec_id, now_ms, until, request, key, (key,))
        return Question(ask, rec_id, now_ms, until, request)

    def best(self, question: Question, snapshot: Snapshot) -> tuple[RecList, Served]:
        """The list of the best rung that can be reached.

        Raises:
            Problem: what is asked cannot be meant.
        """
        began = self.late()
        try:
            meant = self.meant(question, snapshot, began)
        except StoreDown as error:
            return self.baked(question, snapshot, str(error))
        surface, known = meant.surface, meant.known
        held = _arms(question, snapshot).get(EXPERIMENT) == HELD
        told, fault = self._climbed(question, surface, meant.query, meant.wish, held)
        told |= {"rung": rung_of(told["rung"], question, meant), "past": known.hash}
        told["segment"] = _segment(snapshot, meant.query)
        return self._told(question, snapshot, told, fault or known.lacks, began)

    def meant(self, question: Question, snapshot: Snapshot, began: float) -> Meant:
        """What is asked of which surface, with all that is known of who asks.

        Raises:
            Problem: what is asked cannot be meant.
            StoreDown: the scenario is being opened.
        """
        ask, now = question.ask, question.now_ms // 1000
        try:
            wish = _wish(question, snapshot)
            surface = surface_for(snapshot, wish, now)
            if ask.vector is not None and ask.space is not None:
                engine = space_in(snapshot).by_vector(surface.engine, ask.vector, ask.space)
                surface = replace(surface, engine=engine)
            traits = _context(snapshot, ask)
        except (ConfigError, DataError) as error:
            raise Problem(422, str(error)) from error
        known = self._past(question, began)
        query = snapshot.histories.query(question.names, known.events, now, traits)
        return Meant(surface, query, wish, known)

    def baked(self, question: Question, snapshot: Snapshot, why: str) -> tuple[RecList, Served]:
        """The list that needs nothing.

        Raises:
            Problem: what is asked cannot be meant.
        """
        began = self.late()
        try:
            wish = _wish(question, snapshot)
            told = ladder.baked(snapshot, wish, question.now_ms // 1000)
        except (ConfigError, DataError) as error:
            raise Problem(422, str(error)) from error
        return self._told(question, snapshot, told, why, began)

    def _climbed(
        self, question: Question, surface: Surface, query: Queries, wish: Wish, held: bool
    ) -> tuple[dict[str, Any], str | None]:
        """The model's list, else what stands behind it; and why not the model's."""
        if held:
            return ladder.popular(surface, query, wish), EXPERIMENT
        if question.until - self.late() < RESERVE_S:
            return ladder.popular(surface, query, wish), NO_TIME
        try:
            return ladder.asked(surface, query, wish), None
        except (ConfigError, DataError) as error:  # a rule or a step does not fit who asks
            raise Problem(422, str(error)) from error
        except Exception as error:  # whatever it was, there is an answer
            return ladder.popular(surface, query, wish), f"{FAILED}: {reason_of(error)}"

    def _past(self, question: Question, began: float) -> Known:
        """What was done since the run was trained."""
        told = [met(one, question.now_ms) for one in question.ask.items]
        if question.user is None:
            return Known(told)
        if not self.breaker.passes():
            return Known(told, "the store rests after faults")
        self._reading.add(question.rec_id)
        try:
            (past,) = self.facts.histories([question.user], LAST)
        except BowerbirdError as error:
            self.breaker.failed()
            down = isinstance(error, StoreDown)
            return Known(told, "the store is down" if down else reason_of(error))
        finally:
            self._reading.discard(question.rec_id)
        if self.late() - began > STORE_SHARE * (question.until - began):
            self.breaker.failed()  # it is no use if nothing is left for the model
        else:
            self.breaker.went_well()
        return Known([*past, *told], hash=hashed(past))

    def too_late(self, question: Question) -> None:
        """Somebody has waited in vain: was it for the store?"""
        if question.rec_id in self._reading:
            self.breaker.failed()

    def _told(
        self,
        question: Question,
        snapshot: Snapshot,
        told: dict[str, Any],
        reason: str | None,
        began: float,
    ) -> tuple[RecList, Served]:
        """As it goes out, and as it is kept."""
        ask, scenario = question.ask, snapshot.scenario(question.ask.scenario)
        items = [item_of(one, snapshot, ask.fields) for one in told["items"]]
        keys = ("candidates", "removed", "index", "data")
        trace = {key: told[key] for key in keys if key in told} if ask.explain else None
        reply = RecList(
            question.rec_id,
            ask.scenario,
            told["rung"],
            items,
            snapshot.model,
            snapshot.index,
            reason,
            trace,
        )
        slots = tuple(Slot(i.item, i.score, i.propensity, i.source) for i in items)
        served = Served(
            question.rec_id,
            question.request,
            question.now_ms,
            ask.scenario,
            snapshot.model,
            snapshot.configs[ask.scenario],
            told["rung"],
            slots,
            question.user,
            ask.session,
            snapshot.index,
            reason,
            "fixed" if scenario.explore is None else scenario.explore.way,
            seed_of(question.rec_id),
            told.get("segment"),
            _arms(question, snapshot),
            latency_us=round((self.late() - began) * 1e6),
            asked=_asked(ask),
            change=snapshot.number,
            counted=None if snapshot.live is None else snapshot.live.as_of,
            past=told.get("past"),
        )
        return reply, served


def _arms(question: Question, snapshot: Snapshot) -> dict[str, str]:
    """Of which arm the person is, where some are held out; who is not known is in no experiment."""
    share = snapshot.scenario(question.ask.scenario).holdout
    if not share or question.user is None:
        return {}
    return {EXPERIMENT: arm_of(question.user, share)}


def _segment(snapshot: Snapshot, query: Queries) -> str | None:
    """Of which kind who asks is, where what is popular has kinds."""
    kinds = snapshot.plain.retriever.segments
    column = None if kinds is None else query.context.get(kinds.encoder.estimator.segment or "")
    return None if column is None else column.words()[0] or None


def _asked(ask: Ask) -> str:
    """What shall be in the list, whoever asks and however it is told."""
    who = {"user": None, "visitor": None, "session": None, "request": None}
    plain = msgspec.structs.replace(ask, scenario=PLAIN, explain=False, fields=[], **who)
    return msgspec.json.encode(plain).decode()


def ask_of(served: Served) -> Ask:
    """What was asked, by nobody: the list says by whom.

    Raises:
        DataError: it was not kept.
    """
    if served.asked is None:
        came = f"{served.rec_id}: a list of which it was kept what was asked expected"
        raise DataError(f"{came}, a former version served it: ask for one that was served since")
    ask = msgspec.json.decode(served.asked, type=Ask)
    return msgspec.structs.replace(ask, scenario=served.surface, session=served.session)


def _wish(question: Question, snapshot: Snapshot) -> Wish:
    """What the list shall be.

    Raises:
        Problem: the scenario needs something else than what came.
    """
    ask, surface = question.ask, snapshot.scenario(question.ask.scenario).surface
    if surface == "audience":
        raise Problem(422, "audience gives people: ask GET /v1/items/{item}/audience")
    if surface in NEEDS_ITEMS and not ask.items:
        raise Problem(422, f"{surface}: items expected, none came", "$.items")
    if (surface == "search") != (ask.text is not None):
        expected = "text expected" if surface == "search" else "no text expected"
        raise Problem(422, f"{ask.scenario}: {expected}", "$.text")
    if ask.vector is not None or ask.space is not None:
        _check_vector(ask, snapshot)
    seed = seed_of(question.rec_id)
    return Wish(ask.scenario, ask.k, ask.filter, ask.only, ask.never, ask.explain, seed)


def _check_vector(ask: Ask, snapshot: Snapshot) -> None:
    """Can this list be asked for with this vector?

    Raises:
        Problem: it cannot.
    """
    if ask.vector is None or ask.space is None:
        lacks = "vector" if ask.vector is None else "space"
        raise Problem(422, "a vector and its space expected, one of them came", f"$.{lacks}")
    if ask.user is not None or ask.visitor is not None:
        raise Problem(422, "a user, a visitor or a vector expected, two of them came", "$.vector")
    surface = snapshot.scenario(ask.scenario).surface
    if surface != "for-you":
        raise Problem(422, f"for-you expected with a vector, {surface} came", "$.vector")
    try:
        space_in(snapshot).checked(ask.vector, ask.space)
    except SpaceError as error:
        raise Problem(409, str(error), "$.space") from error
    except DataError as error:
        raise Problem(422, str(error), "$.vector") from error


def _context(snapshot: Snapshot, ask: Ask) -> dict[str, Column]:
    context = traits_of(snapshot.run, ask.traits)
    return context if ask.text is None else {**context, TEXT: Column.text([ask.text])}


def met(told: str | Met, now_ms: int) -> Past:
    """What the request says was done: now, unless it says when."""
    if isinstance(told, str):
        return Past(told, "view", now_ms)
    at = now_ms if told.time is None else millis(told.time)
    return Past(told.item, told.type or "view", min(at, now_ms))


def rung_of(told: str, question: Question, meant: Meant) -> str:
    """What lists call the rung that was reached."""
    if told in UNASKED:
        return "popular"
    if told != meant.surface.origin.source:
        return told
    return "session" if meant.known.lacks or question.user is None else "personal"


def item_of(told: dict[str, Any], snapshot: Snapshot, names: list[str]) -> ListItem:
    """A place of a list, with these columns of its item."""
    because = [Because(r["item"], r["share"]) for r in told.get("because", ())]
    catalog = snapshot.catalog
    row = int(catalog.items.rows([told["item"]])[0]) if names else -1
    return ListItem(
        told["rank"],
        told["item"],
        told["score"],
        told["source"],
        _reason(told),
        told["propensity"],
        because,
        told.get("moved", []),
        row_of(catalog, row, names) if names else {},
    )


PLAIN = Ask().scenario
WORDS = {
    "personal": "fits what this person did",
    "session": "fits this session",
    "item": "like the items asked about",
    "segment": "popular among people like this one",
    "popular": "popular",
    "baked": "popular",
    "search": "fits the words",
    "new": "new",
    "trending": "trending",
}


def _reason(told: dict[str, Any]) -> str:
    """In words, for people."""
    for move in told.get("moved", ()):
        if move["by"].startswith(("pin ", "rule ")):
            return str(move["by"])
    if told.get("because"):
        return f"because of {told['because'][0]['item']}"
    return WORDS.get(told["source"], str(told["source"]))
