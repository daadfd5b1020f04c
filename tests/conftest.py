"""Shapes in signatures are checked in every test; warnings are errors (pyproject.toml)."""

from jaxtyping import install_import_hook

install_import_hook("bowerbird", "beartype.beartype")
