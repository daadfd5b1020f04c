"""Every model by its name: what recipes and run folders say, and where the class is.

Names map to text, not to classes, so that nothing is imported before it is asked for.
"""

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from bowerbird.data.artifacts import ESTIMATOR, load_json
from bowerbird.data.dataset import Catalog
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.turned import TURN, TurnedEncoder
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.index.index import Index
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever

MODELS: dict[str, str] = {
    "popularity": "bowerbird.encoders.popularity:Popularity",
    "cooccurrence": "bowerbird.retrieval.cooccurrence:CoOccurrence",
    "ease": "bowerbird.retrieval.ease:Ease",
    "graph-filter": "bowerbird.retrieval.graph_filter:GraphFilter",
    "als": "bowerbird.encoders.als:Als",
    "content": "bowerbird.encoders.content:Content",
    "blend": "bowerbird.retrieval.blend:Blend",
    "sequence": "bowerbird.encoders.transformer:Transformer",
    "two-tower": "bowerbird.encoders.two_tower:TwoTower",
}

FAST = ("popularity", "cooccurrence", "ease", "graph-filter", "als", "content")
"""Those that count and solve: what is compared where nobody says which."""


def estimator_of(name: str, /, **settings: Any) -> Estimator:  # noqa: ANN401  each model has its own
    """The estimator of this name with these settings; the rest keep their defaults.

    Raises:
        ConfigError: no such model, no such setting, or a value it cannot mean.

    >>> estimator_of("als", dim=8).dim
    8
    """
    if name not in MODELS:
        raise ConfigError(f"model one of {', '.join(MODELS)} expected, {name!r} came")
    module, _, attribute = MODELS[name].partition(":")
    estimator: Any = getattr(import_module(module), attribute)
    valid = [field.name for field in fields(estimator) if field.init]
    unknown = [setting for setting in settings if setting not in valid]
    if unknown:
        raise ConfigError(
            f"settings of model {name} among {', '.join(valid)} expected,"
            f" {', '.join(map(repr, unknown))} came"
        )
    try:
        made: Estimator = estimator(**settings)
    except TypeError as error:
        came = ", ".join(f"{key} = {value!r}" for key, value in settings.items())
        raise ConfigError(
            f"model {name}: numbers and words as settings expected, {came}"
        ) from error
    return made


def name_of(fitted: Any) -> str:  # noqa: ANN401  an encoder or a retriever; neither says estimator
    """The name of the model that this was fitted by; its class where it has none.

    >>> from bowerbird.encoders.popularity import Popularity
    >>> from bowerbird.data.synthetic import World
    >>> name_of(Popularity().fit(World(n_users=5, n_items=9, n_events=20).make().dataset))
    'popularity'
    """
    made = type(getattr(fitted, "estimator", fitted))
    named = {where: name for name, where in MODELS.items()}
    return named.get(f"{made.__module__}:{made.__qualname__}", made.__name__)


def seeded(name: str, seed: int, /, **settings: Any) -> Estimator:  # noqa: ANN401  as above
    """`estimator_of` with this seed, where the model takes one and the settings name none."""
    made = estimator_of(name, **settings)
    if "seed" in settings or not hasattr(made, "seed"):
        return made
    return estimator_of(name, **settings, seed=seed)


def settings_in(told: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that were read from JSON, which knows lists only, as an estimator has them.

    >>> settings_in({"parts": ["als", "content"]})
    {'parts': ('als', 'content')}
    """
    return {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}


def saved_estimator(folder: Path) -> Estimator:
    """What the model in this folder was fitted by, with the settings that were found.

    Raises:
        ArtifactError: the folder is missing, damaged, or of another version.
    """
    facts = load_json(folder / ESTIMATOR)
    if not isinstance(facts, dict) or "kind" not in facts:
        raise ArtifactError(f"a kind of model expected in {folder / ESTIMATOR}: train again")
    settings = settings_in({key: value for key, value in facts.items() if key != "kind"})
    try:
        return estimator_of(str(facts["kind"]), **settings)
    except ConfigError as error:
        raise ArtifactError(
            f"a model of this version expected in {folder / ESTIMATOR}: {error}; train again"
        ) from error


def load_fitted(folder: Path) -> Encoder | Retriever:
    """The fitted model that was saved in this folder, whatever it is.

    Raises:
        ArtifactError: the folder is missing, damaged, or of another version.
    """
    fitted = saved_estimator(folder).load(folder)
    if not isinstance(fitted, Encoder | Retriever):
        raise ArtifactError(f"an encoder or a retriever expected in {folder}: train again")
    if not (folder / TURN).is_file():
        return fitted
    if not isinstance(fitted, Encoder):
        raise ArtifactError(f"no {TURN} beside a model without vectors expected in {folder}")
    return TurnedEncoder.load(fitted, folder)


def encoder_of(fitted: Encoder | Retriever) -> Encoder | None:
    """What makes the vectors of a model; None where it has none in one space."""
    if isinstance(fitted, Fused):
        return None if fitted.main is None else fitted.main.encoder
    return fitted if isinstance(fitted, Encoder) else None


def as_retriever(
    fitted: Encoder | Retriever, catalog: Catalog, index: Index | None = None
) -> Retriever:
    """What answers queries: a retriever as it is, an encoder with an index behind it.

    Args:
        fitted: what an estimator's `fit` returned.
        catalog: what can be found.
        index: of the vectors of its first items; None: an exact one is made.
    """
    if isinstance(fitted, Fused):
        return fitted.over(catalog, index)
    return VectorRetriever.over(fitted, catalog, index) if isinstance(fitted, Encoder) else fitted
