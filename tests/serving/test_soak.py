"""A few seconds of the load of `benchmarks/soak.py`."""

from processes import Process
from servers import write
from soaks import Soak


def test_under_mixed_load_runs_change_hands_and_no_request_notices(tmp_path):
    runs = tmp_path / "runs"
    for seed, name in enumerate(("one", "two")):
        write(runs / name, seed=seed)
    (runs / "current").write_text("one\n")
    with Process(runs, tmp_path / "data") as server:
        users, items = [f"u{n}" for n in range(20)], [f"i{n}" for n in range(12)]
        soak = Soak(server, ("one", "two"), users, items)
        soak.run(seconds=4, every_s=0.5, swap_s=0.5)
        server.stop()
    assert not soak.faults
    assert soak.requests["Switch"] > 1 and soak.requests["Shop"] > 1
    assert len(soak.ledger.heard) > 10
    assert max(sample.files for sample in soak.samples) < 100
