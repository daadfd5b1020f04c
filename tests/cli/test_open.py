"""`bowerbird serve --open`: a browser is told the address, where there is one to see it."""

import time

from processes import Process
from servers import write


def test_the_browser_of_who_sits_there_is_told_where_the_console_is(tmp_path, monkeypatch):
    told, browser = tmp_path / "told", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {told}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    run = write(tmp_path / "first")
    for display, expected in ((None, False), (":0", True)):
        if display:
            monkeypatch.setenv("DISPLAY", display)
        else:
            monkeypatch.delenv("DISPLAY", raising=False)
            monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        with Process(run, tmp_path / "data", "--open") as server:
            ends = time.monotonic() + 10
            while expected and not told.exists() and time.monotonic() < ends:
                time.sleep(0.02)
            assert server.ask("GET", "/v1/health/live").status_code == 200
            assert told.exists() == expected
            server.stop()
    assert told.read_text() == f"{server.url}/\n"
