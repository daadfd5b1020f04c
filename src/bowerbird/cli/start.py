"""Where the `bowerbird` command starts: interruptible before the slow imports begin."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line, and end with the right code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # One thread for each small matrix, set before numpy is there to read it. Several threads wait
    # for each other by spinning: on two cores shared with another program an eigendecomposition
    # of 1,000 × 1,000 took 1.5 to 5 s instead of .4. What is large asks for all cores by itself.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if sys.argv[1:2] == ["serve"]:
        # What tables needed while they were counted goes back at once: kept for the next time, as
        # is the habit, it was four times as much as all events there are.
        os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
    try:
        from bowerbird.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("interrupted: nothing was left half-written\n")
    sys.exit(code)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Stop as by Ctrl-C, so that what is half-written is removed; a second time stops at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
