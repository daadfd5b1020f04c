"""Every error we raise on purpose. Below everything, so that everyone may raise them.

BowerbirdError
├── DataError      the input breaks a promise: file, column, row, shape, unknown id   (a ValueError)
├── ConfigError    a recipe or an option says something we cannot mean                (a ValueError)
├── ArtifactError  a run folder is missing, half-written or of another version        (an OSError)
└── StoreDown      a database does not answer; asking again may help          (a ConnectionError)

A message says what was expected, what came, where, and the remedy, on one line.
"""


class BowerbirdError(Exception):
    """Catch this to catch all of ours."""


class DataError(BowerbirdError, ValueError):
    """The input breaks a promise; the message says which, and where."""


class ConfigError(BowerbirdError, ValueError):
    """A recipe or an option says something we cannot mean."""


class ArtifactError(BowerbirdError, OSError):
    """A run folder cannot be read or written; the message says how to make it again."""


class StoreDown(BowerbirdError, ConnectionError):
    """A database does not answer; the message says which, and what it said."""
