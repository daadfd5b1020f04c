"""The script for pages in a real browser, a real page of another origin, and a real process."""

import json
import re
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bowerbird import Client
from bowerbird.serving.script import SOURCE, shipped
from bowerbird.store.identity import Identity
from processes import Process


def test_what_is_shipped_is_small_depends_on_nothing_and_runs_no_text():
    told = shipped(SOURCE.read_text("utf-8"))
    assert len(told.encode()) < 3072 and told.isascii()
    assert not re.search(r"\b(eval|Function|import|require|innerHTML|document\.write)\b", told)
    assert not re.search(r"https?:|^\s|^//", told, re.MULTILINE)
    assert told.count("\n") > 50  # lines stay, so a fault has a place


def test_browsers_keep_it_for_an_hour_and_ask_with_its_tag(client):
    reply = client.get("/v1/bowerbird.js", headers={"Accept-Encoding": "identity"})
    assert reply.status_code == 200 and reply.text == shipped(SOURCE.read_text("utf-8"))
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["cache-control"] == "public, max-age=3600"
    again = client.get("/v1/bowerbird.js", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_everybody_may_have_it_though_there_are_keys(client):
    key = {"kind": "secret", "scopes": ["admin"], "name": "all"}
    assert client.post("/v1/keys", json=key).status_code == 201
    assert client.get("/v1/popular").status_code == 401
    assert client.get("/v1/bowerbird.js").status_code == 200


class Pages(BaseHTTPRequestHandler):
    """Gives the page that the test has said, whatever is asked for."""

    def __init__(self, pages, *rest):
        self.pages = pages
        super().__init__(*rest)

    def do_GET(self):
        body = self.pages.get(self.path, "<p>nothing</p>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told):
        pass


class Shop:
    """A shop: its pages on one port, the service with a public key on another, a browser."""

    def __init__(self, run, folder):
        self.pages = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, self.pages))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.service = Process(run, folder / "data", "--origin", self.origin)
        scopes = ["recs:read", "events:write"]
        with Client(self.service.url) as client:
            admin = client.service.make_key(kind="secret", scopes=["admin"], name="all").key
        with Client(self.service.url, admin) as client:
            made = client.service.make_key(kind="public", scopes=scopes, name="page")
        self.key = made.key

    def script(self, kind=""):
        where = f'src="{self.service.url}/v1/bowerbird.js"'
        return (
            f'<script {kind} {where} data-key="{self.key}" data-url="{self.service.url}/"></script>'
        )

    def put(self, path, *items, script="", head=""):
        """A page of boxes, each as high as it says."""
        boxes = "".join(items)
        style = "<style>body { margin: 0 } [data-item] { height: 100px; display: block }</style>"
        self.pages[path] = f"<!doctype html>{style}{head}{script or self.script()}{boxes}"
        return self.origin + path

    def seen(self):
        return [row for row in self.service.facts().seen.sort("time").iter_rows(named=True)]

    def done(self):
        return [row for row in self.service.facts().done.sort("time").iter_rows(named=True)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.service.stop()


def box(item, rec="r1", tag="div", more="", text=""):
    return f'<{tag} data-rec-id="{rec}" data-item="{item}" {more}>{text}</{tag}>'


FAR = '<div style="height: 3000px"></div>'


@pytest.fixture(scope="module")
def shops(run, tmp_path_factory):
    shop = Shop(run, tmp_path_factory.mktemp("shop"))
    yield shop
    shop.close()


@pytest.fixture
def shop(shops):
    """The shop, with the store's facts counted from here."""
    shops.pages.clear()
    return shops


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 800, "height": 600})
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("dialog", lambda dialog: page.faults.append(dialog.message) or dialog.dismiss())
    yield page
    assert page.faults == []
    context.close()


def until(found, seconds=20.0):
    """What comes, however busy the machine is."""
    ends = time.monotonic() + seconds
    while not (got := found()) and time.monotonic() < ends:
        time.sleep(0.1)
    return got


def of(rows, rec):
    return sorted(row["item"] for row in rows if row["rec_id"] == rec)


def left_behind(page):
    """Rows that wait in the browser."""
    return page.evaluate("Object.keys(localStorage).filter(n => n.startsWith('bowerbird:')).length")


def test_what_half_in_view_for_a_second_is_seen_once_and_nothing_else(shop, page):
    at = 'style="position: absolute; width: 90px; top: {}px; left: {}px; height: {}px"'
    page.goto(
        shop.put(
            "/",
            box("whole", "ra", more='data-position="1"'),
            box("whole", "ra"),  # shown twice in one page
            box("forty", "ra", more=at.format(540, 0, 150)),
            box("sixty", "ra", more=at.format(540, 200, 100)),
            box("short", "ra", more='id="short" style="display: none"'),
            FAR,
            box("far", "ra"),
        )
    )
    for _ in range(4):  # four times 300 ms is no second on end
        page.evaluate("document.getElementById('short').style.display = 'block'")
        page.wait_for_timeout(300)
        page.evaluate("document.getElementById('short').style.display = 'none'")
        page.wait_for_timeout(250)
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_timeout(300)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1500)
    seen = until(
        lambda: [r for r in shop.seen() if r["rec_id"] == "ra"] if not left_behind(page) else []
    )
    assert of(seen, "ra") == ["sixty", "whole"]
    whole = next(row for row in seen if row["item"] == "whole")
    sixty = next(row for row in seen if row["item"] == "sixty")
    assert (whole["position"], whole["share"], whole["trust"]) == (1, 1.0, "public")
    assert sixty["position"] is None and 0.5 <= sixty["share"] < 0.75
    assert whole["visible_ms"] >= 1000 and abs(whole["time"] - whole["arrived"]) < 60_000


def test_while_the_page_is_hidden_nothing_is_seen(shop, page):
    page.add_init_script(
        "let off = true; Object.defineProperty(document, 'hidden', { get: () => off });"
        "window.turn = () => { off = false; dispatchEvent(new Event('visibilitychange')) }"
    )
    page.goto(shop.put("/", box("behind", "rh")))
    page.wait_for_timeout(2500)
    assert of(shop.seen(), "rh") == []
    page.evaluate("turn()")
    assert until(lambda: of(shop.seen(), "rh")) == ["behind"]


def test_a_click_that_leaves_the_page_arrives(shop, page):
    page.add_init_script("window.fetch = () => Promise.reject(new Error('no'))")  # but for beacons
    shop.pages["/other"] = "<h1>other</h1>"
    page.goto(shop.put("/", box("linked", "rb", "a", 'href="/other"', "<b>to it</b>")))
    page.click("b")
    page.wait_for_url("**/other")
    assert until(lambda: of(shop.done(), "rb")) == ["linked"]
    (row,) = (row for row in shop.done() if row["rec_id"] == "rb")
    assert row["type"] == "click" and row["value"] is None
    assert left_behind(page) == 1  # nobody has heard that it arrived …


def test_the_next_page_sends_it_again_and_it_stays_one(shop, page):
    page.add_init_script("if (location.pathname == '/') window.fetch = () => Promise.reject(0)")
    shop.put("/other", box("there", "rn"))
    page.goto(shop.put("/", box("linked", "rn", "a", 'href="/other"', "to it")))
    page.click("text=to it")
    page.wait_for_url("**/other")
    assert until(lambda: of(shop.seen(), "rn")) == ["there"]
    assert until(lambda: not left_behind(page))
    assert of(shop.done(), "rn") == ["linked"]


@pytest.mark.slow
def test_what_happens_while_the_service_is_away_arrives_once_when_it_is_back(shop, page):
    page.goto(shop.put("/", "<h1>shop</h1>"))
    visitor = page.evaluate("bowerbird.visitor")
    shop.service.stop()
    page.evaluate("for (const n of [1, 2, 3]) bowerbird.event('cart', 'c' + n, { rec_id: 'rc' })")
    assert left_behind(page) == 3
    page.wait_for_timeout(1500)  # tries fail
    bare = shop.put("/", "<h1>shop</h1>", script=inline(shop))
    page.goto(bare)  # rows outlive the page
    assert page.evaluate("bowerbird.visitor") == visitor and left_behind(page) == 3
    page.wait_for_timeout(1500)
    shop.service.start()
    assert until(lambda: not left_behind(page), 60)
    done = [row for row in shop.done() if row["rec_id"] == "rc"]
    assert sorted(row["item"] for row in done) == ["c1", "c2", "c3"]
    assert len({row["event_id"] for row in done}) == 3 and len({row["user"] for row in done}) == 1


def inline(shop):
    """The script in the page itself, for when the service cannot give it."""
    told = shipped(SOURCE.read_text("utf-8"))
    return f'<script data-key="{shop.key}" data-url="{shop.service.url}">{told}</script>'


def test_when_only_the_answer_is_lost_the_event_still_counts_once(shop, page):
    lost = []

    def swallow(route):
        if len(lost) < 2:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.goto(shop.put("/", "<h1>shop</h1>"))
    page.route("**/v1/collect*", swallow)
    page.evaluate(
        "bowerbird.event('purchase', 'p1', { rec_id: 'rl', value: 1999, currency: 'EUR' })"
    )
    assert until(lambda: not left_behind(page), 40)
    assert lost == [200, 200]
    (row,) = (row for row in shop.done() if row["rec_id"] == "rl")
    assert (row["type"], row["value"], row["currency"]) == ("purchase", 1999, "EUR")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_not_well_is_asked_again(shop, page, status):
    asked, may = [], {"Access-Control-Allow-Origin": "*"}

    def unwell(route):
        asked.append(route.request)
        if len(asked) == 1:
            route.fulfill(status=status, headers=may, body="{}")
        else:
            route.continue_()

    page.goto(shop.put("/", "<h1>shop</h1>"))
    page.route("**/v1/collect*", unwell)
    page.evaluate(f"bowerbird.event('view', 'w', {{ rec_id: 'rw{status}' }})")
    assert until(lambda: not left_behind(page))
    assert of(shop.done(), f"rw{status}") == ["w"] and len(asked) == 2


def test_what_has_no_height_yet_is_not_seen_until_it_has(shop, page):
    page.goto(shop.put("/", box("flat", "rz", more='style="height: 0"')))
    page.wait_for_timeout(2000)
    assert of(shop.seen(), "rz") == [] and not left_behind(page)
    page.evaluate("document.querySelector('[data-item]').style.height = '50px'")
    assert until(lambda: of(shop.seen(), "rz")) == ["flat"]


def test_items_that_come_later_or_change_are_seen_too(shop, page):
    page.goto(shop.put("/", '<div id="list"></div>'))
    page.wait_for_timeout(300)
    page.evaluate(
        "list.innerHTML = '<section><div data-rec-id=rd data-item=late>x</div></section>'"
    )
    assert until(lambda: of(shop.seen(), "rd")) == ["late"]
    page.evaluate("document.querySelector('[data-item]').dataset.item = 'other'")
    assert until(lambda: len(of(shop.seen(), "rd")) == 2 and of(shop.seen(), "rd"))
    assert of(shop.seen(), "rd") == ["late", "other"]


def test_text_that_looks_like_a_page_stays_text(shop, page):
    bad = "<img src=x onerror=alert(1)>\"'"
    told = bad.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    page.goto(shop.put("/", box(told, "re", text=told)))
    page.click("[data-item]")
    assert until(lambda: of(shop.seen(), "re") and of(shop.done(), "re")) == [bad]
    assert page.locator("img").count() == 0 and of(shop.seen(), "re") == [bad]


def test_a_visitor_stays_the_same_and_is_a_key_in_the_store(shop, page):
    page.goto(shop.put("/", "<h1>shop</h1>"))
    first = page.evaluate("bowerbird.visitor")
    page.reload()
    assert page.evaluate("bowerbird.visitor") == first and len(first) == 36
    page.evaluate("bowerbird.event('view', 'v1', { rec_id: 'rf' })")
    (row,) = until(lambda: [row for row in shop.done() if row["rec_id"] == "rf"])
    assert row["user"] == Identity.kept(shop.service.data).visitor(first) != first


def test_many_go_in_parcels_of_twenty_as_plain_text(shop, page):
    sent = []
    page.on("request", lambda r: "collect" in r.url and sent.append(r))
    page.goto(shop.put("/", "<h1>shop</h1>"))
    page.evaluate("for (let n = 0; n < 45; n++) bowerbird.event('view', 'm' + n, { rec_id: 'rm' })")
    assert until(lambda: len(of(shop.done(), "rm")) == 45)
    assert until(lambda: not left_behind(page))
    assert [len(json.loads(r.post_data)["events"]) for r in sent] == [20, 20, 5]
    assert {r.headers["content-type"] for r in sent} == {"text/plain;charset=UTF-8"}


def test_no_question_is_asked_before_so_a_page_that_may_not_read_is_heard(shop, page):
    other = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, shop.pages))  # not in --origin
    threading.Thread(target=other.serve_forever, daemon=True).start()
    shop.put("/", "<h1>shop</h1>")
    page.goto(f"http://127.0.0.1:{other.server_port}/")
    page.evaluate("bowerbird.event('view', 'unread', { rec_id: 'ru' })")
    assert until(lambda: of(shop.done(), "ru")) == ["unread"]
    page.wait_for_timeout(2500)  # it is sent again, since the answer cannot be read
    assert of(shop.done(), "ru") == ["unread"]
    other.shutdown()
    other.server_close()


def test_off_sends_and_keeps_nothing(shop, page):
    page.goto(shop.put("/", box("unseen", "ro")))
    page.evaluate("bowerbird.event('view', 'before', { rec_id: 'ro' }); bowerbird.off()")
    page.evaluate("bowerbird.event('view', 'after', { rec_id: 'ro' })")
    page.click("[data-item]")
    page.wait_for_timeout(2000)
    page.goto("about:blank")
    page.wait_for_timeout(500)
    assert of(shop.seen(), "ro") + of(shop.done(), "ro") == []
    page.goto(shop.put("/bare", "<h1>bare</h1>", script="<p></p>"))
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("kind", ["type=module", "async", "defer"])
def test_it_may_be_loaded_in_any_way(shop, page, kind):
    rec = f"r-{kind}"
    page.goto(shop.put("/", box("loaded", rec), script=shop.script(kind)))
    assert until(lambda: of(shop.seen(), rec)) == ["loaded"]


def test_without_local_storage_it_remembers_in_memory(shop, page):
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied') } });"
        "delete Crypto.prototype.randomUUID"  # nor is that there in pages that came by http
    )
    page.goto(shop.put("/", box("memory", "rs")))
    page.click("[data-item]")
    assert until(lambda: of(shop.seen(), "rs") and of(shop.done(), "rs")) == ["memory"]


def test_what_is_refused_for_good_or_a_day_old_is_given_up(shop, page):
    bare = "<p></p>"
    page.goto(shop.put("/", "<h1>bare</h1>", script=bare))
    hours = "localStorage['bowerbird:{0}'] = JSON.stringify({{ event_id: '{0}', rec_id: 'ry',"
    hours += " item: '{0}', type: 'view', visitor: 'v', time: Date.now() - {0} * 36e5 }})"
    for age in (25, 23):
        page.evaluate(hours.format(age))
    page.evaluate("localStorage['bowerbird:broken'] = '{'")
    page.goto(shop.put("/", "<h1>shop</h1>"))
    assert until(lambda: of(shop.done(), "ry")) == ["23"]
    assert until(lambda: left_behind(page) == 1)  # the broken one
    sent = []
    page.on("request", lambda r: "collect" in r.url and sent.append(r))
    page.goto(shop.put("/", "<h1>shop</h1>", script=shop.script().replace(shop.key, "pk_no")))
    page.evaluate("bowerbird.event('view', 'x', { rec_id: 'ry' })")
    assert until(lambda: left_behind(page) == 1)
    page.wait_for_timeout(2500)
    assert len(sent) == 1 and of(shop.done(), "ry") == ["23"]


def test_a_page_that_speaks_nonsense_is_not_harmed(shop, page):
    page.goto(shop.put("/", "<h1>shop</h1>", box("x", "rx")))
    page.evaluate("const a = {}; a.a = a; bowerbird.event('view', 'x', a); bowerbird.event()")
    page.evaluate("bowerbird.event('view', 'y', { rec_id: 'rx', context: { a: 'x'.repeat(9e4) } })")
    page.evaluate("bowerbird.event('view', 7, { rec_id: 'rx' })")
    page.click("h1")
    assert until(lambda: of(shop.done(), "rx")) == ["7"]
