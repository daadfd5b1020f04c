"""People who are held out: drawn evenly and for good, compared as chance has drawn them."""

import numpy as np
import pytest

from bowerbird.online.holdout import HELD, SHOWN, Share, arm_of, chance_of, held_out
from bowerbird.online.rules import Rules
from live_logs import DAY, HOUR, START, empty, table

RULES = Rules(as_of=START + 9 * DAY, since=START)


def shop(n_users=400, share=0.2, clicks=(0.3, 0.1), buys=(0.2, 0.1), seed=0):
    """Each user sees two lists; shown ones click and buy more; who buys spends 10.00."""
    draw = np.random.default_rng(seed)
    served, slots, seen, done = [], [], [], []
    for n in range(n_users):
        user = f"u{n}"
        arm = arm_of(user, share)
        held = arm == HELD
        for turn in range(2):
            rec, at = f"r{n}-{turn}", START + turn * DAY + n * 1_000
            served.append(
                {"rec_id": rec, "time": at, "user": user, "surface": "home", "model": "m"}
                | {"config": "c", "rung": "popular" if held else "personal", "request": rec}
                | {"arms": f'{{"holdout": "{arm}"}}'}
            )
            slots.append({"rec_id": rec, "position": 1, "item": "i1"})
            event = {"rec_id": rec, "item": "i1", "user": user, "time": at, "arrived": at}
            seen.append({"event_id": f"s{rec}", **event})
            if draw.random() < clicks[held]:
                done.append({"event_id": f"c{rec}", "type": "click", **event})
        if draw.random() < buys[held]:  # without a list: it counts all the same
            bought = {"user": user, "item": "i9", "time": at + HOUR, "arrived": at + HOUR}
            money = {"type": "purchase", "value": 1_000, "currency": "EUR"}
            done.append({"event_id": f"p{n}", **bought, **money})
            early = {**bought, "time": START - HOUR, "arrived": START - HOUR}
            done.append({"event_id": f"q{n}", **early, **money})  # before their first list
    told = {"served": served, "slots": slots, "seen": seen, "done": done, "merges": []}
    return type(empty())(**{name: table(name, rows) for name, rows in told.items()})


def test_the_same_people_are_held_out_wherever_they_ask_and_so_many():
    arms = [arm_of(f"u{n}", 0.05) for n in range(20_000)]
    assert 900 < arms.count(HELD) < 1_100  # binomial: 1000 ± 3.2 standard deviations
    assert {n for n in range(2_000) if arms[n] == HELD} <= {
        n for n in range(2_000) if arm_of(f"u{n}", 0.2) == HELD
    }
    assert {arm_of(f"u{n}", 0.0) for n in range(100)} == {SHOWN}


def test_what_lists_are_worth_is_found_and_all_that_is_spent_counts():
    frames = shop()
    told = held_out(frames, RULES, Share(0.2))
    held = sum(arm_of(f"u{n}", 0.2) == HELD for n in range(400))
    assert told["people"] == {SHOWN: 400 - held, HELD: held} and told["both"] == 0
    sales = frames.done.filter(type="purchase")
    bought = {*sales["user"]}
    shown = sum(arm_of(u, 0.2) == SHOWN for u in bought)
    figures = told["figures"]
    assert figures["buyers"][SHOWN]["numerator"] == shown
    assert figures["buyers"][HELD]["numerator"] == len(bought) - shown
    spent = figures["revenue_per_person:EUR"]
    assert spent[SHOWN]["value"] == pytest.approx(1_000 * shown / (400 - held))
    gain = figures["ctr_list"]["difference"]
    assert gain["verdict"] == "more" and gain["low"] < 0.2 < gain["high"]
    assert told["shares"]["well"] is True and told["shares"]["p"] > 0.001


def test_lists_that_are_worth_nothing_are_told_as_worth_something_by_chance_alone():
    nothing = {"clicks": (0.2, 0.2), "buys": (0.1, 0.1)}
    told = [held_out(shop(200, seed=s, **nothing), RULES, Share(0.2))["figures"] for s in range(40)]
    for name in ("ctr_list", "buyers"):
        wrong = sum(one[name]["difference"]["verdict"] in ("more", "less") for one in told)
        assert wrong <= 7, name  # binomial(40, 0.05): more are one in 500
    few = held_out(shop(n_users=40), RULES, Share(0.2))["figures"]["ctr_list"]
    assert few["difference"]["verdict"] == "too few to say"


def test_lost_people_are_noticed_where_they_are_too_many_for_chance():
    told = held_out(shop(1_000), RULES, Share(0.4))["shares"]  # half of them were lost
    assert told["well"] is False and told["found"] == pytest.approx(0.2, abs=0.04)
    assert chance_of(821_588, 815_482, 0.5) == pytest.approx(1.82e-6, rel=0.01)
    unknown = held_out(shop(), RULES, Share(None, "shares differ"))["shares"]
    assert unknown["well"] is None and unknown["why"] == "shares differ"


def test_without_a_holdout_there_is_nothing_to_say():
    told = held_out(empty(), RULES, Share(None, "none is set"))
    assert told["people"] == {SHOWN: 0, HELD: 0}
    assert told["figures"]["ctr_list"]["difference"]["verdict"] == "too few to say"
