"""What every benchmark does: run a command as its own process, time and weigh it, keep the figures.

A result is one JSON file: figures, bars, command lines, versions, machine, seed, commit, protocol.
Nothing large is imported here, since a child starts with its parent's peak memory on the books.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SCRATCH = ROOT / "benchmarks" / "out"
PEERS = ROOT / "benchmarks" / "peers"


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has ended well."""

    out: str
    seconds: float
    cpu: float  # seconds of all its threads, which others on the machine change little
    peak_mb: float  # of its resident memory

    def cost(self) -> dict[str, float]:
        """For the result file."""
        seconds = {"seconds": round(self.seconds, 2), "cpu_seconds": round(self.cpu, 2)}
        return {**seconds, "peak_mb": round(self.peak_mb)}


@dataclass(slots=True)
class Bench:
    """One benchmark while it runs: its scratch folder and the commands it has called."""

    name: str
    data: Path
    scorer: Path
    seed: int = 0
    commands: list[str] = field(default_factory=list)
    source: dict[str, Any] = field(default_factory=lambda: commit())  # as it was at the start

    @property
    def scratch(self) -> Path:
        """Where its files go, apart from any other run's; removed at the end."""
        return SCRATCH / f"{self.name}-{os.getpid()}"

    def bowerbird(self, *arguments: object) -> Done:
        """Run the installed command line, as a user would."""
        return self.run(Path(sys.executable).with_name("bowerbird"), *arguments)

    def python(self, *arguments: object) -> Done:
        """Run a script or a line of Python in a process of its own."""
        return self.run(sys.executable, *arguments)

    def run(self, *arguments: object) -> Done:
        """Run a command in the scratch folder.

        Raises:
            SystemExit: it failed; its last words are told.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        words = [str(argument) for argument in arguments]
        self.commands.append(self.plain(" ".join(words)))
        print(f"  {self.commands[-1]}", flush=True)
        out, err = self.scratch / ".stdout", self.scratch / ".stderr"
        start = time.perf_counter()
        with out.open("wb") as stdout, err.open("wb") as stderr:
            child = subprocess.Popen(words, cwd=self.scratch, stdout=stdout, stderr=stderr)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)  # so that nobody waits again
        seconds = time.perf_counter() - start
        if child.returncode:
            sys.exit(f"{self.commands[-1]}\nended with {child.returncode}:\n{err.read_text()}")
        unit = 1 if sys.platform == "darwin" else 1024
        cpu = usage.ru_utime + usage.ru_stime
        return Done(out.read_text("utf-8"), seconds, cpu, usage.ru_maxrss * unit / 1e6)

    def plain(self, text: str) -> str:
        """A command line that says nothing of where this machine keeps its files."""
        cache = os.environ.get("BOWERBIRD_CACHE", str(Path.home() / ".cache" / "bowerbird"))
        names = {
            f"{self.scratch}{os.sep}": "",
            str(self.scratch): ".",
            str(self.data): "DATA",
            str(self.scorer): "score.py",
            cache: "CACHE",
            str(ROOT): ".",
            str(Path(sys.executable).with_name("bowerbird")): "bowerbird",
            sys.executable: "python",
            str(Path.home()): "~",
        }
        for long, short in names.items():
            text = text.replace(long, short)
        return text

    def keep(
        self,
        figures: dict[str, Any],
        protocol: dict[str, Any],
        bars: list[dict[str, Any]] | None = None,
    ) -> None:
        """Write the result file and tell the bars; the scratch folder goes."""
        from bowerbird.runs.run import versions

        result = {
            "benchmark": self.name,
            "date": datetime.now(UTC).date().isoformat(),  # noqa: TID251  a result has a date
            "commit": self.source,
            "machine": machine(),
            "versions": versions(),
            "seed": self.seed,
            "protocol": protocol,
            "bars": bars or [],
            "figures": figures,
            "commands": self.commands,
        }
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        again = f"-seed-{self.seed}" if self.seed else ""
        (RESULTS / f"{self.name}{again}.json").write_text(text, "utf-8")
        for bar in bars or []:
            verdict = "reached" if bar["reached"] else "MISSED"
            print(f"  {bar['what']}: {bar['got']:.4f}, bar {bar['at_least']}: {verdict}")
        shutil.rmtree(self.scratch, ignore_errors=True)


def environment(peer: str) -> Path:
    """The Python of a peer's environment, made where there is none or its list has changed."""
    folder, wanted = SCRATCH / "peers" / peer, PEERS / f"{peer}.txt"
    python, made = folder / "bin" / "python", folder / wanted.name
    if made.is_file() and made.read_bytes() == wanted.read_bytes():
        return python
    print(f"  making an environment for {peer} (minutes) ...", flush=True)
    for words in (
        (sys.executable, "-m", "venv", "--clear", folder),
        (python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted),
    ):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"no environment for {peer}:\n{done.stdout}{done.stderr}")
    shutil.copyfile(wanted, made)
    return python


def with_tests() -> None:
    """Let what tests start and watch be imported: servers, databases, clients."""
    sys.path.append(str(ROOT / "tests"))


def bar(what: str, got: float, at_least: float) -> dict[str, Any]:
    """A figure that has to be reached."""
    return {"what": what, "got": got, "at_least": at_least, "reached": got >= at_least}


def commit() -> dict[str, Any]:
    """Which source was measured, and whether it was as committed."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "pyproject.toml")
    return {"id": git("rev-parse", "HEAD") or None, "dirty": bool(changed)}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    facts: dict[str, Any] = {"system": platform.system(), "cores": os.cpu_count()}
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    facts["memory_gb"] = round(pages / 1e9, 1)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    facts["cpu"] = models[0] if models else platform.processor()
    facts["load_before"] = round(os.getloadavg()[0], 1)
    return facts


def parser(about: str, names: list[str]) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    options = argparse.ArgumentParser(description=about)
    if names:
        options.add_argument("--only", choices=names, action="append", help="may be repeated")
    options.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of data sets"
    )
    options.add_argument(
        "--scorer",
        type=Path,
        default=ROOT.parent / "shared" / "bench" / "score.py",
        help="script that scores a file of lists: --recs --truth --train",
    )
    options.add_argument("--seed", type=int, default=0)
    return options


def begin(name: str, options: argparse.Namespace, needs: list[str]) -> Bench | None:
    """A benchmark with an empty scratch folder; None, and why, where its data is not there."""
    bench = Bench(name, options.data.resolve(), options.scorer.resolve(), options.seed)
    needed = [bench.data / need for need in needs]
    needed += [bench.scorer] if needs else []
    missing = [path for path in needed if not path.exists()]
    if missing:
        told = ", ".join(bench.plain(str(path)) for path in missing)
        print(f"{name}: skipped: no {told}; say where with --data and --scorer")
        return None
    shutil.rmtree(bench.scratch, ignore_errors=True)
    bench.scratch.mkdir(parents=True)
    print(f"{name}:", flush=True)
    return bench


def run_all(
    about: str, benchmarks: Mapping[str, tuple[Callable[[Bench], None], list[str]]]
) -> None:
    """Run the benchmarks that were asked for, or all.

    Args:
        about: what they measure, for --help.
        benchmarks: name → what measures it, and the data sets it needs.
    """
    options = parser(about, list(benchmarks)).parse_args()
    for name in options.only or benchmarks:
        measure, needs = benchmarks[name]
        bench = begin(name, options, needs)
        if bench is not None:
            measure(bench)
