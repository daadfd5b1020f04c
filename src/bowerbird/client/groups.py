"""What can be called, in groups: the same for both clients, each of which sends in its own way."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from bowerbird.client import event_calls, list_calls, service_calls, thing_calls
from bowerbird.client.calls import Call

P = ParamSpec("P")
T = TypeVar("T")
Later = Coroutine[Any, Any, T]


class Send(Protocol):
    """Sends a call and gives its answer."""

    def __call__(self, call: Call[T], /) -> T:
        """As described."""


class SendLater(Protocol):
    """The same, to be awaited."""

    def __call__(self, call: Call[T], /) -> Later[T]:
        """As described."""


S = TypeVar("S")
ITEMS, USERS = thing_calls.ThingCalls("items"), thing_calls.ThingCalls("users")


class Group(Generic[S]):
    """Calls about one thing. S says whether they are awaited."""

    def __init__(self, send: S) -> None:
        self.send = send


class Sent(Generic[P, T]):
    """A method made of what describes its call; its parameters are those of the description."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self.build = build

    @overload
    def __get__(self, group: None, owner: type) -> Callable[P, Call[T]]: ...
    @overload
    def __get__(self, group: Group[Send], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[SendLater], owner: type) -> Callable[P, Later[T]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Callable[P, Any]:
        build = self.build
        if group is None:
            return build

        @wraps(build)
        def method(*given: P.args, **named: P.kwargs) -> Any:  # noqa: ANN401  what `send` gives
            return group.send(build(*given, **named))

        return method


class Lists(Group[S]):
    """Lists, and what they are about."""

    recommend = Sent(list_calls.recommend)
    recommend_each = Sent(list_calls.recommend_each)
    similar = Sent(list_calls.similar)
    goes_with = Sent(list_calls.goes_with)
    search = Sent(list_calls.search)
    popular = Sent(list_calls.popular)
    new = Sent(list_calls.new)
    trending = Sent(list_calls.trending)
    audience = Sent(list_calls.audience)
    served = Sent(list_calls.served)


class Events(Group[S]):
    """What people did and saw."""

    done = Sent(event_calls.done)
    seen = Sent(event_calls.seen)
    newest = Sent(event_calls.newest)


class Items(Group[S]):
    """What can be shown."""

    put = Sent(ITEMS.put)
    put_each = Sent(ITEMS.put_each)
    change = Sent(ITEMS.change)
    get = Sent(ITEMS.get)
    page = Sent(thing_calls.page)
    delete = Sent(thing_calls.delete_item)


class Users(Group[S]):
    """What is known of people."""

    put = Sent(USERS.put)
    put_each = Sent(USERS.put_each)
    change = Sent(USERS.change)
    get = Sent(USERS.get)
    export = Sent(thing_calls.export)
    merge = Sent(thing_calls.merge)
    delete = Sent(thing_calls.delete_user)


class Operations(Group[S]):
    """The service itself: how it is, what answers, who may ask."""

    ready = Sent(service_calls.ready)
    vectors = Sent(service_calls.vectors)
    scenarios = Sent(service_calls.scenarios)
    models = Sent(service_calls.models)
    use_model = Sent(service_calls.use_model)
    retrain = Sent(service_calls.retrain)
    retraining = Sent(service_calls.retraining)
    keys = Sent(service_calls.keys)
    make_key = Sent(service_calls.make_key)
    revoke_key = Sent(service_calls.revoke_key)
