"""What was chosen, kept until the run is whole: a killed training does not choose again.

Apart from the run because it is read only by the same command, given once more.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from bowerbird.data.artifacts import load_json, save_json, whole
from bowerbird.data.dataset import Dataset
from bowerbird.encoders.encoder import Estimator
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.session import mark_of
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.retrieval.blend import Blend, takes_session
from bowerbird.retrieval.models import MODELS, estimator_of, settings_in
from bowerbird.runs.auto import Auto
from bowerbird.runs.tune import Choice, Terms, settings_of

FILE = "chosen.json"


@dataclass(frozen=True, slots=True)
class Settled:
    """The choice of one command, in the folder of its unfinished work; None keeps nothing."""

    path: Path | None
    mark: str  # what was asked, and the data

    @classmethod
    def of(cls, estimator: Estimator | Auto, data: Dataset, terms: Terms) -> "Settled":
        """Of what takes long to choose: where models are trained, or stand against each other."""
        folder = terms.session.checkpoints
        if folder is None or not takes_long(estimator):
            return cls(None, "")
        asked = (terms.seed, terms.k, terms.fixed, terms.session.budget_s)
        mark = f"{mark_of(estimator, data)} {asked}"
        return cls(folder / FILE, hashlib.sha256(mark.encode()).hexdigest())

    def save(self, choice: Choice, fallback: Popularity) -> None:
        """Keep it, whole or not at all."""
        if self.path is None:
            return
        scores = [[settings, None if math.isnan(s) else s] for settings, s in choice.scores]
        facts = {
            "mark": self.mark,
            "model": _name(choice.estimator),
            "settings": settings_of(choice.estimator),
            "fallback": settings_of(fallback),
            "scores": scores,
            "users": choice.users,
            "k": choice.k,
            "why": dict(choice.why),
        }
        with whole(self.path) as partial:
            save_json(partial, facts)

    def load(self) -> tuple[Choice, Popularity] | None:
        """What was chosen, and how popularity is counted; None where nothing fits.

        Raises:
            ArtifactError: the file is there and cannot be read.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            facts = load_json(self.path)
            if facts["mark"] != self.mark:
                return None
            estimator = estimator_of(facts["model"], **settings_in(facts["settings"]))
            scores = [(told, math.nan if s is None else float(s)) for told, s in facts["scores"]]
            numbers = (int(facts["users"]), int(facts["k"]))
            choice = Choice(estimator, tuple(scores), *numbers, dict(facts["why"]))
            return choice, Popularity(**facts["fallback"])
        except (ArtifactError, ConfigError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"the settings that were chosen expected in {self.path}, it is damaged"
                f" ({error}): remove it, and the same command chooses them anew"
            ) from error


def takes_long(estimator: Estimator | Auto) -> bool:
    """Is something trained, or weighed against something else, before it can be settled?"""
    if isinstance(estimator, Auto):
        return True
    return takes_session(estimator) or (isinstance(estimator, Blend) and not estimator.given())


def _name(estimator: Estimator) -> str:
    made = type(estimator)
    path = f"{made.__module__}:{made.__qualname__}"
    return next(name for name, where in MODELS.items() if where == path)
