"""One run for all tests of the service, a service of its own for each, and a browser."""

from pathlib import Path

import pytest

from servers import serving, write

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-quic"
)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture
def client(run, tmp_path):
    with serving(run, tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def chromium():
    """A browser for all tests; each has a profile of its own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("no chromium is there")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()
