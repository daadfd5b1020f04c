"""How a CSV file is written: its encoding and what stands between its fields.

Found from the file itself, since nobody who exports one is told.
"""

import codecs
import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from bowerbird.errors import DataError

SEPARATORS = ",;\t|^~"
HEAD = 1 << 20
"""Bytes that a first look takes."""
CHUNK = 1 << 22
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WESTERN = "windows-1252"
"""What a file is in that is not UTF: latin-1 and the signs that Windows adds to it."""


def encoding_of(file: Path) -> str:
    """As Python calls it: by its byte order mark, else UTF-8 if it is that, else the western one.

    Cost: a pass over the file until the first byte that is not UTF-8.
    """
    with file.open("rb") as raw:
        head = raw.read(4096)
        for mark, name in _MARKS.items():
            if head.startswith(mark):
                return name
        if head[1::2].count(0) > len(head) // 4:
            return "utf-16-le"
        if head[::2].count(0) > len(head) // 4:
            return "utf-16-be"
        raw.seek(0)
        decoder, ascii = codecs.getincrementaldecoder("utf-8")(), True
        while chunk := raw.read(CHUNK):
            try:
                ascii = decoder.decode(chunk).isascii() and ascii
            except UnicodeDecodeError as error:
                # letters that were UTF-8 before it: a damaged file, not one of another encoding
                ascii = ascii and error.object[: error.start].isascii()
                return WESTERN if ascii else "utf-8"
    return "utf-8"


def as_utf8(file: Path, scratch: Path) -> Path:
    """The file itself where it is UTF-8, else a copy in that folder which is.

    Raises:
        DataError: it is not what it seems to be.
    """
    encoding = encoding_of(file)
    if encoding.startswith("utf-8"):
        return file
    copy = scratch / f"{len(list(scratch.iterdir())):06}.csv"
    wrong = "replace" if encoding == WESTERN else "strict"
    try:
        with (
            file.open(encoding=encoding, errors=wrong, newline="") as read,
            copy.open("w", encoding="utf-8", newline="") as write,
        ):
            while text := read.read(CHUNK):
                write.write(text)
    except UnicodeError as error:
        told = f"{file}: {encoding} expected by its first bytes, {error}"
        raise DataError(f"{told}; export it again as UTF-8") from error
    return copy


def head_of(file: Path) -> str:
    """Its first text, without a line that may be cut off."""
    encoding = encoding_of(file)
    with file.open("rb") as raw:
        told = raw.read(HEAD)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(told)
    if file.stat().st_size > HEAD and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    return text.removeprefix("\ufeff")


def separator_of(file: Path) -> str:
    """What parts the names of its header into the most."""
    if file.suffix.lower() == ".tsv":
        return "\t"
    head = head_of(file)
    return max(SEPARATORS, key=lambda one: len(next(records(head, one), [])))


def records(text: str, separator: str) -> Iterator[list[str]]:
    """The rows of a text, the header first; a quoted field may hold separators and line ends."""
    yield from (row for row in csv.reader(StringIO(text, newline=""), delimiter=separator) if row)
