"""Several models as one, under one name: which parts, with what settings, how much each counts."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.random_share import RandomShare
from bowerbird.data.split import LeaveOneOut
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.blend import KIND, BlendEncoder, Terms, log_popularity
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.session import Session
from bowerbird.encoders.stored import stored
from bowerbird.encoders.turned import plain
from bowerbird.errors import ArtifactError, BowerbirdError, ConfigError
from bowerbird.index.chosen import exact_index
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.models import MODELS, load_fitted, seeded
from bowerbird.retrieval.retriever import Retriever, Scorer, VectorRetriever
from bowerbird.retrieval.weighing import Evidence

_PART = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:\(([^()]*)\))?\s*(?:,|$)")
_SETTING = re.compile(r'\s*(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,\s]+)\s*(?:,|$)')
LEARNED = "learned"
SEVERAL = ("blend", "auto")
"""Names that cannot be parts."""
ASKED = 20
"""Items, as if they were new, that tell whether a part places what is new."""
SMALL = 4_000
"""Items, at most, for which EASE is among the parts that nobody had to ask for."""


@dataclass(frozen=True, slots=True)
class Blend:
    """score(q, i) = Σ_p weight_p · evidence_p(q, i) + (popularity - discount) · ℓ_i.

    Encoders are standardised and laid end to end: one space, one index (`BlendEncoder`). What has
    no vectors is fused with them (`Fused`). Weights that are not given are those under which
    everyone's last event is likeliest, the parts being fitted without it.
    """

    parts: str = "auto"  # "als, content(dim=64)"; auto: the fast ones that suit the data
    weights: str = "learned"  # "1, 0.4", one a part; learned: on validation
    popularity: float | None = None  # slope of ℓ = log(1 + count); None: learned with the weights
    unmet: float = 1.0  # times the score of what nobody has met; learned with the weights
    discount: float = 0.0  # α, taken from the slope: holds the popular back
    fetch: int = 200  # candidates of each part
    dim: int = 0  # project the joined vectors onto so many directions; 0 keeps all
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", str(self.weights))  # one number may come as a number
        if not 0 <= self.discount < np.inf:
            raise ConfigError(f"discount ≥ 0 expected (0: none), {self.discount} came")
        if self.popularity is not None and not np.isfinite(self.popularity):
            raise ConfigError(f"a finite popularity expected, {self.popularity} came")
        if not 0 < self.unmet < np.inf:
            raise ConfigError(f"unmet > 0 expected (1: as it is), {self.unmet} came")
        if self.fetch < 1 or self.dim < 0 or self.seed < 0:
            came = f"{self.fetch}, {self.dim} and {self.seed} came"
            raise ConfigError(f"fetch ≥ 1, dim ≥ 0 and seed ≥ 0 expected, {came}")
        names, weights = [name for name, _ in parsed(self.parts)], self.given()
        if weights and len(weights) != len(names):
            raise ConfigError(
                f"weights: {len(names)} numbers expected, one a part, {self.weights!r} came"
            )

    def given(self) -> tuple[float, ...]:
        """The weights that are given, one a part; none: they are to be learned.

        Raises:
            ConfigError: they are not numbers ≥ 0, or all are 0.
        """
        if self.weights.strip() == LEARNED:
            return ()
        try:
            weights = tuple(float(told) for told in self.weights.split(",") if told.strip())
        except ValueError:
            weights = (-1.0,)
        if not weights or not (min(weights) >= 0 and 0 < sum(weights) < np.inf):
            raise ConfigError(
                f"weights: numbers ≥ 0, one above 0, with commas between expected,"
                f" {self.weights!r} came"
            )
        return weights

    def estimators(self, data: Dataset) -> dict[str, Estimator]:
        """Name → estimator of every part, in order."""
        told = parsed(self.parts) or tuple((name, {}) for name in suited(data))
        return {name: seeded(name, self.seed, **settings) for name, settings in told}

    def fit(
        self,
        data: Dataset,
        session: Session = Session(),  # noqa: B008  frozen
    ) -> BlendEncoder | Fused:
        """Learn the weights, if none are given, then fit every part on everything.

        Raises:
            BowerbirdError: what a part raises that was asked for by name.
        """
        settled, parts = self, self.estimators(data)
        if not self.given():
            settled, parts = self._learned(data, parts, session)
        fitted = []
        for name, part in parts.items():
            session.say(f"fitting {name}")
            known = replace(session.part(name), validation=None, budget_s=None)  # epochs are given
            fitted.append(fit_with(part, data, known))
        return settled.assembled(fitted, data)

    def settled(
        self,
        parts: Mapping[str, Estimator],
        weights: Sequence[float],
        popularity: float,
        unmet: float = 1.0,
    ) -> "Blend":
        """The same with these parts and these weights; parts of weight 0 are left out."""
        kept = [name for name, weight in zip(parts, weights, strict=True) if weight > 0]
        told = ", ".join(f"{w:.6g}" for w in weights if w > 0)
        return replace(
            self,
            parts=described({name: parts[name] for name in kept}),
            weights=told,
            popularity=float(f"{popularity:.6g}"),
            unmet=float(f"{unmet:.4g}"),
        )

    def assembled(
        self, fitted: Sequence[Encoder | Retriever], data: Dataset
    ) -> BlendEncoder | Fused:
        """One model from parts that were fitted on this data, in the order of the weights.

        Encoders only: an encoder. Otherwise a retriever, in which the encoders are one part.
        """
        slope = (self.popularity or 0.0) - self.discount
        pairs = list(zip(fitted, self.given(), strict=True))
        vectors = [(part, weight) for part, weight in pairs if isinstance(part, Encoder)]
        others = [(part, w) for part, w in pairs if isinstance(part, Scorer)]
        alone = not others
        main = None
        if vectors:
            parts, weights = zip(*vectors, strict=True)
            terms = Terms(slope if alone else 0.0, self.unmet, self.dim)
            main = BlendEncoder.of(self, parts, weights, data, terms)
            if alone:
                return main
        each = np.array([weight for _, weight in others], dtype=np.float32)
        return Fused(
            estimator=self,
            main=None if main is None else VectorRetriever.over(main, data.catalog),
            others=tuple(part for part, _ in others),
            weights=each,
            level=log_popularity(data),
            slope=slope,
            fetch=self.fetch,
        )

    def variants(self, data: Dataset) -> tuple["Blend", ...]:
        """Itself: its weights are learned, and its parts choose for themselves."""
        return (self,)

    @classmethod
    def load(cls, folder: Path) -> BlendEncoder | Fused:
        """What `save` wrote.

        Raises:
            ArtifactError: a part is missing, or of another kind than expected.
        """
        estimator, arrays = stored(folder, KIND, cls)
        count = len(arrays["weights"])
        parts: list[Any] = [load_fitted(folder / f"part-{place}") for place in range(count)]
        if "mean.0" in arrays:
            return BlendEncoder.load(estimator, parts, arrays)
        main = None
        if "vectors" in arrays:
            encoder: Any = load_fitted(folder / "vectors")
            if not isinstance(plain(encoder), BlendEncoder):
                raise ArtifactError(f"joined encoders expected in {folder}: train again")
            vectors = arrays["vectors"]
            main = VectorRetriever(encoder, vectors, exact_index(vectors))
        rest = (arrays["weights"], arrays["level"], float(arrays["slope"][0]))
        return Fused(estimator, main, tuple(parts), *rest, estimator.fetch)

    def _learned(
        self, data: Dataset, parts: Mapping[str, Estimator], session: Session
    ) -> tuple["Blend", dict[str, Estimator]]:
        """The weights, and the parts that count; equal ones where too little is there to learn."""
        rule = LeaveOneOut(seed=self.seed) if data.ordered else RandomShare(seed=self.seed)
        train, holdout = rule.split(data)
        fitted: dict[str, Any] = {}
        for name, part in parts.items():
            session.say(f"weighing {name}")
            try:
                fitted[name] = fit_with(
                    part, train, replace(session.part(name), validation=holdout)
                )
            except BowerbirdError:
                if parsed(self.parts):  # it was asked for
                    raise
        scorers = [as_scorer(part, train) for part in fitted.values()]
        evidence = Evidence.of(scorers, holdout, train)
        places = range(len(fitted))
        asked = self.popularity is None
        weights = evidence.weights(places, np.ones(len(holdout), dtype=bool), asked)
        if not weights[:-1].any():
            weights[:-1], weights[-1] = 1, 0
        slope = weights[-1] if self.popularity is None else self.popularity
        used = {name: part.estimator for name, part in fitted.items()}
        unmet = evidence.unmet(weights, placing(list(fitted.values()), train))
        made = self.settled(used, [float(w) for w in weights[:-1]], float(slope), unmet)
        kept = [name for name, w in zip(used, weights[:-1], strict=True) if w > 0]
        return made, {name: used[name] for name in kept}


def fit_with(estimator: Estimator, data: Dataset, session: Session) -> Any:  # noqa: ANN401  a model
    """Fit, and let those that take long be followed."""
    fit: Any = estimator.fit
    return fit(data, session) if takes_session(estimator) else fit(data)


def takes_session(estimator: Estimator) -> bool:
    """Is it trained, step by step, so that it can be followed and stopped?"""
    return not isinstance(estimator, Blend) and "session" in signature(estimator.fit).parameters


def suited(data: Dataset) -> list[str]:
    """The fast models that this data has something for."""
    met = int(np.count_nonzero(data.item_counts()))
    names = ["cooccurrence", "als"]
    if met <= SMALL:
        names.append("ease")
    elif not data.ordered:
        names.append("graph-filter")
    return [*names, *(["content"] if data.catalog.fields else [])]


def as_scorer(fitted: Encoder | Retriever, data: Dataset) -> Scorer:
    """A part by itself, as it is in a blend: an encoder standardised, a scorer as it is."""
    if isinstance(fitted, Encoder):
        return VectorRetriever.over(BlendEncoder.of(None, [fitted], [1.0], data), data.catalog)
    if not isinstance(fitted, Scorer):
        raise ConfigError(f"a part that scores any item expected, {type(fitted).__name__} came")
    return fitted


def placing(fitted: Sequence[Encoder | Retriever], data: Dataset) -> list[int]:
    """Which of them place an item that they have never heard of, by what is written on it.

    Found out by asking, with some items under other names.
    """
    if not data.catalog.fields:
        return []
    rows = np.argsort(-data.item_counts(), kind="stable")[:ASKED]
    names = Vocabulary(tuple(f"\0{row}" for row in rows))
    twins = Catalog(names, {n: column.take(rows) for n, column in data.catalog.fields.items()})
    found = [isinstance(part, Encoder) and _places(part, twins) for part in fitted]
    return [place for place, there in enumerate(found) if there]


def _places(part: Encoder, catalog: Catalog) -> bool:
    return bool(np.isfinite(part.encode_items(catalog)).all(axis=1).any())


def parsed(told: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Names and settings of the parts; none for «auto», which depends on the data.

    Raises:
        ConfigError: it cannot be read, names no model, a model twice, or a blend.

    >>> parsed("cooccurrence, als(dim=8, alpha=1.0)")
    (('cooccurrence', {}), ('als', {'dim': 8, 'alpha': 1.0}))
    """
    parts: dict[str, dict[str, Any]] = {}
    rest = "" if told.strip() == "auto" else told
    while rest.strip():
        part = _PART.match(rest)
        name = part.group(1) if part else rest
        if not part or name not in MODELS or name in SEVERAL or name in parts:
            names = ", ".join(name for name in MODELS if name not in SEVERAL)
            raise ConfigError(
                f"parts: some of {names}, each once, with settings as in als(dim=64) expected,"
                f" {rest.strip()!r} came"
            )
        parts[name] = _settings(name, part.group(2) or "")
        rest = rest[part.end() :]
    return tuple(parts.items())


def described(parts: Mapping[str, Estimator]) -> str:
    """The same as text: each part with those settings that are not its defaults.

    >>> described(dict(als=seeded("als", 0, dim=8), ease=seeded("ease", 0)))
    'als(dim=8), ease'
    """
    told = []
    for name, part in parts.items():
        normal: dict[str, Any] = asdict(seeded(name, 0))
        own: dict[str, Any] = asdict(part)
        changed = [f"{key}={json.dumps(v)}" for key, v in own.items() if v != normal[key]]
        told.append(f"{name}({', '.join(changed)})" if changed else name)
    return ", ".join(told)


def _settings(name: str, told: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    rest = told
    while rest.strip():
        found = _SETTING.match(rest)
        if not found:
            raise ConfigError(f"parts: settings of {name} as in dim=64 expected, {rest!r} came")
        settings[found.group(1)] = _value(found.group(2))
        rest = rest[found.end() :]
    return settings


def _value(told: str) -> Any:  # noqa: ANN401  whatever a setting may be
    try:
        value = json.loads(told)
    except ValueError:
        return told
    return tuple(value) if isinstance(value, list) else value
