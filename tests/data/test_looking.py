"""A first look at tables of strangers."""

import polars as pl
import pytest

from bowerbird.data.looking import look
from bowerbird.errors import DataError


def roles(found):
    return {guess.role: guess.name for guess in found.columns if guess.role}


def test_columns_in_another_language_are_told_by_their_names_and_values(tmp_path):
    path = tmp_path / "events.csv"
    text = "KundenNr;Artikel;Wann;Was;Betrag;Filiale\n" + "".join(
        f'k{n % 7};"a;{n % 5}";31.12.2025 23:{n:02};view;"1.{n:03},50";Nord\n' for n in range(60)
    )
    path.write_bytes(text.encode("utf-16"))
    found = look(path, "events")
    assert (found.format, found.encoding, found.separator) == ("csv", "utf-16", ";")
    assert roles(found) == {"user": "KundenNr", "item": "Artikel", "timestamp": "Wann",
                            "type": "Was", "value": "Betrag"}  # fmt: skip
    by = {guess.name: guess for guess in found.columns}
    assert by["Was"].reason == "its values are names of events"
    assert by["Betrag"].reason.endswith("decimal comma") and by["Betrag"].kind == "number"
    assert (by["Filiale"].role, by["Filiale"].examples) == ("", ["Nord"])
    assert found.rows[0] == ["k0", "a;0", "31.12.2025 23:00", "view", "1.000,50", "Nord"]
    assert len(found.rows) == 8 and found.notes == []


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_is_looked_at(tmp_path, suffix):
    frame = pl.DataFrame({"user_id": ["a", "b"], "sku": ["1", "2"], "ts": ["2026-01-01"] * 2})
    path = tmp_path / f"events.{suffix}"
    write = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
    write.get(suffix, lambda at: frame.write_csv(at, separator="\t"))(path)
    assert roles(look(path, "events")) == {"user": "user_id", "item": "sku", "timestamp": "ts"}


def test_a_table_of_items_has_an_id_and_kinds(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "Art.-Nr.;Titel;Preis;Tags\n" + "".join(f"{n};Ein Ding;{n},5;a|b\n" for n in range(9))
    )
    found = look(path, "items")
    assert roles(found) == {"id": "Art.-Nr."}
    kinds = {guess.name: guess.kind for guess in found.columns}
    assert (kinds["Preis"], kinds["Tags"]) == ("number", "list")
    said = look(path, "events").notes
    assert any("looks like a table of things" in note for note in said)


def test_a_table_without_names_says_so(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("17,lamp,2026-01-02\n18,desk,2026-01-02\n")
    assert look(path, "events").notes[0].startswith("The first line looks like a row")


@pytest.mark.parametrize(
    ("name", "bytes", "told"),
    [
        ("events.csv", b"user,item\n", "a header and at least one row"),
        ("events.csv", b"a,a\n1,2\n", "'a' is twice"),
        ("events.parquet", b"PAR1 no", "a parquet file expected"),
        ("events.jsonl", b"[1]\n{", "a jsonl file expected"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, name, bytes, told):
    (tmp_path / name).write_bytes(bytes)
    with pytest.raises(DataError, match=told):
        look(tmp_path / name, "events")
