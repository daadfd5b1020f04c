"""One run for all tests of the service, and a service of its own for each."""

import pytest

from servers import serving, write


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture
def client(run, tmp_path):
    with serving(run, tmp_path) as client:
        yield client
