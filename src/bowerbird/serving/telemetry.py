"""What is counted and timed of the service itself, for Prometheus. No label names people."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TYPE = "text/plain; version=0.0.4; charset=utf-8"
STEPS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Telemetry:
    """Numbers of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of = self.registry
        self.requests = Counter(
            "bowerbird_requests", "Requests answered.", ("route", "status"), registry=of
        )
        self.seconds = Histogram(
            "bowerbird_request_seconds",
            "Time of a request.",
            ("route",),
            buckets=STEPS_S,
            registry=of,
        )
        self.lists = Counter(
            "bowerbird_lists", "Lists served.", ("scenario", "rung", "model"), registry=of
        )
        self.events = Counter("bowerbird_events", "Events taken.", ("fact", "outcome"), registry=of)
        self.lag = Histogram(
            "bowerbird_ingest_seconds",
            "From an event's coming in to its being on disk.",
            buckets=STEPS_S,
            registry=of,
        )
        self.delay = Histogram(
            "bowerbird_event_delay_seconds",
            "From an event's own time to its coming in.",
            buckets=(1, 10, 60, 600, 3600, 86_400, 604_800),
            registry=of,
        )
        self.waiting = Gauge("bowerbird_served_waiting", "Lists not written yet.", registry=of)
        self.dropped = Gauge(
            "bowerbird_served_dropped", "Lists that were never written.", registry=of
        )
        self.breaker = Gauge(
            "bowerbird_store_open", "1 while the store is left alone.", registry=of
        )
        self.recall = Gauge(
            "bowerbird_index_recall",
            "Share of exact lists that the index finds.",
            ("model",),
            registry=of,
        )
        self.items = Gauge("bowerbird_items", "Items that can be shown.", registry=of)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)
