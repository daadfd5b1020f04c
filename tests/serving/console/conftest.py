"""A shop behind a real process, and a page that reports what goes wrong on it."""

import pytest

from consoles import HOSTILE, until
from processes import PATIENCE_S, Process
from servers import write


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server over two runs."""
    folder = tmp_path_factory.mktemp("console")
    write(folder / "runs" / "first")
    write(folder / "runs" / "second", model="cooccurrence")
    (folder / "runs" / "current").write_text("first\n")
    with Process(folder / "runs", folder / "data", "--no-log") as server:
        server.ask("PATCH", "/v1/items/i3", json={"fields": {"title": HOSTILE, "kind": HOSTILE}})
        until(lambda: HOSTILE in server.ask("GET", "/v1/items").text.replace('\\"', '"'))
        yield server
        server.stop()


@pytest.fixture
def page(chromium, shop):
    """A page that may ask nobody but the server, and reports nothing wrong."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.faults, page.asked = [], []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("dialog", lambda dialog: page.faults.append(dialog.message) or dialog.dismiss())
    page.on("console", lambda told: told.type == "error" and page.faults.append(told.text))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    assert page.faults == []
    assert {"/".join(url.split("/")[:3]) for url in page.asked if ":" in url[:6]} == {shop.url}
    context.close()
