"""`bowerbird recompute`: a list that went out, made again from its name."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bowerbird.cli.console import out, print_json, print_table, working
from bowerbird.cli.stores import Data, Store, where_of
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.store.identity import FILE, Identity
from bowerbird.store.opened import open_store

if TYPE_CHECKING:  # not everybody has what serving needs
    from bowerbird.serving.messages import ListItem
    from bowerbird.serving.recomputed import Recomputed

DIFFERS = 10


def recompute(
    rec_id: Annotated[
        str, typer.Argument(help="The list's name, as the reply and events have it.")
    ],
    runs: Annotated[Path, typer.Argument(help="The folder of runs that is served, or the run.")],
    data: Data = "bowerbird-data",
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with all reasons.")] = False,
) -> int:
    """Make a list again that a server has given, from its name, and say whether it is the same.

    By the run that answered, over the items, the person's past and the counts of that moment, as
    far as the store still knows them. No server is needed, and none is disturbed.

    Ends with 0: the same items in the same order, those of one score in any; 10: others, and what
    may be behind that.

    [bold]Examples[/bold]

      bowerbird recompute 017f22e2-79b0-7cc3-98c4-dc0c0c07398f runs

      bowerbird recompute 017f22e2-79b0-7cc3-98c4-dc0c0c07398f runs --json
    """
    try:
        from bowerbird.serving.recomputed import Recomputing
    except ImportError as error:
        remedy = "pip install 'bowerbird[serve]'"
        raise ConfigError(f"making lists again needs {error.name}: {remedy}") from None
    if not (Path(data) / FILE).is_file():
        came = f"{data}: the folder that the server keeps expected, there is no {FILE} in it"
        raise ArtifactError(f"{came}: name its --data")
    identity = Identity.kept(Path(data))
    with closing(open_store(where_of(data, store))) as opened, working("loading the run"):
        found = Recomputing(runs, opened, identity).list(rec_id)
    if json:
        print_json(found.to_json())
    else:
        _show(found)
    return 0 if found.same else DIFFERS


def _show(found: "Recomputed") -> None:
    served, again = found.served, found.again
    rows = [[str(item.rank), item.item, f"{item.score:.4f}", _why(item)] for item in again.items]
    title = f"{served.surface} ({again.rung}), {served.model}, seed {served.seed}"
    print_table(("rank", "item", "score", "why"), rows, title)
    if again.trace is not None:
        removed = [f"{name} {count:,}" for name, count in again.trace["removed"].items() if count]
        out.print(
            f"{again.trace['candidates']:,} candidates; removed: {', '.join(removed) or 'nothing'}"
        )
    if found.same:
        out.print("the same as went out")
        return
    out.print("not the same:")
    for line in found.differs:
        out.print(f"  {line}")
    out.print("because, perhaps:")
    for line in found.why:
        out.print(f"  {line}")


def _why(item: "ListItem") -> str:
    """In a line: where from, because of what, what moved it, and whether it was drawn."""
    said = [item.source]
    if item.because:
        told = (f"{one.item} ({100 * one.share:.0f} %)" for one in item.because)
        said.append("because of " + ", ".join(told))
    said += [f"{move['by']}: {move['from'] or 'in'} → {move['to']}" for move in item.moved]
    if item.propensity < 1:
        said.append(f"drawn with propensity {item.propensity:.4f}")
    return "; ".join(said)
