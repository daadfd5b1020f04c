"""Some of the rounds of `benchmarks/killed.py`."""

from kills import Kills


def test_a_killed_server_has_lost_no_event_that_it_acknowledged_and_doubled_none(run, tmp_path):
    kills = Kills(run, tmp_path)
    for _ in range(2):
        kills.round()
    kills.end()
    assert not kills.faults
    assert kills.heard and kills.again and kills.lists
