"""Answers read: typed, complete, and deaf to what only newer services say."""

from dataclasses import asdict, fields, is_dataclass

import pytest

from bowerbird.client import replies
from bowerbird.client.replies import ListItem, Page, RecList, RecLists, Taken, Thing, read
from bowerbird.errors import DataError
from bowerbird.serving import (
    event_routes,
    import_routes,
    list_routes,
    map_routes,
    messages,
    model_routes,
    operation_routes,
    retrain_routes,
    rule_routes,
    scenario_routes,
    settings_routes,
    table_routes,
    tried_messages,
    try_routes,
)

ITEM = {"rank": 1, "item": "i3", "score": 0.5, "source": "personal", "reason": "because"}
LIST = {"rec_id": "r", "scenario": "s", "rung": "personal", "items": [ITEM], "model": "m"}


def test_a_list_is_read_with_its_parts():
    told = {**LIST, "items": [{**ITEM, "because": [{"item": "i2", "share": 0.7}]}]}
    got = read(RecList, told)
    assert isinstance(got.items[0], ListItem) and got.items[0].because[0].share == 0.7
    assert (len(got), [item.item for item in got], got.index) == (1, ["i3"], None)
    assert read(RecLists, {"lists": [LIST, LIST]}).lists == (read(RecList, LIST),) * 2


def test_what_a_newer_service_says_besides_is_left_out():
    told = {**LIST, "mood": "good", "items": [{**ITEM, "colour": [1]}]}
    assert read(RecList, told) == read(RecList, LIST)


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({**LIST, "items": [{"rank": 1}]}, r"\$\.items\[0\]\.item "),
        ({**LIST, "items": {}}, r"list expected at \$\.items"),
        ([], r"dict expected at \$"),
        (None, r"dict expected at \$"),
        ({**LIST, "trace": 3}, r"dict expected at \$\.trace"),
    ],
)
def test_a_promised_part_that_is_missing_is_told_with_its_place(told, where):
    with pytest.raises(DataError, match=where):
        read(RecList, told)


def test_parts_may_be_left_out_where_there_is_a_default():
    assert read(Taken, {}) == Taken() and asdict(Taken())["rows"] == ()
    assert read(Page, {"things": []}).after is None
    assert read(Thing, {"id": "a", "fields": {"x": [1]}}).fields == {"x": [1]}


def test_the_client_knows_every_part_that_the_service_sends():
    sent = {}
    for module in (
        map_routes,
        messages,
        list_routes,
        event_routes,
        import_routes,
        table_routes,
        model_routes,
        operation_routes,
        retrain_routes,
        rule_routes,
        scenario_routes,
        settings_routes,
        try_routes,
        tried_messages,
    ):
        sent |= {
            name: kind for name, kind in vars(module).items() if hasattr(kind, "__struct_fields__")
        }
    names = {"Page": "Paged", "Key": "Shown", "Keys": "KeyList"}
    known = {name: kind for name, kind in vars(replies).items() if is_dataclass(kind)}
    assert len(known) >= 20
    for name, kind in known.items():
        there = sent[names.get(name, name)].__struct_fields__
        assert [field.name for field in fields(kind)] == list(there), name
