"""Nothing that a test encodes is remembered by the next one, in memory or on disk."""

import pytest

from bowerbird.encoders import pretrained, vector_cache


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    memory: dict = {}
    monkeypatch.setattr(pretrained, "_memory", lambda: memory)
    monkeypatch.setenv(vector_cache.VARIABLE, "off")
    return memory
