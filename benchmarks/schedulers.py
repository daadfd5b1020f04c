"""The files of deploy/retrain/, each run by its scheduler: `python benchmarks/schedulers.py`.

A small shop whose events are of the last days, and four nights: the new run is promoted; it is kept
out; nothing has happened, which is refused; there is no run to go on from, which is an error. Each
scheduler is installed in an environment of its own and is asked afterwards what came of it. cron is
a shell with the line of the crontab; Kubernetes is a shell with the command of the container, and
what its job controller does with exit codes is said again by `tests/schedulers.py`; the CronJob as
a whole is checked against the published schema.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, environment, parser, with_tests

NAME = "schedulers"
PLAN = """[retrain]
window = "2d"
shadow = 20
[gate]
margin = 0.1
least_people = {least}
draws = 200
"""
INSTALLED = {"airflow": "apache-airflow", "dagster": "dagster", "prefect": "prefect"}
VERSION = "from importlib.metadata import version; print(version({!r}))"
CHECKED = """
import sys, yaml, kubernetes_validate as k
told = yaml.safe_load(open(sys.argv[1]))
k.validate(told, k.latest_version(), strict=True)
print(k.latest_version())
"""


def shop(folder: Path) -> None:
    """A shop six days after its first run, as of now."""
    from retrains import DAY, made

    now = int(time.time())  # noqa: TID251  the command line has no other moment either
    shop = made(folder, newest=now - 60)
    for day in range((now - shop.begin) // DAY + 1):
        shop.live(day)
    shop.store.close()
    (shop.runs / "retrain.toml").write_text(PLAN.format(least=50), "utf-8")


def kept(folder: Path) -> None:
    """A gate that asks for more people than there are."""
    (folder / "runs" / "retrain.toml").write_text(PLAN.format(least=100_000), "utf-8")


def refused(folder: Path) -> None:
    """Nothing has happened since."""
    shutil.rmtree(folder / "data")


def failed(folder: Path) -> None:
    """No run to go on from."""
    shutil.rmtree(folder / "runs" / "first")
    (folder / "runs" / "current").unlink()


NIGHTS: dict[str, Callable[[Path], None]] = {
    "promoted": lambda folder: None,
    "kept champion": kept,
    "refused": refused,
    "failed": failed,
}


def measured(bench: Bench) -> None:
    """Each scheduler through the four nights."""
    with_tests()
    from nightly import EXPECTED, laid, ran_by

    pythons = {name: environment(name) for name in INSTALLED}
    program = Path(sys.executable).with_name("bowerbird")
    shop(bench.scratch / "shop")
    told: dict[str, dict[str, Any]] = {}
    right = 0
    for name, expected in EXPECTED.items():
        told[name] = {}
        for night, change in NIGHTS.items():
            place = bench.scratch / f"{name}-{night.split()[0]}"
            shutil.copytree(bench.scratch / "shop", place)
            change(place)
            laid(place, program)
            came = ran_by(name, place, str(pythons.get(name, "")))
            told[name][night] = came.to_json()
            right += came == expected[night]
            print(f"  {name}, {night}: {came}", flush=True)
            shutil.rmtree(place)
    nights = sum(len(expected) for expected in EXPECTED.values())
    figures = {"came": told, "schedulers": versions(pythons), "schema of Kubernetes": schema()}
    bars = [bar("nights that ended as they should", right, nights)]
    bench.keep(figures, {"a night": "the shop anew, one run of the file, waits shortened"}, bars)


def versions(pythons: dict[str, Path]) -> dict[str, str]:
    """Of each scheduler that was installed."""
    return {name: said(pythons[name], VERSION.format(of)) for name, of in INSTALLED.items()}


def schema() -> str:
    """The version whose schema the CronJob keeps."""
    from nightly import FILES

    return said(environment("kubernetes"), CHECKED, FILES / "cronjob.yaml")


def said(python: Path, code: str, *more: object) -> str:
    """What a line of Python prints there."""
    words = [str(python), "-c", code, *map(str, more)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Run the benchmark."""
    bench = begin(NAME, parser(__doc__ or "", []).parse_args(), [])
    if bench is not None:
        bench.commands.append("python benchmarks/schedulers.py")
        measured(bench)


if __name__ == "__main__":
    main()
