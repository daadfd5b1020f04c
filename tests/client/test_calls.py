"""Calls: the same for both clients, and each route of the service that there is one for."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import URL

from bowerbird.client import groups
from bowerbird.client.calls import Call, path_of
from bowerbird.client.groups import Group, Sent
from bowerbird.serving.app import ROUTES

GROUPS = (groups.Lists, groups.Events, groups.Items, groups.Users, groups.Operations)
METHODS = [
    pytest.param(group, name, id=f"{group.__name__}.{name}")
    for group in GROUPS
    for name, thing in vars(group).items()
    if isinstance(thing, Sent)
]
GIVEN = {
    "item": "ITEM", "user": "USER", "id": "ID", "fields": {"x": 1}, "things": {"a": {}},
    "events": [], "exposures": [], "asks": [], "items": ["i"], "text": "words", "name": "run",
    "rec_id": "REC",
}  # fmt: skip


def called(build):
    """A description made with something for each parameter that needs it."""
    named = {}
    for name, parameter in inspect.signature(build).parameters.items():
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            named[name] = GIVEN[name]
    return build(**named)


@pytest.mark.parametrize(("group", "name"), METHODS)
def test_every_method_asks_a_route_that_there_is(group, name):
    call = called(getattr(group, name))
    wanted = [word for word in call.path.split("/") if word]
    for route in ROUTES:
        parts = [word for word in route.path.split("/") if word]
        same = len(parts) == len(wanted) and all(
            part == word or (part.startswith("{") and word.isupper())
            for part, word in zip(parts, wanted, strict=True)
        )
        if same and route.method == call.method:
            assert (call.body is not None) == (route.takes is not None)
            return
    raise AssertionError(f"{call.method} {call.path}")


@pytest.mark.parametrize(("group", "name"), METHODS)
def test_a_method_has_the_signature_and_the_words_of_its_description(group, name):
    sent = []
    method, build = getattr(group(sent.append), name), getattr(group, name)
    assert inspect.signature(method) == inspect.signature(build)
    assert method.__doc__ == build.__doc__ and method.__doc__.strip()
    called(method)
    assert sent == [called(build)] and isinstance(sent[0], Call)


def test_groups_are_small():
    assert all(len([p for p in METHODS if p.values[0] is group]) <= 10 for group in GROUPS)
    assert all(issubclass(group, Group) for group in GROUPS)


@given(st.text(min_size=1).filter(lambda id: id.isprintable()))
def test_any_id_is_one_part_of_a_path(id):
    path = path_of("items", id, "similar")
    assert path.count("/") == 4 and path.isascii()
    assert URL(f"http://shop{path}").path == path  # no part of it is taken for a query
