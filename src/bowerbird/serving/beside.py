"""Runs that are opened to be tried beside the one that answers: few, and not for long.

Apart from `current` because nobody waits for them but who tries, and because they go again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Timer

from bowerbird.errors import ConfigError
from bowerbird.serving.memory import give_back
from bowerbird.serving.snapshot import Snapshot

MOST = 2
"""Runs beside the one that answers; the one asked for longest ago goes first."""
IDLE_S = 600.0
"""After so long without a question a run goes."""
SHARE = 0.5
"""Of the memory that is free, that the files of a run may have."""
MEGA = 1 << 20


class Beside:
    """Opens runs, keeps the last ones, and lets them go."""

    def __init__(
        self,
        opened: Callable[[Path, Snapshot | None], Snapshot],
        late: Callable[[], float] = time.monotonic,
        free: Callable[[], int | None] = lambda: free_bytes(),
    ) -> None:
        """None yet.

        Args:
            opened: the run of this folder as it would answer now; the second is the same run, if
                it was opened before.
            late: seconds of a clock that only goes on.
            free: bytes of memory that nobody uses; None: it cannot be told.
        """
        self._opened, self._late, self._free = opened, late, free
        self._kept: OrderedDict[str, tuple[Snapshot, float]] = OrderedDict()
        self._lock = Lock()
        self._timer: Timer | None = None

    def of(self, folder: Path) -> Snapshot:
        """The run of this folder as it would answer now; who comes second waits for the first.

        Raises:
            ArtifactError: it is damaged.
            ConfigError: it does not fit into the memory that is free.
        """
        with self._lock:
            name = folder.name
            found, _ = self._kept.get(name, (None, 0.0))
            if found is None:
                self._check(name, folder)
                while len(self._kept) >= MOST:
                    self._kept.popitem(last=False)
            snapshot = self._opened(folder, found)
            self._kept[name] = (snapshot, self._late())
            self._kept.move_to_end(name)
            self._look_later()
            return snapshot

    def names(self) -> list[str]:
        """Of the runs that are open."""
        return list(self._kept)

    def let_go(self) -> None:
        """Of those that nobody has asked for lately."""
        with self._lock:
            since = self._late() - IDLE_S
            idle = [name for name, (_, asked) in self._kept.items() if asked <= since]
            for name in idle:
                del self._kept[name]
            self._timer = None
            if self._kept:
                self._look_later()
        if idle:
            give_back()

    def close(self) -> None:
        """Let all go."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._kept.clear()

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = Timer(IDLE_S, self.let_go)
            self._timer.daemon = True
            self._timer.start()

    def _check(self, name: str, folder: Path) -> None:
        size, free = size_of(folder), self._free()
        if free is not None and size > SHARE * free:
            room = f"at most {SHARE * free / MEGA:,.0f} MB (half of what is free)"
            came = f"{name} has {size / MEGA:,.0f} MB on disk"
            raise ConfigError(f"a run of {room} expected to be opened beside, {came}")


def size_of(folder: Path) -> int:
    """Bytes of a run's files, which is about what it takes of memory."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def free_bytes() -> int | None:
    """Memory that can be had; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        (told,) = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        return None
    return int(told) * 1024
