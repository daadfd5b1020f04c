"""What is tried again, when, and what is not: known answers, the waiting in the test's hands."""

import asyncio
import json

import httpx2
import pytest

from bowerbird import AsyncClient, Client, ConfigError, DataError, Refused, Unreachable
from bowerbird.client.tries import Patience

NOW = 1_795_000_000.0
HIGHEST = Patience(draw=lambda: 1.0)
"""Waits as long as it ever does."""


class Service:
    """Answers as it is told, and keeps what was asked; the last answer is repeated."""

    def __init__(self, *answers):
        self.answers, self.asked, self.waits = list(answers), [], []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, type):
            raise answer("cut off")
        status, body, *headers = answer
        return httpx2.Response(status, json=body, headers=dict(headers))

    def client(self, patience=HIGHEST, **more):
        transport = httpx2.MockTransport(self)
        more = {"transport": transport, "sleep": self.waits.append, "clock": lambda: NOW, **more}
        return Client("http://shop", "sk_1", patience=patience, **more)

    def ready(self, **more):
        with self.client(**more) as client:
            return client.service.ready()


OK = (200, {"status": "ok"})
PROBLEM = {"detail": "at most 2 a second", "request_id": "r7", "field": "$.k"}


def test_pauses_double_up_to_the_longest():
    patience = Patience(tries=9, first_s=0.5, most_s=10.0, draw=lambda: 1.0)
    waits = [patience.wait(failed, None) for failed in range(1, 10)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, None]
    assert Patience(draw=lambda: 0.25).wait(3, None) == pytest.approx(0.1)
    assert Patience(tries=10**9, draw=lambda: 1.0).wait(10**8, None) == 10.0


@pytest.mark.parametrize("fault", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.ReadError,
                                   httpx2.RemoteProtocolError, (503, {}), (429, {}), (502, {}),
                                   (504, {})])  # fmt: skip
def test_what_may_pass_is_tried_again(fault):
    service = Service(fault, fault, OK)
    assert service.ready().status == "ok"
    assert service.waits == [0.1, 0.2] and len(service.asked) == 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 415, 422, 500])
def test_what_will_not_pass_is_told_at_once(status):
    service = Service((status, PROBLEM))
    with pytest.raises(Refused) as told:
        service.ready()
    assert (service.waits, len(service.asked), told.value.status) == ([], 1, status)


def test_a_refusal_has_all_that_the_service_said():
    service = Service((429, PROBLEM, ("Retry-After", "7")))
    with pytest.raises(Refused, match=r"429: \$\.k: at most 2 a second") as told:
        service.ready(patience=Patience(tries=1))
    refused = told.value
    assert (refused.detail, refused.field) == ("at most 2 a second", "$.k")
    assert (refused.request_id, refused.retry_after_s) == ("r7", 7.0)


def test_what_a_proxy_says_in_its_own_way_is_told_too():
    def proxy(request):
        return httpx2.Response(500, text="<h1>oops</h1>", headers={"X-Request-Id": "p1"})

    with pytest.raises(Refused, match="500: Internal Server Error") as told:
        Service(OK).ready(transport=httpx2.MockTransport(proxy))
    assert told.value.request_id == "p1" and told.value.field is None


def test_the_service_is_left_alone_as_long_as_it_asks():
    date = ("Retry-After", "Wed, 18 Nov 2026 11:06:45 GMT")  # 5 s after NOW
    service = Service((503, {}, ("Retry-After", "2")), (429, {}, date), OK)
    assert service.ready().status == "ok"
    assert service.waits == [2.1, pytest.approx(5.2)]


def test_nobody_waits_for_a_service_that_wants_to_rest_for_an_hour():
    service = Service((503, {}, ("Retry-After", "3600")), OK)
    with pytest.raises(Refused) as told:
        service.ready()
    assert service.waits == [] and told.value.retry_after_s == 3600


def test_after_the_last_try_the_fault_is_told():
    service = Service(httpx2.ReadTimeout)
    with pytest.raises(Unreachable, match=r"http://shop, ReadTimeout: cut off: does it run\?"):
        service.ready()
    assert len(service.asked) == 4
    assert isinstance(Unreachable(""), ConnectionError)


@pytest.mark.parametrize(
    ("fault", "tries"),
    [(httpx2.ReadTimeout, 1), ((504, {}), 1), (httpx2.ConnectError, 4), ((503, {}), 4)],
)
def test_a_key_is_not_made_twice(fault, tries):
    service = Service(fault)
    with service.client() as client, pytest.raises((Refused, Unreachable)):
        client.service.make_key(kind="secret", scopes=["admin"], name="k")
    assert len(service.asked) == tries


def test_an_event_has_its_name_before_the_first_try():
    service = Service(httpx2.ReadTimeout, (503, {}), (200, {"accepted": 2}))
    events = [
        {"item": "i1", "type": "view", "user": "u"},
        {"item": "i2", "type": "view", "user": "u", "event_id": "mine", "time": 5},
    ]
    with service.client() as client:
        assert client.events.done(events).accepted == 2
    first, second, third = (request.content for request in service.asked)
    assert first == second == third
    told, mine = json.loads(first)["events"]
    assert len(told["event_id"]) == 36 and told["time"] == NOW * 1000
    assert (mine["event_id"], mine["time"]) == ("mine", 5)
    assert "event_id" not in events[0]  # what was given stays as it was


def test_requests_say_who_asks_and_where():
    service = Service((200, {"item": "a/b", "model": "m", "people": []}))
    with service.client() as client:
        client.lists.audience("a/b ?", k=3, filter="age > 3 & land = de")
    (request,) = service.asked
    assert str(request.url).startswith("http://shop/v1/items/a%2Fb%20%3F/audience?k=3&filter=")
    assert request.url.params["filter"] == "age > 3 & land = de"
    assert "scenario" not in request.url.params
    assert request.headers["authorization"] == "Bearer sk_1"


def test_the_awaited_client_tries_as_the_other_does():
    service = Service(httpx2.ConnectError, (503, {}, ("Retry-After", "1")), OK)

    async def sleep(seconds):
        service.waits.append(seconds)

    async def main():
        transport = httpx2.MockTransport(service)
        more = {"patience": HIGHEST, "sleep": sleep, "clock": lambda: NOW}
        async with AsyncClient("http://shop/v1", "sk_1", transport=transport, **more) as client:
            first = await client.service.ready()
            service.answers = [(404, PROBLEM)]
            with pytest.raises(Refused, match="404"):
                await client.service.ready()
            service.answers = [httpx2.ConnectTimeout]
            with pytest.raises(Unreachable):
                await client.service.ready()
            return first

    assert asyncio.run(main()).status == "ok"
    assert service.waits == [0.1, 1.2, 0.1, 0.2, 0.4]


@pytest.mark.parametrize("url", ["", "shop", "ftp://shop", "http://", "http://shop?key=1"])
def test_what_is_no_address_is_told(url):
    with pytest.raises(ConfigError, match="an address as https"):
        Client(url)


@pytest.mark.parametrize("key", ["sk_…", "sk_1\n", " sk_1"])
def test_what_is_no_key_is_told_without_showing_it(key):
    with pytest.raises(ConfigError, match="a key as pk_… or sk_…"):
        Client("http://shop", key)


def test_what_is_no_answer_of_a_service_is_told():
    def page(request):
        return httpx2.Response(200, text="<h1>welcome</h1>")

    with pytest.raises(DataError, match="is this the address of a bowerbird service"):
        Service(OK).ready(transport=httpx2.MockTransport(page))
