"""How the run that answers is kept current, as numbers for Prometheus."""

from collections import Counter

from bowerbird.serving.service import Service

MOST = 1_000_000
"""Alerts that are counted."""


def kept_current(service: Service) -> None:
    """Set the gauges to what the files of retraining say now."""
    telemetry, retraining = service.telemetry, service.retraining
    current = service.current
    made = current.snapshot.run.facts.get("trained_at") if current.there else None
    if made is not None:
        telemetry.age.set(service.now_ms() / 1000 - made)
    telemetry.retrain.clear()
    telemetry.retrain.labels(retraining.progress()["state"]).set(1)
    for trigger in retraining.triggers().get("triggers", []):
        name = trigger["name"]
        telemetry.fired.labels(name).set(trigger["fired"])
        for gauge, key in ((telemetry.trigger, "value"), (telemetry.limit, "limit")):
            if trigger[key] is not None:
                gauge.labels(name).set(trigger[key])
    kinds = Counter(str(alert.get("kind")) for alert in retraining.alerts(MOST))
    for kind, count in kinds.items():
        telemetry.alerts.labels(kind).set(count)
