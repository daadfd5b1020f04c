"""Memory that is free goes back to the system, where the system's library can be told to.

Swapping a run, and counting anew, take what two runs need for a moment. What that leaves free lies
in pieces between what is used, and without a word stays with the process (`benchmarks/soak.py`).
"""

import ctypes


def give_back() -> None:
    """All pages of the heaps that nothing lies on; some milliseconds, other threads go on."""
    try:
        ctypes.CDLL(None).malloc_trim(0)  # of the GNU C library
    except (AttributeError, OSError, TypeError):
        return
