"""What finds the items of a surface: the model asked another way, or what counts and reads."""

from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.encoders.content import Content
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.trending import newest, trending
from bowerbird.errors import ConfigError
from bowerbird.retrieval.alike import Alike, LastSession
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.retrieval.searched import Searched, text_encoder
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.scenario import Scenario
from bowerbird.surfaces.strict import seconds_of

Fitted = MutableMapping[str, Any]
"""What was fitted for surfaces of a run, by what it is: it outlives changes of the catalog."""
BASKET = CoOccurrence(damping=0.3, backward=1.0, decay=1.0, window=10)
"""What goes with what: whoever came first, and every item of a basket counts alike."""


def retriever_of(run: Run, scenario: Scenario, model: Retriever, fitted: Fitted) -> Retriever:
    """What finds the items of a surface that does not ask the model about a person.

    Args:
        run: with the catalog that is to be shown.
        scenario: which of its surfaces.
        model: of the run, over that catalog.
        fitted: what was fitted for it before; what has to be fitted now is put there.

    Raises:
        ConfigError: a setting does not fit the data.
    """
    data, segment, days = run.data, scenario.segment, scenario.days
    made: dict[str, Callable[[], Retriever]] = {
        "similar": lambda: Alike.over(model),
        "next": lambda: LastSession(model, seconds_of(scenario.idle, "idle")),
        "goes-with": lambda: _goes_with(data, scenario, fitted),
        "search": lambda: _search(run, fitted),
        "popular": lambda: VectorRetriever.over(
            Popularity(days if data.dated else None, segment=segment).fit(data), data.catalog
        ),
        "new": lambda: VectorRetriever.over(newest(data, segment), data.catalog),
        "trending": lambda: VectorRetriever.over(trending(data, days, segment), data.catalog),
    }
    if scenario.surface not in made:
        raise ConfigError(f"a surface that gives items expected, {scenario.surface} came")
    return made[scenario.surface]()


def _goes_with(data: Dataset, scenario: Scenario, fitted: Fitted) -> Retriever:
    key = f"goes-with {scenario.types}"
    found: Retriever | None = fitted.get(key)
    if found is not None:
        return found
    log = data.log
    if scenario.types:
        unknown = sorted(set(scenario.types) - set(log.type_names))
        if unknown or log.types is None:
            valid, came = ", ".join(log.type_names), ", ".join(unknown or scenario.types)
            raise ConfigError(f"types: some of {valid} expected, {came} came")
        codes = [log.type_names.index(name) for name in scenario.types]
        log = log.where(np.isin(log.types, codes))
    made = fitted[key] = BASKET.fit(data.with_log(log))
    return made


def _search(run: Run, fitted: Fitted) -> Retriever:
    """By the model's own reading, else by reading the catalog now."""
    reader = text_encoder(run.fitted) or fitted.get("search")
    if reader is None:
        reader = fitted["search"] = Content(blend=1.0).fit(run.data)
    return Searched.over(reader, run.data.catalog)
