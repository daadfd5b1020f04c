"""The page of a verdict: whole, safe, self-contained, and it says what the verdict says."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from bowerbird.runs.gate import POPULAR, decide
from bowerbird.runs.gate_page import gate_page
from bowerbird.runs.policy import Policy
from gates import draws, model, report
from pages import Checker

EVIL = '<script>alert("x")</script>'
N = 600


@pytest.fixture(scope="module")
def refused():
    values, new = draws(N), np.arange(N) < 100
    parts = {"history length: 0": new, EVIL: ~new, "few": np.arange(N) < 10}
    old = model(values, parts)
    lost = model(np.where(new, 0, values), parts, coverage=0.1)
    baselines = {POPULAR: report(values * 0.5), EVIL: report(values)}
    verdict = decide(lost, old, baselines, Policy(draws=400))
    return replace(verdict, facts={EVIL: EVIL})


@pytest.fixture(scope="module")
def first():
    return decide(model(draws(N) + 0.1), None, {POPULAR: report(draws(N))}, Policy(draws=400))


def test_the_page_is_whole_and_fetches_nothing(refused, first):
    for verdict in (refused, first):
        text = gate_page(verdict, "Monday against Friday")
        checker = Checker()
        checker.feed(text)
        assert checker.open == []
        assert not {"script", "img", "link", "iframe"} & checker.seen
        assert not re.search(r"https?:|url\(|@import|src=", text)
        assert "prefers-color-scheme: dark" in text


def test_every_word_from_outside_is_escaped(refused):
    text = gate_page(refused, EVIL)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_the_words_come_first_and_what_failed_before_the_rest(refused):
    text = gate_page(refused, "t")
    head = text[: text.index("In pictures")]
    assert "Keep what answers now: a check failed." in head
    assert "history length: 0 (100 people) -100.0%" in head
    assert head.count("<li>") == sum(not check.passed for check in refused.checks)
    assert "▲ lost" in text
    assert "too few" in text


def test_the_pictures_are_drawn_with_margins_and_squares_for_what_failed(refused):
    drawings = re.findall(r'<svg class="plot".*?</svg>', gate_page(refused, "t"), flags=re.DOTALL)
    assert len(drawings) == 3
    for drawing in drawings:
        tree = ElementTree.fromstring(drawing)
        assert [tree[0].tag, tree[1].tag] == ["title", "desc"]
        assert tree[0].text
        assert tree[1].text
    gain, _, slices = drawings
    assert ">margin</text>" in gain
    assert ">equal</text>" in gain
    assert slices.count('<polygon class="mark s1"') == 1
    assert slices.count('<circle class="mark s0"') == 1  # the handful is in the table only


def test_a_first_model_has_no_champion_to_be_drawn_beside(first):
    text = gate_page(first, "t")
    assert "Promote: every check passed." in text
    assert text.count('<svg class="plot"') == 1
    assert "challenger minus champion" not in text
