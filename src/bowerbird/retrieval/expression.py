"""A filter said in words: `price < 20 and genre contains "jazz"`. Parsed here, never run as code.

Apart from eligibility because it is a language: tokens, a grammar, and what may be compared.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.columns import NO_TIME, Column
from bowerbird.data.moments import seconds
from bowerbird.errors import ConfigError, DataError

LONGEST = 10_000
"""Characters of an expression, at most."""
DEEPEST = 32
"""Brackets and nots within each other, at most."""
TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    | (?P<word>[^\W\d][\w.\-]*)
    | (?P<sign><=|>=|!=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
COMPARED: dict[str, Callable[..., Any]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
TESTS = {
    "category": ("=", "!=", "in"),
    "url": ("=", "!=", "in", "contains"),
    "text": ("=", "!=", "in", "contains"),
    "list": ("contains", "in"),
    "number": (*COMPARED, "in", "between"),
    "time": (*COMPARED, "between"),
    "vector": (),
}
"""What a column of each kind can be asked; every column can be asked whether it `is none`."""

Value = str | float
Fields = Mapping[str, Column]


@runtime_checkable
class Expression(Protocol):
    """Something that is true of some items, or of some people."""

    def mask(self, fields: Fields, n: int) -> Bool[ndarray, "n"]:
        """Of which of the n rows that these columns have."""


@dataclass(frozen=True, slots=True)
class Question:
    """One column, one question."""

    name: str
    question: str
    values: tuple[Value, ...]

    def mask(self, fields: Fields, n: int) -> Bool[ndarray, "n"]:
        """True where the column has a value and the answer is yes."""
        column = fields.get(self.name)
        if column is None:
            valid = ", ".join(fields) or "none, there are no columns"
            raise ConfigError(f"filter: a column among {valid} expected, {self.name!r} came")
        if self.question == "is none":
            return ~given(column)
        if self.question not in TESTS[column.kind]:
            valid = ", ".join((*TESTS[column.kind], "is none"))
            came = f"{self.question!r} came"
            raise ConfigError(f"filter: {self.name} is a {column.kind}: {valid} expected, {came}")
        found: Bool[ndarray, n] = self._answer(column) & given(column)
        return found

    def _answer(self, column: Column) -> Any:  # noqa: ANN401  a mask
        if column.kind in ("number", "time"):
            values = [self._number(column, value) for value in self.values]
            if self.question == "between":
                return (column.values >= values[0]) & (column.values <= values[1])
            if self.question == "in":
                return np.isin(column.values, values)
            return COMPARED[self.question](column.values, values[0])
        words = [self._word(column, value) for value in self.values]
        if column.kind in ("category", "list"):
            codes = [code for code, label in enumerate(column.labels) if label in set(words)]
            hit = np.isin(column.values, codes)
            if column.offsets is not None:
                owners = np.repeat(np.arange(len(column)), np.diff(column.offsets))
                return np.bincount(owners[hit], minlength=len(column)) > 0
            return ~hit if self.question == "!=" else hit
        if self.question == "contains":
            part = words[0].casefold()
            return np.array([part in text.casefold() for text in column.values], dtype=bool)
        hit = np.isin(column.values, words)
        return ~hit if self.question == "!=" else hit

    def _number(self, column: Column, value: Value) -> float:
        if column.kind == "time" and isinstance(value, str):
            try:
                return float(seconds(value))
            except (ConfigError, DataError) as error:
                raise ConfigError(f"filter: {self.name}: {error}") from None
        if isinstance(value, str):
            told = f"{self.name} is a number: a number expected"
            raise ConfigError(f"filter: {told}, {value!r} came: write it without quotes")
        return value

    def _word(self, column: Column, value: Value) -> str:
        if isinstance(value, str):
            return value
        told = f"{self.name} is a {column.kind}: words in quotes expected"
        raise ConfigError(f'filter: {told}, {value:g} came: write "{value:g}"')


@dataclass(frozen=True, slots=True)
class Not:
    """What is not true of the inner one."""

    inner: Expression

    def mask(self, fields: Fields, n: int) -> Bool[ndarray, "n"]:
        """The others."""
        return ~self.inner.mask(fields, n)


@dataclass(frozen=True, slots=True)
class Joined:
    """All of them, or any of them."""

    word: str  # and, or
    parts: tuple[Expression, ...]

    def mask(self, fields: Fields, n: int) -> Bool[ndarray, "n"]:
        """Where all, or any, are true."""
        together = np.logical_and if self.word == "and" else np.logical_or
        found: ndarray = together.reduce([part.mask(fields, n) for part in self.parts])
        return found


def parsed(text: str) -> Expression:
    """What an expression says.

    NAME = VALUE · != < <= > >= · NAME in (VALUE, …) · NAME between VALUE and VALUE ·
    NAME contains "WORD" · NAME is none · joined by and, or, not and brackets. Words are in quotes,
    times are ISO in quotes. An item without a value meets no question but `is none`.

    Raises:
        ConfigError: it cannot be read; the text says where.

    >>> parsed('price < 20 and not genre in ("pop", "rock")').word
    'and'
    """
    if len(text) > LONGEST:
        raise ConfigError(f"filter: at most {LONGEST:,} characters expected, {len(text):,} came")
    return _Reader(text).whole()


def all_of(*texts: str | None) -> Expression | None:
    """What is true where each of these expressions is, each read by itself; None: there is none.

    Raises:
        ConfigError: one cannot be read.
    """
    parts = tuple(parsed(text) for text in texts if text is not None)
    return Joined("and", parts) if parts else None


def given(column: Column) -> Bool[ndarray, "n"]:
    """Where a column has a value."""
    nothing: dict[str, Any] = {"category": -1, "time": NO_TIME, "text": "", "url": ""}
    found: Bool[ndarray, n]
    if column.offsets is not None:
        found = np.diff(column.offsets) > 0
    elif column.kind in nothing:
        found = column.values != nothing[column.kind]
    else:
        found = np.isfinite(column.values.reshape(len(column), -1)).all(axis=1)
    return found


class _Reader:
    """A text, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.depth = text, 0, 0
        self.tokens = list(self._tokens())

    def whole(self) -> Expression:
        """The expression, and nothing behind it."""
        found = self._any()
        if self._peek()[0] != "end":
            self._refuse("«and», «or» or the end")
        return found

    def _tokens(self) -> Iterator[tuple[str, str, int]]:
        end = len(self.text.rstrip())
        start = 0
        while start < end:
            match = TOKEN.match(self.text, start, end)
            if match is None:
                where = self.text[start : start + 20].strip()
                told = "filter: a name, a number, a word in quotes or a sign expected"
                raise ConfigError(f"{told} at {where!r}")
            kind = str(match.lastgroup)
            yield kind, match[kind], match.start(kind)
            start = match.end()
        yield "end", "", end

    def _any(self) -> Expression:
        return self._joined("or", lambda: self._joined("and", self._one))

    def _joined(self, word: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _one(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            told = f"at most {DEEPEST} brackets and nots within each other"
            raise ConfigError(f"filter: {told} expected")
        if self._took("not"):
            found: Expression = Not(self._one())
        elif self._took("("):
            found = self._any()
            self._need(")")
        else:
            found = self._test()
        self.depth -= 1
        return found

    def _test(self) -> Expression:
        kind, name, _ = self._peek()
        if kind != "word" or name.lower() in ("and", "or"):
            self._refuse("the name of a column")
        self.place += 1
        if self._took("is"):
            turned = self._took("not")
            self._need("none")
            test = Question(name, "is none", ())
            return Not(test) if turned else test
        for question in (*COMPARED, "contains"):
            if self._took(question):
                return Question(name, question, (self._value(),))
        if self._took("between"):
            low = self._value()
            self._need("and")
            return Question(name, "between", (low, self._value()))
        if not self._took("in"):
            self._refuse(f"{', '.join(COMPARED)}, in, between, contains or is")
        self._need("(")
        values = [self._value()]
        while self._took(","):
            values.append(self._value())
        self._need(")")
        return Question(name, "in", tuple(values))

    def _value(self) -> Value:
        kind, told, _ = self._peek()
        if kind not in ("text", "number"):
            self._refuse("a number or a word in quotes")
        self.place += 1
        return float(told) if kind == "number" else re.sub(r"\\(.)", r"\1", told[1:-1])

    def _peek(self) -> tuple[str, str, int]:
        return self.tokens[self.place]

    def _took(self, word: str) -> bool:
        kind, told, _ = self._peek()
        found = kind in ("word", "sign") and told.lower() == word
        self.place += found
        return found

    def _need(self, word: str) -> None:
        if not self._took(word):
            self._refuse(f"«{word}»")

    def _refuse(self, wanted: str) -> None:
        kind, told, start = self._peek()
        came = "the end" if kind == "end" else repr(told)
        raise ConfigError(f"filter: {wanted} expected at character {start + 1}, {came} came")
