"""The page: whole, safe, self-contained."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from bowerbird.evaluation import charts
from bowerbird.evaluation.frontier import Frontier, Point
from bowerbird.evaluation.health import health_of
from bowerbird.evaluation.leaderboard import leaderboard
from bowerbird.evaluation.offline import Background, evaluate
from bowerbird.evaluation.page import headline, page
from bowerbird.evaluation.slices import Slice
from pages import Checker

EVIL = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def reports(world):
    plain = evaluate(world.recommend, world.holdout, Background.of(world.train))
    better = {**plain.values, "ndcg@10": plain.values["ndcg@10"] + 0.1}
    return {"plain": plain, "better": replace(plain, values=better)}


def test_every_word_from_outside_is_escaped(reports):
    evil = Slice(f"user {EVIL}", EVIL, 3, reports["plain"].slices[0].means)
    odd = replace(
        reports["plain"],
        slices=(*reports["plain"].slices, evil),
        facts={**reports["plain"].facts, EVIL: EVIL, "own": EVIL},
    )
    both = {"plain": reports["plain"], EVIL: odd}
    text = page(leaderboard(both, "plain", draws=50), both, EVIL, [(EVIL, [[EVIL], [EVIL]])])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 10


def test_the_page_is_whole_and_fetches_nothing(reports):
    text = page(leaderboard(reports, "plain", draws=50), reports, "Films")
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert not {"script", "img", "link", "iframe"} & checker.seen
    assert not re.search(r"https?:|url\(|@import|src=", text)
    assert "prefers-color-scheme: dark" in text


def test_the_page_says_protocol_scores_and_slices(reports):
    text = page(leaderboard(reports, "plain", draws=50), reports, "Films", [("People", [["a"]])])
    for words in ("made up", "seed 0", "NDCG@10", "By item age", "By history length", "People"):
        assert words in text, words
    assert text.count('<svg class="plot"') == 5


def test_every_drawing_is_readable_xml_with_a_title_and_a_description(reports):
    text = page(leaderboard(reports, "plain", draws=50), reports, "Films & Co")
    for drawing in re.findall(r'<svg class="plot".*?</svg>', text, flags=re.DOTALL):
        tree = ElementTree.fromstring(drawing)
        assert tree.get("role") == "img"
        assert tree[0].tag == "title"
        assert tree[0].text
        assert tree[1].tag == "desc"
        assert "plain" in tree[1].text


def test_the_headline_says_who_is_best_and_whether_that_is_sure(reports):
    sure = headline(leaderboard(reports, "plain"))
    assert sure.startswith("better has the highest NDCG@10: 0.2823 (95 % interval ")
    assert sure.endswith("That is +0.1000 over plain (+0.1000 to +0.1000).")
    beaten = headline(leaderboard(reports, "better"))
    assert "It is the baseline: no other model goes beyond it." in beaten
    noise = np.random.default_rng(0).normal(0.001, 0.2, 40)
    maybe = replace(
        reports["plain"],
        values={**reports["plain"].values, "ndcg@10": reports["plain"].values["ndcg@10"] + noise},
    )
    said = headline(leaderboard({"plain": reports["plain"], "maybe": maybe}, "plain"))
    assert said.startswith("plain") or said.endswith("which may be chance.")
    assert headline(leaderboard({"plain": reports["plain"]}, "plain")).startswith("plain: NDCG@10")


def test_one_model_without_traits_or_slices_still_makes_a_page(reports):
    bare = {"one": replace(reports["plain"], slices=(), exposure={}, facts={})}
    text = page(leaderboard(bare, "one", ["mrr@10"], draws=20), bare, "Bare")
    assert "MRR@10" in text
    assert text.count('<svg class="plot"') == 2


def test_marks_stand_where_their_values_are():
    drawing = charts.scatter({"a": (0.0, 0.0), "b": (1.0, 1.0)}, ("x", "y"), "t", "d")
    places = re.findall(r'class="mark.*?translate\(([\d.]+) ([\d.]+)\)', drawing)
    (x0, y0), (x1, y1) = [(float(x), float(y)) for x, y in places]
    assert x1 > x0
    assert y1 < y0  # on a screen, up is less


def test_labels_of_models_that_tie_do_not_cover_each_other():
    points = {f"m{i}": (0.5, 0.5) for i in range(5)}
    drawing = charts.scatter(points, ("x", "y"), "t", "d")
    heights = sorted(
        float(y) for y in re.findall(r'class="name t\d" x="[\d.]+" y="([\d.]+)"', drawing)
    )
    assert len(heights) == 5
    assert (np.diff(heights) >= 14.9).all()


def test_labels_at_the_lower_edge_are_pushed_up_and_stay_in_the_drawing():
    points = {f"m{i}": (0.5, i / 1000) for i in range(4)} | {"top": (0.1, 1.0)}
    drawing = charts.scatter(points, ("x", "y"), "t", "d")
    heights = [float(y) for y in re.findall(r'class="name t\d" x="[\d.]+" y="([\d.]+)"', drawing)]
    assert max(heights) <= 260
    assert (np.diff(sorted(heights)) >= 14.9).all()


def test_what_is_not_known_is_left_out_of_the_page(reports):
    nothing = np.full(40, np.nan)
    empty = replace(
        reports["plain"], values={"diversity@10": nothing}, totals={}, slices=(), exposure={}
    )
    text = page(leaderboard({"m": empty}, "m", draws=10), {"m": empty}, "Nothing", [("Empty", [])])
    assert "m: Diversity@10 –." in text
    assert "<svg class=" not in text


def test_a_value_that_is_not_there_is_not_drawn():
    drawing = charts.dots(["a", "b"], {"m": [0.5, float("nan")]}, "x", "t", "d")
    assert drawing.count('class="mark') == 1
    assert "nan" not in drawing


@pytest.fixture(scope="module")
def extras():
    random = np.random.default_rng(0)
    items = random.normal(size=(300, 8)).astype(np.float32)
    queries = random.normal(size=(200, 8)).astype(np.float32)
    counts = np.arange(300)
    well = health_of(items, queries, counts)
    items[:30] = 0
    ill = health_of(items, queries, counts)
    figures = ((0.0, 0.30, 0.2), (0.5, 0.299, 0.4), (1.0, 0.2, 0.6))
    points = tuple(Point(a, n, c, 0.9, 50 - 9 * c, 0.1, 0.05 * c) for a, n, c in figures)
    dial = Frontier("ndcg@10", 0.01, points, 1, 1, 2_000, (-0.001, -0.002, 0.0))
    return {"health": {"well": well, "ill": ill}, "frontiers": {"als": dial, "other": dial}}


def test_health_and_dial_have_sections_of_their_own(reports, extras):
    board = leaderboard(reports, "plain", draws=50)
    text = page(board, reports, "Films", **extras)
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    for words in (
        "<h2>Embedding health</h2>",
        "<strong>well</strong> healthy, no alarm",
        "<strong>ill</strong> not healthy, 1 alarm",
        "30 items, 0 queries",
        "A vector of zeros fits nobody",
        "<h2>Popularity dial</h2>",
        "α = 0.5: coverage +100.0 %, popularity -3.7 %, ndcg@10 -0.3 %.",
        "0.5 (chosen)",
        "New items",
    ):
        assert words in text, words
    assert text.count('<details class="lights" open>') == 1
    assert text.count('<svg class="plot"') == 7
    bare = page(board, reports, "Films")
    assert "Embedding health" not in bare
    assert "Popularity dial" not in bare


def test_the_words_of_health_and_dial_are_escaped(reports, extras):
    board = leaderboard(reports, "plain", draws=20)
    one, dial = extras["health"]["ill"], extras["frontiers"]["als"]
    text = page(board, reports, "Films", health={EVIL: one}, frontiers={EVIL: dial})
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_a_dial_without_a_figure_is_not_drawn(reports, extras):
    dial = extras["frontiers"]["als"]
    unknown = replace(dial, points=tuple(replace(p, arp=float("nan")) for p in dial.points))
    board = leaderboard(reports, "plain", draws=20)
    text = page(board, reports, "Films", frontiers={"als": unknown})
    assert text.count('<svg class="plot"') == 6
    assert ">nan<" not in text


def test_a_path_has_a_ring_at_its_start_a_dot_at_each_point_and_one_mark():
    line = [(0.0, 1.0, "start"), (1.0, 0.9, "middle"), (2.0, 0.0, "end")]
    drawing = charts.paths({"m": line}, {"m": (0, 1, "m, α 1")}, ("x", "y"), "t", "d")
    tree = ElementTree.fromstring(drawing)
    rings = [node for node in tree if node.get("class") == "ring s0"]
    dots = [node for node in tree if node.get("class") == "dot s0"]
    (mark,) = [node for node in tree if node.get("class") == "mark s0"]
    assert [node[0].text for node in rings + dots] == ["start", "middle", "end"]
    x, y = dots[0].get("cx"), dots[0].get("cy")
    assert mark.get("transform") == f"translate({x} {y})"
    assert float(rings[0].get("cy")) < float(y) < float(dots[1].get("cy"))
    assert "m, α 1" in [node.text for node in tree]
