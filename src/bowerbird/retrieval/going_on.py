"""A model fitted from where another ended; of a blend, each part from its own.

Apart from the encoders since parts of a blend may be retrievers, which stand on this floor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bowerbird.data.dataset import Dataset
from bowerbird.encoders.blend import BlendEncoder
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.session import Session
from bowerbird.encoders.turned import plain
from bowerbird.encoders.warm import Warm
from bowerbird.retrieval.blend import Blend, fit_with
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.models import encoder_of, name_of
from bowerbird.retrieval.retriever import Retriever


@dataclass(frozen=True, slots=True)
class GoneOn:
    """A model, and which parts of it did not begin where another had ended."""

    fitted: Any  # an encoder or a retriever
    warm: bool  # did any part?
    full: Mapping[str, str]  # part → why it was fitted in full


def fit_on(
    estimator: Estimator, before: Encoder | Retriever, data: Dataset, session: Session
) -> GoneOn:
    """Fit, beginning with what `before` has learned wherever that can be.

    Args:
        estimator: what is fitted.
        before: a model of the same settings, fitted on earlier data.
        data: to learn from, all of it: what is old is not forgotten.
        session: told what is done; where checkpoints are kept.
    """
    if not isinstance(estimator, Blend) or not estimator.given():
        fitted, why = _one(estimator, before, data, session)
        return GoneOn(fitted, why is None, {} if why is None else {name_of(estimator): why})
    known, fitted, full = parts_of(before), [], dict[str, str]()
    for name, part in estimator.estimators(data).items():
        own = replace(session.part(name), validation=None, budget_s=None)  # epochs are given
        made, why = _one(part, known.get(name), data, own)
        fitted.append(made)
        full |= {} if why is None else {name: why}
    return GoneOn(estimator.assembled(fitted, data), len(full) < len(fitted), full)


def parts_of(fitted: Encoder | Retriever) -> dict[str, Encoder | Retriever]:
    """The parts of a blend by the names of their models; none of what is no blend."""
    encoder = encoder_of(fitted)
    inner = None if encoder is None else plain(encoder)
    parts: list[Any] = list(inner.parts) if isinstance(inner, BlendEncoder) else []
    parts += fitted.others if isinstance(fitted, Fused) else ()
    return {name_of(part): part for part in parts}


def _one(
    estimator: Estimator, before: Encoder | Retriever | None, data: Dataset, session: Session
) -> tuple[Any, str | None]:
    """A model, and why it was fitted in full, if it was."""
    if not isinstance(estimator, Warm):
        return fit_with(estimator, data, session), "it is counted or solved, not trained"
    own: Any = plain(before) if isinstance(before, Encoder) else before
    if own is None or type(own.estimator) is not type(estimator):
        return fit_with(estimator, data, session), "the run before has no such model"
    why = estimator.obstacle(own, data)
    if why is not None:
        return fit_with(estimator, data, session), why
    session.say("going on from the model of before")
    return estimator.fit_from(own, data, session), None
