"""A run made once more from what it was made from: the same bytes, or what is not the same."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bowerbird.data.defence import Defence
from bowerbird.data.split import ByTime
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.evaluation.health import Limits
from bowerbird.runs.candidate import Candidate, Say, code_digest, made
from bowerbird.runs.plan import Plan
from bowerbird.runs.policy import Policy
from bowerbird.runs.snapshot import taken
from bowerbird.runs.starting import Start
from bowerbird.store.identity import Identity
from bowerbird.store.store import Store
from bowerbird.surfaces.run_folder import load_facts, load_run


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it."""

    run: str
    data: tuple[str, str]  # hashes of the snapshot: then, and now
    files: dict[str, bool]  # of the run folder: is it the same, byte by byte?
    code: bool  # was it made by this very code?

    @property
    def same(self) -> bool:
        """All of it."""
        return self.data[0] == self.data[1] and all(self.files.values())


def replayed(runs: Path, name: str, store: Store, identity: Identity, say: Say) -> Replayed:
    """Make a run of a retrain again, beside it, and compare.

    The log is as of the moment of then; of items a store holds the newest state only, and people
    who were deleted since are in no snapshot any more, so the data may differ: it is told.

    Args:
        runs: the folder of runs; the one it came from must be there, too.
        name: of a run that `retrain` made.
        store: what was retrained from.
        identity: of its server.
        say: told what is done.

    Raises:
        ConfigError: it was not made by a retrain.
        ArtifactError: it or the run before is missing or damaged.
    """
    facts = load_facts(runs / name)
    about = facts.get("snapshot")
    if about is None:
        came = f"{name} was made by «bowerbird train»: give the same command once more"
        raise ConfigError(f"a run that «bowerbird retrain» made expected, {came}")
    if not (runs / facts["parent"]).is_dir():
        came = f"{facts['parent']}, which {name} came from, is not there any more"
        raise ArtifactError(f"{runs}: {came}: keep more runs ([retrain] keep)")
    plan, before = _plan(facts["plan"]), load_run(runs / facts["parent"])
    say("the snapshot of then")
    found = taken(before, store, identity, plan.rules, about["as_of_ms"])
    split = ByTime(at=about["cut"]).split(found.data)
    told = (plan, about, facts["champion"], Start.of(facts))
    asked = Candidate(before, split.train, found.data, *told)
    with TemporaryDirectory(prefix=".replay-", dir=runs) as place:
        folder = Path(place) / name
        made(folder, asked, Path(place) / "unfinished", facts["trained_at"], say)
        again = load_facts(folder)["files"]
    files = {file: again.get(file) == hash for file, hash in facts["files"].items()}
    data = (about["data"], found.facts["data"])
    return Replayed(name, data, files, facts["code"] == code_digest())


def _plan(told: dict[str, Any]) -> Plan:
    """As run.json has it."""
    policy, limits, rules = (told[name] for name in ("policy", "limits", "rules"))
    made = {**told, "policy": Policy.of(policy), "limits": Limits.of(limits)}
    sales = tuple(rules["sales"])
    return Plan(**{**made, "rules": Defence(**{**rules, "sales": sales})})
