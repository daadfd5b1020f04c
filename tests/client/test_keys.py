"""A service with keys: who may what, told as it is."""

import pytest

from bowerbird import Client, Refused
from processes import Process
from servers import write


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    process = Process(write(folder / "first"), folder / "data")
    yield process
    process.stop()


def test_keys_open_what_they_are_for_until_they_are_revoked(locked):
    with Client(locked.url) as first:
        admin = first.service.make_key(kind="secret", scopes=["admin"], name="all")
        with pytest.raises(Refused, match="401: a key expected, none came"):
            first.lists.popular()
    with Client(locked.url, admin.key) as client:
        scopes = ["recs:read", "events:write"]
        page = client.service.make_key(kind="public", scopes=scopes, name="page")
        assert [key.name for key in client.service.keys().keys] == ["all", "page"]
        assert page.scopes == tuple(scopes)
        with Client(locked.url, page.key) as other:
            assert len(other.lists.popular(k=2)) == 2
            with pytest.raises(Refused) as told:
                other.items.page()
            assert told.value.status == 403
        client.service.revoke_key(page.id)
        with Client(locked.url, page.key) as other, pytest.raises(Refused) as told:
            other.lists.popular()
        assert told.value.status == 401
