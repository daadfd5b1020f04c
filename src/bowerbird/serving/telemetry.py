"""What is counted and timed of the service itself, for Prometheus. No label names people."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TYPE = "text/plain; version=0.0.4; charset=utf-8"
STEPS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
DELAYS_S = (1.0, 10.0, 60.0, 600.0, 3600.0, 86_400.0, 604_800.0)


class Telemetry:
    """Numbers of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered.", "route", "status")
        self.seconds = self._times("request_seconds", "Time of a request.", STEPS_S, "route")
        self.lists = self._counter("lists", "Lists served.", "scenario", "rung", "model")
        self.events = self._counter("events", "Events that came in.", "fact", "outcome")
        told = "Events that were taken, by whether the catalog has their item."
        self.met = self._counter("event_items", told, "known")
        self.lag = self._times("ingest_seconds", "From coming in to being on disk.", STEPS_S)
        told = "From the time of a batch's oldest event to its coming in."
        self.delay = self._times("event_delay_seconds", told, DELAYS_S)
        self.waiting = self._gauge("served_waiting", "Lists that are not written yet.")
        self.dropped = self._gauge("served_dropped", "Lists that were never written.")
        self.breaker = self._gauge("store_left_alone", "1 while the store is not asked.")
        self.recall = self._gauge("index_recall", "Share of exact lists found.", "model")
        self.items = self._gauge("items", "Items that can be shown.")
        self.quarantined = self._gauge("quarantined", "Live events that do not count.", "reason")

        told = "Since the run that answers was trained."
        self.age = self._gauge("run_age_seconds", told)
        self.retrain = self._gauge("retrain", "1 for what the last retrain came to.", "state")
        self.trigger = self._gauge("trigger", "What may make a retrain due.", "trigger")
        self.limit = self._gauge("trigger_limit", "From where on it does.", "trigger")
        self.fired = self._gauge("trigger_fired", "1 where it does.", "trigger")
        self.alerts = self._gauge("alerts", "What somebody should know, so far.", "kind")

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"bowerbird_{name}", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"bowerbird_{name}", told, labels, registry=self.registry)

    def _times(self, name: str, told: str, steps: tuple[float, ...], *labels: str) -> Histogram:
        of = self.registry
        return Histogram(f"bowerbird_{name}", told, labels, buckets=steps, registry=of)
