"""A CSV of any country and any office program gives the rows that were meant."""

import codecs

import polars as pl
import pytest

from bowerbird.data.dialect import encoding_of, separator_of
from bowerbird.data.importing import Inputs, import_dataset, read_catalog
from bowerbird.data.moments import micros, month_first, seconds
from bowerbird.data.numbers import decimal_comma, number
from bowerbird.data.schema import EventSchema
from bowerbird.data.tables import Source, opened
from bowerbird.errors import DataError

HOSTILE = (
    "Kunde;Artikel;Zeitpunkt;Aktion;Betrag\r\n"
    'Jörg;"Lampe; groß\r\n(Messing)";31.12.2025 23:59;view;\r\n'
    'Jörg;Tisch;01.02.2026 00:00;purchase;"1.234,56 €"\r\n'
    '"Åsa ""die Große""";Tisch;2.3.2026 7:05;purchase;0,5\r\n'
)
SCHEMA = EventSchema("Kunde", "Artikel", "Zeitpunkt", None, "Aktion", None, "Betrag")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252")


def read(texts, first):
    frame = pl.DataFrame({"t": texts})
    return (frame.select(micros(pl.col("t"), pl.String(), first))["t"] // 10**6).to_list()


def first(texts):
    return pl.DataFrame({"t": texts}).select(month_first(pl.col("t"))).item()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_hostile_table_is_read_as_it_was_meant(tmp_path, encoding):
    path = tmp_path / "e.csv"
    path.write_bytes(HOSTILE.encode(encoding))
    data = import_dataset(Inputs(Source(str(path)), event_schema=SCHEMA)).data
    assert data.users.ids == ("Jörg", 'Åsa "die Große"')
    assert data.catalog.items.ids == ("Lampe; groß\r\n(Messing)", "Tisch")
    times = [seconds(t) for t in ("2025-12-31 23:59", "2026-02-01", "2026-03-02 07:05")]
    assert data.log.times.tolist() == times
    assert data.log.values[1:].tolist() == pytest.approx([1234.56, 0.5])


@pytest.mark.parametrize("separator", [*",;|^~", "\t"])
def test_the_separator_is_what_parts_the_header_outside_quotes(tmp_path, separator):
    path = tmp_path / "e.csv"
    path.write_text(separator.join(["user", '"item, or; so|here"', "time"]) + "\n")
    assert separator_of(path) == separator


def test_utf16_without_a_mark_and_western_text_are_told_apart(tmp_path):
    path = tmp_path / "e.csv"
    for text, encoding in (("user,item\nä,b\n", "utf-16-be"), ("user\nMünch", "windows-1252")):
        path.write_bytes(text.encode(encoding))
        assert encoding_of(path) == encoding
    path.write_bytes(codecs.BOM_UTF16_LE + b"abc")
    with pytest.raises(DataError, match="utf-16 expected"), opened(Source(str(path))):
        pass


def test_a_damaged_utf8_file_is_not_taken_for_western(tmp_path):
    path = tmp_path / "e.csv"
    path.write_bytes("user,item\nMünchen,é\n".encode() + b"x\xff,y\n")
    assert encoding_of(path) == "utf-8"


@pytest.mark.parametrize(
    ("told", "comma", "numbers"),
    [
        (["1.234,56", "7", "-0,5"], True, [1234.56, 7.0, -0.5]),
        (["1.234", "12,5"], True, [1234.0, 12.5]),
        (["1,234.50", "1.5", "1e3"], False, [1234.5, 1.5, 1000.0]),
        (["$ 5", "1'234.50", "1 234"], False, [5.0, 1234.5, 1234.0]),
        (["1.234", "1,234"], False, [1.234, 1234.0]),
        (["1,5", "1.5,2", "x"], True, [1.5, None, None]),
    ],
)
def test_numbers_are_read_as_their_column_writes_them(told, comma, numbers):
    values = pl.Series("n", told)
    assert decimal_comma(values) == comma
    assert pl.DataFrame(values).select(number(pl.col("n"), comma))["n"].to_list() == numbers


@pytest.mark.parametrize(
    "told", ["31.12.2025 23:59", "31/12/2025 23:59", "31.12.25, 23:59 Uhr", "31-12-2025 11:59 PM"]
)
def test_dates_of_other_countries_are_moments(told):
    assert read([told], False) == [seconds("2025-12-31 23:59")]


def test_one_day_beyond_the_twelfth_says_that_the_month_is_first(tmp_path):
    american = ["03/04/2025 1:00 PM", "12/31/2025 1:00 AM"]
    assert first(american) and not first(["03/04/2025", "31/12/2025"])
    assert not first(["2025-12-31", "x"])
    assert read(american, True) == [seconds("2025-03-04 13:00"), seconds("2025-12-31 01:00")]
    (tmp_path / "e.csv").write_text("user,item,time\na,x,03/04/2025\na,y,03/14/2025\n")
    data = import_dataset(Inputs(Source(str(tmp_path / "e.csv")))).data
    assert data.log.times.tolist() == [seconds("2025-03-04"), seconds("2025-03-14")]


def test_prices_of_items_may_have_a_decimal_comma(tmp_path):
    (tmp_path / "i.csv").write_text("id;Titel;Preis\n1;A;1.099,90\n2;B;7,5\n3;C;\n")
    fields = read_catalog(Source(str(tmp_path / "i.csv"))).fields
    assert fields["Preis"].values[:2].tolist() == [1099.9, 7.5]
