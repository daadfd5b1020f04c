"""A run, and a real process that serves it."""

import pytest

from processes import Process
from servers import write


@pytest.fixture(scope="session")
def process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    process = Process(write(folder / "first"), folder / "data")
    yield process
    process.stop()
