"""Where the `bowerbird` command starts: interruptible before the slow imports begin."""

import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line, and end with the right code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
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
