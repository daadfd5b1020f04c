"""What stands in the place of a snapshot while there is no run yet, on a stranger's first day."""

from typing import NoReturn

from bowerbird.errors import StoreDown

NONE = (
    "no model yet: bring a table of events under Data in the console, or make a run with"
    " «bowerbird train --out RUNS/NAME» and «bowerbird promote»"
)


class NoRun:
    """Whatever is asked of it, it says that there is none; so nobody else has to ask first."""

    model = ""

    def __getattr__(self, name: str) -> NoReturn:
        """There is no such thing.

        Raises:
            StoreDown: always.
        """
        raise StoreDown(NONE)
