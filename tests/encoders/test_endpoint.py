import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from bowerbird.encoders import endpoint
from bowerbird.encoders.endpoint import KEY, OPENAI_KEY, EndpointEncoder
from bowerbird.encoders.pretrained import Remembered
from bowerbird.encoders.vector_cache import VectorCache
from bowerbird.errors import ArtifactError, ConfigError


class Server:
    """Speaks /v1/embeddings; `answers` holds what to do instead, one entry a request."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/v1"
        self.requests, self.headers, self.answers = [], [], []
        self.dim, self.most = 3, 10_000

    def vector(self, text):
        return [float(len(text)), 1.0, *([0.0] * (self.dim - 2))]

    def body(self, texts):
        rows = [
            {"object": "embedding", "index": i, "embedding": self.vector(text)}
            for i, text in enumerate(texts)
        ]
        return {"object": "list", "data": rows[::-1]}  # the order is in the index

    @property
    def texts(self):
        return [text for request in self.requests for text in request["input"]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        world = self.server.world
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        world.requests.append(asked)
        world.headers.append(dict(self.headers) | {"path": self.path})
        if len(asked["input"]) > world.most:
            return self.answer(413, b"too many")
        if world.answers:
            return world.answers.pop(0)(self, asked)
        return self.answer(200, json.dumps(world.body(asked["input"])).encode())

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def running():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def world(running, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.delenv(OPENAI_KEY, raising=False)
    running.world = Server(running.server_port)
    return running.world


@pytest.fixture
def waits():
    return []


@pytest.fixture
def encoder(world, waits):
    return EndpointEncoder(f"{world.base}#some-model", timeout_s=5.0, batch=4, pause=waits.append)


def status(code, body=b"", **headers):
    return lambda handler, asked: handler.answer(code, body, **headers)


def ok(body):
    return lambda handler, asked: handler.answer(200, json.dumps(body).encode())


def cut(handler, asked):
    """Half of the answer, then the connection is closed."""
    body = json.dumps(handler.server.world.body(asked["input"])).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def hung_up(handler, asked):
    handler.close_connection = True


def test_texts_go_out_in_batches_and_come_back_in_order(world, encoder):
    made = encoder.encode(["a" * n for n in range(1, 11)])
    assert made[:, 0].tolist() == list(range(1, 11)) and made.dtype == np.float32
    assert [len(request["input"]) for request in world.requests] == [4, 4, 2]
    assert {request["model"] for request in world.requests} == {"some-model"}
    assert {h["path"] for h in world.headers} == {"/v1/embeddings"}
    assert "Authorization" not in world.headers[0]
    assert encoder.name == f"openai {world.base}#some-model"
    assert encoder.encode([]).shape == (0, 0)


def test_long_texts_make_small_batches_and_the_longest_are_cut(world, encoder, monkeypatch):
    monkeypatch.setattr(endpoint, "BATCH_CHARACTERS", 10)
    monkeypatch.setattr(endpoint, "LONGEST", 12)
    made = encoder.encode(["a" * 20, "b" * 6, "c" * 4, "d"])
    assert made[:, 0].tolist() == [12, 6, 4, 1]
    assert [len(request["input"]) for request in world.requests] == [1, 2, 1]


@pytest.mark.parametrize("trouble", [status(500), status(503), status(429), cut, hung_up])
def test_trouble_that_passes_is_tried_again(world, encoder, waits, trouble):
    world.answers = [trouble, trouble]
    assert encoder.encode(["abc"])[0, 0] == 3
    assert waits == [0.5, 1.0] and len(world.requests) == 3


def test_broken_json_is_tried_again(world, encoder, waits):
    world.answers = [status(200, b'{"data": [{"index": 0, "embed')]
    assert encoder.encode(["abc"])[0, 0] == 3
    assert waits == [0.5]


def test_the_server_says_how_long_to_wait(world, encoder, waits):
    world.answers = [
        status(429, Retry_After=7),
        status(503, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
    ]
    encoder.encode(["abc"])
    assert waits == [7.0, 1.0]


def test_a_server_that_wants_too_much_patience_is_given_up(world, encoder, waits):
    world.answers = [status(429, Retry_After=3600)]
    with pytest.raises(ArtifactError, match="asks to wait 3600 seconds"):
        encoder.encode(["abc"])
    assert waits == []


def test_trouble_that_stays_is_told_after_the_last_try(world, encoder, waits):
    world.answers = [status(500, b"out of memory")] * 9
    with pytest.raises(ArtifactError, match=r"none in 5 tries \(status 500: out of memory\)"):
        encoder.encode(["abc"])
    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_nobody_there(waits):
    silent = EndpointEncoder("http://127.0.0.1:9/v1#m", tries=2, pause=waits.append)
    with pytest.raises(ArtifactError, match=r"none in 2 tries .*is the server running"):
        silent.encode(["abc"])


def test_a_server_that_never_answers_is_left(world, waits):
    world.answers = [lambda handler, asked: time.sleep(0.6)] * 2
    slow = EndpointEncoder(f"{world.base}#m", timeout_s=0.2, tries=2, pause=waits.append)
    with pytest.raises(ArtifactError, match=r"none in 2 tries \(timed out"):
        slow.encode(["abc"])


def test_fewer_texts_are_sent_where_the_server_wants_fewer(world, encoder):
    world.most = 1
    assert encoder.encode(["a", "bb", "ccc"])[:, 0].tolist() == [1, 2, 3]
    assert [len(request["input"]) for request in world.requests] == [3, 1, 1, 1]


def test_one_text_that_is_too_much_is_told(world, encoder):
    world.answers = [status(413, b"too long")] * 2
    with pytest.raises(ConfigError, match="refuses a text: status 413: too long"):
        encoder.encode(["a"])


@pytest.mark.parametrize("code", [400, 404])
def test_a_refusal_is_told_at_once(world, encoder, waits, code):
    world.answers = [status(code, b'{"error": {"message": "no such model"}}')]
    with pytest.raises(ConfigError, match=f"status {code}: .*no such model"):
        encoder.encode(["abc"])
    assert len(world.requests) == 1 and waits == []


def test_the_key_is_of_the_environment_sent_and_never_told(world, encoder, monkeypatch):
    monkeypatch.setenv(KEY, "sk-secret")
    encoder.encode(["a"])
    assert world.headers[0]["Authorization"] == "Bearer sk-secret"
    world.answers = [status(401, b"wrong key: sk-secret")]
    with pytest.raises(ConfigError, match=KEY) as caught:
        encoder.encode(["a"])
    told = f"{caught.value} {encoder!r} {encoder.name}"
    assert "sk-secret" not in told


def test_openai_s_key_is_for_openai_alone(world, encoder, monkeypatch):
    monkeypatch.setenv(OPENAI_KEY, "sk-openai")
    encoder.encode(["a"])
    assert "Authorization" not in world.headers[0]
    assert EndpointEncoder("https://api.openai.com/v1#m")._key() == "sk-openai"
    assert EndpointEncoder("https://api.openai.com.evil.example/v1#m")._key() == ""


def test_a_key_does_not_travel_in_the_open(monkeypatch):
    monkeypatch.setenv(KEY, "sk-secret")
    with pytest.raises(ConfigError, match=r"https expected for models\.example"):
        EndpointEncoder("http://models.example/v1#m").encode(["a"])


def test_a_redirect_is_not_followed(world, encoder, monkeypatch):
    monkeypatch.setenv(KEY, "sk-secret")
    world.answers = [status(307, Location=f"{world.base}/elsewhere")]
    with pytest.raises(ConfigError, match="sends on to .*/elsewhere"):
        encoder.encode(["a"])
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": []},
        {"data": [{"index": 0, "embedding": [1.0]}] * 2},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]},
        {"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}]},
        {"data": [{"index": 0}, {"index": 1}]},
        {"error": "none"},
        [],
        None,
    ],
)
def test_an_answer_that_is_no_vectors_is_refused_at_once(world, encoder, waits, wrong):
    world.answers = [ok(wrong)]
    with pytest.raises(ArtifactError, match="2 vectors of one length"):
        encoder.encode(["a", "b"])
    assert waits == []


def test_numbers_that_are_none_are_refused(world, encoder):
    rows = [{"index": 0, "embedding": [float("nan"), 1.0, 2.0]}]
    world.answers = [ok({"data": rows})]
    with pytest.raises(ArtifactError, match="not finite"):
        Remembered(encoder).encode(["a"])


def test_a_length_that_changes_on_the_way_is_refused(world, encoder):
    world.answers = [ok(world.body(["a"] * 4)), ok({"data": [{"index": 0, "embedding": [1.0]}]})]
    with pytest.raises(ArtifactError, match=r"one length expected .*\[1, 3\]"):
        encoder.encode(["a"] * 5)


def test_what_did_not_change_is_not_sent_again(world, encoder, tmp_path, forgetful):
    disk = VectorCache(tmp_path / "v.sqlite")
    texts = [f"title {n}" for n in range(10)]
    first = Remembered(encoder, disk).encode(texts)
    world.requests.clear()
    forgetful.clear()
    np.testing.assert_array_equal(Remembered(encoder, disk).encode(texts), first)
    assert world.requests == []
    forgetful.clear()
    Remembered(encoder, disk).encode([*texts[:4], "another", *texts[5:]])
    assert world.texts == ["another"]


def test_what_was_paid_for_before_an_error_is_kept(
    world, encoder, tmp_path, forgetful, monkeypatch
):
    monkeypatch.setattr("bowerbird.encoders.pretrained.CHUNK", 4)
    disk = VectorCache(tmp_path / "v.sqlite")
    texts = [f"title {n}" for n in range(8)]
    world.answers = [ok(world.body(texts[:4])), status(400)]
    with pytest.raises(ConfigError):
        Remembered(encoder, disk).encode(texts)
    world.requests.clear()
    forgetful.clear()
    Remembered(encoder, disk).encode(texts)
    assert world.texts == texts[4:]
