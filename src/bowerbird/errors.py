"""Every error we raise on purpose. Below everything, so that everyone may raise them.

BowerbirdError
├── DataError      the input breaks a promise: file, column, row, shape, unknown id   (a ValueError)
├── ConfigError    a recipe or an option says something we cannot mean                (a ValueError)
│   └── SpaceError     vectors of another space were asked with, or there is none
├── ArtifactError  a run folder is missing, half-written or of another version        (an OSError)
├── StoreDown      a database does not answer; asking again may help          (a ConnectionError)
├── Refused        a service says no to a request, and why
└── Unreachable    a service does not answer; asking again may help           (a ConnectionError)

A message says what was expected, what came, where, and the remedy, on one line.
"""


class BowerbirdError(Exception):
    """Catch this to catch all of ours."""


class DataError(BowerbirdError, ValueError):
    """The input breaks a promise; the message says which, and where."""


class ConfigError(BowerbirdError, ValueError):
    """A recipe or an option says something we cannot mean."""


class SpaceError(ConfigError):
    """Vectors of two spaces would be mixed, or a model has no single space; the message says which.

    Numbers of two spaces do not mean the same: their inner products would be noise.
    """


class ArtifactError(BowerbirdError, OSError):
    """A run folder cannot be read or written; the message says how to make it again."""


class StoreDown(BowerbirdError, ConnectionError):
    """A database does not answer; the message says which, and what it said."""


class Refused(BowerbirdError):
    """A service says no; `detail` says what was expected, what came, and what to do."""

    def __init__(
        self,
        status: int,
        detail: str,
        field: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """A refusal.

        Args:
            status: of HTTP: 401 no key, 404 not there, 422 cannot be meant, 429 too often …
            detail: in words.
            field: the part of the request that is meant, as `$.events[3].item`.
            request_id: what the service's log calls the request.
            retry_after_s: seconds that the service wants to be left alone.
        """
        told = f"{status}: {detail}" if field is None else f"{status}: {field}: {detail}"
        super().__init__(told)
        self.status, self.detail = status, detail
        self.field, self.request_id, self.retry_after_s = field, request_id, retry_after_s


class Unreachable(BowerbirdError, ConnectionError):
    """A service does not answer; the message says where it was looked for, and what came."""
