"""The rows behind a figure add up to it, and open harmlessly in a spreadsheet."""

import polars as pl
import pytest

from bowerbird.errors import ConfigError
from bowerbird.online.report import report
from bowerbird.online.rows import harmless, rows
from bowerbird.online.rules import Rules
from live_logs import DAY, START, empty, simulated

RULES = Rules(as_of=START + 60 * DAY, view_through_s=3_600)


@pytest.mark.parametrize("by", [(), ("surface",), ("arm:colour", "day"), ("position",), ("item",)])
def test_rows_add_up_to_the_figure_in_every_group(by):
    frames = simulated(120, 4, 900, 25, 8, seed=6)
    groups = report(frames, RULES, by)["groups"][1 if by else 0 :]
    group = groups[len(groups) // 2]
    where = {name: None if v is None else str(v) for name, v in group["group"].items()}
    for name, figure in group["figures"].items():
        made = rows(frames, RULES, name, where)
        if name == "median_ms_to_click":
            assert made["numerator"].median() == figure["value"]
        else:
            assert made["numerator"].sum() == figure["numerator"], name
        if figure["denominator"] is not None:
            assert made["denominator"].sum() == figure["denominator"], name
        if "unit" in made.columns and figure["denominator"] is not None:
            assert made["unit"].n_unique() == figure["users"], name


def test_rows_name_the_list_the_place_and_the_event():
    frames = simulated(120, 4, 900, 25, 8, seed=6)
    made = rows(frames, RULES, "ctr_slot", {"surface": "home"})
    assert {"rec_id", "position", "item", "unit", "time"} <= {*made.columns}
    lists = frames.served.filter(pl.col("surface") == "home")["rec_id"]
    assert made.height and made["rec_id"].is_in(lists.implode()).all()
    made = rows(frames, RULES, "revenue:EUR:click", {"surface": "home"})
    sold = frames.done.filter(pl.col("type").is_in(["purchase", "refund"]))
    assert made.height and made["event_id"].is_in(sold["event_id"].implode()).all()
    assert made["credited"].is_in(lists.implode()).all()


def test_what_belongs_to_no_list_is_asked_for_with_null():
    made = rows(simulated(seed=6), RULES, "conversions:purchase:none", {"surface": None})
    assert made.height and made["credited"].is_null().all()
    assert rows(simulated(seed=6), RULES, "ctr_list", {"surface": "nowhere"}).is_empty()


def test_an_unknown_metric_is_told_with_those_there_are():
    with pytest.raises(ConfigError, match="'ctr' came: lists_served, .*ctr_list"):
        rows(empty(), RULES, "ctr")


def test_cells_that_a_spreadsheet_would_run_are_made_text():
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    cells = [*evil, "a=1", "", None]
    frame = pl.DataFrame({"item": cells, "unit": cells[::-1], "value": range(-4, 5)})
    made = harmless(frame)
    assert made["item"].to_list() == [*(f"'{cell}" for cell in evil), "a=1", "", None]
    assert made["unit"].to_list() == made["item"].to_list()[::-1]
    assert made["value"].to_list() == [*range(-4, 5)]
