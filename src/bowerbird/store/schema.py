"""The tables, as numbered steps that are applied when a store is opened, each once.

A step that was released is never changed; what comes later is a new one.
"""

from dataclasses import asdict

from bowerbird.errors import ArtifactError
from bowerbird.store.database import Cursor, Database

FACTS = (
    """CREATE TABLE served (n {serial}, rec_id {text} NOT NULL UNIQUE, request {text} NOT NULL,
    "time" {whole} NOT NULL, "user" {text}, session {text}, surface {text} NOT NULL,
    model {text} NOT NULL, "index" {text}, config {text} NOT NULL, rung {text} NOT NULL,
    reason {text}, policy {text} NOT NULL, seed {whole} NOT NULL, segment {text},
    arms {text} NOT NULL, latency_us {whole} NOT NULL, slots {text} NOT NULL)""",
    """CREATE TABLE seen (n {serial}, event_id {text} NOT NULL UNIQUE, rec_id {text} NOT NULL,
    item {text} NOT NULL, position {whole}, "time" {whole} NOT NULL, arrived {whole} NOT NULL,
    "user" {text}, session {text}, visible_ms {whole}, share {real}, trust {text} NOT NULL,
    digest {octets} NOT NULL)""",
    """CREATE TABLE done (n {serial}, event_id {text} NOT NULL UNIQUE, "user" {text} NOT NULL,
    item {text} NOT NULL, type {text} NOT NULL, "time" {whole} NOT NULL, arrived {whole} NOT NULL,
    rec_id {text}, session {text}, value {whole}, currency {text}, quantity {whole}, refers {text},
    context {text} NOT NULL, trust {text} NOT NULL, digest {octets} NOT NULL)""",
    'CREATE INDEX served_of ON served ("user", "time")',
    # all that a history needs, so that the rows themselves are not fetched
    'CREATE INDEX seen_of ON seen ("user", "time", item)',
    'CREATE INDEX seen_by_nobody ON seen (rec_id) WHERE "user" IS NULL',
    'CREATE INDEX done_of ON done ("user", "time", item, type)',
    "CREATE INDEX done_after ON done (rec_id) WHERE rec_id IS NOT NULL",
)
STATES = (
    """CREATE TABLE items (id {text} PRIMARY KEY, fields {text}, number {whole} NOT NULL UNIQUE,
    "time" {whole} NOT NULL)""",
    """CREATE TABLE users (id {text} PRIMARY KEY, fields {text}, number {whole} NOT NULL UNIQUE,
    "time" {whole} NOT NULL)""",
)
PEOPLE = (
    # root: the person at the end of the chain, so that all names are found in one step
    """CREATE TABLE merges (n {serial}, "user" {text} NOT NULL UNIQUE, "into" {text} NOT NULL,
    "time" {whole} NOT NULL, root {text} NOT NULL)""",
    "CREATE INDEX merges_of ON merges (root)",
    """CREATE TABLE deleted (n {serial}, "user" {text} NOT NULL, "time" {whole} NOT NULL,
    counts {text} NOT NULL, UNIQUE ("user", "time"))""",
)
SMALL = (
    """CREATE TABLE keys (id {text} PRIMARY KEY, digest {text} NOT NULL UNIQUE,
    kind {text} NOT NULL, scopes {text} NOT NULL, name {text} NOT NULL, made {whole} NOT NULL,
    expires {whole}, revoked {whole}, used {whole})""",
    "CREATE TABLE papers (name {text} PRIMARY KEY, document {text} NOT NULL)",
)
AGAIN = (
    "ALTER TABLE served ADD COLUMN asked {text}",
    "ALTER TABLE served ADD COLUMN change {whole}",
    "ALTER TABLE served ADD COLUMN counted {whole}",
    "ALTER TABLE served ADD COLUMN past {whole}",
)
"""What it takes to make a list again."""
STEPS: tuple[tuple[str, ...], ...] = ((*FACTS, *STATES, *PEOPLE, *SMALL), AGAIN)


def prepare(database: Database) -> None:
    """Apply the steps that are missing.

    Raises:
        ArtifactError: the tables are of a newer version.
    """
    if _version(database) < len(STEPS):
        database.write(lambda cursor: _apply(cursor, database))


def _version(database: Database) -> int:
    if not database.read(database.dialect.there):
        return 0
    ((version,),) = database.read("SELECT max(number) FROM steps")
    if version > len(STEPS):
        came = f"{database.where}: tables of version {len(STEPS)} or older expected, {version} came"
        raise ArtifactError(f"{came}: open it with a newer bowerbird, or restore a backup")
    return int(version)


def _apply(cursor: Cursor, database: Database) -> None:
    cursor.alone("steps")
    dialect = database.dialect
    if not cursor.rows(dialect.there):
        for statement in dialect.first:
            cursor.change(statement)
        cursor.change(f"CREATE TABLE steps (number {dialect.whole} PRIMARY KEY)")
    ((before,),) = cursor.rows("SELECT coalesce(max(number), 0) FROM steps")
    words = asdict(dialect)
    for number, step in enumerate(STEPS[before:], before + 1):
        for statement in step:
            cursor.change(statement.format(**words))
        cursor.change("INSERT INTO steps VALUES (?)", [number])
