"""What the documentation says is true: blocks run, links resolve, tables say what the code says."""

import ast
import doctest
import importlib.util
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

import polars as pl
import pytest

import bowerbird
from bowerbird.cli.main import run
from bowerbird.data import check as checking
from bowerbird.data.known import KNOWN
from bowerbird.data.schema import NAMES
from bowerbird.data.split import RULES
from bowerbird.data.synthetic import World
from bowerbird.retrieval.models import MODELS, estimator_of
from bowerbird.runs import recipe as recipes
from bowerbird.serving import messages
from bowerbird.serving.ladder import RUNGS
from bowerbird.serving.openapi import ALWAYS
from bowerbird.serving.roles import SCOPES
from bowerbird.surfaces import scenario
from live_facts import emptied
from processes import Process
from servers import write

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
SERVER = "postgresql://shop@localhost/shop"
"""What the pages call a database."""
SERVICE = "http://127.0.0.1:8000"
"""What they call a service."""
SERVES = "bowerbird serve "
"""How blocks begin that start a service of their own."""
SOURCES = (".py", ".js", ".css", ".html")
"""What the tree in the readme lists."""
WRITTEN = ("csv", "jsonl", "toml")
"""Languages of blocks that are a file, if they carry its name."""


@dataclass(frozen=True)
class Block:
    """```language told … ```"""

    language: str
    told: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```(\w*) ?(.*)\n((?s:.*?))^```$", page.read_text("utf-8"), re.MULTILINE)
    return [Block(*parts) for parts in found]


def section(page: str, heading: str) -> str:
    """The text below this heading, up to the next of its level."""
    text = (DOCS / page).read_text("utf-8")
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} lacks the heading {heading}"
    return found[1]


@pytest.fixture(scope="module")
def refresh():
    spec = importlib.util.spec_from_file_location("refresh", DOCS / "refresh.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder such as the pages speak of: a world in world/, its tables, and a SQLite database."""
    folder = tmp_path_factory.mktemp("docs")
    World(n_users=180, n_items=60, n_events=5000).write(folder / "world")
    for table in (folder / "world").iterdir():
        shutil.copy(table, folder)
    database = sqlite3.connect(folder / "shop.db")
    database.execute("CREATE TABLE articles (item TEXT, title TEXT)")
    rows = [(f"a{item}", f"The article {item}") for item in range(20)]
    database.executemany("INSERT INTO articles VALUES (?, ?)", rows)
    database.execute("CREATE TABLE orders (buyer TEXT, article TEXT, at TEXT, what TEXT)")
    rows = [
        (f"b{buyer}", f"a{buyer * step % 20}", f"2026-01-{step:02} 12:00", "view")
        for buyer in range(40)
        for step in range(1, 7)
    ]
    database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    quickstarted(folder)
    return folder


def quickstarted(folder):
    """Such a run as «make quickstart» leaves, with people 1, 2, 3, …; the same as runs/today."""
    rated = pl.read_parquet(folder / "events.parquet").with_columns(
        pl.col("user").str.strip_prefix("u"), pl.col("item").str.strip_prefix("i")
    )
    rated.write_parquet(folder / "rated.parquet")
    place = folder / "quickstart" / "runs" / "blend"
    told = f"train --events {folder}/rated.parquet --model ease --no-tune --out {place}"
    assert run(shlex.split(told)) == 0
    (place.parent / "current").write_text("blend\n")
    shutil.copytree(place, folder / "runs" / "today")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A process that serves a small run."""
    folder = tmp_path_factory.mktemp("served")
    process = Process(write(folder / "first"), folder / "data")
    yield process
    process.stop()


def commands(text: str) -> list[str]:
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def masked(text: str) -> list[str]:
    """Lines without their figures and names of lists: those differ between machines."""
    figure = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+"
    return [" ".join(re.sub(figure, "#", line).split()) for line in text.splitlines()]


class Servers:
    """What the blocks of a page have started with `bowerbird serve`, by port."""

    def __init__(self):
        self.at = {}

    def start(self, command):
        """At a port that is free; whatever the page had at this one has been stopped by then."""
        words = shlex.split(command)[2:]
        place = words.index("--port") if "--port" in words else None
        port = "8000" if place is None else words[place + 1]
        more = words if place is None else words[:place] + words[place + 2 :]
        if port in self.at:
            self.at[port].stop()
        self.at[port] = Process(more[0], "bowerbird-data", *more[1:])

    def spoken(self, text):
        """As the page would say it if it knew the port."""
        for port, process in self.at.items():
            text = text.replace(f"http://127.0.0.1:{port}", process.url)
        return text

    def stop(self):
        for process in self.at.values():
            process.stop()


@pytest.fixture
def servers():
    made = Servers()
    yield made
    made.stop()


def by_shell(text):
    """Blocks that ask a server, or that only a shell can run."""
    return "curl " in text or text.startswith(("echo ", "cp "))


def shell(text: str) -> str:
    """What a block says, run as a reader would."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", text], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{text}{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_one_after_another(
    page, shop, tmp_path, monkeypatch, capsys, request, servers
):
    place = tmp_path / "place"
    shutil.copytree(shop, place)
    monkeypatch.chdir(place)
    names, said = {}, ""
    for block in with_server(blocks(page), request):
        if block.language in WRITTEN and block.told:
            (place / block.told).write_text(block.text, "utf-8")
        elif block.language == "python" and block.told != "encoder":
            python(block.text, names, page.name)
        elif block.language == "sh" and block.text.startswith(SERVES):
            servers.start(block.text)
        elif block.language == "sh" and by_shell(block.text):
            said = shell(servers.spoken(block.text))
        elif block.language == "sh" and block.text.startswith("bowerbird"):
            said = ""
            for command in commands(block.text):
                expected = int(block.told.removeprefix("exits ") or 0)
                code = run(shlex.split(command)[1:])
                told = capsys.readouterr()
                said += told.out + told.err
                assert code == expected, f"{command}: {said}"
        elif block.told == "output":
            missing = [line for line in masked(block.text) if line not in masked(said)]
            assert not missing, f"{page.name} shows {missing}, but this came:\n{said}"


def with_server(some: list[Block], request) -> list[Block]:
    """Blocks that speak of a database or a service speak of one that is there."""
    own = any(block.text.startswith(SERVES) for block in some)
    for told, fixture in ((SERVER, "database"), (SERVICE, "service")):
        if any(told in block.text for block in some) and not (own and fixture == "service"):
            url = request.getfixturevalue(fixture).url
            url = emptied(url) if fixture == "database" else url
            some = [replace(block, text=block.text.replace(told, url)) for block in some]
    return some


def python(text: str, names: dict, where: str) -> None:
    """Run a block; with prompts, what it shows is compared."""
    if not text.startswith(">>>"):
        exec(compile(text, where, "exec"), names)
        return
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    parsed = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    differences = []
    runner = doctest.DocTestRunner(optionflags=options)
    runner.run(parsed, out=differences.append, clear_globs=False)
    names.update(parsed.globs)
    assert not runner.failures, "".join(differences)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    text = page.read_text("utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", text):
        if target.startswith("http"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads]
            assert anchor in slugs, f"{page.name}: {target}#{anchor}"


def test_every_page_can_be_reached_from_the_readme():
    text = (ROOT / "README.md").read_text("utf-8")
    for page in DOCS.glob("*.md"):
        assert f"docs/{page.name}" in text, page.name


def test_the_tree_in_the_readme_is_the_tree_on_disk():
    trees = [b.text for b in blocks(ROOT / "README.md") if b.text.startswith("src/bowerbird/")]
    listed, folder, around = set(), "", set()
    for line in trees[0].splitlines()[1:]:
        indent = len(line) - len(line.lstrip())
        names = [n.strip(" ,") for n in re.split(r"\s{2,}", line.strip())[0].split(", ")]
        if indent == 0:
            around.update(name.rstrip("/") for name in names)
        elif names[0].endswith("/"):
            folder = names[0]
        else:
            listed.update((folder if indent == 4 else "") + name for name in names)
    package = Path(bowerbird.__file__).parent
    files = [file for file in package.rglob("*") if file.suffix in SOURCES]
    there = {file.relative_to(package).as_posix() for file in files}
    folders_inits = {name for name in there if name.endswith("/__init__.py")}
    assert listed == there - folders_inits
    assert all((ROOT / name).exists() for name in around)


def test_pages_made_from_code_and_results_are_fresh(refresh):
    remedy = "run: python docs/refresh.py"
    assert (DOCS / "cli.md").read_text("utf-8") == refresh.command_page(), remedy
    for page in PAGES:
        text = page.read_text("utf-8")
        assert refresh.refreshed(text) == text, f"{page.name}: {remedy}"


def test_every_command_and_option_is_documented(refresh):
    for name, command in refresh.commands().items():
        told = section("cli.md", f"bowerbird {name}")
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(f"{option}" in told for option in parameter.opts), parameter.name


def test_every_recipe_key_is_documented():
    tables = {
        "Top level": recipes.Recipe,
        "[events]": recipes.EventsTable,
        "[items] and [users]": recipes.CatalogTable,
        "[quality]": recipes.QualityTable,
        "[model]": recipes.ModelTable,
        "[split]": recipes.SplitTable,
        "[scenarios.NAME]": scenario.Scenario,
    }
    for heading, table in tables.items():
        told = section("recipe.md", heading)
        for key in table.model_fields:
            assert f"`{key}`" in told, f"{heading} {key}"
    for table in (*scenario.STEPS, scenario.Exploration, scenario.RuleTable):
        for name, field in table.model_fields.items():
            assert f"`{field.alias or name}`" in (DOCS / "surfaces.md").read_text("utf-8"), name
    told = section("recipe.md", "[split]")
    for rule in RULES.values():
        assert all(f"`{field.name}`" in told for field in fields(rule)), rule


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_card_with_its_settings(name):
    card = section("models.md", name)
    for field in fields(estimator_of(name)):
        if field.init:
            row = re.search(rf"^\| `{field.name}` \| (\S+) \|", card, re.MULTILINE)
            assert row, f"{name}: {field.name}"
            default = "none" if field.default is None else field.default
            number = isinstance(default, int | float)
            assert (float(row[1]) == default) if number else (row[1] == default), field.name


def test_what_a_report_and_a_run_hold_is_documented(shop, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    tables = "--events events.parquet --items items.parquet --users users.parquet"
    models = "--models popularity --no-tune -k 5 --out"
    assert run(shlex.split(f"evaluate {tables} {models} {tmp_path}/report")) == 0
    assert run(shlex.split(f"train {tables} --model popularity --out {tmp_path}/run")) == 0
    capsys.readouterr()
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    one = report["reports"]["popularity"]
    told = (DOCS / "report.md").read_text("utf-8")
    metrics = [name.split("@")[0] + "@k" for name in [*one["means"], *one["totals"]]]
    kinds = {"user …" if s["slice"].startswith("user ") else s["slice"] for s in one["slices"]}
    for name in [
        *metrics,
        *kinds,
        *one["facts"],
        *report,
        *report["leaderboard"]["rows"][0]["cells"]["ndcg@5"],
    ]:
        assert f"`{name.replace('@5', '@k')}`" in told, name
    told = (DOCS / "run-folder.md").read_text("utf-8")
    facts = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    for name in [*facts, *facts["files"]]:
        assert f"`{name}`" in told, name


def test_every_field_rung_scope_and_status_of_the_service_is_documented():
    told = {
        "Lists": (messages.Ask, messages.RecList, messages.ListItem),
        "Events and exposures": (messages.Event, messages.Exposure),
    }
    for heading, kinds in told.items():
        for kind in kinds:
            for name in kind.__struct_fields__:
                assert f"`{name}`" in section("service.md", heading), f"{kind.__name__}.{name}"
    assert all(f"| `{rung}` |" in section("service.md", "Rungs") for rung in RUNGS)
    assert all(f"`{scope}`" in section("service.md", "Keys and scopes") for scope in SCOPES)
    conventions = section("service.md", "Conventions")
    assert all(str(status) in conventions for status in (*ALWAYS, 405, 500))


def test_every_finding_data_set_and_column_name_is_documented():
    told = (DOCS / "own-data.md").read_text("utf-8")
    for node in ast.walk(ast.parse(Path(checking.__file__).read_text("utf-8"))):
        named = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
        if named and isinstance(node.args[1], ast.Constant):
            assert f"`{node.args[1].value}`" in told, node.args[1].value
    for guesses in NAMES.values():
        assert ", ".join(f"`{guess}`" for guess in guesses) in told, guesses
    told = (DOCS / "data-sets.md").read_text("utf-8")
    for name, known in KNOWN.items():
        assert f"`{name}`" in told and known.licence in told
        assert all(f"`{wheel.name}` {wheel.version}" in told for wheel in known.wheels)


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda p: p.name)
def test_a_recipe_is_short_says_what_came_of_it_and_can_be_read(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 15
    assert re.match(r"# Validated \d{4}-\d\d-\d\d with bowerbird ", lines[0])
    assert lines[1].startswith("# Result: ")
    asked = recipes.read_recipe(path)
    assert asked.estimator() and asked.rule()
    assert Path(asked.events.path).parent.name in [*KNOWN, "world"]
    assert path.name in (DOCS / "data-sets.md").read_text("utf-8")


def test_the_encoder_of_the_contributing_page_keeps_what_every_model_promises(tmp_path):
    page = blocks(ROOT / "CONTRIBUTING.md")
    code = next(block.text for block in page if block.told == "encoder")
    line = next(block.text for block in page if '"low-rank": ' in block.text)
    name, where = re.findall(r'"([^"]+)"', line)
    module = where.split(":")[0].split(".")[-1]
    (tmp_path / f"{module}.py").write_text(code, "utf-8")
    (tmp_path / "with_encoder.py").write_text(
        "def pytest_sessionstart(session):\n"
        "    from bowerbird.retrieval.models import MODELS\n"
        f"    MODELS[{name!r}] = {where.rpartition('.')[2]!r}\n",
        "utf-8",
    )
    contract = ["-p", "with_encoder", "tests/contracts/test_models.py", "-k", name, "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *contract],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 10
