"""Several models beside a baseline."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.bootstrap import resampled_means
from bowerbird.evaluation.leaderboard import leaderboard
from bowerbird.evaluation.offline import Background, evaluate


@pytest.fixture(scope="module")
def reports(world):
    plain = evaluate(world.recommend, world.holdout, Background.of(world.train), (3, 10))
    better = {**plain.values, "ndcg@10": plain.values["ndcg@10"] + 0.1}
    noise = np.random.default_rng(0).normal(0, 0.2, 40)
    noisy = {**plain.values, "ndcg@10": plain.values["ndcg@10"] + noise - noise.mean()}
    return {
        "plain": plain,
        "better": replace(plain, values=better),
        "noisy": replace(plain, values=noisy),
    }


def test_rows_are_best_first_and_gains_are_over_the_baseline(reports):
    board = leaderboard(reports, "plain")
    assert board.metrics[0] == "ndcg@10"
    assert board.rows[0].model == "better"
    cell = board.row("better").cells["ndcg@10"]
    assert (cell.gain, cell.gain_low, cell.gain_high) == pytest.approx((0.1, 0.1, 0.1))
    assert cell.sure is True
    assert board.row("noisy").cells["ndcg@10"].sure is False


def test_a_gain_and_an_interval_are_those_of_the_reports_themselves(reports):
    board = leaderboard(reports, "plain", ["ndcg@10", "coverage@10"], seed=3, draws=500)
    cell = board.row("noisy").cells["ndcg@10"]
    plain, noisy = reports["plain"], reports["noisy"]
    assert (cell.low, cell.high) == pytest.approx(noisy.interval("ndcg@10", 3, 500))
    gain = noisy.gain(plain, "ndcg@10", 3, 500)
    assert (cell.gain, cell.gain_low, cell.gain_high) == pytest.approx(gain)


def test_the_baseline_gains_nothing_and_a_total_has_no_interval(reports):
    board = leaderboard(reports, "plain", ["ndcg@10", "coverage@10"])
    assert board.row("plain").cells["ndcg@10"].gain is None
    assert board.row("plain").cells["ndcg@10"].sure is None
    cell = board.row("better").cells["coverage@10"]
    assert (cell.mean, cell.low, cell.gain, cell.sure) == (pytest.approx(30 / 26), None, None, None)


def test_it_is_plain_json(reports):
    board = leaderboard(reports, "plain", draws=50)
    said = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert [row["model"] for row in said["rows"]] == [row.model for row in board.rows]
    assert said["rows"][0]["cells"]["ndcg@10"]["sure"] is True
    assert (said["baseline"], said["draws"]) == ("plain", 50)


def test_unknown_names_list_the_valid_ones(reports):
    with pytest.raises(ConfigError, match="baseline: one of plain, better, noisy expected"):
        leaderboard(reports, "popular")
    with pytest.raises(ConfigError, match=r"metric: one of ndcg@3.*'auc' came"):
        leaderboard(reports, "plain", ["auc"])
    with pytest.raises(ConfigError, match="metrics: at least one expected"):
        leaderboard(reports, "plain", [])
    with pytest.raises(ConfigError, match="model: one of better"):
        leaderboard(reports, "plain", draws=10).row("popular")


def test_reports_of_other_users_cannot_stand_beside(reports):
    other = replace(reports["better"], users=reports["better"].users[::-1])
    with pytest.raises(DataError, match="'other' is on others"):
        leaderboard({"plain": reports["plain"], "other": other}, "plain")


def test_memory_limits_of_the_bootstrap_change_nothing(monkeypatch):
    values = np.random.default_rng(0).random((50, 2))
    values[::7, 1] = np.nan
    whole = resampled_means(values, seed=5, draws=100)
    monkeypatch.setattr("bowerbird.evaluation.bootstrap.CELLS", 120)
    np.testing.assert_allclose(resampled_means(values, seed=5, draws=100), whole)
    assert whole.std(axis=0) == pytest.approx(np.nanstd(values, axis=0) / 50**0.5, rel=0.25)


def test_a_column_of_nothing_has_no_interval(reports):
    nothing = np.full(40, np.nan)
    empty = replace(reports["plain"], values={**reports["plain"].values, "diversity@10": nothing})
    board = leaderboard({"plain": empty}, "plain", ["diversity@10"])
    cell = board.rows[0].cells["diversity@10"]
    assert (cell.mean, cell.low, cell.high) == (None, None, None)
