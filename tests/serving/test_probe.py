"""The share of exact lists that an index finds, and traces for those who want them."""

from dataclasses import replace

import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bowerbird.index.exact import ExactIndex
from bowerbird.serving import call
from bowerbird.serving.probe import recall
from bowerbird.serving.snapshot import Snapshot


class Forgetful(ExactIndex):
    """Finds the even rows only."""

    def search(self, queries, k, allow=None, exclude=None):
        even = np.arange(len(self)) % 2 == 0
        return super().search(queries, k, even if allow is None else allow & even, exclude)


def test_an_exact_index_finds_all_and_one_that_forgets_half_finds_half(run):
    snapshot = Snapshot.load(run)
    assert recall(snapshot) == 1.0
    retriever = snapshot.plain.retriever
    main = replace(retriever.main, index=Forgetful(retriever.main.vectors))
    plain = replace(snapshot.plain, retriever=replace(retriever, main=main))
    assert recall(replace(snapshot, plain=plain)) == pytest.approx(0.5)


def test_what_has_no_vectors_has_no_recall(tmp_path):
    from servers import write

    assert recall(Snapshot.load(write(tmp_path / "run", "cooccurrence"))) is None


def test_a_trace_has_a_span_a_request_and_names_nobody(client, monkeypatch):
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(call, "tracer", provider.get_tracer("test"))
    above = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.get("/v1/users/me@example.org/recommendations", headers={"traceparent": above})
    (span,) = spans.get_finished_spans()
    assert span.name == "GET /v1/users/{user}/recommendations"
    assert span.attributes["http.response.status_code"] == 200
    assert f"{span.context.trace_id:032x}" == above.split("-")[1]
    assert "me@example.org" not in span.to_json()
