"""The service as a process of its own, and what its store holds."""

import os
import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from queue import Queue

import httpx2

from bowerbird.store.opened import open_store

COMMAND = Path(sys.executable).with_name("bowerbird")
PATIENCE_S = 60


class Process:
    """`bowerbird serve`, until it is stopped; it starts again at the same port."""

    def __init__(self, run, data, *more, port=0):
        self.run, self.data, self.more, self.port = run, Path(data), more, port
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        where = ["--port", str(self.port), "--data", self.data]
        rest = ["--deadline-ms", "10000", "--rate", "1000000", *self.more]
        one = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [COMMAND, "serve", self.run, *where, *rest],
            env=one, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        ports, self.told = Queue(), []
        self._reader = threading.Thread(target=self._read, args=(ports,), daemon=True)
        self._reader.start()
        self.port = ports.get(timeout=PATIENCE_S)
        if not self.port:
            self.process.wait(PATIENCE_S)
            raise AssertionError("".join(self.told))

    def ask(self, method, path, **told):
        return httpx2.request(method, f"{self.url}{path}", timeout=PATIENCE_S, **told)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0, "\n".join(self.told)
        self._reader.join(PATIENCE_S)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def facts(self):
        """All that the store holds."""
        with closing(open_store(self.data)) as store:
            return store.facts.frames()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self._reader.join(PATIENCE_S)

    def _read(self, ports):
        for line in self.process.stderr:
            self.told.append(line)
            found = re.search(r"answers at http://[\d.]+:(\d+)/v1", line)
            if found:
                ports.put(int(found[1]))
        self.process.stderr.close()
        ports.put(0)  # it has ended without a word
