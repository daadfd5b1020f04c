"""The laws of the house that a machine can check."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import bowerbird

SRC = Path(bowerbird.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
TREES = {file: ast.parse(file.read_text("utf-8")) for file in FILES}
FORBIDDEN = {"utils", "common", "helpers", "base", "core", "misc", "types", "constants", "manager"}
LINES, FUNCTION_LINES, CLASS_LINES, METHODS, PARAMETERS = 400, 40, 250, 10, 7

# A typer command's parameters are its options: they are data, as the fields of a dataclass are,
# and listing them takes lines.
COMMANDS = {
    "check",
    "create",
    "train",
    "evaluate",
    "recommend",
    "ask",
    "similar",
    "map",
    "export",
    "serve",
    "datasets",
    "quickstart",
    "doctor",
    "retrain",
    "triggers",
    "runs",
    "judge",
    "promote",
    "rollback",
    "diff",
    "recompute",
}


def _named(kind):
    return [
        pytest.param(file, node, id=f"{file.relative_to(SRC)}:{node.name}")
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, kind)
    ]


def _body_lines(node):
    """Lines from the first statement after the docstring to the last."""
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return node.end_lineno - body[0].lineno + 1


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SRC)))
def test_a_file_is_one_thing_and_says_which(file):
    text = file.read_text("utf-8")
    assert len(text.splitlines()) <= LINES
    assert ast.get_docstring(TREES[file])
    assert file.stem not in FORBIDDEN


def test_functions_are_short_and_take_few_parameters():
    for parameter in _named(ast.FunctionDef):
        file, node = parameter.values
        command = file.parent.name == "cli" and node.name in COMMANDS
        where = f"{file.relative_to(SRC)}:{node.lineno} {node.name}"
        assert _body_lines(node) <= FUNCTION_LINES, where
        arguments = [*node.args.args, *node.args.kwonlyargs]
        count = len([a for a in arguments if a.arg not in ("self", "cls")])
        assert command or count <= PARAMETERS, where


def test_classes_are_small():
    for parameter in _named(ast.ClassDef):
        file, node = parameter.values
        where = f"{file.relative_to(SRC)}:{node.lineno} {node.name}"
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
        assert node.end_lineno - node.lineno < CLASS_LINES, where
        assert len([m for m in methods if not m.name.startswith("_")]) <= METHODS, where


def test_a_folder_s_init_holds_a_docstring_only():
    for file in SRC.glob("*/__init__.py"):
        assert len(TREES[file].body) == 1, file


def test_import_is_fast_and_light():
    heavy = "torch fastapi polars scipy pydantic typer sqlalchemy implicit"
    code = f"import sys, bowerbird; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_complete_sorted_and_documented():
    names = bowerbird.__all__
    assert names == sorted(names)
    for name in names:
        thing = getattr(bowerbird, name)
        module = importlib.import_module(f"bowerbird.{bowerbird._WHERE[name]}")
        assert getattr(module, name) is thing
        assert (thing.__doc__ or "").strip()


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = bowerbird.nonsense


def test_nothing_is_unpickled():
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {"pickle", "joblib", "dill", "shelve", "marshal"} & set(names), file
