"""Shapes in signatures are checked in every test; warnings are errors (pyproject.toml)."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

import bowerbird
from databases import Server

os.environ["BOWERBIRD_VECTOR_CACHE"] = "off"  # a test leaves nothing in the reader's home

# The import hook checks what it can: beartype cannot read Polars' data types as hints (their
# `|` makes text of another form), so files that name them in signatures are left to mypy.
_FILES = Path(bowerbird.__file__).parent.rglob("*.py")
_CHECKED = [
    ".".join(
        ("bowerbird", *file.relative_to(Path(bowerbird.__file__).parent).with_suffix("").parts)
    )
    for file in _FILES
    if "pl.DataType" not in file.read_text("utf-8")
]
install_import_hook(
    [name for name in _CHECKED if not name.endswith("__init__")], "beartype.beartype"
)


@pytest.fixture(scope="session")
def database():
    """A PostgreSQL server with pgvector, one for each process that tests."""
    server = Server()
    yield server
    server.remove()
