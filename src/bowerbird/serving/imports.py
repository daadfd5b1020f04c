"""Tables that somebody brings: kept while they come in, described, checked, and made a run of.

DATA/imports/<name>/events.csv, items.parquet, …   the tables, whole; before that <file>.part
DATA/imports/<name>/<file>.json                    what the file was called, its size to be
DATA/imports/<name>/choices.json, recipe.toml      what somebody has chosen; the same for commands
DATA/imports/<name>/quarantine.jsonl               broken rows of the last check
"""

import errno
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import tomli_w

from bowerbird.data.artifacts import json_lines, save_json
from bowerbird.data.looking import Look, look
from bowerbird.errors import DataError
from bowerbird.serving.problems import Problem
from bowerbird.serving.served_runs import check_folder
from bowerbird.serving.work import Work
from bowerbird.store.written import written
from bowerbird.surfaces.progress import told_in

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
FILE = re.compile(r"(events|items|users)\.(csv|tsv|parquet|jsonl|ndjson)")
ROLES = ("user", "item", "timestamp", "order", "type", "weight", "value", "rating")
MEANING = ("columns", "context", "threshold", "items", "users")
CHOICES, RECIPE, QUARANTINE, PART = "choices.json", "recipe.toml", "quarantine.jsonl", ".part"
KEPT_S = 7 * 86_400
"""An import that nobody has touched for so long goes when another one begins: it holds people."""
ROOM = 256 << 20
"""Bytes of the disk that are left to everybody else."""


class Imports:
    """Of one server."""

    def __init__(
        self, folder: Path, runs: Path, work: Work, clock: Callable[[], float], most: int
    ) -> None:
        """Imports that are kept in this folder.

        Args:
            folder: is made when it is needed.
            runs: where the runs go that are made of them.
            work: checks and trains.
            clock: seconds since 1970 UTC.
            most: bytes of one file.
        """
        self._folder, self._runs, self._work = folder, runs, work
        self._clock, self._most = clock, most

    def names(self) -> list[str]:
        """Of all there are, the newest first."""
        places = [place for place in self._folder.glob("*") if NAME.fullmatch(place.name)]
        return [p.name for p in sorted(places, key=_touched, reverse=True)]

    def told(self, name: str) -> dict[str, Any]:
        """What has come, what was chosen, how far check and training are."""
        place = self._place(name)
        check, train = (self._work.told(f"{name}.{kind}") for kind in ("check", "train"))
        findings = self._work.result(f"{name}.check")
        if isinstance(findings, list) and check["state"] == "failed":
            check |= {"state": "done", "why": None}  # it has found errors, which is its work
        return {
            "name": name,
            "touched": int(_touched(place)),
            "files": _files(place),
            "choices": told_in(place / CHOICES) or None,
            "check": check,
            "findings": findings if isinstance(findings, list) else None,
            "train": train,
            "run": train["about"].get("run"),
        }

    def open(self, name: str, file: str, span: tuple[int, int | None], called: str) -> "Piece":
        """Take a piece of a file that comes in.

        Args:
            name: of the import; a new one is made.
            file: which table, and of which format.
            span: where the piece begins, and how large the file will be, if that is known.
            called: what it is called where it comes from.

        Raises:
            Problem: it cannot be taken, and why.
        """
        if not (NAME.fullmatch(name) and FILE.fullmatch(file)):
            told = "events, items or users expected, as .csv, .tsv, .parquet, .jsonl or .ndjson"
            raise Problem(422, f"{told}, in an import named with a-z, 0-9 and -; {file!r} came")
        place, (start, total) = self._folder / name, span
        if total is not None and total > self._most:
            raise Problem(413, f"at most {self._most:,} bytes expected, {total:,} came")
        self._idle(name)
        if not place.exists():
            self._remove_old()
            place.mkdir(parents=True)
        part = place / f"{file}{PART}"
        there = part.stat().st_size if part.exists() else 0
        if start and start != there:
            raise Problem(409, f"byte {there} expected, {start} came: go on from there")
        if shutil.disk_usage(place).free - ((total or 0) - start) < ROOM:
            raise Problem(507, "room on the disk of the server expected, there is not enough")
        self._work.forget(f"{name}.check")
        with written(place / f"{file}.json") as partial:
            save_json(partial, {"called": called[:256], "total": total})
        return Piece(part, start, total, self._most)

    def look(self, name: str, file: str) -> Look:
        """A first look at one of its files.

        Raises:
            Problem: there is none.
            DataError: it cannot be read.
        """
        place = self._place(name)
        if not FILE.fullmatch(file) or not (place / file).is_file():
            raise Problem(404, f"a file of {name} that is whole expected, {file!r} came")
        return look(place / file, file.partition(".")[0])  # type: ignore[arg-type]  # FILE says so

    def choose(self, name: str, choices: dict[str, Any]) -> None:
        """Keep what somebody has chosen; what was checked under another meaning is forgotten."""
        before = told_in(self._place(name) / CHOICES)
        if any(before.get(key) != choices.get(key) for key in MEANING):
            self._work.forget(f"{name}.check")
        with written(self._place(name) / CHOICES) as partial:
            save_json(partial, choices)

    def check(self, name: str) -> None:
        """Look at all of it, in a process of its own.

        Raises:
            Problem: there is nothing to look at, or something is under way.
        """
        place = self._place(name)
        self._idle(name)
        recipe = self._recipe(place)
        self._work.begin(f"{name}.check", ["check", recipe, "--json"], {"import": name})

    def train(self, name: str) -> None:
        """Make a run of it, in a process of its own; one at a time.

        Raises:
            Problem: there is nothing to learn from, or something is under way.
            ConfigError: one run is served, not a folder of runs.
        """
        place = self._place(name)
        check_folder(self._runs)
        for other in {name, *self.names()}:
            self._idle(other)
        recipe, run = self._recipe(place), self._free(name)
        words: list[str | Path] = ["train", recipe, "--out", self._runs / run, "--json"]
        self._work.begin(f"{name}.train", words, {"import": name, "run": run})

    def stop(self, name: str) -> bool:
        """End what is under way; was there anything?"""
        self._place(name)
        return any([self._work.stop(f"{name}.{kind}") for kind in ("check", "train")])

    def broken(self, name: str, most: int) -> list[dict[str, Any]]:
        """Rows that the last check has set aside."""
        path = self._place(name) / QUARANTINE
        with suppress(OSError):
            return list(islice(json_lines(path), most))
        return []

    def remove(self, name: str) -> None:
        """Its files go; a run that was made of it stays.

        Raises:
            Problem: there is none, or something is under way.
        """
        place = self._place(name)
        self._idle(name)
        shutil.rmtree(place, ignore_errors=True)
        for kind in ("check", "train"):
            self._work.forget(f"{name}.{kind}")

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name) or not (self._folder / name).is_dir():
            raise Problem(404, f"an import expected, {name!r} is not there")
        return self._folder / name

    def _idle(self, name: str) -> None:
        for kind, what in (("check", "checked"), ("train", "trained on")):
            if self._work.told(f"{name}.{kind}")["state"] == "running":
                raise Problem(409, f"{name} is being {what}: wait for the end, or stop it")

    def _free(self, name: str) -> str:
        """A name for the run; that of a training that did not end goes on with it."""
        before = self._work.told(f"{name}.train")
        run: str = before["about"].get("run", name)
        number = 1
        while (self._runs / run).exists():
            number += 1
            run = f"{name}-{number}"
        return run

    def _recipe(self, place: Path) -> Path:
        files = {file.split(".")[0]: file for file, told in _by_file(place).items() if told}
        choices = told_in(place / CHOICES)
        if "events" not in files:
            raise Problem(409, "a file of events that is whole expected, there is none yet")
        if not choices:
            raise Problem(409, "what the columns mean was not said yet: PUT it first")
        with written(place / RECIPE) as partial:
            partial.write_text(tomli_w.dumps(_told(files, choices, place)), "utf-8")
        return (place / RECIPE).resolve()

    def _remove_old(self) -> None:
        for name in self.names():
            if self._clock() - _touched(self._folder / name) > KEPT_S:
                with suppress(Problem):
                    self.remove(name)


class Piece:
    """A part of a file that is being written."""

    def __init__(self, part: Path, start: int, total: int | None, most: int) -> None:
        self._part, self._total, self._most = part, total, most
        self.size = start
        self._file = part.open("r+b" if start else "wb")
        self._file.seek(start)

    def add(self, chunk: bytes) -> None:
        """More of it.

        Raises:
            Problem: it is too much, or the disk is full.
        """
        if self.size + len(chunk) > (self._most if self._total is None else self._total):
            self.close()
            told = self._most if self._total is None else self._total
            raise Problem(413, f"at most {told:,} bytes expected, more came")
        try:
            self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            self.close()
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise Problem(507, "room on the disk of the server expected, it is full") from error
        self.size += len(chunk)

    def close(self) -> None:
        """What is there stays, to go on from."""
        self._file.close()

    def end(self) -> bool:
        """No more comes with this piece; is the file whole now?

        Raises:
            DataError: nothing came at all.
        """
        if self._total is not None and self.size < self._total:
            self.close()
            return False
        os.fsync(self._file.fileno())
        self.close()
        whole = self._part.with_name(self._part.name.removesuffix(PART))
        if not self.size:
            raise DataError(f"{whole.name}: a header and at least one row expected, it is empty")
        self._part.replace(whole)
        for other in whole.parent.glob(f"{whole.stem}.*"):
            if other.name not in (whole.name, f"{whole.name}.json"):
                other.unlink()  # the same table, brought before in another format
        return True


def _by_file(place: Path) -> dict[str, bool]:
    """The tables that are there, and whether each is whole."""
    found = {p.name.removesuffix(PART) for p in place.iterdir()}
    return {name: (place / name).is_file() for name in sorted(found) if FILE.fullmatch(name)}


def _files(place: Path) -> list[dict[str, Any]]:
    files = []
    for name, whole in _by_file(place).items():
        path = place / (name if whole else f"{name}{PART}")
        told = told_in(place / f"{name}.json")
        size = path.stat().st_size
        called = told.get("called") or name
        files.append({"file": name, "called": called, "size": size, "whole": whole,
                      "total": told.get("total") or size})  # fmt: skip
    return files


def _told(files: dict[str, str], choices: dict[str, Any], place: Path) -> dict[str, Any]:
    """As a recipe says it. What is not chosen is not guessed either: «» is no column."""
    columns = choices.get("columns", {})
    events = {"path": files["events"], **{role: columns.get(role) or "" for role in ROLES}}
    if choices.get("context"):
        events["context"] = choices["context"]
    if choices.get("threshold") is not None:
        events["threshold"] = choices["threshold"]
    told: dict[str, Any] = {"events": events}
    for table in ("items", "users"):
        if table in files:
            about = {k: v for k, v in (choices.get(table) or {}).items() if v}
            told[table] = {"path": files[table], **about}
    told["quality"] = {
        "unknown_items": "keep" if choices.get("keep_unknown", True) else "error",
        "max_broken": 1.0 if choices.get("without_broken") else 0.0,
        "quarantine": str((place / QUARANTINE).resolve()),
    }
    model = {"name": choices.get("model") or "auto", "budget": choices.get("budget")}
    told["model"] = {key: value for key, value in model.items() if value}
    return told


def _touched(place: Path) -> float:
    moments = [file.stat().st_mtime for file in (place, *place.iterdir())]
    return max(moments)
