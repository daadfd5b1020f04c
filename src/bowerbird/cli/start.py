"""Where the `bowerbird` command starts: interruptible before the slow imports begin."""

import ctypes
import os
import signal
import sys
from types import FrameType

from bowerbird.surfaces.followed import FOLLOWED, tell

INTERRUPTED = 130
ARENAS, MAPPED, TRIMMED = -8, -3, -1
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h."""
LARGE = 8 << 20
"""Bytes that go back the moment they are free. Arrays of one list are smaller: they are used again,
since being given each page anew is what a list would wait for.
"""


def main() -> None:
    """Run the command line, and end with the right code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # One thread for each small matrix, set before numpy is there to read it. Several threads wait
    # for each other by spinning: on two cores shared with another program an eigendecomposition
    # of 1,000 × 1,000 took 1.5 to 5 s instead of .4. What is large asks for all cores by itself.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if sys.argv[1:2] == ["serve"]:
        _give_memory_back()
    code = 1
    try:
        from bowerbird.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        tell(os.environ.get(FOLLOWED), code=code)
    if code == INTERRUPTED:
        sys.stderr.write("interrupted: nothing was left half-written\n")
    sys.exit(code)


def _give_memory_back() -> None:
    """What was needed for a moment goes back at once, or a server grows with each swap and count.

    Of tables four times as much stayed as all events there are; what arrays had left lay in pieces
    in the heap of each thread.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
    try:
        option = ctypes.CDLL(None).mallopt  # of the GNU C library
    except (AttributeError, OSError, TypeError):
        return
    option(ARENAS, 2)
    option(MAPPED, LARGE)
    option(TRIMMED, 2 * LARGE)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Stop as by Ctrl-C, so that what is half-written is removed; a second time stops at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
