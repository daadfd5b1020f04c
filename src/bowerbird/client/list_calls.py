"""Calls that give lists. All of them are one question: a scenario, and about whom or what."""

from collections.abc import Sequence
from typing import Any, Unpack

from bowerbird.client.calls import Call, path_of
from bowerbird.client.messages import Ask, Met, More
from bowerbird.client.replies import Audience, RecList, RecLists


def recommend(**ask: Unpack[Ask]) -> Call[RecList]:
    """A list of any scenario."""
    return _asked(**ask)


def recommend_each(asks: Sequence[Ask]) -> Call[RecLists]:
    """Several lists, in the order of their questions."""
    body = {"requests": list(asks)}
    return Call("POST", path_of("recommend", "batch"), RecLists, body=body)


def similar(item: str, **more: Unpack[More]) -> Call[RecList]:
    """Items like this one."""
    return _asked(**{"scenario": "similar", **more}, items=[item])


def goes_with(items: Sequence[str | Met], **more: Unpack[More]) -> Call[RecList]:
    """What goes with the items of a basket."""
    return _asked(**{"scenario": "goes-with", **more}, items=items)


def search(text: str, **more: Unpack[More]) -> Call[RecList]:
    """Items that fit words."""
    return _asked(**{"scenario": "search", **more}, text=text)


def popular(**more: Unpack[More]) -> Call[RecList]:
    """What is popular."""
    return _asked(**{"scenario": "popular", **more})


def new(**more: Unpack[More]) -> Call[RecList]:
    """What is new."""
    return _asked(**{"scenario": "new", **more})


def trending(**more: Unpack[More]) -> Call[RecList]:
    """What is trending."""
    return _asked(**{"scenario": "trending", **more})


def audience(
    item: str, *, k: int | None = None, filter: str | None = None, scenario: str | None = None
) -> Call[Audience]:
    """People whom an item fits; the filter is over their columns."""
    query = {"k": k, "filter": filter, "scenario": scenario}
    return Call("GET", path_of("items", item, "audience"), Audience, query)


def served(rec_id: str) -> Call[dict[str, Any]]:
    """A list that went out, as it was."""
    return Call("GET", path_of("lists", rec_id), dict)


def _asked(**ask: Any) -> Call[RecList]:  # noqa: ANN401  an Ask
    return Call("POST", path_of("recommend"), RecList, body=ask)
