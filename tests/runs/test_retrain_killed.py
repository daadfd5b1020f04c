"""A retrain that is killed: the run that answers is the old one or the new one, and it goes on."""

import random
import shutil
import time

import pytest

from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.run_folder import load_run
from retrains import made, retraining


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A shop after four days, and what comes of it if nobody is killed."""
    folder = tmp_path_factory.mktemp("shop")
    shop = made(folder / "shop")
    for day in range(4):
        shop.live(day)
    shop.store.close()
    whole = shutil.copytree(folder / "shop", folder / "whole")
    began = time.monotonic()
    child = retraining(whole, 3)
    assert child.wait(120) == 0
    took = time.monotonic() - began
    name = Registry(whole / "runs").current()
    return folder / "shop", load_run(whole / "runs" / name).facts, name, took


@pytest.mark.parametrize("seed", range(1))
def test_it_goes_on_and_ends_as_if_it_had_never_been_killed(prepared, tmp_path, seed):
    source, facts, name, took = prepared
    folder = shutil.copytree(source, tmp_path / "shop")
    rng, registry = random.Random(seed), Registry(folder / "runs")
    for _ in range(3):
        child = retraining(folder, 3)
        time.sleep(rng.uniform(0.3, 1.0) * took)
        child.kill()
        child.wait(60)
        current = registry.current()
        assert current in ("first", name)
        load_run(folder / "runs" / current)  # whole, by its hashes
    child = retraining(folder, 3)
    assert child.wait(120) == 0
    if registry.current() == name:
        found = load_run(folder / "runs" / name).facts
        assert found["files"] == facts["files"]
    names = [line.run for line in registry.audit() if line.what == "promoted"]
    assert set(names) == {name} and registry.current() == name
