"""A process that writes is killed at a random moment: a few rounds of benchmarks/crash.py."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL expected")
def test_what_a_killed_writer_had_accepted_is_there_once(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    crash = importlib.import_module("crash")
    ledger = crash.Ledger()
    for round_ in range(3):
        crash.one_round(tmp_path, round_, seed=1, ledger=ledger)
    assert not ledger.problems
    assert len(ledger.accepted) >= 3
    assert crash.integrity(tmp_path) == "ok"


def test_the_rounds_would_find_what_is_lost_doubled_or_torn(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    crash = importlib.import_module("crash")
    from bowerbird.store.opened import open_store

    store = open_store(tmp_path)
    store.facts.record(crash.events_of("0-0-1"))
    store.facts.record(crash.events_of("0-0-2")[:-1])
    store.close()
    ledger = crash.Ledger()
    crash.look(tmp_path, 0, {"0-0-1", "0-0-9"}, ledger)
    assert any("0-0-9 was accepted, and is not whole" in told for told in ledger.problems)
    assert any("9 events of batch 0-0-2" in told for told in ledger.problems)
    assert any("0-0-2 was taken a second time" in told for told in ledger.problems)
