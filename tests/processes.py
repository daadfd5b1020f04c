"""`bowerbird serve` as a process of its own, for tests of what a process does."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import httpx2

COMMAND = [sys.executable, "-c", "from bowerbird.cli.start import main; main()", "serve"]


class Serving:
    """Started at a port that is free; stopped or killed in the end."""

    def __init__(self, run, data, *options, port=0):
        words = [*COMMAND, str(run), "--data", str(data), "--port", str(port), "--rate", "1000000"]
        self.lines = []
        self.process = subprocess.Popen(
            [*words, *options], stderr=subprocess.PIPE, text=True, env={**os.environ}
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self._url()
        except AssertionError:
            self.__exit__()
            raise
        self.port = int(self.url.rpartition(":")[2])

    def ask(self, method, path, **told):
        return httpx2.request(method, f"{self.url}{path}", timeout=30, **told)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """As a service manager does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self._reader.join(5)
        self.process.stderr.close()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def _url(self):
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            for line in list(self.lines):
                if found := re.search(r"(http://\S+)/v1", line):
                    return found[1]
            time.sleep(0.02)
        raise AssertionError(f"it does not listen: {''.join(self.lines)[-2000:]}")
